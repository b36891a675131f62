"""nn.init against PyTorch from the same seed."""

from __future__ import annotations

from typing import Any

import pytest

from .both import both

FILLS = [
    "init.uniform_(w)",
    "init.uniform_(w, -2.0, 3.0)",
    "init.normal_(w, 1.0, 2.0)",
    "init.constant_(w, 3.5)",
    "init.ones_(w)",
    "init.zeros_(w)",
    "init.eye_(w)",
    "init.xavier_uniform_(w, gain=2.0)",
    "init.xavier_normal_(w)",
    "init.kaiming_uniform_(w)",
    "init.kaiming_uniform_(w, a=0.3, mode='fan_out', nonlinearity='leaky_relu')",
    "init.kaiming_normal_(w, nonlinearity='relu')",
    "init.kaiming_normal_(c, mode='fan_out', nonlinearity='tanh')",
    "init.trunc_normal_(w)",
    "init.trunc_normal_(w, 0.5, 0.1, 0.4, 0.45)",
    "init.trunc_normal_(w, 0.0, 1.0, 1.5, 2.5)",
    "init.trunc_normal_(w, 0.0, 0.1, 1.0, 2.0)",
    "init.orthogonal_(w, gain=2)",
    "init.orthogonal_(w.T.contiguous())",
    "init.orthogonal_(c)",
    "init.sparse_(w, 0.4)",
    "init.dirac_(c)",
    "init.dirac_(c, 2)",
    "init.kaiming_uniform_(nn.Parameter(torch.empty(3, 4)), a=5 ** 0.5)",
    "init.kaiming_uniform_(torch.empty(0, 4))",
    "[init.calculate_gain(name) for name in ('relu', 'leaky_relu', 'selu', 'tanh', 'conv2d')]",
    "init.calculate_gain('leaky_relu', 0.3)",
    "init.uniform_(w, generator=torch.Generator().manual_seed(4))",
]
REFUSED = [
    "init.kaiming_uniform_(torch.empty(3))",
    "init.kaiming_uniform_(w, mode='fan')",
    "init.kaiming_uniform_(w, nonlinearity='spam')",
    "init.xavier_normal_(torch.empty(3))",
    "init.calculate_gain('spam')",
    "init.calculate_gain('leaky_relu', True)",
    "init.eye_(torch.empty(3))",
    "init.sparse_(torch.empty(3), 0.1)",
    "init.dirac_(w)",
    "init.dirac_(c, 3)",
    "init.orthogonal_(torch.empty(3))",
    "init.normal_(w, std=-1.0)",
    "init.uniform_(torch.empty(3, dtype=torch.int64))",
]


@pytest.mark.parametrize("code", FILLS + REFUSED)
def test_same_as_torch(code: str) -> None:
    def program(lib: Any) -> Any:
        w, c = lib.empty(6, 9), lib.empty(4, 3, 3, 3)
        filled = eval(code, {"torch": lib, "nn": lib.nn, "init": lib.nn.init, "w": w, "c": c})
        return filled, lib.rand(2)

    both(program)


def test_filling_a_leaf_needs_no_no_grad_and_leaves_no_trace() -> None:
    def program(lib: Any) -> Any:
        w = lib.empty(2, 2, requires_grad=True)
        out = lib.nn.init.ones_(w)
        return out is w, w.requires_grad, w.is_leaf, w

    both(program)

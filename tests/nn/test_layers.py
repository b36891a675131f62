"""Every layer against PyTorch's: the same start from the same seed, repr, state_dict, outputs and gradients."""

from __future__ import annotations

from typing import Any

import pytest

import gradviz

from .both import both
from .layers import LAYERS
from .steps import compare, train

torch = pytest.importorskip("torch")


def tree(node: Any, depth: int = 6) -> Any:
    """The names of a graph's nodes, a few operations deep."""
    if node is None or not depth:
        return None
    return node.name().split("::")[-1], [tree(parent, depth - 1) for parent, _ in node.next_functions]


@pytest.mark.parametrize(("code", "wanted"), [pytest.param(*row, id=f"{i} {row[0]}") for i, row in enumerate(LAYERS)])
def test_layer(code: str, wanted: list[Any]) -> None:
    theirs, ours = (train(lib, code, wanted) for lib in (torch, gradviz))
    compare(ours, theirs)
    assert [tree(out.grad_fn) for out in ours[1]] == [tree(out.grad_fn) for out in theirs[1]]


INPLACE = [
    "ReLU()", "ReLU6()", "LeakyReLU(0.2)", "RReLU()", "ELU(0.7)", "CELU(0.7)", "SELU()", "SiLU()", "Mish()",
    "Hardtanh(-0.5, 0.5)", "Hardswish()", "Hardsigmoid()", "Threshold(0.1, 2.0)", "Dropout(0.4)", "Dropout1d(0.4)",
    "Dropout2d(0.4)", "Dropout3d(0.4)",
]  # fmt: skip


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("code", INPLACE)
def test_inplace(code: str, training: bool) -> None:
    shape = (4, 5, 2, 2, 2) if "3d" in code else (4, 5, 2, 2) if "2d" in code else (4, 5, 3)

    def program(lib: Any) -> Any:
        layer = eval(f"nn.{code}", {"nn": lib.nn}).train(training)
        layer.inplace = True
        x = lib.randn(*shape, requires_grad=True)
        y = x * 1
        out = layer(y)
        out.pow(2).sum().backward()
        return out.data_ptr() == y.data_ptr(), out, x.grad, repr(layer), layer(lib.randn(*shape, requires_grad=True))

    both(program)

"""Adam and AdamW beside PyTorch's."""

from __future__ import annotations

from typing import Any

import pytest

import gradviz
from tests.nn.both import both

OPTIONS = [
    {},
    {"lr": 0.1, "betas": (0.5, 0.9), "eps": 1e-3},
    {"weight_decay": 0.1},
    {"amsgrad": True},
    {"maximize": True},
    {"foreach": True},
    {"amsgrad": True, "weight_decay": 0.05, "maximize": True},
]


@pytest.mark.parametrize("name", ["Adam", "AdamW"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_options(name: str, options: dict[str, Any]) -> None:
    def program(lib: Any) -> Any:
        w = lib.tensor([[0.5, -1.0], [2.0, 0.25]], requires_grad=True)
        b = lib.tensor(0.5, requires_grad=True)
        optimizer = getattr(lib.optim, name)([w, b], **options)
        for step in range(5):
            optimizer.zero_grad()
            ((lib.tensor([[1.0, float(step)]]) @ w + b).tanh() - 0.3).pow(2).sum().backward()
            optimizer.step()
        return w, b, optimizer.state_dict(), repr(optimizer)

    both(program)


def test_loaded_state_goes_on() -> None:
    def program(lib: Any) -> Any:
        w = lib.ones(2, requires_grad=True)
        first = lib.optim.Adam([w], lr=0.1)
        w.grad = lib.tensor([1.0, -2.0])
        first.step()
        second = lib.optim.Adam([w])
        second.load_state_dict(first.state_dict())
        second.step()
        return w, second.state_dict()

    both(program)


@pytest.mark.parametrize(
    "options",
    [{"lr": -1.0}, {"eps": -1.0}, {"betas": (1.0, 0.9)}, {"betas": (0.9, -0.1)}, {"weight_decay": -1.0}],
    ids=str,
)
def test_errors(options: dict[str, Any]) -> None:
    both(lambda lib: lib.optim.Adam([lib.ones(1, requires_grad=True)], **options) and None)


def test_what_is_not_supported_is_refused_by_name() -> None:
    with pytest.raises(NotImplementedError, match="differentiable"):
        gradviz.optim.Adam([gradviz.ones(1, requires_grad=True)], differentiable=True)


def test_float16_stays_float16() -> None:
    w = gradviz.ones(2, dtype=gradviz.float16, requires_grad=True)
    w.grad = gradviz.ones(2, dtype=gradviz.float16)
    gradviz.optim.Adam([w], eps=1e-3).step()
    assert w.dtype is gradviz.float16

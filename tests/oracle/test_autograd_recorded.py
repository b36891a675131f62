"""What the recorder, the pictures and the stepping see of autograd's tools: no observer is dropped on the way."""

from __future__ import annotations

from typing import Any

import pytest

import gradviz as torch

G = torch.autograd.graph


class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:  # noqa: ARG004
        return x * 2

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:  # noqa: ARG004
        return g * 2


class Stop(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:  # noqa: ARG004
        return x * 3

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:  # noqa: ARG004
        return None


def packed(x: Any) -> Any:
    with G.saved_tensors_hooks(lambda t: t.clone(), lambda t: t):
        return (x * x).exp()


PROGRAMS = {
    "a gradient that stops": lambda x: Stop.apply(Double.apply(x)),
    "packed": packed,
    "a checkpoint": lambda x: torch.utils.checkpoint.checkpoint(lambda a: (a * a).exp(), x, use_reentrant=False),
    "a reentrant checkpoint": lambda x: torch.utils.checkpoint.checkpoint(torch.exp, x, use_reentrant=True),
    "vmap of grad": lambda x: torch.vmap(torch.func.grad(lambda a: a**3))(x),
    "hessian": lambda x: torch.func.hessian(lambda a: (a**3).sum())(x),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_recorded_without_a_complaint(name: str) -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    with torch.record() as record:
        PROGRAMS[name](x).sum().backward()
    assert record.steps


@pytest.mark.parametrize("name", PROGRAMS)
def test_stepped_back_and_run_again(name: str) -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    session = torch.autograd.Backward([PROGRAMS[name](x).sum()])
    session.run()
    first = None if x.grad is None else x.grad.tolist()
    session.seek(0)
    assert x.grad is None
    session.run()
    assert first == (None if x.grad is None else x.grad.tolist())


def test_an_edge_as_root_is_recorded() -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    with torch.record() as record:
        y = (x * x).exp()
        torch.autograd.backward(G.get_gradient_edge(y), torch.ones(2))
    begin = next(step for step in record.steps if step["kind"] == "backward_begin")
    assert record.nodes[begin["root"]]["op"] == "exp"

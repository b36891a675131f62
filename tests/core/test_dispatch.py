"""Calls of every shape reach the same operation: tensors, numbers, either side, either one wanting a gradient."""

import pytest

import gradviz as torch
from gradviz.core.device import CPU
from gradviz.core.op import OPS, override

BINARY = ["add", "sub", "mul", "div", "maximum", "pow", "atan2", "remainder"]


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 1, 0), (1, 2, 0)])
def test_calls_do_not_depend_on_those_before(name: str, order: tuple[int, ...]) -> None:
    w = torch.tensor([2.0, 3.0], requires_grad=True)
    t = torch.tensor([1.5, 0.5])
    other = torch.tensor([0.5, 2.5], requires_grad=True)
    f = getattr(torch, name)
    calls = [lambda: f(w, t + 0), lambda: f(w, t), lambda: f(w, other)]
    if name not in ("maximum", "atan2"):
        calls[0] = lambda: f(w, 1.25)
    for i in order:
        out = calls[i]()
        assert out.grad_fn is not None
        w.grad = None
        out.sum().backward()
        assert w.grad is not None


def test_a_number_first_then_a_tensor() -> None:
    w = torch.tensor([2.0], requires_grad=True)
    (w - 1.0).sum().backward()
    (w - torch.tensor([1.0])).sum().backward()
    assert w.grad.tolist() == [2.0]


@pytest.mark.parametrize("name", ["mul", "exp", "mm"])
def test_an_overridden_forward_is_used_everywhere(name: str) -> None:
    raw = CPU.forwards[name]
    seen = []

    def counted(*arrays: object) -> object:
        seen.append(name)
        return raw(*arrays)

    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    calls = {
        "mul": lambda: (torch.mul(x, x), x * x),
        "exp": lambda: (x.exp(), torch.exp(x)),
        "mm": lambda: (x.mm(x), x @ x),
    }
    want = [out.tolist() for out in calls[name]()]
    override(CPU, name, counted)
    try:
        assert [out.tolist() for out in calls[name]()] == want
        assert len(seen) == 2
    finally:
        override(CPU, name, OPS[name].forward)
    calls[name]()
    assert len(seen) == 2

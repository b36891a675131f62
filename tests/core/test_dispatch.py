"""Calls of every shape reach the same operation: tensors, numbers, either side, either one wanting a gradient."""

import copy
import pickle

import numpy as np
import pytest

import gradviz as torch
from gradviz.core import held
from gradviz.core.device import CPU
from gradviz.core.op import FUNCTIONS, OPS, override

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


def test_every_public_function_can_be_pickled_and_copied() -> None:
    for name, function in FUNCTIONS.items():
        if getattr(torch, name) is function:
            assert pickle.loads(pickle.dumps(function)) is function, name
            assert copy.deepcopy(function) is function, name


@pytest.mark.parametrize("number", [0.0, -0.0, 1, 1.0, -2, 2.5, float("inf"), 2**70, 1e300])
def test_a_number_is_itself_however_it_is_held(number: float) -> None:
    """Numbers are held as arrays for their next use; 1 and 1.0, 0.0 and -0.0 are equal as keys of a dict."""
    x = torch.tensor([1.0, -3.0, 0.0], requires_grad=True)
    for _ in range(2):
        y = x * number
        with np.errstate(all="ignore"):
            want = x.detach().numpy() * np.float32(number)
            np.testing.assert_array_equal(y.detach().numpy(), want)
            assert np.signbit(y.detach().numpy()).tolist() == np.signbit(want).tolist()
        assert repr(y.grad_fn._saved_other) == repr(number)


def test_held_numbers_are_few_and_cannot_be_written() -> None:
    x = torch.ones(2)
    for i in range(2 * held.MANY):
        x * (i + 0.5)
    assert len(held.FLOATS) <= held.MANY
    assert not any(number._array.flags.writeable for number in held.FLOATS.values())
    with pytest.raises(OverflowError):
        x * 10**400

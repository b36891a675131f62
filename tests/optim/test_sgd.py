"""SGD with every combination of its options, five steps beside PyTorch's."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

import gradviz
from gradviz.core import events
from tests.nn.both import both

OPTIONS = [
    {"momentum": momentum, "dampening": dampening, "weight_decay": decay, "nesterov": nesterov, "maximize": maximize}
    for momentum, dampening, decay, nesterov, maximize in itertools.product(
        (0, 0.9), (0, 0.3), (0, 0.1), (False, True), (False, True)
    )
    if not (nesterov and (momentum == 0 or dampening != 0))
]


def five_steps(lib: Any, dtype: Any = None, **options: Any) -> Any:
    """A small regression; the third parameter never gets a gradient."""
    w = lib.tensor([[0.5, -1.0], [2.0, 0.25]], dtype=dtype, requires_grad=True)
    b = lib.tensor(0.5, dtype=dtype, requires_grad=True)
    unused = lib.ones(2, dtype=dtype, requires_grad=True)
    optimizer = lib.optim.SGD([w, b, unused], **{"lr": 0.05, **options})
    seen = []
    for step in range(5):
        optimizer.zero_grad()
        x = lib.tensor([[1.0, float(step)]], dtype=dtype)
        ((x @ w + b).tanh() - 0.3).pow(2).sum().backward()
        optimizer.step()
        seen.append([w.detach().clone(), b.detach().clone()])
    return seen, unused, optimizer.state_dict(), repr(optimizer)


@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: " ".join(f"{k}={v}" for k, v in o.items() if v) or "plain")
def test_options(options: dict[str, Any]) -> None:
    both(lambda lib: five_steps(lib, **options))


@pytest.mark.parametrize(
    "options",
    [{"foreach": True}, {"foreach": False}, {"fused": True}, {"lr": 0}, {"momentum": 0.9, "foreach": True}],
    ids=str,
)
def test_implementations_give_the_same_numbers(options: dict[str, Any]) -> None:
    both(lambda lib: five_steps(lib, **options))


@pytest.mark.parametrize("kind", ["float64", "float16", "bfloat16"])
def test_types(kind: str) -> None:
    def program(lib: Any) -> Any:
        w = lib.ones(3, dtype=getattr(lib, kind), requires_grad=True)
        optimizer = lib.optim.SGD([w], lr=0.125, momentum=0.5, weight_decay=0.25)
        for _ in range(3):
            w.grad = lib.ones(3, dtype=getattr(lib, kind))
            optimizer.step()
        return w.detach().float(), str(w.dtype), str(optimizer.state[w]["momentum_buffer"].dtype)

    both(program)


def test_learning_rate_as_a_tensor() -> None:
    both(lambda lib: five_steps(lib, lr=lib.tensor(0.05))[0])
    both(lambda lib: five_steps(lib, lr=lib.tensor([0.05, 0.1])))


REFUSED = [
    {"lr": -1},
    {"lr": 0.1, "momentum": -0.5},
    {"lr": 0.1, "weight_decay": -0.5},
    {"lr": 0.1, "nesterov": True},
    {"lr": 0.1, "nesterov": True, "momentum": 0.9, "dampening": 0.1},
    {"foreach": True, "fused": True},
    {"spam": 3},
]


@pytest.mark.parametrize("options", REFUSED, ids=str)
def test_errors(options: dict[str, Any]) -> None:
    both(lambda lib: lib.optim.SGD([lib.ones(1, requires_grad=True)], **options) and None)


def test_differentiable_is_refused_by_name() -> None:
    with pytest.raises(NotImplementedError, match="differentiable"):
        gradviz.optim.SGD([gradviz.ones(1, requires_grad=True)], differentiable=True)


def test_a_step_writes_in_place_and_the_graph_notices() -> None:
    w = gradviz.ones(2, requires_grad=True)
    array = w.detach().numpy()
    kept = (w * w).sum()
    version = w._version
    w.grad = gradviz.ones(2)
    gradviz.optim.SGD([w], lr=0.5).step()
    assert array.tolist() == [0.5, 0.5]
    assert w._version == version + 1
    assert w.is_leaf
    assert w.requires_grad
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        kept.backward()


def test_a_gradient_that_is_shared_is_not_changed() -> None:
    w, g = gradviz.ones(2, requires_grad=True), gradviz.ones(2)
    w.grad = g
    optimizer = gradviz.optim.SGD([w], lr=0.5, momentum=0.9, weight_decay=0.1, nesterov=True, maximize=True)
    for _ in range(3):
        optimizer.step()
    assert g.tolist() == [1, 1]


def test_observers_hear_each_parameter_before_and_after() -> None:
    w, b = gradviz.ones(2, requires_grad=True), gradviz.zeros(1, requires_grad=True)
    optimizer = gradviz.optim.SGD([w, b], lr=0.5)
    w.grad = gradviz.ones(2)
    seen: list[Any] = []

    def watch(event: Any) -> None:
        if isinstance(event, events.OptimizerStep):
            seen.append((event.optimizer is optimizer, event.param is w, event.before.tolist(), event.after.tolist()))
        elif isinstance(event, events.ZeroGrad):
            seen.append(event.owner is optimizer)

    with events.observe(watch):
        optimizer.step()
        optimizer.zero_grad()
    assert seen == [(True, True, [1, 1], [0.5, 0.5]), True]

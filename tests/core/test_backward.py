"""A backward pass can be stepped, rewound and run; whatever the way there, the bits are the same."""

from __future__ import annotations

import gc
import random
from typing import Any

import numpy as np
import pytest

import gradviz as torch
from gradviz.autograd import Backward


def simple() -> tuple[Any, list[Any]]:
    x = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)
    w = torch.tensor([[0.5, 1.5, -1.0], [2.0, 0.1, 0.3]], requires_grad=True)
    return (torch.relu(w @ x) * 3).sum(), [x, w]


def diamond() -> tuple[Any, list[Any]]:
    a = torch.tensor(2.0, requires_grad=True)
    b = torch.tensor(3.0, requires_grad=True)
    h = a * b
    return h * h + torch.sin(h) * a, [a, b]


def broadcast() -> tuple[Any, list[Any]]:
    x = torch.linspace(-1, 1, 6).reshape(2, 3).requires_grad_()
    b = torch.ones(3, requires_grad=True)
    s = torch.tensor(2.0, requires_grad=True)
    return ((x + b) * s).tanh().mean(), [x, b, s]


def several_outputs() -> tuple[Any, list[Any]]:
    x = torch.arange(8.0).requires_grad_()
    a, b = x.chunk(2)
    first, *_ = x.unbind()
    return (a * b).sum() + first * 2, [x]


def many_uses() -> tuple[Any, list[Any]]:
    x = torch.tensor([0.1, 0.7], requires_grad=True)
    y = x
    for _ in range(20):
        y = torch.cos(y) * x + y
    return y.sum(), [x]


GRAPHS = [simple, diamond, broadcast, several_outputs, many_uses]


def state(leaves: list[Any]) -> list[Any]:
    """Every leaf's gradient, as bytes; None where there is none."""
    return [None if leaf.grad is None else leaf.grad.detach().numpy().tobytes() for leaf in leaves]


def states(session: Backward, leaves: list[Any]) -> list[Any]:
    """The gradients at every position, found by stepping from the start."""
    session.seek(0)
    found = [state(leaves)]
    while session.cursor < len(session):
        session.step()
        found.append(state(leaves))
    return found


@pytest.mark.parametrize("make", GRAPHS)
@pytest.mark.parametrize("before", [False, True], ids=["no grads before", "grads before"])
def test_every_position_and_back_gives_the_same_bits(make: Any, before: bool) -> None:
    loss, leaves = make()
    if before:
        for leaf in leaves:
            leaf.grad = torch.full_like(leaf, 0.125)
    start = state(leaves)
    session = Backward([loss])
    found = states(session, leaves)
    assert found[0] == start
    for position in range(len(session) - 1, -1, -1):
        session.back()
        assert session.cursor == position
        assert state(leaves) == found[position], f"after stepping back to {position}"
    assert state(leaves) == start
    assert states(session, leaves) == found, "the second time through"


@pytest.mark.parametrize("make", GRAPHS)
def test_seeking_anywhere_gives_the_same_bits(make: Any) -> None:
    loss, leaves = make()
    session = Backward([loss])
    found = states(session, leaves)
    rng = random.Random(0)
    for _ in range(60):
        position = rng.randrange(len(session) + 1)
        session.seek(position)
        assert session.cursor == position
        assert state(leaves) == found[position]


@pytest.mark.parametrize("make", GRAPHS)
def test_stepping_equals_running_equals_backward(make: Any) -> None:
    results = []
    for go in (
        lambda loss: loss.backward(),
        lambda loss: Backward([loss]).run(),
        lambda loss: Backward([loss], journal=False).run(),
        lambda loss: [session.step() for session in [Backward([loss])] for _ in range(len(session))],
    ):
        loss, leaves = make()
        go(loss)
        results.append(state(leaves))
    assert all(r == results[0] for r in results)


@pytest.mark.parametrize("make", GRAPHS)
def test_a_session_rewound_to_the_start_leaves_the_graph_usable(make: Any) -> None:
    loss, leaves = make()
    session = Backward([loss])
    session.run()
    want = state(leaves)
    session.seek(0)
    assert state(leaves) == [None] * len(leaves)
    loss.backward()
    assert state(leaves) == want


def test_gradients_that_were_there_are_the_same_objects_after_rewinding() -> None:
    loss, leaves = simple()
    leaves[0].grad = torch.ones(3)
    kept = leaves[0].grad
    session = Backward([loss]).run()
    session.seek(0)
    assert leaves[0].grad is kept
    assert kept.tolist() == [1.0, 1.0, 1.0]


def test_back_at_the_start_and_step_at_the_end_do_nothing_harmful() -> None:
    loss, leaves = simple()
    session = Backward([loss])
    session.run()
    want = state(leaves)
    assert session.step() is None
    assert session.cursor == len(session)
    assert state(leaves) == want
    session.seek(0)
    session.back()
    assert session.cursor == 0


def test_a_failing_rule_leaves_the_session_where_it_was() -> None:
    class Fails(torch.autograd.Function):
        broken = True

        @staticmethod
        def forward(_: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def backward(_: Any, g: Any) -> Any:
            if Fails.broken:
                raise ValueError("not today")
            return g * 2

    x = torch.ones(3, requires_grad=True)
    session = Backward([(Fails.apply(x * 3) * 5).sum()])
    session.step()
    session.step()
    here = session.cursor
    with pytest.raises(ValueError, match="not today"):
        session.step()
    assert session.cursor == here
    assert x.grad is None
    Fails.broken = False
    session.run()
    assert x.grad.tolist() == [30.0, 30.0, 30.0]


def test_higher_orders() -> None:
    x = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    g = torch.sin(x)
    for order in range(1, 6):
        (g,) = torch.autograd.grad(g, x, create_graph=True)
        want = [np.sin, np.cos, lambda v: -np.sin(v), lambda v: -np.cos(v)][order % 4](0.7)
        assert g.item() == pytest.approx(want, abs=1e-12)


def test_a_chain_of_200_000_operations() -> None:
    """No recursion anywhere: not in planning, running, rewinding or freeing."""
    x = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    y = x
    for _ in range(100_000):
        y = y * 1.0000001 + 1e-9
    y.backward(retain_graph=True)
    assert x.grad.item() == pytest.approx(1.0000001**100_000)
    session = Backward([y])
    assert len(session) == 200_001
    session.run()
    session.seek(len(session) - 50)
    assert x.grad.item() == pytest.approx(1.0000001**100_000)
    del session, y


# -- leaves own their gradients ------------------------------------------------------------------------------------
SHARING = {
    "add": lambda a, b: (a + b).sum(),
    "sub": lambda a, b: (a - b).sum(),
    "add a scalar": lambda a, b: (a + 1).sum() + (b + 2).sum(),
    "cat": lambda a, b: torch.cat([a, b]).sum(),
    "stack": lambda a, b: torch.stack([a, b]).sum(),
    "views": lambda a, b: (a.view(4, 1) + b.view(4, 1)).sum(),
    "twice": lambda a, b: (a + a + b + b).sum(),
    "clone": lambda a, b: (a.clone() + b.clone()).sum(),
    "where": lambda a, b: torch.where(a > -1e9, a, b).sum() + b.sum(),
}


@pytest.mark.parametrize("name", SHARING)
def test_leaf_gradients_share_no_memory(name: str) -> None:
    a, b = (torch.ones(4, requires_grad=True) for _ in range(2))
    SHARING[name](a, b).backward()
    assert not np.shares_memory(a.grad.numpy(), b.grad.numpy())
    assert a.grad.numpy().flags.writeable
    before = b.grad.tolist()
    a.grad.zero_()
    assert b.grad.tolist() == before


@pytest.mark.parametrize(
    "go", [lambda loss: loss.backward(), lambda loss: Backward([loss]).run()], ids=["backward", "session"]
)
def test_clipping_scales_each_gradient_once(go: Any) -> None:
    a, b = (torch.ones(2, requires_grad=True) for _ in range(2))
    go((a + b).sum())
    grads = [a.grad, b.grad]
    norm = sum((g * g).sum().item() for g in grads) ** 0.5
    for g in grads:
        g.mul_(1.0 / norm)
    assert sum((g * g).sum().item() for g in grads) ** 0.5 == pytest.approx(1.0)


def test_the_gradient_given_is_not_the_leafs() -> None:
    x = torch.ones(3, requires_grad=True)
    seed = torch.ones(3)
    x.view(3).backward(seed)
    x.grad.mul_(5)
    assert seed.tolist() == [1.0, 1.0, 1.0]


def test_a_second_backward_adds() -> None:
    x = torch.ones(3, requires_grad=True)
    y = (x + x).sum()
    y.backward()
    kept = x.grad
    y.backward()
    assert x.grad is kept
    assert x.grad.tolist() == [4.0, 4.0, 4.0]
    gc.collect()

"""Graphs die by reference counting: with the garbage collector off, deleting the loss frees every node and array."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import gradviz as torch
from gradviz.autograd import Backward


@pytest.fixture(autouse=True)
def no_garbage_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


PROGRAMS: dict[str, Callable[[Any], Any]] = {
    "elements": lambda x: (x.exp() * x.sin() + x / 2).sum(),
    "saved results": lambda x: torch.sigmoid(torch.tanh(x)).relu().sum(),
    "shapes": lambda x: x.view(2, 2).t().reshape(-1)[1:].unsqueeze(0).sum(),
    "several outputs": lambda x: sum(p.sum() for p in x.chunk(2)) + x.unbind()[0],
    "cat": lambda x: torch.cat([x, x * 2]).sum(),
    "indices": lambda x: x[[0, 0, 1]].sum() + x[x > 0].sum(),
    "products": lambda x: x.view(2, 2) @ x.view(2, 2) @ x.view(2, 2)[0],
    "softmax": lambda x: torch.log_softmax(torch.softmax(x, 0), 0).sum(),
    "reductions": lambda x: x.std() + x.max() + x.norm() + x.var(),
    "in place": lambda x: (x * 1).add_(1).mul_(x).sum(),
    "writing": lambda x: _written(x).sum(),
    "function": lambda x: Square.apply(x).sum(),
    "hooks": lambda x: _hooked(x).sum(),
}


class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (x,) = ctx.saved_tensors
        return g * 2 * x


def _written(x: Any) -> Any:
    y = x * 2
    y[0] = x[1] * 3
    return y


def _hooked(x: Any) -> Any:
    y = x * 2
    y.register_hook(lambda g: g * 1)
    return y


def nodes(root: Any) -> list[Any]:
    found, stack = [], [root]
    while stack:
        node = stack.pop()
        if node is not None and all(node is not f for f in found):
            found.append(node)
            stack.extend(parent for parent, _ in node.next_functions)
    return found


def watch(loss: Any) -> list[weakref.ref[Any]]:
    return [weakref.ref(node) for node in nodes(loss.grad_fn)]


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("use", ["dropped", "backward", "retained", "create graph", "session", "half a session"])
def test_deleting_the_loss_frees_every_node(name: str, use: str) -> None:
    x = torch.tensor([0.3, -0.5, 1.5, 0.9], requires_grad=True)
    loss = PROGRAMS[name](x)
    if loss.ndim:
        loss = loss.sum()
    watched = watch(loss)
    if use == "backward":
        loss.backward()
    elif use == "retained":
        loss.backward(retain_graph=True)
    elif use == "create graph":
        (g,) = torch.autograd.grad(loss, x, create_graph=True)
        watched += watch(g) if g.grad_fn is not None else []
        if g.requires_grad:
            g.sum().backward()
        del g
    elif use == "session":
        session = Backward([loss]).run()
        session.seek(0)
        del session
    elif use == "half a session":
        session = Backward([loss])
        session.step()
        del session
    del loss
    x.grad = None
    alive = [ref() for ref in watched if ref() is not None]
    assert not alive, f"{[node.name() for node in alive]} are still there"


def test_kept_values_go_with_the_graph() -> None:
    x = torch.ones(1000, requires_grad=True)
    middle = x.exp()
    array = weakref.ref(middle._array)
    loss = (middle * middle).sum()
    del middle
    assert array() is not None
    loss.backward()
    assert array() is None, "backward frees what the nodes kept"


def test_without_gradients_nothing_is_kept() -> None:
    x = torch.ones(1000, requires_grad=True)
    with torch.no_grad():
        y = x.exp()
        array = weakref.ref(y._array)
        z = y * 2
        del y
    assert array() is None
    assert z.grad_fn is None


def test_a_leaf_that_is_gone_is_gone() -> None:
    x = torch.ones(3, requires_grad=True)
    seen = weakref.ref(x)
    loss = (x * 2).sum()
    loss.backward()
    del x, loss
    assert seen() is None


def test_a_long_chain_is_freed_without_recursion() -> None:
    x = torch.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(200_000):
        y = y + 1
    node = weakref.ref(y.grad_fn)
    del y
    assert node() is None

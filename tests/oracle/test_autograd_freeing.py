"""Graphs die with their last reference, without the garbage collector, whatever hangs on them."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest

import gradviz as torch

G = torch.autograd.graph


class Exp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        out = x.exp()
        ctx.save_for_backward(out, x)
        return out

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g * ctx.saved_tensors[0]


class Twice(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.mark_dirty(x)
        return x.mul_(2)

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:  # noqa: ARG004
        return g * 2


def packed(x: Any) -> Any:
    with G.saved_tensors_hooks(lambda t: t, lambda t: t):
        return (x * x).exp().sigmoid() + Exp.apply(x)


def hooked(x: Any) -> Any:
    y = x * 2
    y.register_hook(lambda g: g * 2)
    y.retain_grad()
    z = y.sin()
    z.grad_fn.register_hook(lambda gi, go: None)
    z.grad_fn.register_prehook(lambda go: None)
    G.register_multi_grad_hook((y, z), lambda gs: None)
    return z


def recorded(x: Any) -> Any:
    g = torch.autograd.grad((x**3).sum(), x, create_graph=True)[0]
    return g.sin()


GRAPHS = {
    "a Function that keeps its output": Exp.apply,
    "a Function that writes": lambda x: Twice.apply(x * 1) * 3,
    "packed": packed,
    "hooks": hooked,
    "second gradients": recorded,
    "a checkpoint": lambda x: torch.utils.checkpoint.checkpoint(lambda a: (a * a).exp(), x, use_reentrant=False),
    "a reentrant checkpoint": lambda x: torch.utils.checkpoint.checkpoint(torch.exp, x, use_reentrant=True),
    "vmap": lambda x: torch.vmap(lambda a: a * a)(x),
    "func.grad": lambda x: torch.func.grad(lambda a: (a**3).sum())(x),
    "vjp": lambda x: torch.func.vjp(lambda a: a**2, x)[1](x)[0],
    "hessian": lambda x: torch.func.hessian(lambda a: (a**3).sum())(x),
}


@pytest.mark.parametrize("how", ["dropped", "backward", "twice"])
@pytest.mark.parametrize("name", GRAPHS)
def test_the_graph_is_freed(name: str, how: str) -> None:
    gc.collect()
    gc.disable()
    try:
        x = torch.tensor([0.5, 1.0, 1.5], requires_grad=True)
        y = GRAPHS[name](x)
        node = weakref.ref(y.grad_fn)
        if how != "dropped":
            y.sum().backward(retain_graph=how == "twice")
        if how == "twice":
            y.sum().backward()
        del y
        assert node() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("name", GRAPHS)
def test_second_backward_says_that_it_was_freed(name: str) -> None:
    x = torch.tensor([0.5, 1.0, 1.5], requires_grad=True)
    loss = (GRAPHS[name](x) ** 2).sum()
    loss.backward()
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        loss.backward()

"""Graphs of many nodes: a chain is built and walked back."""

from __future__ import annotations

from typing import Any

from .spec import Spec, Work, accelerated, both

SIZES = {"1,000 nodes": 1_000, "10,000 nodes": 10_000, "100,000 nodes": 100_000}


def walk(y: Any, count: int) -> Any:
    for _ in range(count):
        y = y * 1.0000001
    return y


def shared(t: Any, count: int) -> Work:
    x = t.tensor(1.0, requires_grad=True)

    def run() -> None:
        x.grad = None
        walk(x, count).backward()

    return run


def hips(autograd: Any, count: int) -> Work:
    gradient = autograd.grad(lambda x: walk(x, count))
    return lambda: gradient(1.0)


def mygrad(mg: Any, count: int) -> Work:
    x = mg.tensor(1.0)
    return lambda: walk(x, count).backward()


def micrograd(module: Any, count: int) -> Work:
    import sys

    from micrograd.engine import Value

    sys.setrecursionlimit(2 * count + 1_000)  # its backward calls itself for each node
    return lambda: walk(Value(1.0), count).backward()


def tinygrad(module: Any, count: int) -> Work:
    x = module.Tensor([1.0]).realize()
    return lambda: walk(x, count).sum().gradient(x)[0].realize()


SPECS = [
    Spec(
        "a graph, built and walked back",
        SIZES,
        accelerated(both(shared, autograd=hips, mygrad=mygrad, micrograd=micrograd, tinygrad=tinygrad)),
        per=lambda count: count,
        limit="dispatch in Python, and the collector of cycles walking over living nodes",
    )
]

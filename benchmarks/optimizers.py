"""One step of an optimiser over few and over many small parameters, and over a few large ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from .spec import Make, Spec, Work, both

KINDS: dict[str, dict[str, Any]] = {
    "SGD": {"lr": 0.01},
    "SGD with momentum": {"lr": 0.01, "momentum": 0.9},
    "Adam": {},
    "AdamW": {},
}
SIZES = {
    "10 of 8 x 8": (10, (8, 8)),
    "100 of 8 x 8": (100, (8, 8)),
    "1,000 of 8 x 8": (1000, (8, 8)),
    "10 of 256 x 256": (10, (256, 256)),
}
GOALS = {"10 of 8 x 8": 0.7, "1,000 of 8 x 8": 1.0}


def given(size: tuple[int, tuple[int, int]]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Values and gradients."""
    draw = np.random.default_rng(0)
    count, shape = size
    return [(draw.standard_normal(shape, np.float32), draw.standard_normal(shape, np.float32)) for _ in range(count)]


def stepped(kind: str) -> Make:
    """The step as gradviz and torch have it."""

    def make(t: Any, size: Any) -> Work:
        params = []
        for value, gradient in given(size):
            params.append(t.tensor(value, requires_grad=True))
            params[-1].grad = t.tensor(gradient)
        return getattr(t.optim, kind.split()[0])(params, **KINDS[kind]).step

    return make


def by_hand(kind: str) -> Make:
    """The step in NumPy, array by array, in place."""

    def make(np_: Any, size: Any) -> Work:
        params = [(p, g, np.zeros_like(p), np.zeros_like(p), np.empty_like(p)) for p, g in given(size)]
        count = 0

        def sgd() -> None:
            for p, g, _, _, room in params:
                p -= np.multiply(g, 0.01, out=room)

        def momentum() -> None:
            for p, g, m, _, room in params:
                m *= 0.9
                m += g
                p -= np.multiply(m, 0.01, out=room)

        def adam() -> None:
            nonlocal count
            count += 1
            first, second = 1 - 0.9**count, 1 - 0.999**count
            for p, g, m, v, room in params:
                if kind == "AdamW":
                    p *= 1 - 1e-3 * 1e-2
                m += np.multiply(np.subtract(g, m, out=room), 0.1, out=room)
                v *= 0.999
                v += np.multiply(np.multiply(g, g, out=room), 0.001, out=room)
                np.sqrt(v, out=room)
                room /= second**0.5
                room += 1e-8
                np.divide(m, room, out=room)
                room *= 1e-3 / first
                p -= room

        return {"SGD": sgd, "SGD with momentum": momentum}.get(kind, adam)

    return make


def tiny(kind: str) -> Make:
    def make(tinygrad: Any, size: Any) -> Work:
        from tinygrad.nn import optim

        params = []
        for value, gradient in given(size):
            params.append(tinygrad.Tensor(value).realize())
            params[-1].grad = tinygrad.Tensor(gradient).realize()
        optimizer = getattr(optim, kind.split()[0])(params, **{"lr": 0.001, **KINDS[kind]})
        tinygrad.Tensor.training = True
        return optimizer.step

    return make


SPECS = [
    Spec(
        f"{kind}, a step",
        SIZES,
        both(stepped(kind), numpy=by_hand(kind), tinygrad=tiny(kind)),
        GOALS,
        limit="calls of NumPy for each tensor where they are small, passes over memory where they are large",
    )
    for kind in KINDS
]

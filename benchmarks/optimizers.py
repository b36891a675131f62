"""One step of an optimiser over few and over many small parameters, and over a few large ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from .timing import Row, row

KINDS: dict[str, dict[str, Any]] = {
    "SGD": {"lr": 0.01},
    "SGD with momentum": {"lr": 0.01, "momentum": 0.9},
    "Adam": {},
    "AdamW": {},
}
SIZES = ((10, (8, 8), "<= 0.7"), (1000, (8, 8), "<= 1.0"), (10, (256, 256), ""))


def rows(ours: Any, theirs: Any) -> list[Row]:
    return [
        row(
            f"{kind}, {count} parameters of {shape[0]} x {shape[1]}",
            *(_step(library, kind.split()[0], options, count, shape) for library in (ours, theirs)),
            goal=goal,
        )
        for kind, options in KINDS.items()
        for count, shape, goal in SIZES
    ]


def _step(t: Any, name: str, options: dict[str, Any], count: int, shape: tuple[int, int]) -> Any:
    draw = np.random.default_rng(0)
    params = [t.tensor(draw.standard_normal(shape).astype(np.float32), requires_grad=True) for _ in range(count)]
    for p in params:
        p.grad = t.tensor(draw.standard_normal(shape).astype(np.float32))
    return getattr(t.optim, name)(params, **options).step

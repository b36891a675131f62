"""What watching costs: the same work with and without a recorder, which are two processes of gradviz.

A recorder copies what is small and notes a few facts; statistics and entries of 21 facts are made when the recording is
read, and "and read" includes that. A training step is recorded with every message of its backward pass. The chain is
the hardest case: its operations take about a microsecond each, and telling of one, noting it and copying its result
take three. Memory is a recording's own, with that of the work.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .cifar_step import SIZES as CIFAR
from .cifar_step import _step
from .spec import UNWATCHED, Make, Spec, Work

BATCHES = {"batch 16": 16, "batch 64": 64, "batch 256": 256}
SHAPES = {"8 values": (8,), "64 x 64": (64, 64), "256 x 256": (256, 256)}


def mlp(t: Any, batch: int) -> Work:
    net = t.nn.Sequential(t.nn.Linear(784, 128), t.nn.ReLU(), t.nn.Linear(128, 10))
    x = t.tensor(np.random.default_rng(0).standard_normal((batch, 784), np.float32))
    return lambda: net(x).sum()


def chain(t: Any, shape: tuple[int, ...]) -> Work:
    draw = np.random.default_rng(0)
    a, b = (t.tensor(draw.standard_normal(shape, np.float32), requires_grad=True) for _ in "ab")

    def run() -> None:
        y = a
        for _ in range(20):
            y = (y * b).tanh() + a
        y.sum()

    return run


def recorded(make: Make, *, read: bool = False, **options: Any) -> Make:
    """The work inside a recorder; `read` makes the entries too."""

    def watched(t: Any, size: Any) -> Work:
        work = make(t, size)

        def run() -> None:
            with t.record(**options) as tape:
                work()
            if read:
                _ = tape.recording

        return run

    return watched


def beside(work: str, sizes: Mapping[str, Any], make: Make, goals: Mapping[str, float], **options: Any) -> Spec:
    """The recorded work, and the same unwatched."""
    limit = "telling of each operation, noting it and copying what is small"
    return Spec(work, sizes, {UNWATCHED: make, "gradviz": recorded(make, **options)}, goals, limit=limit)


SPECS = [
    beside("MLP forward, recorded", BATCHES, mlp, {"batch 64": 2.0}),
    beside("MLP forward, recorded and read", BATCHES, mlp, {}, read=True),
    beside("MLP forward, recorded with thumbnails", BATCHES, mlp, {"batch 64": 4.0}, thumbnails=True),
    beside("CIFAR CNN, a training step, recorded", CIFAR, _step, {"batch 4": 2.0, "batch 64": 2.0}),
    beside("61 operations, recorded", SHAPES, chain, {}),
]

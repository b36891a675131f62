"""What watching costs: the same work with and without a recorder.

A recorder copies what is small and notes a few facts; statistics and entries of 21 facts are made when the recording is
read, and "and read" includes that. A training step is recorded with every message of its backward pass. The chain is
the hardest case: its operations take about a microsecond each, and telling of one, noting it and copying its result
take three.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .cifar_step import _step
from .timing import Row, row

Work = Callable[[], object]


def rows(ours: Any, theirs: Any) -> list[Row]:
    draw = np.random.default_rng(0)
    net = ours.nn.Sequential(ours.nn.Linear(784, 128), ours.nn.ReLU(), ours.nn.Linear(128, 10))
    x = ours.tensor(draw.standard_normal((64, 784)).astype(np.float32))
    a, b = (ours.tensor(draw.standard_normal((64, 64)).astype(np.float32), requires_grad=True) for _ in "ab")

    def mlp() -> None:
        net(x).sum()

    def chain() -> None:
        y = a
        for _ in range(20):
            y = (y * b).tanh() + a
        y.sum()

    def recorded(work: Work, *, read: bool = False, **options: Any) -> Work:
        def run() -> None:
            with ours.record(**options) as tape:
                work()
            if read:
                _ = tape.recording

        return run

    small, large = (_step(ours, batch) for batch in (4, 64))
    return [
        row("MLP forward, recorded / plain (summaries)", recorded(mlp), mlp, goal="<= 2"),
        row("MLP forward, recorded and read / plain", recorded(mlp, read=True), mlp),
        row("MLP forward, recorded / plain (thumbnails)", recorded(mlp, thumbnails=True), mlp, goal="<= 4"),
        row("CIFAR step, batch 4, recorded / plain", recorded(small), small, goal="<= 2"),
        row("CIFAR step, batch 64, recorded / plain", recorded(large), large, goal="<= 2", repeats=20),
        row("61 operations on 64 x 64, recorded / plain", recorded(chain), chain),
    ]

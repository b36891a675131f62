"""What watching costs: a forward with and without a recorder, on an MLP."""

from __future__ import annotations

from typing import Any

import numpy as np

from .timing import Row, row


def rows(ours: Any, theirs: Any) -> list[Row]:
    net = ours.nn.Sequential(ours.nn.Linear(784, 128), ours.nn.ReLU(), ours.nn.Linear(128, 10))
    x = ours.tensor(np.random.default_rng(0).standard_normal((64, 784)).astype(np.float32))

    def plain() -> None:
        net(x).sum()

    def recorded() -> None:
        with ours.record():
            net(x).sum()

    def pictured() -> None:
        with ours.record(thumbnails=True):
            net(x).sum()

    return [
        row("MLP forward, recorded / plain (summaries)", recorded, plain, goal="<= 2"),
        row("MLP forward, recorded / plain (thumbnails)", pictured, plain, goal="<= 4"),
    ]

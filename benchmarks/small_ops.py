"""Small operations: chains of 400 on 8 float32 values, and the shortest training step there is."""

from __future__ import annotations

from typing import Any

import numpy as np

from .timing import Row, row

STEPS = 200


def rows(ours: Any, theirs: Any) -> list[Row]:
    both = [_programs(library) for library in (ours, theirs)]
    goals = {"chain of 400, forward + backward": "<= 0.75", "chain of 400, no_grad": "<= 0.7"}
    pers = {"loss = (theta - y)**2, forward + backward": 1}
    return [
        row(name, both[0][name], both[1][name], per=pers.get(name, 2 * STEPS), goal=goals.get(name, ""))
        for name in both[0]
    ]


def _programs(t: Any) -> dict[str, Any]:
    x = t.tensor(np.ones(8, dtype=np.float32), requires_grad=True)
    w = t.tensor(np.full(8, 1.0001, dtype=np.float32), requires_grad=True)
    theta, target = t.tensor(0.0, requires_grad=True), t.tensor(2.0)

    def chain() -> Any:
        y = x
        for _ in range(STEPS):
            y = y * w
            y = y + x
        return y

    def both_ways() -> None:
        chain().sum().backward()

    def without_grad() -> None:
        with t.no_grad():
            chain()

    def with_numbers() -> None:
        y = x
        for _ in range(2 * STEPS):
            y = y * 1.0001
        y.sum().backward()

    def functions() -> None:
        y = x
        for _ in range(2 * STEPS):
            y = y.tanh()
        y.sum().backward()

    def tiny() -> None:
        theta.grad = None
        ((theta - target) ** 2).backward()

    return {
        "chain of 400, forward + backward": both_ways,
        "chain of 400, no_grad": without_grad,
        "chain of 400 with a Python number, forward + backward": with_numbers,
        "chain of 400 tanh, forward + backward": functions,
        "loss = (theta - y)**2, forward + backward": tiny,
    }

"""Fair times on a noisy machine: the candidates take turns, and what is reported is a ratio of medians."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

Work = Callable[[], object]


class Row(NamedTuple):
    """One line of the table: what was done, each library's median time in microseconds, and the ratio's spread."""

    work: str
    ours: float
    torch: float
    low: float
    high: float
    goal: str = ""

    @property
    def ratio(self) -> float:
        return self.ours / self.torch


def interleaved(ours: Work, theirs: Work, repeats: int = 40) -> tuple[list[float], list[float]]:
    """Times in seconds of two functions called in turn."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(3):
        ours(), theirs()
    for i in range(repeats):
        for which in (0, 1) if i % 2 else (1, 0):
            start = time.perf_counter()
            (ours, theirs)[which]()
            times[which].append(time.perf_counter() - start)
    return times


def row(work: str, ours: Work, theirs: Work, *, per: int = 1, repeats: int = 40, goal: str = "") -> Row:
    """Compare two functions; `per` divides the times (the number of operations in one call)."""
    a, b = interleaved(ours, theirs, repeats)
    ratios = sorted(x / y for x, y in zip(a, b, strict=True))
    scale = 1e6 / per
    return Row(
        work,
        statistics.median(a) * scale,
        statistics.median(b) * scale,
        ratios[len(ratios) // 4],
        ratios[3 * len(ratios) // 4],
        goal,
    )

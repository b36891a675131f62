"""Level lines of a function on a grid: marching squares, then the pieces joined into long lines. Pure NumPy,
deterministic.

A square of the grid has four corners. Where the level lies between the values of two neighbouring corners, the line
crosses that side, at the point that linear interpolation gives. Two crossings make one piece; a saddle has four and
makes two.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

Point = tuple[float, float]
Side = tuple[int, int, int]  # (0: along x, 1: along y, column, row): names one side of the grid, shared by two squares


def levels(values: Any, count: int = 11) -> list[float]:
    """Levels from the lowest to the highest finite value, closer together near the bottom, where a bowl is flat."""
    finite = values[np.isfinite(values)]
    if finite.size == 0 or finite.min() == finite.max():
        return []
    low, high = float(finite.min()), float(finite.max())
    return [low + (high - low) * ((i + 0.5) / count) ** 2 for i in range(count)]


def contour(xs: Any, ys: Any, values: Any, level: float) -> list[list[Point]]:
    """The lines on which ``values[row, column]`` at ``(xs[column], ys[row])`` equals the level."""
    where: dict[Side, Point] = {}
    meets: dict[Side, list[Side]] = {}
    for a, b in pieces(xs, ys, values, level, where):
        meets.setdefault(a, []).append(b)
        meets.setdefault(b, []).append(a)
    lines = []
    for start in sorted(meets, key=lambda side: (len(meets[side]) != 1, side)):  # open ends first, then closed rings
        while meets[start]:
            line, here = [start], start
            while meets[here]:
                there = meets[here].pop()
                meets[there].remove(here)
                line.append(there)
                here = there
            lines.append([where[side] for side in line])
    return lines


def pieces(xs: Any, ys: Any, values: Any, level: float, where: dict[Side, Point]) -> Iterator[tuple[Side, Side]]:
    """The piece (or two) inside every square that the level passes; `where` collects the crossing points."""
    above = values > level
    counts = above[:-1, :-1].astype(int) + above[1:, :-1] + above[:-1, 1:] + above[1:, 1:]
    for row, col in zip(*np.nonzero((counts > 0) & (counts < 4)), strict=True):
        r, c = int(row), int(col)
        corners = [(r, c), (r, c + 1), (r + 1, c + 1), (r + 1, c)]
        if not all(np.isfinite(values[at]) for at in corners):
            continue
        sides: list[Side] = [(0, c, r), (1, c + 1, r), (0, c, r + 1), (1, c, r)]
        crossed = []
        for i, side in enumerate(sides):
            p, q = corners[i], corners[(i + 1) % 4]
            if above[p] != above[q]:
                where[side] = between(xs, ys, values, level, p, q)
                crossed.append(side)
        if len(crossed) == 4:  # a saddle: the value in the middle decides which corners belong together
            middle = sum(float(values[at]) for at in corners) / 4 > level
            if middle != bool(above[corners[0]]):
                crossed = [crossed[3], crossed[0], crossed[1], crossed[2]]
        yield from zip(crossed[::2], crossed[1::2], strict=True)


def between(xs: Any, ys: Any, values: Any, level: float, p: tuple[int, int], q: tuple[int, int]) -> Point:
    """The point between two corners at which linear interpolation meets the level."""
    p, q = min(p, q), max(p, q)  # the same point from either square
    t = (level - float(values[p])) / (float(values[q]) - float(values[p]))
    return (
        float(xs[p[1]]) + t * (float(xs[q[1]]) - float(xs[p[1]])),
        float(ys[p[0]]) + t * (float(ys[q[0]]) - float(ys[p[0]])),
    )

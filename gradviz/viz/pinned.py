"""A layout that grows: what has its place keeps it, and what is new is fitted in beside it.

For a graph that is drawn while it is made. Left to right; the columns have one width, so a wide box never pushes the
next column away; a new box goes to the free place of its column that is nearest to what it is made of; an edge that
passes columns reserves a thin place in each, so that no later box comes to lie on it. Nothing is ever undone, so the
picture is less tidy than viz/layout.py's, which sees the whole graph first.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import NamedTuple

COLUMN = 148.0
GAP = 58.0
BESIDE = 16.0
LANE = 9.0  # height of the place of a passing edge
MARGIN = 16.0


class Place(NamedTuple):
    """Where a box is: its column, its left top corner and its size."""

    column: int
    x: float
    y: float
    w: float
    h: float


class Pinned:
    """Boxes and edges by names that the caller chooses; positions may be negative."""

    def __init__(self) -> None:
        self.boxes: dict[object, Place] = {}
        self.routes: dict[object, list[tuple[float, float]]] = {}
        self._taken: dict[int, list[tuple[float, float]]] = {}  # by column, sorted: where something is

    def add(self, key: object, size: tuple[float, float], inputs: Sequence[object]) -> Place:
        """Give a box its place: one column after the last of its inputs that have one."""
        known = [self.boxes[i] for i in inputs if i in self.boxes]
        column = max((place.column for place in known), default=-1) + 1
        middle = sum(p.y + p.h / 2 for p in known) / len(known) if known else 0.0
        return self.put(key, size, column, middle)

    def put(self, key: object, size: tuple[float, float], column: int, middle: float) -> Place:
        """Give a box the free place of this column that is nearest to `middle`."""
        w, h = min(size[0], COLUMN), size[1]
        y = _half(self._free(column, middle, h, BESIDE))
        self.boxes[key] = Place(column, _left(column) + (COLUMN - w) / 2, y, w, h)
        return self.boxes[key]

    def connect(self, keys: Sequence[object], sources: Sequence[object], target: object) -> None:
        """Route the edges that arrive at a box, into `routes`; they enter it in the order in which they come along."""
        end = self.boxes[target]
        ways = {}
        for key, source in zip(keys, sources, strict=True):
            if key not in self.routes:
                ways[key] = self._way(self.boxes[source], end)
        for k, key in enumerate(sorted(ways, key=lambda key: ways[key][-1][1])):
            y = _half(end.y + end.h * (k + 1) / (len(ways) + 1))
            self.routes[key] = [*ways[key], (end.x, y)]

    def _way(self, start: Place, end: Place) -> list[tuple[float, float]]:
        """From a box to just before another: through a free lane of every column between them."""
        y0, y1 = start.y + start.h / 2, end.y + end.h / 2
        points = [(start.x + start.w, y0)]
        for column in range(start.column + 1, end.column):
            wanted = y0 + (y1 - y0) * (column - start.column) / (end.column - start.column)
            y = _half(self._free(column, wanted, LANE, 3.0) + LANE / 2)
            points += [(_left(column), y), (_left(column) + COLUMN, y)]
        return points

    def _free(self, column: int, middle: float, height: float, room: float) -> float:
        """The top of the nearest free stretch, which is then taken."""
        taken = self._taken.setdefault(column, [])
        wanted = middle - height / 2
        tops = [wanted, *(end + room for _, end in taken), *(start - room - height for start, _ in taken)]
        fits = [
            top for top in tops
            if all(top + height + room <= start + 1e-9 or end + room <= top + 1e-9 for start, end in taken)
        ]  # fmt: skip
        top = min(fits, key=lambda t: (abs(t - wanted), t))
        bisect.insort(taken, (top, top + height))
        return top


def _left(column: int) -> float:
    return MARGIN + column * (COLUMN + GAP)


def _half(value: float) -> float:
    return round(value * 2) / 2

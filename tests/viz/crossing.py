"""Counts crossings of drawn arrows, the same way for our routes and for Graphviz's splines."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Sequence

from gradviz.viz.layout import Point

STEPS = 6  # straight pieces a curve is cut into


def ours(points: Sequence[Point], direction: str = "lr") -> list[Point]:
    """A route as drawn: turns are curves that leave and arrive along the direction."""
    if direction == "tb":
        return [(y, x) for x, y in ours([(y, x) for x, y in points])]
    out = [points[0]]
    for (a, b), (c, d) in itertools.pairwise(points):
        for k in range(1, STEPS + 1):
            t = k / STEPS
            m = (a + c) / 2
            x = (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * m + 3 * (1 - t) * t * t * m + t**3 * c
            out.append((x, b + (d - b) * t * t * (3 - 2 * t)))
    return out


def crossings(lines: Sequence[Sequence[Point]], edges: Sequence[tuple[int, int]]) -> int:
    """Pairs of lines that cross, among those that share no end."""
    pieces = []
    for i, line in enumerate(lines):
        for p, q in itertools.pairwise(line):
            pieces.append((min(p[0], q[0]), max(p[0], q[0]), p, q, i))
    pieces.sort()
    found: set[tuple[int, int]] = set()
    active: list[tuple[float, float, Point, Point, int]] = []
    for piece in pieces:
        active = [o for o in active if o[1] >= piece[0]]
        for other in active:
            i, j = sorted((piece[4], other[4]))
            if i == j or (i, j) in found or {*edges[i]} & {*edges[j]}:
                continue
            if _cross(piece[2], piece[3], other[2], other[3]):
                found.add((i, j))
        active.append(piece)
    return len(found)


def _side(p: Point, q: Point, r: Point) -> float:
    return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])


def _cross(a: Point, b: Point, c: Point, d: Point) -> bool:
    return _side(a, b, c) * _side(a, b, d) < 0 and _side(c, d, a) * _side(c, d, b) < 0


def dot_lines(
    sizes: Sequence[tuple[float, float]], edges: Sequence[tuple[int, int]], limit: float = 60
) -> tuple[list[list[Point]], list[tuple[int, int]]]:
    """The arrows Graphviz draws for the same boxes, left to right, and the edges they belong to."""
    boxes = "".join(f"{i}[width={w / 72},height={h / 72}];" for i, (w, h) in enumerate(sizes))
    arrows = "".join(f"{a}->{b};" for a, b in edges)
    source = f"digraph{{rankdir=LR;nodesep=0.25;ranksep=0.78;node[shape=box,fixedsize=true];{boxes}{arrows}}}"
    plain = subprocess.run(
        ["dot", "-Tplain"], input=source, capture_output=True, text=True, timeout=limit, check=True
    ).stdout
    lines, joined = [], []
    for row in plain.splitlines():
        part = row.split()
        if part[0] != "edge":
            continue
        count = int(part[3])
        p = [(float(part[4 + 2 * i]), float(part[5 + 2 * i])) for i in range(count)]
        line = [p[0]]
        for i in range(0, count - 1, 3):
            for k in range(1, STEPS + 1):
                t = k / STEPS
                w = ((1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t * t, t**3)
                line.append((sum(w[n] * p[i + n][0] for n in range(4)), sum(w[n] * p[i + n][1] for n in range(4))))
        lines.append(line)
        joined.append((int(part[1]), int(part[2])))
    return lines, joined

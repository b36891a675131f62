"""How far to go along a direction: the strong Wolfe conditions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Point(NamedTuple):
    """A place on the line: the step t, the loss f, its gradient g, and the slope along the line."""

    t: Any
    f: Any
    g: Any
    slope: Any


def cubic_minimum(a: Point, b: Point, bounds: tuple[Any, Any] | None = None) -> Any:
    """The t of the lowest point of the cubic with these two losses and slopes, within the bounds (a.t and b.t)."""
    low, high = bounds or sorted((a.t, b.t))
    d1 = a.slope + b.slope - 3 * (a.f - b.f) / (a.t - b.t)
    square = d1**2 - a.slope * b.slope
    if not square >= 0:
        return (low + high) / 2.0
    d2 = square**0.5
    if a.t > b.t:
        a, b = b, a
    lowest = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
    return min(max(lowest, low), high)


def strong_wolfe(
    evaluate: Callable[[Any], tuple[float, Any]], t: Any, d: Any, f: float, g: Any, slope: Any, most: int,
    c1: float = 1e-4, c2: float = 0.9, tolerance: float = 1e-9,
) -> tuple[Any, Any, Any, int]:  # fmt: skip
    """A step t along d that lowers the loss by c1 * t * slope or more and flattens the slope to c2 of it or less.

    `evaluate(t)` gives the loss and its gradient. First t grows until an interval must hold such a step, then the
    interval shrinks. Returns f, g, t and the number of evaluations, which ends the search at `most`.
    Nocedal and Wright, Numerical Optimization, chapter 3.5.
    """

    def look(t: Any) -> Point:
        f, g = evaluate(t)
        return Point(t, f, g, g.dot(d))

    def is_high(point: Point) -> Any:
        return point.f > f + c1 * point.t * slope

    def is_flat(point: Point) -> Any:
        return abs(point.slope) <= -c2 * slope

    last, new, tries = Point(0, f, g, slope), look(t), 0
    ends = [last, new]
    while tries < most:
        ends = [last, new]
        high = is_high(new) or (tries > 1 and new.f >= last.f)
        if not high and is_flat(new):
            return new.f, new.g, new.t, tries + 1
        if high or new.slope >= 0:
            break
        further = cubic_minimum(last, new, (new.t + 0.01 * (new.t - last.t), new.t * 10))
        last, new = new, look(further)
        tries += 1
    else:
        ends = [Point(0, f, g, slope), new]
    low = 0 if ends[0].f <= ends[1].f else 1
    length = abs(d).max()
    found = was_close = False
    while not found and tries < most:
        left, right = sorted((ends[0].t, ends[1].t))
        if (right - left) * length < tolerance:
            break
        t, was_close = _inside(cubic_minimum(ends[0], ends[1]), left, right, was_close)
        new = look(t)
        tries += 1
        if is_high(new) or new.f >= ends[low].f:
            ends[1 - low] = new
            low = 0 if ends[0].f <= ends[1].f else 1
            continue
        if is_flat(new):
            found = True
        elif new.slope * (ends[1 - low].t - ends[low].t) >= 0:
            ends[1 - low] = ends[low]
        ends[low] = new
    best = ends[low]
    return best.f, best.g, best.t, tries + 1


def _inside(t: Any, left: Any, right: Any, was_close: bool) -> tuple[Any, bool]:
    """Keep t a tenth off the ends where the interval would otherwise hardly shrink; and whether it is close to one."""
    margin = 0.1 * (right - left)
    if min(right - t, t - left) >= margin:
        return t, False
    if was_close or t >= right or t <= left:
        return (right - margin if abs(t - right) < abs(t - left) else left + margin), False
    return t, True

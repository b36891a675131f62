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
    interval shrinks. Nocedal and Wright, Numerical Optimization, 3.5. Returns f, g, t and the number of evaluations,
    of which there are about `most` at the most.
    """

    def look(t: Any) -> Point:
        f, g = evaluate(t)
        return Point(t, f, g, g.dot(d))

    start = last = Point(0, f, g, slope)
    new = look(t)
    tries = 0
    bracket: list[Point] = []
    while tries < most:
        if new.f > f + c1 * new.t * slope or (tries > 1 and new.f >= last.f) or new.slope >= 0:
            if abs(new.slope) <= -c2 * slope and not (new.f > f + c1 * new.t * slope or (tries > 1 and new.f >= last.f)):
                return new.f, new.g, new.t, tries + 1
            bracket = [last, new]
            break
        if abs(new.slope) <= -c2 * slope:
            return new.f, new.g, new.t, tries + 1
        bounds = new.t + 0.01 * (new.t - last.t), new.t * 10
        last, new = new, look(cubic_minimum(last, new, bounds))
        tries += 1
    else:
        bracket = [start, new]
    return _shrunk(bracket, look, start, tries, most, float(abs(d).max()), (c1, c2, tolerance))

"""Convolutions of many pictures, a few at a time: what is copied for a matrix product stays in the cache.

The parts are shared among threads. How large they are does not depend on the number of threads, and sums over them are
taken in one order, so neither do the results. On a device that is not the CPU all pictures are one part.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

from ...checks import at_hand
from ...parallel import LANES, share, summed
from ..helpers import wider
from .convolve_lines import Lines, lines_of, spread_lines, weights_for_lines
from .convolve_rows import (
    Plan,
    all_finite,
    banded,
    convolve_rows,
    correlate_rows,
    planned,
    rows_of,
    spread_rows,
    weights_of,
)

Pair = tuple[int, int]
Shape = tuple[int, ...]
CACHE = 2**20  # bytes of rows or lines in a part
KEPT = 2**21  # bytes of rows that are kept for the gradient of the weights instead of being made again
LEAST = 128  # columns of a product that there should be, rather than less
MUCH = 1e7  # multiplications that are worth a second thread


class Cut(NamedTuple):
    """The pictures of each part, and whether parts should be shared among threads."""

    pictures: list[slice]
    worth: bool


class Parts(NamedTuple):
    """A convolution cut into parts: the plan of one, the pictures of each, and whether threads help. Only read."""

    plan: Plan
    spread: Plan  # that of the adjoint for the pictures: there it does not matter how few output channels there are
    pictures: list[slice]
    worth: bool
    per: int  # numbers in the rows of one picture
    lines: tuple[Lines, Cut] | None  # the same for that adjoint by whole lines; None where it is not the quicker way

    def rows(self, kept: Any, at: slice) -> Any:
        """The place for a part's rows in one flat array for those of all."""
        return kept[at.start * self.per : at.stop * self.per].reshape(self.plan.rows_shape(at.stop - at.start))


def cut_up(whole: bool, itemsize: int, x: Shape, w: Shape, out: Pair, *settings: Any) -> Parts:
    """For shapes of pictures, of weights and of the results; `whole`: all pictures are one part, on some device."""
    n, _, *size = x
    plan = planned(n, size, w, out, *settings)  # type: ignore[arg-type]
    product = plan.once * plan.o * plan.reach * plan.c * plan.kernel[1] * plan.out[1]
    per = math.prod(plan.rows_shape(1))
    made = _cut(n, product * plan.groups * (out[0] // plan.once), per * itemsize, out[1])
    pictures, worth = Cut([slice(0, n)], False) if whole else made
    plan = planned(pictures[0].stop, size, w, out, *settings)  # type: ignore[arg-type]
    by_lines = None
    if n and not whole and (lines := lines_of(size, w, out, *settings)) is not None:  # type: ignore[arg-type]
        by_lines = lines, _cut(n, lines.product * lines.groups * size[0], lines.numbers * itemsize, lines.line)
    return Parts(plan, plan._replace(once=1), pictures, worth, per, by_lines)


def _cut(n: int, multiplications: int, size: int, wide: int) -> Cut:
    """Cut n pictures up, each with so many multiplications, in products of `wide` columns, and `size` bytes."""
    if n < 2:
        return Cut([slice(0, n)], False)
    least, worth = -(-LEAST // wide), n * multiplications > MUCH
    parts = -(-n // max(CACHE // size, least))
    if parts > 1 or worth:
        parts = -(-parts // LANES) * LANES  # so that all threads, or lanes of a sum, have as many
    each = max(-(-n // parts), least)
    return Cut([slice(i, min(i + each, n)) for i in range(0, n, each)], worth)


def convolve_2d(xp: Any, parts: Parts, x: Any, w: Any, bias: Any) -> tuple[Any, Any]:
    """x (N, C, H, W), w (O, C / groups, kh, kw), bias (O) or None -> (N, O, Ho, Wo), and the rows of x or None."""
    plan, n = parts.plan, x.shape[0]
    if plan.once > 1 and at_hand(xp) and not all_finite(wider(xp, x)):
        plan = plan._replace(once=1)  # zeros beside the weights would meet what is not finite
    band = banded(xp, plan, w)
    out = xp.empty((n, w.shape[0], *plan.out), dtype=x.dtype)
    count = n * parts.per
    if len(parts.pictures) == 1:
        rows = rows_of(xp, plan, x)
        convolve_rows(xp, plan, band, rows, bias, out)
        return out, rows.reshape(count) if rows.nbytes <= KEPT else None
    kept = xp.empty(count, dtype=band.dtype) if count * band.itemsize <= KEPT else None

    def work(mine: Iterable[int]) -> None:
        for i in mine:
            at = parts.pictures[i]
            rows = rows_of(xp, plan, x[at], None if kept is None else parts.rows(kept, at))
            convolve_rows(xp, plan, band, rows, bias, out[at])

    share(work, len(parts.pictures), worth=parts.worth, alone=True)
    return out, kept


def spread_2d(xp: Any, parts: Parts, y: Any, w: Any, shape: Shape) -> Any:
    """The adjoint for the picture: y (N, O, Ho, Wo) with w -> a picture of the given shape (N, C, H, W)."""
    out = xp.empty(shape, dtype=y.dtype)
    if parts.lines is not None and y.dtype.char in "fd" and y.size and _spread_by_lines(*parts.lines, y, w, out):
        return out
    plan = parts.spread
    band = banded(xp, plan, w)

    def work(mine: Iterable[int]) -> None:
        for i in mine:
            at = parts.pictures[i]
            spread_rows(xp, plan, band, y[at], out[at])

    share(work, len(parts.pictures), worth=parts.worth, alone=True)
    return out


def _spread_by_lines(plan: Lines, cut: Cut, y: Any, w: Any, out: Any) -> bool:
    """The same by whole lines (see convolve_lines.py), into `out`; False if that is not to be done here."""
    weights = weights_for_lines(plan, w)
    if weights is None:
        return False
    pictures = cut.pictures

    def work(mine: Iterable[int]) -> None:
        for i in mine:
            spread_lines(plan, weights, y[pictures[i]], out[pictures[i]])

    share(work, len(pictures), worth=cut.worth, alone=True)
    return True


def correlate_2d(xp: Any, parts: Parts, y: Any, x: Any, kept: Any) -> Any:
    """The adjoint for the weights: y (N, O, Ho, Wo), x (N, C, H, W) or its kept rows -> (O, C / groups, kh, kw)."""
    plan = parts.plan

    def work(mine: range) -> Any:
        total = None
        for i in mine:
            at = parts.pictures[i]
            rows = rows_of(xp, plan, x[at]) if kept is None else parts.rows(kept, at)
            one = correlate_rows(xp, plan, y[at], rows)
            total = one if total is None else total + one
        return total

    count = len(parts.pictures)
    total = work(range(1)) if count == 1 else summed(work, count, worth=parts.worth, alone=True)
    return weights_of(xp, plan, total).astype(y.dtype, copy=False)

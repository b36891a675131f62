"""Convolutions of many pictures, a few at a time: what is copied for a matrix product stays in the cache.

The parts are shared among threads. How large they are does not depend on the number of threads, and sums over them are
taken in one order, so neither do the results. On a device that is not the CPU all pictures are one part.
"""

from __future__ import annotations

import functools
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
    out_size,
    planned,
    rows_of,
    spread_rows,
    weights_of,
)

Pair = tuple[int, int]
Shape = tuple[int, ...]
CACHE = 2**20  # bytes of rows or lines in a part
KEPT = 2**21  # bytes of rows that are kept for the gradient of the weights instead of being made again
SETTINGS = ("stride", "padding", "dilation", "groups")
LEAST = 128  # columns of a product that there should be, rather than less
MUCH = 1e7  # multiplications that are worth a second thread


class Parts(NamedTuple):
    """A convolution cut into parts: the plan of one, the pictures of each, and whether threads help."""

    plan: Plan
    spread: Plan  # that of the adjoint for the pictures: there it does not matter how few output channels there are
    pictures: list[slice]
    per: int  # numbers in the rows of one picture
    worth: bool

    def rows(self, kept: Any, at: slice) -> Any:
        """The place for a part's rows in one flat array for those of all."""
        return kept[at.start * self.per : at.stop * self.per].reshape(self.plan.rows_shape(at.stop - at.start))


class Cut(NamedTuple):
    """The pictures of each part, and whether parts should be shared among threads."""

    pictures: list[slice]
    worth: bool


@functools.lru_cache(maxsize=512)
def _parts(whole: bool, itemsize: int, x: Shape, w: Shape, out: Pair, *settings: Any) -> Parts:
    """For shapes of pictures, of weights and of the results; `whole`: all pictures are one part. Only read."""
    n, _, *size = x
    plan = planned(n, size, w, out, *settings)  # type: ignore[arg-type]
    product = plan.once * plan.o * plan.reach * plan.c * plan.kernel[1] * plan.out[1]
    per = math.prod(plan.rows_shape(1))
    made = _cut(n, product * plan.groups * (out[0] // plan.once), per * itemsize, out[1])
    pictures, worth = ([slice(0, n)], False) if whole else made
    plan = planned(pictures[0].stop, size, w, out, *settings)  # type: ignore[arg-type]
    return Parts(plan, plan._replace(once=1), pictures, per, worth)


def _cut_up(
    xp: Any, kind: Any, x: Shape, w: Shape, out: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Parts:
    return _parts(not at_hand(xp), max(kind.itemsize, 4), x, w, out, stride, padding, dilation, groups)


@functools.lru_cache(maxsize=512)
def _line_parts(itemsize: int, x: Shape, w: Shape, out: Pair, *settings: Any) -> tuple[Lines, Cut] | None:
    """The same for the adjoint by whole lines; None where that is not the quicker way."""
    plan = lines_of(x[2:], w, out, *settings) if x[0] else None  # type: ignore[arg-type]
    if plan is None:
        return None
    return plan, _cut(x[0], plan.product * plan.groups * x[2], plan.numbers * itemsize, plan.line)


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


def convolve_2d(xp: Any, x: Any, w: Any, bias: Any, **settings: Any) -> tuple[Any, Any]:
    """x (N, C, H, W), w (O, C / groups, kh, kw), bias (O) or None -> (N, O, Ho, Wo), and the rows of x or None."""
    size = out_size(x.shape[2:], w.shape[2:], settings["stride"], settings["padding"], settings["dilation"])
    parts = _cut_up(xp, x.dtype, x.shape, w.shape, size, **settings)
    plan, n = parts.plan, x.shape[0]
    if plan.once > 1 and at_hand(xp) and not all_finite(wider(xp, x)):
        plan = plan._replace(once=1)  # zeros beside the weights would meet what is not finite
    band = banded(xp, plan, w)
    out = xp.empty((n, w.shape[0], *size), dtype=x.dtype)
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


def spread_2d(xp: Any, y: Any, w: Any, *, shape: Shape, **settings: Any) -> Any:
    """The adjoint for the picture: y (N, O, Ho, Wo) with w -> a picture of the given shape (N, C, H, W)."""
    out = xp.empty(shape, dtype=y.dtype)
    if at_hand(xp) and y.dtype.char in "fd" and y.size and _spread_by_lines(y, w, out, settings):
        return out
    parts = _cut_up(xp, y.dtype, shape, w.shape, y.shape[2:], **settings)
    plan = parts.spread
    band = banded(xp, plan, w)

    def work(mine: Iterable[int]) -> None:
        for i in mine:
            at = parts.pictures[i]
            spread_rows(xp, plan, band, y[at], out[at])

    share(work, len(parts.pictures), worth=parts.worth, alone=True)
    return out


def _spread_by_lines(y: Any, w: Any, out: Any, settings: dict[str, Any]) -> bool:
    """The same by whole lines (see convolve_lines.py), into `out`; False if that is not to be done here."""
    found = _line_parts(y.itemsize, out.shape, w.shape, y.shape[2:], *(settings[k] for k in SETTINGS))
    if found is None:
        return False
    plan, (pictures, worth) = found
    weights = weights_for_lines(plan, w)
    if weights is None:
        return False

    def work(mine: Iterable[int]) -> None:
        for i in mine:
            spread_lines(plan, weights, y[pictures[i]], out[pictures[i]])

    share(work, len(pictures), worth=worth, alone=True)
    return True


def correlate_2d(xp: Any, y: Any, x: Any, kept: Any, *, shape: Shape, x_shape: Shape, **settings: Any) -> Any:
    """The adjoint for the weights: y (N, O, Ho, Wo), x (N, C, H, W) or its kept rows -> weights of `shape`."""
    parts = _cut_up(xp, y.dtype, x_shape, shape, y.shape[2:], **settings)
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

"""Convolutions of many pictures, a few at a time: what is copied for a matrix product stays in the cache.

The parts are shared among threads. How large they are does not depend on the number of threads, and sums over them are
taken in one order, so neither do the results. On a device that is not the CPU all pictures are one part.
"""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

from ...checks import at_hand
from ...parallel import ALONE, share, summed
from .convolve_rows import (
    Plan,
    banded,
    convolve_rows,
    correlate_rows,
    out_size,
    planned,
    rows_of,
    spread_rows,
    spreading,
    weights_of,
)

Pair = tuple[int, int]
Shape = tuple[int, ...]
CACHE = 2**19  # bytes of rows in a part
KEPT = 2**22  # bytes of rows that are kept for the gradient of the weights instead of being made again
LEAST = 128  # columns of a product that there should be, rather than less
MUCH = 1e7  # multiplications that are worth a second thread


class Parts(NamedTuple):
    """A convolution cut into parts: the plan of one, the pictures of each, and whether threads help."""

    plan: Plan
    spread: Plan  # that of the adjoint for the pictures
    pictures: list[slice]
    per: int  # numbers in the rows of one picture
    worth: bool

    def rows(self, kept: Any, at: slice) -> Any:
        """The place for a part's rows in one flat array for those of all."""
        return kept[at.start * self.per : at.stop * self.per].reshape(self.plan.rows_shape(at.stop - at.start))


@functools.lru_cache(maxsize=512)
def _parts(whole: bool, itemsize: int, x: Shape, w: Shape, out: Pair, *settings: Any) -> Parts:
    """For shapes of pictures, of weights and of the results; `whole`: all pictures are one part. Only read."""
    n, _, high, wide = x
    each, worth = n, False
    if n > 1 and not whole:
        each, worth = _cut(planned(n, (high, wide), w, out, *settings), n, itemsize)
    pictures = [slice(i, min(i + each, n)) for i in range(0, n, max(each, 1))] or [slice(0, 0)]
    plan = planned(each, (high, wide), w, out, *settings)
    return Parts(plan, spreading(plan), pictures, math.prod(plan.rows_shape(1)), worth)


def _cut_up(
    xp: Any, kind: Any, x: Shape, w: Shape, out: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Parts:
    return _parts(not at_hand(xp), max(kind.itemsize, 4), x, w, out, stride, padding, dilation, groups)


def _cut(plan: Plan, n: int, itemsize: int) -> tuple[int, bool]:
    """How many pictures of n are a part, and whether parts should be shared among threads."""
    each = plan.once * plan.o * plan.reach * plan.c * plan.kernel[1] * plan.out[1]  # in a product, of one picture
    least = -(-LEAST // plan.out[1])
    most = max(CACHE // (math.prod(plan.rows_shape(1)) * itemsize), least)
    alone = (ALONE - 1) // each
    if alone >= min(least, most):
        most = min(most, alone)
    part = -(-n // -(-n // most))  # as even as can be
    return part, part <= alone and n * each * plan.groups * (plan.out[0] // plan.once) > MUCH


def convolve_2d(xp: Any, x: Any, w: Any, bias: Any, **settings: Any) -> tuple[Any, Any]:
    """x (N, C, H, W), w (O, C / groups, kh, kw), bias (O) or None -> (N, O, Ho, Wo), and the rows of x or None."""
    size = out_size(x.shape[2:], w.shape[2:], settings["stride"], settings["padding"], settings["dilation"])
    parts = _cut_up(xp, x.dtype, x.shape, w.shape, size, **settings)
    plan, n, band = parts.plan, x.shape[0], banded(xp, parts.plan, w)
    out = xp.empty((n, w.shape[0], *size), dtype=x.dtype)
    count = n * parts.per
    if len(parts.pictures) == 1:
        rows = rows_of(xp, plan, x)
        convolve_rows(xp, plan, band, rows, bias, out)
        return out, rows.reshape(count) if rows.nbytes <= KEPT else None
    kept = xp.empty(count, dtype=band.dtype) if count * band.itemsize <= KEPT else None

    def work(mine: range) -> None:
        for i in mine:
            at = parts.pictures[i]
            rows = rows_of(xp, plan, x[at], None if kept is None else parts.rows(kept, at))
            convolve_rows(xp, plan, band, rows, bias, out[at])

    share(work, len(parts.pictures), worth=parts.worth)
    return out, kept


def spread_2d(xp: Any, y: Any, w: Any, *, shape: Shape, **settings: Any) -> Any:
    """The adjoint for the picture: y (N, O, Ho, Wo) with w -> a picture of the given shape (N, C, H, W)."""
    parts = _cut_up(xp, y.dtype, shape, w.shape, y.shape[2:], **settings)
    plan = parts.spread
    band = banded(xp, plan, w)
    out = xp.empty(shape, dtype=y.dtype)
    if len(parts.pictures) == 1:
        spread_rows(xp, plan, band, y, out)
        return out

    def work(mine: range) -> None:
        for i in mine:
            at = parts.pictures[i]
            spread_rows(xp, plan, band, y[at], out[at])

    share(work, len(parts.pictures), worth=parts.worth)
    return out


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

    alone = len(parts.pictures) == 1
    total = work(range(1)) if alone else summed(work, len(parts.pictures), worth=parts.worth)
    return weights_of(xp, plan, total).astype(y.dtype, copy=False)

"""Batch norm and layer norm on NumPy arrays, in few walks over memory.

Sums of squares along rows are scalar products, and what is added to rows or multiplied with them goes group by group,
so that what one step wrote the next finds in the cache. All gradients of a layer come from the same sums:

    s = sum of g          t = sum of g * x_hat            db = s     dw = t     (for batch norm over the same numbers)
    dx = (g * w - mean of g * w - x_hat * mean of g * w * x_hat) / deviation

Arrays that are small, not of 32 or 64 bits, or do not lie in rows go the way of the tables.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from ...device import CPU
from ...op import override
from ...parallel import share
from . import normalise

Array = Any
# How many numbers are worked on together, and from how many on it pays.
BLOCK, MANY = 1 << 16, 1 << 12
# The former for batch norm, whose pieces should not be too short for a thread.
PIECE = 1 << 19
# Up to this length a scalar product is one thread's in OpenBLAS (kernel/x86_64/sdot.c). To wake others for a moment is
# no gain, and where something else is running they are waited for.
ALONE = 10000
# From this length on a channel's numbers are a row of their own, and multiplied with one number. Below, a sample's
# channels are one row, and multiplied with an array: one long loop of NumPy's instead of many that are soon over.
LONG = 2048
FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def _in_rows(x: Array) -> bool:
    """Whether an array is one that these functions are for."""
    return x.size >= MANY and x.dtype in FLOATS and x.flags.c_contiguous


def _few(count: int, each: int) -> Iterator[slice]:
    """Rows in groups of about `BLOCK` numbers."""
    step = max(1, BLOCK // max(each, 1))
    return (slice(i, min(i + step, count)) for i in range(0, count, step))


def _in_groups(work: Callable[[slice], None], count: int, each: int) -> None:
    """`work` on rows: on all at once, or where there are many in groups as even as can be, shared among threads."""
    step = -(-count // -(-count * each // PIECE))
    groups = [slice(i, i + step) for i in range(0, count, step)]

    def some(mine: Iterable[int]) -> None:
        for i in mine:
            work(groups[i])

    share(some, len(groups))


# -- batch norm: (N, C, L), a mean for each C ----------------------------------------------------------------------
class Channels:
    """An array of at least 3 dims as rows, each a channel of a sample or a whole sample, and numbers spread over it."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.n, self.c, self.each = shape[0], shape[1], math.prod(shape[2:])
        parts = range(-(-self.each // ALONE), self.each // LONG + 1) if self.each > ALONE else ()
        self.pieces = -1, self.each // next((k for k in parts if self.each % k == 0), 1)
        self.long = self.each >= LONG
        self.rows = (self.n * self.c, self.each) if self.long else (self.n, self.c * self.each)

    def spread(self, v: Array, kind: Any) -> Any:
        """One number per channel, to be multiplied with a group of rows: a function of the group."""
        v = v.astype(kind)
        if self.long:
            tall = np.tile(v, self.n)[:, None]
            return tall.__getitem__
        wide = np.empty((self.c, self.each), kind)
        wide[:] = v[:, None]  # np.repeat takes longer
        wide = wide.reshape(-1)
        return lambda group: wide

    def totals(self, x: Array, y: Array) -> tuple[Array, Array]:
        """The sums over each channel of x and of x * y, in double precision over the samples."""
        x, y = x.reshape(self.pieces), y.reshape(self.pieces)
        found = np.empty((2, len(x)), x.dtype)

        def work(a: slice) -> None:
            np.einsum("ij->i", x[a], out=found[0, a])
            np.vecdot(x[a], y[a], out=found[1, a])

        _in_groups(work, *x.shape)
        one, other = np.add.reduce(found.reshape(2, self.n, self.c, -1), (1, 3), np.float64)
        return one, other

    def away(self, x: Array, mean: Array) -> Array:
        """`x - mean`: where the mean is large, what follows would lose digits without it."""
        return sums(self, x.dtype, -mean, (x, np.ones(self.c)))


def _batch_norm(
    xp: Any, x: Array, w: Array, b: Array, running_mean: Array, running_var: Array, *, training: bool, eps: float
) -> Any:  # fmt: skip
    """`x * scale + shift`, as PyTorch computes it; the variance is E[x^2] - E[x]^2 where that costs at most a bit."""
    if x.ndim < 3 or x.size < 2 * MANY or not _in_rows(x):
        return normalise.batch_norm.forward(xp, x, w, b, running_mean, running_var, training=training, eps=eps)
    by, count = Channels(x.shape), x.size // x.shape[1]
    if training:
        mean, squares = (v / count for v in by.totals(x, x))
        var = squares - mean**2
    else:
        mean, var = (v.astype(np.float64) for v in (running_mean, running_var))
    left = mean
    if (mean**2 > var).any():
        mean = mean.astype(x.dtype).astype(np.float64)
        x, left = by.away(x, mean), 0 * mean
        if training:
            left, squares = (v / count for v in by.totals(x, x))  # what rounding left of the mean
            mean, var = mean + left, squares - left**2
    inverse = 1 / np.sqrt(var + eps)
    scale = inverse if w is None else inverse * w
    shift = -left * scale if b is None else b - left * scale
    out = sums(by, x.dtype, shift, (x, scale))
    mean, var, inverse = (v.astype(x.dtype) for v in (mean, var, inverse))
    shape = normalise._channels(x.ndim)
    found = {"batch_mean": mean, "batch_var": var, "mean": mean.reshape(shape), "inverse": inverse.reshape(shape)}
    return out, found | {"_reserve": None}


def sums(by: Channels, kind: Any, shift: Array | None, *terms: tuple[Array, Array]) -> Array:
    """A number per channel, and arrays times a number per channel each, added up."""
    out = np.empty(terms[0][0].shape, kind)
    made, plus = out.reshape(by.rows), None if shift is None else by.spread(shift, kind)
    (x, factor), *others = [(v.reshape(by.rows), by.spread(f, kind)) for v, f in terms]

    def work(a: slice) -> None:
        part = made[a]
        np.multiply(x[a], factor(a), part)
        for y, by_factor in others:
            part += y[a] * by_factor(a)
        if plus is not None:
            part += plus(a)

    _in_groups(work, *by.rows)
    return out


@normalise.batch_norm.together
def _batch_norm_gradients(
    g: Array, wants: tuple[bool, ...], x: Array, w: Array, mean: Array, inverse: Array, _reserve: None,
    training: bool, eps: float,
) -> Any:  # fmt: skip
    if x is None or x.ndim < 3 or x.size < 2 * MANY or not _in_rows(x) or g.dtype is not x.dtype:
        return NotImplemented
    by, count, g = Channels(x.shape), x.size // x.shape[1], np.ascontiguousarray(g)
    mean, inverse = (v.reshape(-1).astype(np.float64) for v in (mean, inverse))
    dx = None
    if (mean**2 > inverse**-2 - eps).any():
        x, mean = by.away(x, mean), 0 * mean
    total, products = by.totals(g, x)
    along = (products - mean * total) * inverse
    if wants[0]:
        scale = inverse if w is None else inverse * w
        slope = along * inverse * scale / -count
        shift, more = (-total * scale / count - slope * mean, [(x, slope)]) if training else (None, [])
        dx = sums(by, x.dtype, shift, (g, scale), *more)
    dw, db = (v.astype(x.dtype) if want else None for v, want in zip((along, total), wants[1:3], strict=True))
    return dx, dw, db, None, None


# -- layer norm: (rows, D), a mean for each row ------------------------------------------------------------------------
def _layer_norm(xp: Any, x: Array, w: Array, b: Array, *, count: int, eps: float) -> Any:
    if not _in_rows(x):
        return normalise.layer_norm.forward(xp, x, w, b, count=count, eps=eps)
    size = math.prod(x.shape[x.ndim - count :])
    x2, out = x.reshape(-1, size), np.empty(x.shape, x.dtype)
    out2, ones = out.reshape(x2.shape), np.full(size, 1 / size, x.dtype)
    mean, inverse = np.empty((2, len(x2), 1), x.dtype)
    for a in _few(len(x2), size):
        made, m, inv = out2[a], mean[a], inverse[a]
        np.matmul(x2[a], ones, m[:, 0])
        np.subtract(x2[a], m, made)
        squares = np.vecdot(made, made)
        if (m[:, 0] ** 2 * size > squares).any():  # a large mean, of which rounding left something
            left = (made @ ones)[:, None]
            m += left
            made -= left
            squares = np.vecdot(made, made)
        np.divide(squares, size, inv[:, 0])
        np.add(inv, x.dtype.type(eps), inv)
        np.divide(1, np.sqrt(inv, inv), inv)
        np.multiply(made, inv, made)
        if w is not None:
            np.multiply(made, w.reshape(-1), made)
        if b is not None:
            np.add(made, b.reshape(-1), made)
    shape = (*x.shape[: x.ndim - count], *(1,) * count)
    return out, {"mean": mean.reshape(shape), "inverse": inverse.reshape(shape)}


@normalise.layer_norm.together
def _layer_norm_gradients(
    g: Array, wants: tuple[bool, ...], x: Array, w: Array, mean: Array, inverse: Array, count: int
) -> Any:  # fmt: skip
    if x is None or not _in_rows(x) or g.dtype is not x.dtype:
        return NotImplemented
    learned = x.shape[x.ndim - count :]
    size = math.prod(learned)
    x2, g2, mean, inverse = x.reshape(-1, size), g.reshape(-1, size), mean.reshape(-1, 1), inverse.reshape(-1, 1)
    weight = np.ones(size, x.dtype) if w is None else w.reshape(-1)
    dx = np.empty(x.shape, x.dtype) if wants[0] else None
    dx2, (dw, db) = None if dx is None else dx.reshape(x2.shape), np.zeros((2, size))
    for a in _few(len(x2), size):
        gs = np.ascontiguousarray(g2[a])
        hat = x2[a] - mean[a]
        hat *= inverse[a]
        both, ones = gs * hat, np.ones(len(gs), x.dtype)
        if wants[1]:
            dw += ones @ both
        if wants[2]:
            db += ones @ gs
        if dx2 is not None:
            hat *= (both @ weight / size)[:, None]
            hat += (gs @ weight / size)[:, None]
            np.subtract(gs if w is None else np.multiply(gs, weight, both), hat, hat)
            np.multiply(hat, inverse[a], dx2[a])
    of_w, of_b = (v.astype(x.dtype).reshape(learned) for v in (dw, db))
    return dx, of_w if wants[1] else None, of_b if wants[2] else None


override(CPU, "native_batch_norm", _batch_norm)
override(CPU, "native_layer_norm", _layer_norm)

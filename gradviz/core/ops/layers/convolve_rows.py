"""The arithmetic of convolution in two dimensions: pictures times weights, and the two adjoints of that product.

NOTE [Rows]  The usual im2col copies each pixel kh * kw times. Here it is copied only kw times, into

    rows[group, h, c, j, n, wo] = x[n, c, h, wo * stride + j * dilation]

With h outermost, what output row `ho` needs is the block of rows h = ho ... ho + kh - 1, which already lies in memory
as one matrix with kh * c * kw rows and n * wo columns. Blocks of neighbouring output rows overlap, so all of them
together are a strided view, and the convolution is one batched matrix product `w @ view`: a fifth of the copying for a
5 x 5 kernel. `_fold` is the exact adjoint: kh + kw slice additions instead of kh * kw. Sums of 16-bit floats are kept
in 32 bits and rounded once, at the end. Of many narrow pictures the last two dimensions change places, so that what is
copied and added at a time is longer.

NOTE [Rows at once]  A product with 6 rows keeps a processor half as busy as one with 12. With few output channels two
or four output rows are computed at once, from kh + 1 or kh + 3 rows of x, by weights with zeros beside them:

    first output row    w0 w1 w2 w3 w4  0
    second output row    0 w0 w1 w2 w3 w4

Where BLAS has products of small matrices written for AVX-512 that pays with 2 or 3 channels only.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ... import blas
from ..helpers import wider
from ..reductions.dims import added

Pair = tuple[int, int]
# Output rows computed at once, and up to how many output channels; by whether BLAS is wide (see blas.py).
AT_ONCE = {False: ((4, 3), (2, 8)), True: ((2, 3),)}
TALL, MANY = 16, 800  # rows of y, and numbers in its product with those of x, from which on this is turned around
LARGE = 1200  # numbers in a product beyond which a wide BLAS is several times quicker with it turned around


class Plan(NamedTuple):
    """How a convolution is cut into matrix products: worked out from shapes and settings."""

    groups: int
    o: int  # output channels of a group
    c: int  # input channels of a group
    size: Pair  # rows and columns of x, with its padding
    kernel: Pair
    out: Pair  # output rows and columns
    stride: Pair
    padding: Pair
    dilation: Pair
    once: int  # output rows computed at once, see NOTE [Rows at once]
    narrow: bool  # whether pictures come last

    @property
    def reach(self) -> int:
        """How many rows of x each product reads."""
        return self.kernel[0] + self.once - 1

    @property
    def turned(self) -> bool:
        """Whether the gradient for the weights is computed as its transpose, the product that BLAS is quicker with."""
        tall = self.once * self.o
        numbers = tall * self.reach * self.c * self.kernel[1]
        return (tall >= TALL and numbers >= MANY) or (numbers > LARGE and blas.is_wide())

    def rows_shape(self, n: int) -> tuple[int, ...]:
        """The shape of the rows of n pictures."""
        last = (self.out[1], n) if self.narrow else (n, self.out[1])
        return (self.groups, self.size[0], self.c, self.kernel[1], *last)


def planned(
    n: int, size: Pair, w: tuple[int, ...], out: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Plan:
    """For n pictures of this size at a time, weights of this shape and so many results."""
    o, c, kh, kw = w
    wide = size[0] + 2 * padding[0], size[1] + 2 * padding[1]
    once = _rows_at_once(out[0], o // groups) if kh >= 5 and stride[0] == dilation[0] == 1 else 1
    narrow = out[1] <= 16 and n >= 8
    return Plan(groups, o // groups, c, wide, (kh, kw), out, stride, padding, dilation, once, narrow)


def _rows_at_once(count: int, o: int) -> int:
    return next((r for r, most in AT_ONCE[blas.is_wide()] if count % r == 0 and 1 < o <= most), 1)


def out_size(size: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Pair:
    """How many positions the kernel has along both dimensions."""
    (h, w), (kh, kw), (sh, sw), (ph, pw), (dh, dw) = size, kernel, stride, padding, dilation
    return (h + 2 * ph - dh * (kh - 1) - 1) // sh + 1, (w + 2 * pw - dw * (kw - 1) - 1) // sw + 1


# -- the product and its adjoints ----------------------------------------------------------------------------------
def convolve_rows(xp: Any, plan: Plan, band: Any, rows: Any, bias: Any, out: Any) -> None:
    """The product of `banded` weights and rows, written into `out` (N, O, Ho, Wo)."""
    y = band @ _blocks(xp, plan, rows)
    y = y.reshape(plan.groups, plan.out[0] // plan.once, plan.once, plan.o, y.shape[-1])
    if bias is not None:
        y += bias.reshape(plan.groups, 1, 1, plan.o, 1)  # here, where what is added to lies together
    y = y.reshape(*y.shape[:4], *rows.shape[4:])
    y = y.transpose((5, 0, 3, 1, 2, 4) if plan.narrow else (4, 0, 3, 1, 2, 5))
    out.reshape(y.shape)[...] = y


def spread_rows(xp: Any, plan: Plan, band: Any, y: Any, out: Any) -> None:
    """The adjoint for the picture, one row at once: y (N, O, Ho, Wo) with `banded` weights, into `out` (N, C, H, W)."""
    n, (high, wide) = y.shape[0], plan.out
    blocks = band.swapaxes(2, 3) @ _columns(xp, plan, wider(xp, y))
    last = (wide, n) if plan.narrow else (n, wide)
    _fold(xp, plan, blocks.reshape(plan.groups, high, plan.kernel[0], plan.c, plan.kernel[1], *last), out)


def correlate_rows(xp: Any, plan: Plan, y: Any, rows: Any) -> Any:
    """The adjoint for `banded` weights: y (N, O, Ho, Wo) and the rows of x -> (groups, once * O, reach * C * kw).

    If the plan says so, the last two dimensions have changed places.
    """
    y, blocks = wider(xp, y), _blocks(xp, plan, rows)
    if plan.turned:
        return added(blocks @ _turned_columns(plan, y), 1)
    return added(_columns(xp, plan, y) @ blocks.swapaxes(2, 3), 1)


def weights_of(xp: Any, plan: Plan, band: Any) -> Any:
    """The adjoint of `banded`: what `correlate_rows` gives -> (O, C / groups, kh, kw)."""
    (kh, kw), once = plan.kernel, plan.once
    if plan.turned:
        parts = band.reshape(plan.groups, plan.reach, plan.c, kw, once, plan.o).transpose(0, 4, 5, 1, 2, 3)
    else:
        parts = band.reshape(plan.groups, once, plan.o, plan.reach, plan.c, kw)
    w = parts[:, 0, :, :kh]
    for i in range(1, once):
        w = w + parts[:, i, :, i : i + kh]
    w = xp.ascontiguousarray(w.transpose(0, 1, 3, 2, 4))
    return w.reshape(plan.groups * plan.o, plan.c, kh, kw)


# -- matrices ------------------------------------------------------------------------------------------------------
def banded(xp: Any, plan: Plan, w: Any) -> Any:
    """w as a matrix for `once` output rows: (groups, 1, once * O, reach * C * kw)."""
    (kh, kw), once = plan.kernel, plan.once
    kernel = wider(xp, w).reshape(plan.groups, plan.o, plan.c, kh, kw).transpose(0, 1, 3, 2, 4)
    if once > 1:
        wide = xp.zeros((plan.groups, once, plan.o, plan.reach, plan.c, kw), dtype=kernel.dtype)
        for i in range(once):
            wide[:, i, :, i : i + kh] = kernel
        kernel = wide
    return kernel.reshape(plan.groups, 1, once * plan.o, plan.reach * plan.c * kw)


def _columns(xp: Any, plan: Plan, y: Any) -> Any:
    """(N, O, Ho, Wo) -> a matrix for each `once` output rows: (groups, Ho / once, once * O, N * Wo)."""
    groups, o, once = plan.groups, plan.o, plan.once
    n, _, ho, wo = y.shape
    y = y.reshape(n, groups, o, ho // once, once, wo)
    y = y.transpose((1, 3, 4, 2, 5, 0) if plan.narrow else (1, 3, 4, 2, 0, 5))
    return y.reshape(groups, ho // once, once * o, n * wo)


def _turned_columns(plan: Plan, y: Any) -> Any:
    """The same with the last two dimensions changed: (groups, Ho / once, N * Wo, once * O)."""
    groups, o, once = plan.groups, plan.o, plan.once
    n, _, ho, wo = y.shape
    y = y.reshape(n, groups, o, ho // once, once, wo)
    y = y.transpose((1, 3, 5, 0, 4, 2) if plan.narrow else (1, 3, 0, 5, 4, 2))
    return y.reshape(groups, ho // once, n * wo, once * o)


def rows_of(xp: Any, plan: Plan, x: Any, into: Any = None) -> Any:
    """(N, C, H, W) -> rows (groups, H, C / groups, kw, N, Wo) or (..., Wo, N), in `into`; see NOTE [Rows]."""
    x = _padded(xp, wider(xp, x), plan.padding)
    n = x.shape[0]
    if plan.narrow:
        x = xp.ascontiguousarray(x.transpose(1, 2, 3, 0)).transpose(3, 0, 1, 2)
    sn, sc, sh, sw = x.strides
    last = (sw * plan.stride[1], sn) if plan.narrow else (sn, sw * plan.stride[1])
    steps = (sc * plan.c, sh, sc, sw * plan.dilation[1], *last)
    windows = _seen_as(xp, x, plan.rows_shape(n), steps)
    if into is None:
        return xp.ascontiguousarray(windows)
    into[...] = windows
    return into


def _blocks(xp: Any, plan: Plan, rows: Any) -> Any:
    """The matrix of each `once` output rows, a view of the rows: (groups, Ho / once, reach * C * kw, N * Wo)."""
    groups, h, c, kw, n, wo = rows.shape
    last = rows.itemsize  # not rows.strides: NumPy says nothing about the stride of a dimension of size 1
    across = n * wo * last
    up = c * kw * across
    count, step = plan.out[0] // plan.once, up * plan.stride[0] * plan.once
    if plan.dilation[0] == 1:
        return _seen_as(xp, rows, (groups, count, plan.reach * c * kw, n * wo), (h * up, step, across, last))
    # Rows of one block are not evenly spaced: the reshape copies.
    spaced = up * plan.dilation[0]
    steps = (h * up, step, spaced, across, last)
    blocks = _seen_as(xp, rows, (groups, count, plan.reach, c * kw, n * wo), steps)
    return blocks.reshape(groups, count, plan.reach * c * kw, n * wo)


def _seen_as(xp: Any, x: Any, shape: tuple[int, ...], strides: tuple[int, ...]) -> Any:
    """A view with other strides; NumPy makes one of memory that lies together in a sixth of the time."""
    if x.__class__ is np.ndarray and x.flags.c_contiguous:
        return np.ndarray(shape, x.dtype, x, 0, strides)
    return xp.lib.stride_tricks.as_strided(x, shape, strides)


def _fold(xp: Any, plan: Plan, blocks: Any, out: Any) -> None:
    """Add blocks (groups, Ho, kh, C, kw, ...) up into `out` (N, C, H, W): the adjoint of rows and blocks."""
    (ph, pw), (sh, sw), (dh, dw) = plan.padding, plan.stride, plan.dilation
    n, (h, w), (ho, wo) = out.shape[0], plan.size, plan.out
    rows = xp.zeros((plan.groups, h, *blocks.shape[3:]), dtype=blocks.dtype)
    for i in range(plan.kernel[0]):
        rows[:, i * dh : i * dh + (ho - 1) * sh + 1 : sh] += blocks[:, :, i]
    last = (w, n) if plan.narrow else (n, w)
    image = xp.zeros((plan.groups, h, plan.c, *last), dtype=blocks.dtype)
    for j in range(plan.kernel[1]):
        across = slice(j * dw, j * dw + (wo - 1) * sw + 1, sw)
        image[(..., across, slice(None)) if plan.narrow else (..., across)] += rows[:, :, :, j]
    image = image.transpose((4, 0, 2, 1, 3) if plan.narrow else (3, 0, 2, 1, 4))
    image = image[..., ph : h - ph, pw : w - pw]
    out.reshape(image.shape)[...] = image


def _padded(xp: Any, x: Any, padding: Pair) -> Any:
    ph, pw = padding
    if not (ph or pw):
        return x
    n, c, h, w = x.shape
    wide = xp.zeros((n, c, h + 2 * ph, w + 2 * pw), dtype=x.dtype)
    wide[:, :, ph : ph + h, pw : pw + w] = x
    return wide


def all_finite(x: Any) -> bool:
    """Whether all numbers of an array of NumPy's are finite, and their sum is.

    `einsum` adds in a third of the time of `add.reduce`, and on one thread: a scalar product would wake OpenBLAS' own.
    """
    return math.isfinite(np.einsum("i->", x.ravel("K")))

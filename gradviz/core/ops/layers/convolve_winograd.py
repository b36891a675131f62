"""Convolutions with 3 x 3 kernels in fewer multiplications: Winograd's minimal filtering, on the CPU.

Source: A. Lavin, S. Gray, Fast Algorithms for Convolutional Neural Networks, 2015 (arXiv:1509.09308).

NOTE [Winograd]  Four neighbouring outputs of a line y = d * g with 3 weights g depend on six inputs d. Multiplying
polynomials by their values at six points gives matrices with

    y = A ((G g) . (B d))        A (4, 6)   G (6, 3)   B (6, 6)        "." number by number

and so 6 multiplications instead of 12; along both dimensions of a picture 36 instead of 144. With many channels each
of the 36 products is one between matrices, (tiles, C) @ (C, O). The points 0, 1, -1, 1/2, -2 and infinity lose least:
errors are near 1e-6 of the largest result in single precision, where the sum itself has 3e-7.

The transforms are products too. One matrix holds B for `BLOCK` neighbouring tiles, so it also does what padding would,
and reads and writes any order of memory. Of the tiles of some pictures beside one another:

    d (n, h, w, C)  --along w-->  (n, h, fw, tw, C)  --along h-->  (fw, fh, th, n, tw, C)  @ (fw, fh, C, O)  and back

The gradient for the picture is a convolution with turned weights. The gradient for the weights has three outputs of
four weights, so the same points: G' ((B d) . (A' g)), summed over all tiles before it is transformed back. A result
that is not finite is left to the plain way: an infinity here reaches the whole tile.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from ...parallel import share, summed
from .convolve_rows import all_finite

Pair = tuple[int, int]
Array = np.ndarray[Any, Any]

POINTS = (0.0, 1.0, -1.0, 0.5, -2.0)  # and infinity
FREQUENCIES, TILE, KERNEL = 6, 4, 3
ONE = 1  # the number of the point 1, where a constant is seen as it is
BLOCK = 4  # tiles that one matrix transforms
MANY = 24  # at most so many tiles beside one another in a patch
FEW = 256  # weights whose transforms are one product
MUCH = 5e6  # multiplications that are worth a second thread
ROOM = 3 * 2**19  # numbers in the two arrays that a product of a patch reads and writes


# -- the matrices --------------------------------------------------------------------------------------------------
@functools.cache
def _basis() -> tuple[Array, Array, Array]:
    """A transposed, G and B of NOTE [Winograd]; rows of B are scaled to a largest number of 1."""

    def powers(count: int) -> Array:
        made = np.zeros((FREQUENCIES, count))
        made[:-1] = np.power.outer(np.array(POINTS), np.arange(count))
        made[-1, -1] = 1
        return made

    read = np.linalg.inv(powers(FREQUENCIES)).T
    scale = np.abs(read).max(axis=1, keepdims=True)
    return powers(TILE), powers(KERNEL) * scale, read / scale


class Block(NamedTuple):
    """Some neighbouring tiles along one dimension: what they read and write, and the matrices that do it."""

    tiles: int
    reads: slice
    writes: slice
    spread: Array  # (6 * tiles, reads): B
    gather: Array  # (writes, 6 * tiles): A
    lift: Array  # (6 * tiles, writes): A transposed


@functools.lru_cache(maxsize=256)
def _blocks(size: int, count: int, padding: int, dtype: Any) -> tuple[Block, ...]:
    """The tiles of `count` outputs of a line with `size` numbers and zeros around them."""
    a, _, b = _basis()
    made = []
    tiles = -(-count // TILE)
    for first in range(0, tiles, BLOCK):
        t = min(BLOCK, tiles - first)
        low, start = first * TILE - padding, first * TILE
        high, stop = low + t * TILE + KERNEL - 1, min(start + t * TILE, count)
        reads = slice(max(low, 0), min(high, size))
        spread, lift = np.zeros((FREQUENCIES, t, high - low)), np.zeros((FREQUENCIES, t, t * TILE))
        for i in range(t):
            spread[:, i, TILE * i : TILE * i + FREQUENCIES] = b
            lift[:, i, TILE * i : TILE * (i + 1)] = a
        into = spread[..., reads.start - low : reads.stop - low].reshape(FREQUENCIES * t, -1)
        above = lift[..., : stop - start].reshape(FREQUENCIES * t, -1)
        # Column by column: OpenBLAS is quick with them then, whichever way the other factor lies.
        matrices = (np.asfortranarray(m, dtype=dtype) for m in (into, above.T, above))
        made.append(Block(t, reads, slice(start, stop), *matrices))
    return tuple(made)


@functools.lru_cache(maxsize=8)
def _taps(dtype: Any, turned: bool) -> Array:
    """What each weight (kh, kw), or the one opposite to it, counts for at each frequency: (6 * 6, 9)."""
    g = _basis()[1][:, :: -1 if turned else 1]
    made: Array = np.einsum("xj,yi->xyij", g, g).reshape(FREQUENCIES**2, KERNEL**2).astype(dtype)
    return made


def _few(o: int, c: int) -> int:
    """How many output channels' weights to transform at a time: so few that BLAS does it quickly, on one thread."""
    return next(r for r in range(min(o, max(FEW // c, 1)), 0, -1) if o % r == 0)


def _filters(w: Array) -> Array:
    """Weights (O, C, 3, 3), turned around -> (6, 6, O, C)."""
    o, c = w.shape[:2]
    few = _few(o, c)
    made = np.empty((FREQUENCIES, FREQUENCIES, o, c), w.dtype)
    each = w.reshape(-1, few * c, KERNEL**2).swapaxes(1, 2)
    np.matmul(_taps(w.dtype, True), each, out=made.reshape(FREQUENCIES**2, -1, few * c).swapaxes(0, 1))
    return made


def _filters_across(w: Array) -> Array:
    """Weights, not turned -> (6, 6, C, O): OpenBLAS is slow where the second factor of small products is transposed."""
    o, c = w.shape[:2]
    made = np.empty((FREQUENCIES, FREQUENCIES, c, o), w.dtype)
    each = w.reshape(o, c, KERNEL**2).transpose(1, 2, 0)
    np.matmul(_taps(w.dtype, False), each, out=made.reshape(FREQUENCIES**2, c, o).swapaxes(0, 1))
    return made


def _weights(filters: Array) -> Array:
    """The adjoint of `_filters`, of weights that are not turned: (6, 6, O, C) -> (O, C, 3, 3)."""
    o, c = filters.shape[2:]
    each = filters.reshape(FREQUENCIES**2, -1, _few(o, c) * c).transpose(1, 2, 0)
    made: Array = np.matmul(each, _taps(filters.dtype, False))
    return made.reshape(o, c, KERNEL, KERNEL)


# -- patches: what is transformed and multiplied at once -----------------------------------------------------------
class Patch(NamedTuple):
    """Some pictures, a row of tiles in blocks of one height, and blocks beside one another."""

    pictures: slice
    row: Block
    columns: tuple[Block, ...]
    shape: tuple[int, ...]  # of the numbers at all frequencies: (6, 6, tiles down, pictures, tiles across)

    @property
    def tiles(self) -> int:
        return math.prod(self.shape[2:])


class Plan(NamedTuple):
    """All patches, each so small that it stays in the cache, and how many numbers the stages of one are at most."""

    patches: list[Patch]
    half: int
    whole: Pair  # with the channels of the picture, and of the result
    worth: bool  # whether there is enough to do to share patches


@functools.lru_cache(maxsize=256)
def _planned(n: int, size: Pair, count: Pair, padding: Pair, c: int, o: int, dtype: Any) -> Plan:
    """For n pictures of this size and so many results, with `c` and `o` channels; only read."""
    rows, columns = (_blocks(*line, dtype) for line in zip(size, count, padding, strict=True))
    room = ROOM // (FREQUENCIES**2 * (c + o) * rows[0].tiles)
    room = min(max(room, BLOCK), MANY)
    wide = max(room // BLOCK, 1)
    groups = [columns[i : i + wide] for i in range(0, len(columns), wide)]
    most = max(room // sum(b.tiles for b in groups[0]), 1)
    each = -(-n // -(-n // most))  # as even as can be
    patches = []
    for i in range(0, n, each):
        for row in rows:
            for group in groups:
                last = min(i + each, n)
                shape = FREQUENCIES, FREQUENCIES, row.tiles, last - i, sum(b.tiles for b in group)
                patches.append(Patch(slice(i, last), row, group, shape))
    across = max(p.shape[3] * p.shape[4] for p in patches)
    high = max(max(row.reads.stop - row.reads.start, row.tiles * TILE) for row in rows)
    whole = FREQUENCIES**2 * rows[0].tiles * across
    worth = FREQUENCIES**2 * sum(p.tiles for p in patches) * c * o > MUCH
    return Plan(patches, FREQUENCIES * high * across * max(c, o), (whole * c, whole * o), worth)


class _Scratch:
    """Memory for the stages of one patch at a time."""

    def __init__(self, plan: Plan, dtype: Any) -> None:
        self.half = np.empty(plan.half, dtype)
        self.whole = [np.empty(numbers, dtype) for numbers in plan.whole]

    def full(self, which: int, patch: Patch, channels: int) -> Array:
        """For the numbers at all frequencies: (6, 6, tiles down, pictures, tiles across, channels)."""
        shape = *patch.shape, channels
        return self.whole[which][: math.prod(shape)].reshape(shape)


def _matrix(full: Array, at: int, tiles: int) -> Array:
    """Of `full`, some tiles: for each picture and frequency along w, a matrix (6 * tiles down, tiles * channels)."""
    f, _, down, n, _, channels = full.shape
    s = full.strides
    shape = n, f, f * down, tiles * channels
    return np.ndarray(shape, full.dtype, full, at * s[4], (s[3], s[0], s[2], s[5]))  # as_strided takes longer


def _forth(x: Array, patch: Patch, which: str, full: Array, half: Array) -> None:
    """Transform a patch of x (N, H, W, C) into `full`, by the blocks' matrices `which`."""
    x, at = x[patch.pictures], 0
    n, c = x.shape[0], x.shape[3]
    along = "writes" if which == "lift" else "reads"
    down = getattr(patch.row, along)
    h = down.stop - down.start
    for block in patch.columns:
        f, t = FREQUENCIES, block.tiles
        made = half[: n * h * f * t * c].reshape(n, h, f * t, c)
        np.matmul(getattr(block, which), x[:, down, getattr(block, along)], out=made)
        turned = made.reshape(n, h, f, t * c).transpose(0, 2, 1, 3)
        np.matmul(getattr(patch.row, which), turned, out=_matrix(full, at, t))
        at += t


def _back(full: Array, patch: Patch, out: Array, half: Array) -> None:
    """Transform `full` into a patch of out (N, H, O, W)."""
    n, o, at = full.shape[3], full.shape[5], 0
    h = patch.row.writes.stop - patch.row.writes.start
    for block in patch.columns:
        f, t = FREQUENCIES, block.tiles
        made = half[: n * h * f * t * o].reshape(n, h, f * t, o)
        turned = made.reshape(n, h, f, t * o).transpose(0, 2, 1, 3)
        np.matmul(patch.row.gather, _matrix(full, at, t), out=turned)
        into = out[patch.pictures, patch.row.writes, :, block.writes]
        np.matmul(made.swapaxes(2, 3), block.gather.T, out=into)
        at += t


# -- the three products --------------------------------------------------------------------------------------------
def _convolved(x: Array, filters: Array, bias: Any, count: Pair, padding: Pair) -> Array | None:
    """x (N, C, H, W), filters (6, 6, C, O) -> (N, O, *count), or None if a result is not finite."""
    x = _plain(x)
    n, c, high, wide = x.shape
    o = filters.shape[3]
    plan = _planned(n, (high, wide), count, padding, c, o, x.dtype)
    out = np.empty((n, o, *count), dtype=x.dtype)
    seen, made = x.transpose(0, 2, 3, 1), out.transpose(0, 2, 1, 3)

    def work(mine: Iterable[int]) -> None:
        scratch = _Scratch(plan, x.dtype)
        for i in mine:
            patch = plan.patches[i]
            there, then = scratch.full(0, patch, c), scratch.full(1, patch, o)
            _forth(seen, patch, "spread", there, scratch.half)
            flat = there.reshape(FREQUENCIES, FREQUENCIES, -1, c)
            np.matmul(flat, filters, out=then.reshape(FREQUENCIES, FREQUENCIES, -1, o))
            if bias is not None:
                then[ONE, ONE] += bias
            _back(then, patch, made, scratch.half)

    share(work, len(plan.patches), worth=plan.worth, alone=True)
    return out if all_finite(out) else None


def convolve(x: Array, w: Array, bias: Any, count: Pair, padding: Pair) -> Array | None:
    """x (N, C, H, W), w (O, C, 3, 3), bias (O) or None -> (N, O, *count), or None if a result is not finite."""
    return _convolved(x, _filters_across(w), bias, count, padding)


def spread(y: Array, w: Array, count: Pair, padding: Pair) -> Array | None:
    """The adjoint for the picture: y (N, O, Ho, Wo) -> (N, C, *count)."""
    return _convolved(y, _filters(w), None, count, (KERNEL - 1 - padding[0], KERNEL - 1 - padding[1]))


def correlate(y: Array, x: Array, padding: Pair) -> Array | None:
    """The adjoint for the weights: y (N, O, Ho, Wo), x (N, C, H, W) -> (O, C, 3, 3)."""
    x, y = _plain(x), _plain(y)
    n, c, high, wide = x.shape
    o = y.shape[1]
    plan = _planned(n, (high, wide), y.shape[2:], padding, c, o, x.dtype)
    given, above = x.transpose(0, 2, 3, 1), y.transpose(0, 2, 3, 1)

    def work(mine: range) -> Any:
        scratch, total, one = _Scratch(plan, x.dtype), None, None
        for i in mine:
            patch = plan.patches[i]
            there, then = scratch.full(0, patch, c), scratch.full(1, patch, o)
            _forth(given, patch, "spread", there, scratch.half)
            _forth(above, patch, "lift", then, scratch.half)
            flat = then.reshape(FREQUENCIES, FREQUENCIES, -1, o).swapaxes(2, 3)
            one = np.matmul(flat, there.reshape(FREQUENCIES, FREQUENCIES, -1, c), out=one)
            if total is None:
                total, one = one, None
            else:
                total += one
        return total

    w = _weights(summed(work, len(plan.patches), worth=plan.worth, alone=True))
    return w if all_finite(w) else None


def _plain(x: Array) -> Array:
    """x (N, C, H, W), copied unless its rows, or its channels, lie together as matrix products need them."""
    size, (_, c, h, w) = x.itemsize, x.strides
    together = (w == size and c >= size * x.shape[3]) or (c == size and w >= size * x.shape[1])
    fits = all(s % size == 0 for s in (c, h, w)) and together and x.flags.aligned
    return x if fits else np.ascontiguousarray(x)

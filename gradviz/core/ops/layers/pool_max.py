"""Max pooling in two and three dimensions: the largest number of every window, and where it was.

A window is seen as kh * kw shifted pictures: for every place (i, j) in the window, the strided view of that place in
all windows at once. Pooling combines these few large views instead of many small windows. All functions take
(..., sizes), with any dimensions before. Max pooling chooses elements, so its gradient puts each number back where it
came from, and the gradient of that picks it out again: `pool_scatter` and `pool_gather` name one another.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...accelerator import on_arrays
from ...checks import at_hand
from ...errors import no_kernel
from ...memory_format import as_suggested
from ...op import OPS, op
from ...parallel import share
from .sliding_windows import Dims, bordered, places_of, pooled_sizes, reached

PIECE = 2**18  # numbers that are worth a thread
_pool_2x2, _pool_back = on_arrays("pool_2x2"), on_arrays("pool_back")  # None for what they leave to be done here


# -- the largest of each window ------------------------------------------------------------------------------------
def _max_pool(
    xp: Any, x: Any, *, kernel_size: Dims, stride: Dims, padding: Dims, dilation: Dims, ceil_mode: bool
) -> Any:
    """The largest of each window and its index in the picture counted row by row; the first where several are equal."""
    if x.dtype.kind in "bc":
        raise no_kernel(f"max_pool{len(kernel_size)}d", x)
    windows = _windows(xp, x.shape, kernel_size, stride, padding, dilation, ceil_mode)
    floating = x.dtype.kind not in "iu"
    lowest = -float("inf") if floating else xp.iinfo(x.dtype).min

    beside = kernel_size == stride == (2, 2) and not windows.reach and dilation == (1, 1)

    def pooled(x: Any) -> Iterator[Any]:
        """The numbers, then the indices: not both at once, for what was just made is copied fastest."""
        made = _pool_2x2(x) if beside else None
        if made is not None:
            yield from made
            return
        if windows.reach:
            x = bordered(xp, x, windows.sizes, kernel_size, stride, padding, dilation, lowest)
        out, which = largest(xp, [x[place] for place in windows.places], floating, windows.numbers)
        yield out
        yield _indices(xp, which, windows)

    if len(windows.parts) == 1 and x.flags.c_contiguous:
        out, indices = pooled(x)
        return out, {"indices": indices}
    out = xp.empty((*x.shape[: -len(kernel_size)], *windows.sizes), dtype=x.dtype)
    indices = xp.empty(out.shape, dtype=xp.int64)

    def work(mine: Iterable[int]) -> None:
        for i in mine:
            at = windows.parts[i]
            for whole, part in zip((out, indices), pooled(x[at]), strict=True):
                whole[at] = part

    share(work, len(windows.parts))
    if not x.flags.c_contiguous:
        out, indices = as_suggested(xp, out, x), as_suggested(xp, indices, x)
    return out, {"indices": indices}


def largest(xp: Any, places: list[Any], floating: bool = True, numbers: Sequence[int] = ()) -> tuple[Any, Any]:
    """The largest of several arrays, element by element, and which one it was: the first, or the last NaN.

    `numbers` stand for the arrays, the first is 0 and they grow; without them they are counted.
    """
    numbers = numbers or range(len(places))
    small = np.min_scalar_type(~numbers[-1])
    out, which = xp.ascontiguousarray(places[0]), None
    for number, place in zip(numbers[1:], places[1:], strict=True):
        larger = xp.maximum(out, place)
        better = larger != out  # NaN counts as larger
        better = better.view(small) if small.itemsize == 1 else better.astype(small)
        if number > 1:
            better *= small.type(number)
        out, which = larger, better if which is None else xp.maximum(which, better)
    if which is None:
        return places[0].copy(), xp.zeros(out.shape, dtype=small)
    if floating and (not at_hand(xp) or bool((out != out).any())):
        which = _last_nan(xp, places, which, numbers)
    return out, which


def _last_nan(xp: Any, places: list[Any], which: Any, numbers: Sequence[int]) -> Any:
    """In windows with NaN PyTorch chooses the last NaN."""
    for number, place in zip(numbers, places, strict=True):
        which = xp.where(place != place, which.dtype.type(number), which)
    return which


# -- where it was --------------------------------------------------------------------------------------------------
class _Windows(NamedTuple):
    """What only shapes and settings decide, of all windows over pictures; only to be read."""

    sizes: Dims  # how many there are along each dimension
    reach: bool  # whether some reach out of the picture
    places: list[Any]  # for every place in a window, row by row, the index of that place in all windows
    numbers: Sequence[int]  # what stands for each place: row * W + column, counted from a window's corner
    steps: Any  # or the places are counted, since those do not grow, and this is the array of them
    corners: Any  # row * W + column of each window's corner
    firsts: Any  # and, where windows reach out, of the first place of each inside the picture
    parts: list[slice]  # some pictures each, to be shared among threads


@functools.lru_cache(maxsize=256)
def _windows(
    xp: Any, shape: Dims, kernel: Dims, stride: Dims, padding: Dims, dilation: Dims, ceil_mode: bool
) -> _Windows:
    sizes = pooled_sizes(shape, kernel, stride, padding, dilation, ceil_mode)
    there = shape[-len(kernel) :]
    inside = itertools.product(*(range(0, k * d, d) for k, d in zip(kernel, dilation, strict=True)))
    strides = tuple(math.prod(there[i + 1 :]) for i in range(len(there)))
    steps: Any = [sum(at * by for at, by in zip(place, strides, strict=True)) for place in inside]
    grow = all(a < b for a, b in itertools.pairwise(steps))
    starts = [xp.arange(-p, n * s - p, s) for n, s, p in zip(sizes, stride, padding, strict=True)]
    firsts = None
    if any(padding):
        firsts = added_axes([
            xp.where(at < 0, at + -(at // d) * d, at) * by
            for at, d, by in zip(starts, dilation, strides, strict=True)
        ])  # fmt: skip
    corners = added_axes([at * by for at, by in zip(starts, strides, strict=True)])
    reach = reached(there, sizes, kernel, stride, padding, dilation) != there
    places = places_of(sizes, kernel, stride, dilation)
    numbers, steps = (steps, None) if grow else (range(len(steps)), xp.asarray(steps))
    each = -(-shape[0] // max(math.prod(shape) // PIECE, 1)) if at_hand(xp) else shape[0]
    parts = [slice(i, i + each) for i in range(0, shape[0], each)] if each else []
    return _Windows(sizes, reach, places, numbers, steps, corners, firsts, parts)


def _indices(xp: Any, which: Any, windows: _Windows) -> Any:
    """Row * W + column of the chosen place of each window."""
    indices = which.astype(xp.int64) if windows.steps is None else xp.take(windows.steps, which)
    indices += windows.corners
    # Nothing was larger than the border: the first place inside the picture.
    return indices if windows.firsts is None else xp.where(which == 0, windows.firsts, indices)


def added_axes(parts: list[Any]) -> Any:
    """One line of numbers per dimension, summed into a grid."""
    total = parts[0]
    for part in parts[1:]:
        total = total[..., None] + part
    return total


@functools.lru_cache(maxsize=256)
def _planes(xp: Any, count: int, plane: int) -> Any:
    """Where each picture begins, as a column; only read."""
    return (xp.arange(count) * plane)[:, None]


def flat_indices(xp: Any, indices: Any, dims: int, plane: int) -> Any:
    """Indices in each picture -> indices in all pictures, one after the other."""
    count = math.prod(indices.shape[:-dims])
    each = math.prod(indices.shape[-dims:])
    return (indices.reshape(count, each) + _planes(xp, count, plane)).reshape(-1)


def scattered(xp: Any, y: Any, indices: Any, *, shape: Dims, dims: int, overlap: bool) -> Any:
    """Zeros of `shape` with each number of y added at its index; windows that overlap may share one."""
    made = _pool_back(y, indices, shape, overlap) if dims == 2 else None
    if made is not None:
        return made
    out = xp.zeros(shape, dtype=y.dtype)
    line, at = out.reshape(-1), flat_indices(xp, indices, dims, math.prod(shape[-dims:]))
    if overlap:
        xp.add.at(line, at, y.reshape(-1))
    else:
        line[at] = y.reshape(-1)
    return out


def _gather(xp: Any, x: Any, indices: Any, *, dims: int, overlap: bool) -> Any:
    """The numbers of x at the indices."""
    return x.reshape(-1)[flat_indices(xp, indices, dims, math.prod(x.shape[-dims:]))].reshape(indices.shape)


@functools.lru_cache(maxsize=256)
def overlaps(kernel: Dims, stride: Dims, dilation: Dims) -> bool:
    """Whether neighbouring windows share elements."""
    return any(s < d * (k - 1) + 1 for k, s, d in zip(kernel, stride, dilation, strict=True))


# -- the operations ------------------------------------------------------------------------------------------------
def declare_choice(name: str, forward: Any, *, node: str, dims: int, overlap: Any) -> None:
    """An operation that chooses elements: forward gives them and their indices. `overlap(settings)` is whether two
    outputs may choose the same one; it names the settings it needs."""
    scatter, gather = f"{name}_scatter", f"{name}_gather"
    back = node.removesuffix("0") + "Backward0"

    def to_scatter(F: Any, g: Any, indices: Any, shape: Dims, overlap: bool) -> Any:
        return getattr(F, scatter)(g, indices, shape=shape, dims=dims, overlap=overlap)

    def to_gather(F: Any, g: Any, indices: Any, overlap: bool) -> Any:
        return getattr(F, gather)(g, indices, dims=dims, overlap=overlap)

    rule: Any
    if overlap is True:
        rule = lambda F, g, indices, *, x_shape: to_scatter(F, g, indices, x_shape, True)  # noqa: E731
    else:
        rule = lambda F, g, indices, *, x_shape, kernel_size, stride, dilation: to_scatter(  # noqa: E731
            F, g, indices, x_shape, overlap(kernel_size, stride, dilation))  # fmt: skip
    op(name, forward, node=node, public=False, saved_names={"indices": "result1"}, aux=("indices",), x=rule)
    op(scatter, scattered, node=back, public=False,
       y=lambda F, g, indices, *, overlap: to_gather(F, g, indices, overlap))  # fmt: skip
    op(gather, _gather, node="GatherBackward0", public=False,
       x=lambda F, g, indices, *, x_shape, overlap: to_scatter(F, g, indices, x_shape, overlap))  # fmt: skip


for _dims in (2, 3):
    declare_choice(
        f"max_pool{_dims}d", _max_pool, node=f"MaxPool{_dims}DWithIndicesBackward0", dims=_dims, overlap=overlaps
    )
    # With the windows' sizes a GPU gathers the gradient in one launch.
    OPS[f"max_pool{_dims}d"].joins("indices", "x_shape", "kernel_size", "stride", "dilation")
max_pool2d, max_pool3d = OPS["max_pool2d"], OPS["max_pool3d"]

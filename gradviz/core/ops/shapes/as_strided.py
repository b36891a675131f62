"""Views by sizes and strides: any geometry over the memory of a tensor, and the gradient of such a view."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import noted
from ...op import function, op
from ...storage import check_geometry, extent, overlaps, storage_offset, strided, strides_of
from ...tensor import Tensor

# A geometry: sizes, strides and the place of the first element, in elements.
Geometry = tuple[tuple[int, ...], tuple[int, ...], int]

_as_strided = op("as_strided", lambda xp, x, *, size, stride, storage_offset:
                     (strided(xp, x, size, stride, storage_offset), {"strides": strides_of(x)}),
                 view=True, public=False, aux=("strides",),
                 x=lambda F, g, strides, *, x_shape, size, stride, storage_offset: _pulled(
                     F, g, (x_shape, strides, 0), (size, stride, storage_offset)))  # fmt: skip
# `x` laid into a flat memory at `source`, adding where places coincide, and read again at `target`. An input that shows
# one element several times shares its gradient among them: `shared` is its geometry.
_restride = op("restride", lambda xp, x, *, source, target, shared: _restrided(xp, x, source, target, shared),
               public=False, x=lambda F, g, *, source, target, shared: F.restride(
                   g, source=target, target=source, shared=shared))  # fmt: skip
# `x` laid into memory as `whole`, and `src` over it as `part`. PyTorch gives `x` the gradient of the part that was
# overwritten, not of the rest (seen in 2.13); these are its numbers.
_scatter = op("as_strided_scatter", lambda xp, x, src, *, whole, part: _overlaid(xp, x, src, whole, part), public=False,
              x=lambda F, g, *, whole, part: F.restride(
                  F.restride(g, source=whole, target=part, shared=_NONE), source=part, target=whole, shared=_NONE),
              src=lambda F, g, *, whole, part: F.restride(g, source=whole, target=part, shared=_NONE))  # fmt: skip
_NONE: Geometry = ((), (), 0)


def _pulled(F: Any, g: Any, input: Geometry, output: Geometry) -> Any:
    return F.restride(g, source=output, target=input, shared=input)


def places(at: Geometry, start: int) -> Any:
    """Where in memory each element of a geometry lies, counted from `start`."""
    size, stride, first = at
    found = np.full(size, first - start, np.int64)
    for dim, (n, step) in enumerate(zip(size, stride, strict=True)):
        found += (np.arange(n) * step).reshape((-1,) + (1,) * (len(size) - dim - 1))
    return found


def _reach(*geometries: Geometry) -> tuple[int, int]:
    """The first place that any of them uses, and how many from there to the last."""
    start = min(first for _, _, first in geometries)
    return start, max(1, *(first + extent(size, stride) - start for size, stride, first in geometries))


def _restrided(xp: Any, x: Any, source: Geometry, target: Geometry, shared: Geometry) -> Any:
    start, length = _reach(source, target)
    memory = xp.zeros(length, dtype=x.dtype)
    at = xp.asarray(places(source, start))
    if overlaps(*source[:2]):
        xp.add.at(memory, at, x)
    else:
        memory[at] = x
    if overlaps(*shared[:2]):
        times = np.bincount(places(shared, start).reshape(-1), minlength=length)
        memory = memory / xp.asarray(np.maximum(times, 1).astype(x.real.dtype))
    return memory[xp.asarray(places(target, start))]


def _overlaid(xp: Any, x: Any, src: Any, whole: Geometry, part: Geometry) -> Any:
    start, length = _reach(whole, part)
    memory = xp.zeros(length, dtype=x.dtype)
    at = xp.asarray(places(whole, start))
    memory[at] = x
    memory[xp.asarray(places(part, start))] = src
    return memory[at]


def _asked(x: Tensor, size: Any, stride: Any, first: int | None) -> Geometry:
    """The geometry asked for, counted from the first element of `x`."""
    start = 0 if first is None else int(first) - storage_offset(x._array)
    return tuple(int(n) for n in size), tuple(int(s) for s in stride), start


@function
def as_strided(input: Tensor, size: Any, stride: Any, storage_offset: int | None = None) -> Tensor:
    """A view of the memory behind `input` with these sizes and strides, from element `storage_offset` on."""
    shape, steps, start = _asked(input, size, stride, storage_offset)
    return _as_strided.call(input, size=shape, stride=steps, storage_offset=start)


@function
def as_strided_scatter(input: Tensor, src: Tensor, size: Any, stride: Any, storage_offset: int | None = None) -> Tensor:
    """A copy of `input` in which the elements that `as_strided` would show are those of `src`."""
    part = _asked(input, size, stride, storage_offset)
    check_geometry(*part[:2], _first(input) + part[2], input._array)
    if src._array.shape != part[0]:
        raise noted(
            RuntimeError(
                "expected src to have a size equal to the slice of self. "
                f"src size = {list(src._array.shape)}, slice size = {list(part[0])}"
            )
        )
    whole = (tuple(input._array.shape), strides_of(input._array), 0)
    return _scatter.call(input, src if src.dtype is input.dtype else src.to(input.dtype), whole=whole, part=part)


def _first(x: Tensor) -> int:
    return storage_offset(x._array)

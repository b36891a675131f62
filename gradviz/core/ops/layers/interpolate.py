"""Interpolation: pictures in another size. Each kind is a table of which places an output place sees, and how much.

Output place `o` looks at place `at` of the input, between two of its places in general:

    corners aligned:   at = o * (size - 1) / (wanted - 1)         otherwise:   at = (o + 1/2) * size / wanted - 1/2
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ...autocast import listed
from ...op import OPS
from .resample import Table, declare

_NAMES = {
    "nearest": ("upsample_nearest{}d", "UpsampleNearest{}DBackward0"),
    "nearest-exact": ("upsample_nearest_exact{}d", "UpsampleNearestExact{}DBackward0"),
    "linear": ("upsample_linear{}d", "UpsampleLinear{}DBackward0"),
    "bilinear": ("upsample_bilinear{}d", "UpsampleBilinear{}DBackward0"),
    "trilinear": ("upsample_trilinear{}d", "UpsampleTrilinear{}DBackward0"),
    "bicubic": ("upsample_bicubic{}d", "UpsampleBicubic{}DBackward0"),
}
SMOOTH = ("bilinear", "bicubic", "lanczos")  # what may be smoothed before it is made smaller
for _mode, (_name, _node) in _NAMES.items():
    for _dims in {"linear": (1,), "bilinear": (2,), "trilinear": (3,), "bicubic": (2,)}.get(_mode, (1, 2, 3)):
        declare(_name.format(_dims), _node.format(_dims))
for _mode in SMOOTH:
    declare(f"upsample_{_mode}2d_aa", f"Upsample{_mode.title()}2DAaBackward0")


# -- how much of a place is seen from a distance -------------------------------------------------------------------
def _triangle(x: Any) -> Any:
    return np.maximum(1 - np.abs(x), 0)


def _cubic(x: Any, a: float) -> Any:
    """Keys' cubic convolution: 1 at 0, 0 at every other whole number."""
    x = np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((x - 5) * x + 8) * x * a - 4 * a
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


def _lanczos(x: Any) -> Any:
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0.0)


# How far each kind looks, and how much it sees there.
_FILTERS: dict[str, tuple[float, Callable[[Any], Any]]] = {
    "bilinear": (1.0, _triangle), "bicubic": (2.0, lambda x: _cubic(x, -0.5)), "lanczos": (3.0, _lanczos),
}  # fmt: skip


# -- the tables ----------------------------------------------------------------------------------------------------
def _step(size: int, wanted: int, scale: float | None, align: bool) -> float:
    """How far apart two output places are, in input places."""
    if align:
        return (size - 1) / (wanted - 1) if wanted > 1 else 0.0
    return 1 / scale if scale else size / wanted


@functools.lru_cache(maxsize=256)
def nearest_table(size: int, wanted: int, scale: float | None, middle: bool, single: bool) -> Table:
    """The nearest place: that at or before, or, with `middle`, the one whose middle is nearest."""
    # At a border between two places rounding decides. PyTorch rounds as here, for each type.
    kind: Any = np.float32 if single else np.float64
    step = float(kind(_step(size, wanted, scale, False)))
    at = np.arange(wanted) * step
    if middle:
        at = np.maximum(((np.arange(wanted) + 0.5) * step - 0.5).astype(kind), 0) + kind(0.5)
    at = np.floor(at.astype(np.float32)).astype(np.int64)
    return Table(np.minimum(at, size - 1)[None], None, size)


@functools.lru_cache(maxsize=256)
def smooth_table(mode: str, size: int, wanted: int, scale: float | None, align: bool) -> Table:
    """Two places around, linearly, or four, by a cubic."""
    if mode != "bicubic" and size == wanted:  # whatever the scale, as in PyTorch
        return Table(np.arange(size)[None], None, size)
    step, o = _step(size, wanted, scale, align), np.arange(wanted)
    at = o * step if align else (o + 0.5) * step - 0.5
    if mode != "bicubic":
        at = np.maximum(at, 0)
    first = np.floor(at).astype(np.int64)
    taps = np.arange(-1, 3)[:, None] if mode == "bicubic" else np.arange(2)[:, None]
    weight = _cubic(at - first - taps, -0.75) if mode == "bicubic" else _triangle(at - first - taps)
    return Table(np.clip(first + taps, 0, size - 1), weight, size)


@functools.lru_cache(maxsize=256)
def smoothed_table(mode: str, size: int, wanted: int, scale: float | None, align: bool) -> Table:
    """A filter as wide as an output place, so that a smaller picture shows the mean of what it leaves out."""
    if size == wanted:
        return Table(np.arange(size)[None], None, size)
    step = _step(size, wanted, scale, align)
    reach, seen = _FILTERS[mode]
    wide = max(step, 1.0)
    middle = step * (np.arange(wanted) + 0.5)  # as in PyTorch, whether or not the corners are aligned
    start = np.maximum((middle - reach * wide + 0.5).astype(np.int64), 0)
    stop = np.minimum((middle + reach * wide + 0.5).astype(np.int64), size)
    taps = np.arange(max(int((stop - start).max(initial=1)), 1))[:, None]
    weight = np.where(taps < stop - start, seen((start + taps - middle + 0.5) / wide), 0.0)
    total = weight.sum(0)
    weight = weight / np.where(total == 0, 1, total)
    return Table(np.minimum(start + taps, size - 1), weight, size)


# -- all dimensions ------------------------------------------------------------------------------------------------
@listed
def interpolated(
    input: Any, mode: str, sizes: tuple[int, ...], scales: tuple[float | None, ...], align: bool, antialias: bool
) -> Any:
    """The last dimensions of a Tensor in these sizes."""
    dims = len(sizes)
    each = tuple(zip(input.shape[-dims:], sizes, scales, strict=True))
    if mode.startswith("nearest"):
        single = input.dtype.name != "float64"
        tables = tuple(nearest_table(n, want, scale, mode == "nearest-exact", single) for n, want, scale in each)
    elif antialias:
        tables = tuple(smoothed_table(mode, n, want, scale, align) for n, want, scale in each)
        return OPS[f"upsample_{mode}2d_aa"].call(input, tables=tables)
    else:
        tables = tuple(smooth_table(mode, n, want, scale, align) for n, want, scale in each)
    return OPS[_NAMES[mode][0].format(dims)].call(input, tables=tables)

"""The memory behind a tensor: the array that owns it, where in it a view starts, and other views of it.

All counts are in elements. An array library says whose memory a view shows through `.base`.
"""

from __future__ import annotations

import math
from typing import Any

from gradviz.core.errors import noted


def address(array: Any) -> int:
    """Where the first element of an array lies."""
    described = getattr(array, "__cuda_array_interface__", None) or array.__array_interface__
    return int(described["data"][0])


def owner(array: Any) -> Any:
    """The array whose memory this one shows: itself, if it is no view."""
    found = held = array
    while (held := getattr(held, "base", None)) is not None:
        if type(held) is type(array):
            found = held
    return found


def storage_offset(array: Any) -> int:
    """How many elements lie before the first one of this view."""
    return (address(array) - address(owner(array))) // int(array.dtype.itemsize)


def strides_of(array: Any) -> tuple[int, ...]:
    """The elements to step over per index in each dimension."""
    size = array.dtype.itemsize
    return tuple(s // size for s in array.strides)


def flat_storage(array: Any) -> Any:
    """The whole memory behind a view, in one dimension and in the view's dtype."""
    whole = owner(array)
    order = sorted(range(whole.ndim), key=lambda i: -whole.strides[i])
    flat = whole.transpose(order).reshape(-1)
    if flat.dtype == array.dtype:
        return flat
    fits = flat.nbytes // array.dtype.itemsize * array.dtype.itemsize // flat.dtype.itemsize
    return flat[:fits].view(array.dtype)


def contiguous_strides(size: tuple[int, ...]) -> tuple[int, ...]:
    """The strides of a tensor of this size whose elements lie in order."""
    steps, step = [], 1
    for n in reversed(size):
        steps.append(step)
        step *= max(n, 1)
    return tuple(reversed(steps))


def extent(size: tuple[int, ...], stride: tuple[int, ...]) -> int:
    """How many elements of memory lie from the first to the last, both included."""
    return 0 if 0 in size else 1 + sum((n - 1) * s for n, s in zip(size, stride, strict=True))


def overlaps(size: tuple[int, ...], stride: tuple[int, ...]) -> bool:
    """Whether two indices may mean the same element; True in doubt."""
    if math.prod(size) < 2:
        return False
    reached = 0
    for step, n in sorted((s, n) for n, s in zip(size, stride, strict=True) if n > 1):
        if step <= reached:
            return True
        reached += step * (n - 1)
    return False


def is_dense(array: Any) -> bool:
    """Whether the elements of an array fill a block of memory once each, in whatever order of its dimensions."""
    size, stride = array.shape, strides_of(array)
    return not overlaps(size, stride) and extent(size, stride) == math.prod(size)


def check_geometry(size: tuple[int, ...], stride: tuple[int, ...], start: int, array: Any) -> None:
    """RuntimeError where a view of this geometry, `start` elements into the memory, would leave it."""
    if len(size) != len(stride):
        raise RuntimeError(f"mismatch in length of strides and shape\nGot size={list(size)}, stride={list(stride)}.")
    if any(n < 0 for n in size):
        raise RuntimeError(
            f"Storage size calculation overflowed with sizes={list(size)} and strides={list(stride)}\nSizes count up."
        )
    if any(s < 0 for s in stride):
        raise RuntimeError(f"as_strided: Negative strides are not supported at the moment, got strides: {list(stride)}")
    item = int(array.dtype.itemsize)
    have = int(owner(array).nbytes)
    reach = extent(size, stride)
    if start < 0:
        raise RuntimeError(f"Tensor: invalid storage offset {start}")
    if reach and (start + reach) * item > have:
        raise noted(
            RuntimeError(
                f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {start}, and itemsize {item} "
                f"requiring a storage size of {(start + reach) * item} are out of bounds for storage of size {have}\n"
                f"The memory behind this tensor holds {have // item} elements."
            )
        )


def strided(xp: Any, array: Any, size: tuple[int, ...], stride: tuple[int, ...], offset: int) -> Any:
    """A view of the memory behind `array`, starting `offset` elements after its first one, checked to stay inside."""
    start = storage_offset(array) + offset
    check_geometry(size, stride, start, array)
    if 0 in size:
        return xp.empty(size, dtype=array.dtype)
    item = int(array.dtype.itemsize)
    return xp.lib.stride_tricks.as_strided(flat_storage(array)[start:], size, tuple(s * item for s in stride))

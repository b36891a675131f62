"""Indices as CuPy takes them: those out of range wrap around in silence. On NumPy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np


def get_item(array: Any, index: Any) -> Any:
    return array[wrapped_index(index, array.shape)]


def set_item(array: Any, index: Any, value: Any) -> None:
    array[wrapped_index(index, array.shape)] = value


def wrapped_index(index: Any, shape: tuple[int, ...]) -> Any:
    """An index whose arrays' numbers wrap around where they are out of range, as they do in CuPy."""
    items = index if isinstance(index, tuple) else (index,)
    takes = [0 if i is None or i is Ellipsis else i.ndim if _is_mask(i) else 1 for i in items]
    axis, made = 0, []
    for item, n in zip(items, takes, strict=True):
        if item is Ellipsis:
            axis += len(shape) - sum(takes)
        if isinstance(item, np.ndarray) and item.dtype.kind in "iu" and axis < len(shape):
            item = wrap_around(item, shape[axis])
        axis += n
        made.append(item)
    return tuple(made) if isinstance(index, tuple) else made[0]


def _is_mask(index: Any) -> bool:
    return isinstance(index, np.ndarray) and index.dtype.kind == "b"


def wrap_around(index: Any, size: int) -> Any:
    """Integers modulo the size of the dimension they count in."""
    return index % size if size else index


def take(a: Any, indices: Any, axis: Any = None, out: Any = None) -> Any:
    return np.take(a, wrap_around(np.asarray(indices), np.size(a) if axis is None else np.shape(a)[axis]), axis, out)


def take_along(a: Any, indices: Any, axis: int) -> Any:
    return np.take_along_axis(a, wrap_around(indices, a.shape[axis]), axis)


def put_along(arr: Any, indices: Any, values: Any, axis: int) -> None:
    np.put_along_axis(arr, wrap_around(indices, arr.shape[axis]), values, axis)


# Functions with indices along an axis.
INDEXED = {"take": take, "take_along_axis": take_along, "put_along_axis": put_along}

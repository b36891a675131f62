"""Elements picked by a list of indices or by a mask, and where elements are that are not zero."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import errors
from ...checks import within
from ...errors import noted
from ...memory_format import settled
from ...op import function, op
from ...tensor import Tensor
from ..helpers import along, one_dim, size_along
from ..shapes.broadcast import broadcast_tensors

_index_select = op("index_select", lambda x, *, dim, index: settled(x[along(dim, index)]), public=False,
                   x=lambda F, g, *, x_shape, dim, index:
                       F.index_add_zeros(g, shape=x_shape, index=along(dim, index)))  # fmt: skip
_index_scalar = op("index_select_scalar", lambda x: x.copy(), public=False, node="IndexSelectBackward0", x=lambda g: g)
_take = op("take", lambda x, *, index: x.reshape(-1)[index], public=False,
           x=lambda F, g, *, x_shape, index: F.reshape(
               F.index_add_zeros(g, shape=(math.prod(x_shape),), index=(index,)), shape=x_shape))  # fmt: skip
_masked_select = op("masked_select", lambda x, *, mask: x[mask], public=False,
                    x=lambda F, g, *, x_shape, mask: F.index_add_zeros(g, shape=x_shape, index=(mask,)))  # fmt: skip


# -- by indices ----------------------------------------------------------------------------------------------------
def indices_of(index: Tensor, name: str, kinds: str = "int32/int64", got: bool = False, *, of: Tensor) -> Any:
    """The raw integers of an index tensor, which must be where the tensor is that it counts in."""
    beside(index, name, of)
    if index.dtype.name not in ("int64", "int32"):
        text = f"{name}(): Expected dtype {kinds} for index"
        raise RuntimeError(f"{text} but got: {errors.scalar_type(index.dtype)}" if got else text)
    return index._array


def beside(index: Tensor, name: str, x: Tensor) -> None:
    """RuntimeError for an index on another device than what it counts in."""
    if index.device is not x.device:
        raise noted(RuntimeError(errors.devices_differ(name, (x, index))))


def long_indices(index: Tensor, name: str, *, of: Tensor) -> Any:
    """The raw integers of an index tensor that must be int64."""
    beside(index, name, of)
    if index.dtype.name != "int64":
        raise RuntimeError(f"{name}(): Expected a long tensor for index, but got {errors.scalar_type(index.dtype)}")
    return index._array


@function
def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """The slices of `input` along `dim` at these indices."""
    at = one_dim(dim, input.ndim)
    if index.ndim > 1:
        raise IndexError("index_select(): Index is supposed to be a vector")
    raw = indices_of(index, "index_select", "int32 or int64", of=input)
    if input.ndim == 0 and raw.size != 1:
        raise RuntimeError(f"index_select(): Index to scalar can have only 1 value, got {raw.size} value(s)")
    within(input.device.xp, raw, 0, size_along(input, at), lambda bad: IndexError("index out of range in self"))
    if input.ndim == 0:
        return _index_scalar.call(input)
    return _index_select.call(input, dim=at, index=raw.reshape(-1))


@function
def take(input: Tensor, index: Tensor) -> Tensor:
    """The elements at these positions of the flattened input."""
    raw = long_indices(index, "take", of=input)
    if raw.size and not input._array.size:
        raise IndexError("take(): tried to take from an empty tensor")
    return _take.call(input, index=within_all(input, raw))


def within_all(x: Tensor, raw: Any) -> Any:
    """Positions in a flattened tensor, if all are inside."""
    size = int(x._array.size)
    text = "out of range: tried to access index {} on a tensor of {} elements."
    within(x.device.xp, raw, -size, size, lambda bad: IndexError(text.format(bad, size)))
    return raw


# -- by a mask -----------------------------------------------------------------------------------------------------
@function
def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The elements where the mask holds, in one dimension."""
    if mask.dtype.name != "bool":
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    m, x = broadcast_tensors(mask, input)
    return _masked_select.call(x, mask=m._array)


@function
def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """The indices of elements that are not zero: one row each, or one tensor per dimension."""
    found = input.device.xp.nonzero(input._array if input.ndim else input._array.reshape(1))
    made = tuple(Tensor._of(i, input.device) for i in found)
    if as_tuple:
        return made
    if input.ndim == 0:
        return Tensor._of(input.device.xp.zeros((int(found[0].size), 0), dtype=np.int64), input.device)
    return Tensor._of(input.device.xp.stack(found, axis=1), input.device)


@function
def argwhere(input: Tensor) -> Tensor:
    """The indices of elements that are not zero, one row each."""
    made: Tensor = nonzero(input)
    return made


@function(method=False)
def unravel_index(indices: Tensor, shape: Any) -> tuple[Tensor, ...]:
    """The indices in a tensor of this shape of positions in the flattened tensor, one tensor per dimension."""
    if not isinstance(indices, Tensor):
        raise AttributeError(f"'{type(indices).__name__}' object has no attribute 'is_complex'")
    if indices.dtype.category != 1:
        raise noted(
            TypeError(
                f"expected 'indices' to be integer dtype, but got {indices.dtype!r}\nPositions are whole numbers."
            )
        )
    sizes = (shape,) if isinstance(shape, int) else tuple(int(n) for n in shape)
    if any(n < 0 for n in sizes):
        raise ValueError(f"'shape' cannot have negative values, but got {sizes}")
    position: Any = indices
    made, step = [], 1
    for n in reversed(sizes):
        made.append((position // step) % n)
        step *= n
    return tuple(reversed(made))

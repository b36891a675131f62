"""Copies with some elements replaced or added to: by lists of indices or by positions."""

from __future__ import annotations

from typing import Any

from ... import errors
from ...checks import within
from ...errors import noted
from ...op import function, op
from ...tensor import Tensor
from ..helpers import along, one_dim, size_along
from .getitem import _raw, checked_index, out_of_bounds
from .take import indices_of, long_indices, within_all

# -- at an index along one dimension; a number is a line of one element here ---------------------------------------
_index_add = op("index_add", lambda xp, x, source, *, index, alpha: _plus(xp, x, source * alpha, index),
                public=False, x=lambda g: g,
                source=lambda F, g, *, x_shape, source_shape, index, alpha:
                    _at(F, g, x_shape, index, source_shape) * alpha)  # fmt: skip
_index_copy = op("index_copy", lambda xp, x, source, *, index: _put(xp, x, source, index), public=False,
                 x=lambda F, g, *, x_shape, index: _zeroed(F, g, x_shape, index),
                 source=lambda F, g, *, x_shape, source_shape, index:
                     _at(F, g, x_shape, index, source_shape))  # fmt: skip
_index_fill = op("index_fill", lambda xp, x, value, *, index: _put(xp, x, value, index), public=False,
                 node="IndexFillBackward1", number_node="IndexFillBackward0",
                 x=lambda F, g, *, x_shape, index: _zeroed(F, g, x_shape, index),
                 value=lambda F, g, *, x_shape, index: F.sum(
                     F.index(_line(F, g, x_shape), index=index), dim=None, keepdim=False))  # fmt: skip
# -- at any index --------------------------------------------------------------------------------------------------
_index_put = op("index_put", lambda xp, x, values, *, index: _put(xp, x, values, index), public=False,
                x=lambda F, g, *, index: F.index_zero(g, index=index),
                values=lambda F, g, *, index: F.index(g, index=index))  # fmt: skip
_index_put_add = op("index_put_add", lambda xp, x, values, *, index: _plus(xp, x, values, index), public=False,
                    node="IndexPutBackward0", x=lambda g: g,
                    values=lambda F, g, *, index: F.index(g, index=index))  # fmt: skip
# -- at positions of the flattened tensor --------------------------------------------------------------------------
_put_at = op("put", lambda xp, x, source, *, index: _flat(xp, _put, x, source, (index,)), public=False,
             x=lambda F, g, *, x_shape, index: F.reshape(
                 F.index_zero(F.reshape(g, shape=(-1,)), index=(index,)), shape=x_shape),
             source=lambda F, g, *, source_shape, index: F.reshape(
                 F.take(g, index=index), shape=source_shape))  # fmt: skip
_put_add = op("put_add", lambda xp, x, source, *, index: _flat(xp, _plus, x, source, (index,)), public=False,
              node="PutBackward0", x=lambda g: g,
              source=lambda F, g, *, source_shape, index: F.reshape(
                  F.take(g, index=index), shape=source_shape))  # fmt: skip


def _put(xp: Any, x: Any, value: Any, index: Any) -> Any:
    out = xp.array(x)
    (out if out.ndim else out.reshape(1))[index] = value
    return out


def _plus(xp: Any, x: Any, value: Any, index: Any) -> Any:
    out = xp.array(x)
    xp.add.at(out if out.ndim else out.reshape(1), index, value.astype(x.dtype))
    return out


def _line(F: Any, g: Any, shape: tuple[int, ...]) -> Any:
    return g if shape else F.reshape(g, shape=(1,))


def _zeroed(F: Any, g: Any, shape: tuple[int, ...], index: Any) -> Any:
    made = F.index_zero(_line(F, g, shape), index=index)
    return made if shape else F.reshape(made, shape=())


def _at(F: Any, g: Any, shape: tuple[int, ...], index: Any, source_shape: tuple[int, ...]) -> Any:
    found = F.index(_line(F, g, shape), index=index)
    return found if len(source_shape) == max(len(shape), 1) else F.reshape(found, shape=source_shape)


def _flat(xp: Any, change: Any, x: Any, source: Any, index: Any) -> Any:
    return change(xp, x.reshape(-1), source.reshape(index[0].shape), index).reshape(x.shape)


# -- along one dimension -------------------------------------------------------------------------------------------
def _vector(index: Tensor, name: str, x: Tensor) -> Any:
    raw = indices_of(index, name, got=True, of=x)
    if raw.ndim > 1:
        kind = errors.scalar_type(index.dtype)
        raise IndexError(
            f"{name}(): Index is supposed to be a vector, but got dim: {raw.ndim} with type: {kind} and size: "
            f"{list(raw.shape)}"
        )
    return raw


def source_along(x: Tensor, dim: int, index: Tensor, source: Tensor, name: str) -> tuple[int, Any]:
    """The dim and the raw indices of what index_add and index_reduce are given, once everything is seen to fit."""
    at, raw = one_dim(dim, x.ndim), _vector(index, name, x)
    if source.dtype is not x.dtype:
        mine, other = errors.scalar_type(x.dtype), errors.scalar_type(source.dtype)
        raise RuntimeError(f"{name}(): self ({mine}) and source ({other}) must have the same scalar type")
    shape, room = (tuple(t._array.shape) for t in (source, x))
    size = shape[at] if source.ndim > at else 1
    if raw.size != size and (source.ndim or not x.ndim):
        raise RuntimeError(
            f"{name}(): Number of indices ({raw.size}) should be equal to source.size(dim): ({size}), for dim: {at}"
        )
    if x.ndim and (source.ndim != x.ndim or room[:at] + room[at + 1 :] != shape[:at] + shape[at + 1 :]):
        raise noted(
            RuntimeError(
                "source tensor shape must match self tensor shape, excluding the specified dimension. "
                f"Got self.shape = {list(room)} source.shape = {list(shape)}"
            )
        )
    return at, raw


@function(inplace=True)
def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Any = 1) -> Tensor:
    """`input` with `alpha * source` added at these indices along `dim`; an index may repeat."""
    at, raw = source_along(input, dim, index, source, "index_add_")
    size = size_along(input, at)
    within(input.device.xp, raw, 0, size, out_of_bounds(at, size))
    if input.dtype.category == 1:
        alpha = int(alpha)
    return _index_add.call(input, source, index=along(at, raw.reshape(-1)), alpha=alpha)


@function(inplace=True)
def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """`input` with the slices of `source` put at these indices along `dim`."""
    at = one_dim(dim, input.ndim)
    if source.dtype is not input.dtype:
        mine, other = errors.scalar_type(input.dtype), errors.scalar_type(source.dtype)
        raise RuntimeError(
            "index_copy_(): self and source expected to have the same dtype, but got "
            f"(self) {mine} and (source) {other}"
        )
    raw = long_indices(index, "index_copy_", of=input)
    if raw.ndim > 1:
        raise IndexError(f"index_copy_(): Index should have dimension 1 or 0 (got {raw.ndim})")
    if not source.ndim and raw.size != 1:
        raise IndexError(f"index_copy_(): When source is scalar, index should have one element (got {raw.size})")
    if source.ndim not in (0, input.ndim) and input.ndim:
        raise IndexError(
            "index_copy_(): When source and destination are not scalars, their dimensionality must match. Source "
            f"dimensionality ({source.ndim}), destination dimensionality ({input.ndim})"
        )
    if source.ndim and source._array.shape[at] != raw.size:
        raise IndexError(
            f"index_copy_(): Number of indices ({raw.size}) should be equal to source.size(dim) "
            f"({source._array.shape[at]})"
        )
    size = size_along(input, at)
    text = "index_copy_(): index {} is out of bounds for dimension {} with size {}"
    within(input.device.xp, raw, 0, size, lambda bad: IndexError(text.format(bad, at, size)))
    return _index_copy.call(input, source, index=along(at, raw.reshape(-1)))


@function(inplace=True)
def index_fill(input: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """`input` with one value at these indices along `dim`."""
    at = one_dim(dim, input.ndim)
    if index.dtype.name != "int64":
        raise IndexError("index_fill_(): Expected dtype int64 for index.")
    if index.ndim > 1:
        raise RuntimeError("Index has to be a vector/scalar")
    if isinstance(value, Tensor) and value.ndim:
        raise RuntimeError(
            f"index_fill_ only supports a 0-dimensional value tensor, but got tensor with {value.ndim} dimension(s)."
        )
    if isinstance(value, complex) and not input.is_complex():
        raise RuntimeError("index_fill_(): Converting complex Scalar to non-complex type is not supported")
    raw, size = index._array, size_along(input, at)
    within(input.device.xp, raw, -size, size, out_of_bounds(at, size, IndexError))
    if isinstance(value, Tensor):
        value = value if value.dtype is input.dtype else value.to(input.dtype)
        raw = input.device.xp.unique(raw)  # what a place is filled with several times has an effect once
    return _index_fill.call(input, value, index=along(at, raw.reshape(-1)))


# -- at any index --------------------------------------------------------------------------------------------------
@function(inplace=True)
def index_put(input: Tensor, indices: Any, values: Tensor, accumulate: bool = False) -> Tensor:
    """`input` with `values` at a tuple of index tensors, put there or, with `accumulate`, added."""
    if isinstance(indices, Tensor) or not isinstance(indices, (tuple, list)):
        kind = type(indices).__name__
        raise TypeError(f"index_put(): argument 'indices' (position 1) must be tuple of Tensors, not {kind}")
    for i, part in enumerate(indices):
        if not isinstance(part, Tensor):
            raise TypeError(f"expected Tensor as element {i} in argument 0, but got {type(part).__name__}")
    parts = [_raw(part) for part in indices]
    used = sum(p.ndim if p.dtype.kind == "b" else 1 for p in parts)
    if used > input.ndim:
        raise IndexError(f"too many indices for tensor of dimension {input.ndim} (got {used})")
    if values.dtype is not input.dtype:
        mine, other = errors.scalar_type(input.dtype), errors.scalar_type(values.dtype)
        raise RuntimeError(
            f"Index put requires the source and destination dtypes match, got {mine} for the destination and {other} "
            "for the source."
        )
    index = checked_index(input, parts)
    room = tuple(input._array[index].shape)
    have = tuple(values._array.shape)
    fits = len(have) <= len(room) and all(a in (1, b) for a, b in zip(have[::-1], room[::-1], strict=False))
    if not fits:
        raise noted(
            RuntimeError(
                f"shape mismatch: value tensor of shape {list(have)} cannot be broadcast to indexing result of shape "
                f"{list(room)}"
            )
        )
    return (_index_put_add if accumulate else _index_put).call(input, values, index=index)


@function(inplace=True)
def put(input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """`input` with the elements of `source` at these positions of the flattened tensor."""
    raw = long_indices(index, "put_", of=input)
    if source.dtype is not input.dtype:
        mine, other = errors.scalar_type(input.dtype), errors.scalar_type(source.dtype)
        raise RuntimeError(
            "put_(): self and source expected to have the same dtype, but got self.dtype = "
            f"{mine} and source.dtype = {other}"
        )
    if raw.size != source._array.size:
        raise IndexError(
            "put_(): Expected source and index to have the same number of elements, but got source.numel() = "
            f"{source._array.size}, index.numel() = {raw.size}"
        )
    within_all(input, raw)
    return (_put_add if accumulate else _put_at).call(input, source, index=raw)

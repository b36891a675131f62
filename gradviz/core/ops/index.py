"""Indexing: reading and writing parts of a tensor by position, slice, mask or list of indices."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.core.errors import noted

from ..op import function, method, op
from ..tensor import Tensor
from .helpers import one_dim
from .reduce import count
from .shape import _detached, _select, _slice, _unsqueeze

# -- reading by arrays of indices and masks; the gradient adds up where an index repeats ----------------------------
_index = op("index", lambda x, *, index: x[index], public=False,
            x=lambda F, g, *, x_shape, index: F.index_add_zeros(g, shape=x_shape, index=index))  # fmt: skip
_index_select = op("index_select", lambda x, *, dim, index: x[(slice(None),) * dim + (index,)], public=False,
                   x=lambda F, g, *, x_shape, dim, index:
                       F.index_add_zeros(g, shape=x_shape, index=(slice(None),) * dim + (index,)))  # fmt: skip
_take = op("take", lambda x, *, index: x.reshape(-1)[index], public=False,
           x=lambda F, g, *, x_shape, index: F.reshape(
               F.index_add_zeros(g, shape=(count(x_shape, None),), index=(index,)), shape=x_shape))  # fmt: skip
_masked_select = op("masked_select", lambda x, *, mask: x[mask], public=False,
                    x=lambda F, g, *, x_shape, mask: F.index_add_zeros(g, shape=x_shape, index=(mask,)))  # fmt: skip
_index_add = op("index_add_zeros", lambda xp, x, *, shape, index: _added(xp, x, shape, index), public=False,
                x=lambda F, g, *, index: F.index(g, index=index))  # fmt: skip

# -- by a mask, by rows of a table ---------------------------------------------------------------------------------
_masked_fill = op("masked_fill", lambda xp, x, mask, value: xp.where(mask, value, x), public=False,
                  node="MaskedFillBackward1", number_node="MaskedFillBackward0",
                  x=lambda F, g, mask: F.where(mask, 0.0, g),
                  value=lambda F, g, mask: F.sum(F.where(mask, g, 0.0), dim=None, keepdim=False))  # fmt: skip
_embedding = op("embedding", lambda weight, *, index: weight[index], public=False,
                weight=lambda F, g, *, weight_shape, index:
                    F.index_add_zeros(g, shape=weight_shape, index=(index,)))  # fmt: skip


def _added(xp: Any, x: Any, shape: tuple[int, ...], index: Any) -> Any:
    out = xp.zeros(shape, dtype=x.dtype)
    masks_only = all(isinstance(i, slice) or (hasattr(i, "dtype") and i.dtype.kind == "b") for i in index)
    if masks_only:
        out[index] = x
    else:
        xp.add.at(out, index, x)
    return out


ZERO_DIM = (
    "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to convert a 0-dim "
    "tensor to a number"
)


# -- x[...] --------------------------------------------------------------------------------------------------------
def _parts(index: Any) -> tuple[Any, ...]:
    if isinstance(index, tuple):
        return index
    if isinstance(index, list) and any(isinstance(i, (slice, type(None), type(Ellipsis), Tensor)) for i in index):
        return tuple(index)
    return (index,)


def _width(part: Any) -> int:
    """How many dimensions of the tensor one part of an index takes up."""
    if part is None or part is Ellipsis or isinstance(part, bool):
        return 0
    dtype = getattr(part, "dtype", None)
    if dtype is not None and getattr(dtype, "name", "") in ("bool", "uint8"):
        return int(part.ndim)
    return 1


def _spelled_out(index: Any, ndim: int) -> tuple[Any, ...]:
    """The parts of an index with `...` written as full slices."""
    parts = _parts(index)
    used = sum(_width(p) for p in parts)
    if used > ndim and ndim == 0 and not isinstance(index, tuple):
        raise IndexError(ZERO_DIM)
    if used > ndim:
        raise IndexError(f"too many indices for tensor of dimension {ndim}")
    dots = [i for i, p in enumerate(parts) if p is Ellipsis]
    if len(dots) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    if dots:
        i = dots[0]
        return (*parts[:i], *(slice(None),) * (ndim - used), *parts[i + 1 :])
    return parts


def _raw(part: Any) -> Any:
    """One part of an index as NumPy takes it."""
    if isinstance(part, Tensor):
        if part.dtype.category > 1:
            raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
        array = part._array
        return array.astype(bool) if part.dtype.name == "uint8" else array
    if isinstance(part, (list, tuple, range)):
        return np.asarray([_raw(p) for p in part] or np.zeros(0, np.int64))
    if isinstance(part, (float, str)):
        raise IndexError(
            "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices "
            f"(got {type(part).__name__})"
        )
    if isinstance(part, slice):
        return slice(*(None if v is None else v.__index__() for v in (part.start, part.stop, part.step)))
    return part


def _is_basic(part: Any) -> bool:
    if isinstance(part, Tensor):
        return part._array.ndim == 0 and part.dtype.category == 1 and part.dtype.name != "uint8"
    return part is None or (isinstance(part, (slice, int, np.integer)) and not isinstance(part, bool))


@method(name="__getitem__")
def getitem(self: Tensor, index: Any) -> Tensor:
    if type(index) is int and self._array.ndim:
        return _one(self, 0, index)
    if isinstance(index, slice) and self._array.ndim:
        start, stop, step = _bounds(index, self._array.shape[0])
        return _slice.call(self, dim=0, start=start, stop=stop, step=step)
    parts = _spelled_out(index, self._array.ndim)
    if all(_is_basic(p) for p in parts):
        return _basic(self, parts)
    return _advanced(self, parts)


def _one(x: Tensor, dim: int, i: int) -> Tensor:
    size = x._array.shape[dim]
    if not -size <= i < size:
        raise IndexError(f"index {i} is out of bounds for dimension {dim} with size {size}")
    return _select.call(x, dim=dim, index=i % size)


def _basic(x: Tensor, parts: tuple[Any, ...]) -> Tensor:
    """Ints, slices and None, one recorded view each, as PyTorch's graph shows them."""
    dim, out, original = 0, x, 0
    for part in parts:
        if part is None:
            out = _unsqueeze.call(out, dim=dim)
            dim += 1
            continue
        if isinstance(part, slice):
            start, stop, step = _bounds(part, out._array.shape[dim])
            if (start, stop, step) != (0, out._array.shape[dim], 1):
                out = _slice.call(out, dim=dim, start=start, stop=stop, step=step)
            dim += 1
        else:
            size, i = out._array.shape[dim], int(part)
            if not -size <= i < size:
                raise IndexError(f"index {i} is out of bounds for dimension {original} with size {size}")
            out = _select.call(out, dim=dim, index=i % size)
        original += 1
    return _detached.call(out) if out is x else out


def _bounds(part: slice, size: int) -> tuple[int, int, int]:
    raw = _raw(part)
    step = 1 if raw.step is None else raw.step
    if step <= 0:
        raise ValueError("step must be greater than zero")
    start, stop, _ = raw.indices(size)
    return start, max(start, stop), step


def _advanced(x: Tensor, parts: tuple[Any, ...]) -> Tensor:
    raw = tuple(_raw(p) for p in parts)
    _check_bounds(raw, x._array.shape)
    try:
        return _index.call(x, index=_on_device(x, raw))
    except IndexError as error:
        raise IndexError(_mask_text(raw, x._array.shape) or str(error)) from None


def _on_device(x: Tensor, raw: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(x.device.wrap(p) if isinstance(p, np.ndarray) else p for p in raw)


def _check_bounds(raw: tuple[Any, ...], shape: tuple[int, ...]) -> None:
    dim = 0
    for part in raw:
        if part is None:
            continue
        kind = getattr(getattr(part, "dtype", None), "kind", "")
        if kind in ("i", "u") and part.size and dim < len(shape):
            low, high = int(part.min()), int(part.max())
            if low < -shape[dim] or high >= shape[dim]:
                bad = high if high >= shape[dim] else low
                raise IndexError(f"index {bad} is out of bounds for dimension {dim} with size {shape[dim]}")
        dim += part.ndim if kind == "b" else 1


def _mask_text(raw: tuple[Any, ...], shape: tuple[int, ...]) -> str:
    dim = 0
    for part in raw:
        if getattr(getattr(part, "dtype", None), "kind", "") == "b":
            for i, (n, m) in enumerate(zip(part.shape, shape[dim:], strict=False)):
                if n != m:
                    return (
                        f"The shape of the mask {list(part.shape)} at index {i} does not match the shape of the "
                        f"indexed tensor {list(shape)} at index {dim + i}"
                    )
        dim += 0 if part is None else 1
    return ""


# -- the public functions ------------------------------------------------------------------------------------------
def indices_of(index: Tensor, name: str) -> Any:
    if index.dtype.name not in ("int64", "int32"):
        raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index")
    return index._array


@function
def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """The slices of `input` along `dim` at these indices."""
    at = one_dim(dim, input.ndim)
    raw = indices_of(index, "index_select")
    if input.ndim == 0:
        made: Tensor = index_select(input.reshape(1), 0, index).reshape(())
        return made
    if raw.size and (int(raw.min()) < 0 or int(raw.max()) >= input._array.shape[at]):
        raise IndexError("index out of range in self")
    return _index_select.call(input, dim=at, index=raw.reshape(-1))


@function
def take(input: Tensor, index: Tensor) -> Tensor:
    """The elements at these positions of the flattened input."""
    return _take.call(input, index=indices_of(index, "take"))


@function(inplace=True)
def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """`input` with one value where the mask holds."""
    if mask.dtype.name != "bool":
        raise noted(
            RuntimeError(
                "masked_fill_ only supports boolean masks, but got mask with dtype "
                f"{mask.dtype.aliases[0] if mask.dtype.aliases else mask.dtype.name}"
            )
        )
    out = _masked_fill.call(input, mask, value if not isinstance(value, Tensor) else value.to(input.dtype))
    return out if out.dtype is input.dtype else out.to(input.dtype)


@function
def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The elements where the mask holds, in one dimension."""
    from .join import broadcast_tensors

    x, m = broadcast_tensors(input, mask)
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

"""Indexing as PyTorch reads it: `x[...]` by position, slice, mask, and lists or tensors of indices.

Positions, slices, None and `...` make views, one recorded view each. What is left, masks and indices, then picks from
that view in one operation, so that `x[0, :, i]` is `x[0][:, i]`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...checks import within
from ...errors import noted
from ...op import method, op
from ...tensor import Tensor
from ..shapes.views import _detached, _select, _slice, _unsqueeze

# -- reading by arrays of indices and masks; the gradient adds up where an index repeats ----------------------------
_index = op("index", lambda x, *, index: in_order(x, x[index]), public=False,
            x=lambda F, g, *, x_shape, index: F.index_add_zeros(g, shape=x_shape, index=index))  # fmt: skip
_index_add = op("index_add_zeros", lambda xp, x, *, shape, index: _added(xp, x, shape, index), public=False,
                x=lambda F, g, *, index: F.index(g, index=index))  # fmt: skip
_embedding = op("embedding", lambda weight, *, index: weight[index], public=False,
                weight=lambda F, g, *, weight_shape, index:
                    F.index_add_zeros(g, shape=weight_shape, index=(index,)))  # fmt: skip


def in_order(x: Any, picked: Any) -> Any:
    """What was picked from an array that lies in order lies in order too; NumPy puts the picked dimension first."""
    return picked if picked.flags.c_contiguous or not x.flags.c_contiguous else picked.copy()


def _added(xp: Any, x: Any, shape: tuple[int, ...], index: Any) -> Any:
    out = xp.zeros(shape, dtype=x.dtype)
    masks_only = all(isinstance(i, slice) or (hasattr(i, "dtype") and i.dtype.kind == "b") for i in index)
    if masks_only:
        out[index] = x
    else:
        xp.add.at(out, index, x)
    return out


ONE_NUMBER = "This tensor is a single number: read it with x.item(), or write x as it is."
ZERO_DIM = (
    "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to convert a 0-dim "
    "tensor to a number"
)
# A list that holds any of these stands for a tuple of indices.
_TUPLE_LIKE = (slice, type(None), type(Ellipsis), Tensor, list, tuple, range, np.ndarray)


# -- reading an index ----------------------------------------------------------------------------------------------
def _parts(index: Any) -> tuple[Any, ...]:
    if isinstance(index, tuple):
        return index
    if isinstance(index, list) and len(index) < 32 and any(isinstance(i, _TUPLE_LIKE) for i in index):
        warnings.warn(
            "Using a non-tuple sequence for multidimensional indexing is deprecated and will be changed in pytorch "
            "2.9; use x[tuple(seq)] instead of x[seq]. In pytorch 2.9 this will be interpreted as tensor index, "
            "x[torch.tensor(seq)], which will result either in an error or a different result",
            UserWarning,
            stacklevel=5,
        )
        return tuple(index)
    return (index,)


def _width(part: Any) -> int:
    """How many dimensions of the tensor one part of an index takes up."""
    if part is None or part is Ellipsis or isinstance(part, bool):
        return 0
    dtype = getattr(part, "dtype", None)
    if dtype is not None and getattr(dtype, "name", "") in ("bool", "uint8"):
        return int(part.ndim)
    if isinstance(part, (list, tuple)):
        array = np.asarray(part) if not any(isinstance(p, Tensor) for p in part) else None
        return array.ndim if array is not None and array.dtype.kind == "b" else 1
    return 1


def _outside(index: int, dim: int, size: int) -> str:
    return f"index {index} is out of bounds for dimension {dim} with size {size}"


def _spelled_out(index: Any, ndim: int) -> tuple[Any, ...]:
    """The parts of an index with `...` written as full slices."""
    parts = _parts(index)
    used = sum(_width(p) for p in parts)
    if used > ndim == 0 and isinstance(index, slice):
        raise noted(IndexError(f"slice() cannot be applied to a 0-dim tensor.\n{ONE_NUMBER}"))
    if used > ndim == 0 and isinstance(index, (int, np.integer)):
        raise noted(IndexError(f"{ZERO_DIM if index == 0 else _outside(int(index), 0, 0)}\n{ONE_NUMBER}"))
    if used > ndim:
        raise IndexError(f"too many indices for tensor of dimension {ndim}")
    dots = [i for i, p in enumerate(parts) if p is Ellipsis]
    if dots:  # the first one stands for all dimensions that no other part takes up
        i = dots[0]
        rest = (p for p in parts[i + 1 :] if p is not Ellipsis)
        return (*parts[:i], *(slice(None),) * (ndim - used), *rest)
    return parts


def _raw(part: Any) -> Any:
    """One part of an index as NumPy takes it."""
    if isinstance(part, Tensor):
        if part.dtype.name not in ("int64", "int32", "uint8", "bool"):
            raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
        if part.dtype.name != "uint8":
            return part._array
        warnings.warn(
            "indexing with dtype torch.uint8 is now deprecated, please use a dtype torch.bool instead.",
            UserWarning,
            stacklevel=5,
        )
        return part._array.astype(bool)
    if isinstance(part, np.ndarray):
        return part.astype(bool) if part.dtype == np.uint8 else part
    if isinstance(part, Sequence) and not isinstance(part, str):
        array = np.asarray([_item(p) for p in part] if len(part) else np.zeros(0, np.int64))
        return array if array.dtype.kind in "bi" else array.astype(np.int64)
    if isinstance(part, str):
        raise TypeError(f"new(): invalid data type '{type(part).__name__}'")
    if isinstance(part, slice):
        return slice(*(None if v is None else v.__index__() for v in (part.start, part.stop, part.step)))
    if isinstance(part, (int, np.integer, np.bool_)) or part is None:
        return part
    raise IndexError(
        "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices "
        f"(got {type(part).__name__})"
    )


def _item(part: Any) -> Any:
    """One entry of a list of indices."""
    if isinstance(part, Tensor):
        return part.tolist()
    return [_item(p) for p in part] if isinstance(part, (list, tuple, range)) else part


def _is_basic(part: Any) -> bool:
    if isinstance(part, Tensor):
        return part._array.ndim == 0 and part.dtype.category == 1 and part.dtype.name != "uint8"
    return part is None or (isinstance(part, (slice, int, np.integer)) and not isinstance(part, bool))


# -- x[...] --------------------------------------------------------------------------------------------------------
@method(name="__getitem__")
def getitem(self: Tensor, index: Any) -> Tensor:
    """`x[index]`: the commonest indices first, each without looking at the others' cases."""
    if type(index) is int and self._array.ndim:
        return _one(self, 0, index, 0)
    if type(index) is slice and self._array.ndim:
        start, stop, step = _bounds(index, self._array.shape[0])
        return _slice.call(self, dim=0, start=start, stop=stop, step=step)
    if isinstance(index, Tensor) and index._array.ndim and _width(index) <= self._array.ndim:
        return _index.call(self, index=checked_index(self, (_raw(index),)))
    seen, picks = locate(self, index)
    if picks is not None:
        return _index.call(seen, index=picks)
    return _detached.call(seen) if seen is self else seen


def locate(x: Tensor, index: Any) -> tuple[Tensor, tuple[Any, ...] | None]:
    """The view that the basic parts of an index make, and the raw index into it that the others make, if any."""
    dim, out, original = 0, x, 0
    picks: list[Any] = []
    for part in _spelled_out(index, x._array.ndim):
        if part is None or isinstance(part, bool):
            out = _unsqueeze.call(out, dim=dim)
            picks.append(slice(None) if part is None else np.array([part]))
            dim += 1
            continue
        if isinstance(part, slice):
            start, stop, step = _bounds(part, out._array.shape[dim])
            if (start, stop, step) != (0, out._array.shape[dim], 1):
                out = _slice.call(out, dim=dim, start=start, stop=stop, step=step)
            picks.append(slice(None))
            dim += 1
        elif _is_basic(part):
            out = _one(out, dim, int(part), original)
        else:
            raw = _raw(part)
            if not raw.ndim and raw.dtype.kind == "b":
                out, raw = _unsqueeze.call(out, dim=dim), raw.reshape(1)
            picks.append(raw)
            dim += raw.ndim if raw.dtype.kind == "b" else 1
            original += raw.ndim - 1 if raw.dtype.kind == "b" else 0
        original += 1
    if all(isinstance(p, slice) for p in picks):
        return out, None
    return out, checked_index(out, picks)


def checked_index(x: Tensor, picks: Sequence[Any]) -> tuple[Any, ...]:
    """A raw index of slices, masks and integers, on the device of `x`, once it is seen to fit."""
    shape = x._array.shape
    parts = tuple(picks)
    _check_bounds(x.device.xp, parts, shape)
    lists = [p for p in parts if not isinstance(p, slice)]
    if any(p.dtype.kind == "b" for p in lists):
        text = _mask_text(parts, shape)
        if text:
            raise IndexError(text)
    if len(lists) > 1:
        sizes = [p.shape if p.dtype.kind != "b" else (int(p.sum()),) for p in lists]
        try:
            np.broadcast_shapes(*sizes)
        except ValueError:
            shapes = ", ".join(str(list(s)) for s in sizes)
            raise IndexError(
                f"shape mismatch: indexing tensors could not be broadcast together with shapes {shapes}"
            ) from None
    return _on_device(x, parts)


def _one(x: Tensor, dim: int, i: int, original: int) -> Tensor:
    """One position of a dimension, which was `original` before other parts of the index changed the shape."""
    size = x._array.shape[dim]
    if not -size <= i < size:
        raise IndexError(_outside(i, original, size))
    return _select.call(x, dim=dim, index=i % size)


def _bounds(part: slice, size: int) -> tuple[int, int, int]:
    if part.step is not None:
        step = part.step.__index__()
        if step == 0:
            raise ValueError("slice step cannot be zero")
        if step < 0:
            raise ValueError("step must be greater than zero")
    start, stop, step = part.indices(size)
    return start, max(start, stop), step


def _on_device(x: Tensor, raw: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(x.device.wrap(p) if isinstance(p, np.ndarray) else p for p in raw)


def _check_bounds(xp: Any, raw: tuple[Any, ...], shape: tuple[int, ...]) -> None:
    """IndexError for an index outside its dimension; PyTorch counts the indexed dimensions only."""
    dim = indexed = 0
    for part in raw:
        if part is None:
            continue
        kind = getattr(getattr(part, "dtype", None), "kind", "")
        if kind in ("i", "u") and dim < len(shape):
            within(xp, part, -shape[dim], shape[dim], out_of_bounds(indexed, shape[dim], IndexError))
        dim += part.ndim if kind == "b" else 1
        indexed += 0 if isinstance(part, slice) else part.ndim if kind == "b" else 1


def out_of_bounds(dim: int, size: int, kind: type[Exception] = RuntimeError) -> Callable[[int], Exception]:
    """What makes PyTorch's error for an index that is not there."""
    return lambda bad: kind(_outside(bad, dim, size))


def _mask_text(raw: tuple[Any, ...], shape: tuple[int, ...]) -> str:
    dim = 0
    for part in raw:
        mask = getattr(getattr(part, "dtype", None), "kind", "") == "b"
        if mask:
            for i, (n, m) in enumerate(zip(part.shape, shape[dim:], strict=False)):
                if n != m:
                    return (
                        f"The shape of the mask {list(part.shape)} at index {i} does not match the shape of the "
                        f"indexed tensor {list(shape)} at index {dim + i}"
                    )
        dim += 0 if part is None else part.ndim if mask else 1
    return ""

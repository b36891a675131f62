"""Joining: several tensors as one, along a dimension they have or along a new one."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...dtype import get_default_dtype, promote_types
from ...memory_format import arranged, settled
from ...op import function, op
from ...tensor import Tensor
from ..helpers import one_dim
from ..layers.constant_pad import _pad as _pad
from .reshape import atleast_1d, atleast_2d, atleast_3d, reshape

cast_ = op("cast", lambda xp, x, *, dtype, memory_format=None: _converted(xp, x, dtype, memory_format),
           node="ToCopyBackward0", public=False, x=lambda g: g)  # fmt: skip
# Integers and truth values have no gradient.
_counted = op("cast_integer", lambda x, *, dtype: (x.real if x.dtype.kind == "c" else x).astype(dtype), public=False)
_cat = op("cat", lambda xp, *tensors, dim: settled(xp.concatenate(tensors, axis=dim)), public=False,
          tensors=lambda F, g, i, tensors_shape, *, dim: F.narrow(
              g, dim=dim, start=_start(tensors_shape, i, dim), length=tensors_shape[i][dim]))  # fmt: skip
_stack = op("stack", lambda xp, *tensors, dim: settled(_stacked(xp, tensors, dim)), public=False,
            tensors=lambda F, g, i, *, dim: F.select(g, dim=dim, index=i))  # fmt: skip
_block_diag = op("block_diag", lambda xp, *tensors: _blocks(xp, tensors), public=False,
                 tensors=lambda F, g, i, tensors_shape: F.reshape(
                     F.pick(g, index=_corner([_matrix(s) for s in tensors_shape], i)),
                     shape=tensors_shape[i]))  # fmt: skip


def _converted(xp: Any, x: Any, dtype: Any, memory_format: Any) -> Any:
    made = (x.real if dtype.kind in "fiu" and x.dtype.kind == "c" else x).astype(dtype)
    return made if memory_format is None else arranged(xp, made, memory_format)


def _stacked(xp: Any, tensors: tuple[Any, ...], dim: int) -> Any:
    shape = tensors[0].shape
    shape = (*shape[:dim], 1, *shape[dim:])
    return xp.concatenate([x.reshape(shape) for x in tensors], axis=dim)


def _start(shapes: list[tuple[int, ...]], i: int, dim: int) -> int:
    return sum([shape[dim] for shape in shapes[:i]]) if i else 0


def _matrix(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of a number or a vector as one row."""
    return (1,) * (2 - len(shape)) + tuple(shape)


def _corner(shapes: list[tuple[int, ...]], i: int) -> tuple[slice, slice]:
    """Where a block lies on the diagonal of blocks."""
    first, second = (slice(a := _start(shapes, i, dim), a + shapes[i][dim]) for dim in (0, 1))
    return first, second


def _blocks(xp: Any, tensors: tuple[Any, ...]) -> Any:
    shapes = [_matrix(x.shape) for x in tensors]
    out = xp.zeros(tuple(sum(sizes) for sizes in zip(*shapes, strict=True)), dtype=tensors[0].dtype)
    for i, (x, shape) in enumerate(zip(tensors, shapes, strict=True)):
        out[_corner(shapes, i)] = x.reshape(shape)
    return out


# -- what the functions share --------------------------------------------------------------------------------------
def _list_of(tensors: Any, name: str) -> tuple[Tensor, ...]:
    if isinstance(tensors, Tensor) or not isinstance(tensors, (tuple, list)):
        kind = type(tensors).__name__
        raise TypeError(f"{name}(): argument 'tensors' (position 1) must be tuple of Tensors, not {kind}")
    found = tuple(tensors)
    if not found and name == "cat":
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    if not found:
        raise RuntimeError(f"{name} expects a non-empty TensorList")
    for i, x in enumerate(found):
        if not isinstance(x, Tensor):
            raise TypeError(f"expected Tensor as element {i} in argument 0, but got {type(x).__name__}")
    return found


def _common(tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    if len({x._array.dtype for x in tensors}) == 1:
        return tensors
    kind = tensors[0].dtype
    for x in tensors[1:]:
        kind = promote_types(kind, x.dtype)
    return tuple(x if x.dtype is kind else _cast(x, kind) for x in tensors)


def _cast(x: Tensor, kind: Any) -> Tensor:
    return (cast_ if kind.category > 1 else _counted).call(x, dtype=kind.numpy)


# -- along a dimension they have -----------------------------------------------------------------------------------
@function(method=False, aliases=("concat", "concatenate"))
def cat(tensors: Any, dim: int = 0, *, axis: int | None = None) -> Tensor:
    """Tensors joined along an existing dimension."""
    found = _list_of(tensors, "cat")
    first = found[0]._array
    for x in found:
        if x._array.shape != first.shape or x._array.dtype is not first.dtype:
            break
    else:
        if first.ndim and first.size:  # nothing needs to be fitted
            return _cat.call(*found, dim=one_dim(dim if axis is None else axis, first.ndim))
    return _cat_unlike(found, dim if axis is None else axis)


def _cat_unlike(found: tuple[Tensor, ...], dim: int) -> Tensor:
    """The same for tensors of several types and sizes; a vector without elements fits everywhere."""
    shapes = [x._array.shape for x in found]
    if () in shapes:
        at = shapes.index(())
        raise RuntimeError(f"zero-dimensional tensor (at position {at}) cannot be concatenated")
    full = _common(found)
    if (0,) in shapes:
        full = tuple([x for x in full if x._array.shape != (0,)]) or full[:1]
        shapes = [x._array.shape for x in full]
    first = shapes[0]
    at = one_dim(dim, len(first))
    for i, shape in enumerate(shapes):
        if shape == first:
            continue
        if len(shape) != len(first):
            raise RuntimeError(f"Tensors must have same number of dimensions: got {len(first)} and {len(shape)}")
        for d, (a, b) in enumerate(zip(first, shape, strict=True)):
            if a != b and d != at:
                raise RuntimeError(
                    f"Sizes of tensors must match except in dimension {at}. Expected size {a} but got size {b} for "
                    f"tensor number {i} in the list."
                )
    return _cat.call(*full, dim=at)


@function(method=False)
def hstack(tensors: Any) -> Tensor:
    """Tensors joined along their columns; vectors one after the other."""
    found = atleast_1d(_list_of(tensors, "hstack"))
    return cat(found, 0 if found[0].ndim == 1 else 1)


@function(method=False, aliases=("row_stack",))
def vstack(tensors: Any) -> Tensor:
    """Tensors joined along their rows; a vector is one row."""
    return cat(atleast_2d(_list_of(tensors, "vstack")), 0)


@function(method=False)
def dstack(tensors: Any) -> Tensor:
    """Tensors joined along their third dimension."""
    return cat(atleast_3d(_list_of(tensors, "dstack")), 2)


@function(method=False)
def column_stack(tensors: Any) -> Tensor:
    """Tensors joined along their columns; a vector is one column."""
    found = _list_of(tensors, "column_stack")
    return hstack([x if x.ndim > 1 else reshape(x, x._array.size, 1) for x in found])


@function(method=False)
def block_diag(*tensors: Tensor) -> Tensor:
    """A matrix with the given ones along its diagonal and zeros elsewhere."""
    for i, x in enumerate(tensors):
        if x.ndim > 2:
            raise RuntimeError(
                f"torch.block_diag: Input tensors must have 2 or fewer dimensions. Input {i} has {x.ndim} dimensions"
            )
    if not tensors:
        from ..creation.factory import wrap

        return wrap(np.zeros((1, 0), get_default_dtype().numpy))
    return _block_diag.call(*_common(tensors))


# -- along a new dimension -----------------------------------------------------------------------------------------
@function(method=False)
def stack(tensors: Any, dim: int = 0) -> Tensor:
    """Tensors of one shape joined along a new dimension."""
    found = _list_of(tensors, "stack")
    at = one_dim(dim, found[0].ndim + 1)
    first = found[0]._array.shape
    for i, x in enumerate(found[1:], 1):
        if x._array.shape != first:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(first)} at entry 0 and "
                f"{list(x._array.shape)} at entry {i}"
            )
    return _stack.call(*_common(found), dim=at)

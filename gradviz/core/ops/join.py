"""Rearrangements that copy: joining, repeating, turning round, padding, triangles."""

from __future__ import annotations

from typing import Any

from gradviz.core.errors import noted

from .. import errors
from ..op import function, method, op
from ..tensor import Tensor
from .helpers import all_dims, one_dim, sizes, spread
from .shape import _diag_back, _diag_copy, expand, view

cast_ = op(
    "cast",
    lambda x, *, dtype: (x.real if dtype.kind in "fiu" and x.dtype.kind == "c" else x).astype(dtype),
    node="ToCopyBackward0",
    public=False,
    x=lambda g: g,
)
_cat = op("cat", lambda xp, *tensors, dim: xp.concatenate(tensors, axis=dim), public=False,
          tensors=lambda F, g, i, tensors_shape, *, dim: F.narrow(
              g, dim=dim, start=_start(tensors_shape, i, dim), length=tensors_shape[i][dim]))  # fmt: skip
_stack = op("stack", lambda xp, *tensors, dim: xp.stack(tensors, axis=dim), public=False,
            tensors=lambda F, g, i, *, dim: F.select(g, dim=dim, index=i))  # fmt: skip
_flip = op("flip", lambda xp, x, *, dims: xp.flip(x, dims), x=lambda F, g, *, dims: F.flip(g, dims=dims), public=False)
_roll = op("roll", lambda xp, x, *, shifts, dims: xp.roll(x, shifts if dims else shifts[0], dims), public=False,
           x=lambda F, g, *, shifts, dims: F.roll(g, shifts=tuple(-s for s in shifts), dims=dims))  # fmt: skip
_tile = op("repeat", lambda xp, x, *, repeats: xp.tile(x, repeats), public=False,
           x=lambda F, g, *, x_shape, repeats: _untile(F, g, x_shape, repeats))  # fmt: skip
_tril = op("tril", lambda xp, x, *, diagonal: xp.tril(x, diagonal),
           x=lambda F, g, *, diagonal: F.tril(g, diagonal=diagonal), public=False)  # fmt: skip
_triu = op("triu", lambda xp, x, *, diagonal: xp.triu(x, diagonal),
           x=lambda F, g, *, diagonal: F.triu(g, diagonal=diagonal), public=False)  # fmt: skip
_pad = op("constant_pad_nd", lambda xp, x, *, widths, value: _padded(xp, x, widths, value), public=False,
          x=lambda F, g, *, x_shape, widths: _unpadded(F, g, x_shape, widths))  # fmt: skip


def _start(shapes: list[tuple[int, ...]], i: int, dim: int) -> int:
    return sum(shape[dim] for shape in shapes[:i])


def _untile(F: Any, g: Any, shape: tuple[int, ...], repeats: tuple[int, ...]) -> Any:
    lead = len(repeats) - len(shape)
    pairs = tuple(n for r, s in zip(repeats, (1,) * lead + shape, strict=True) for n in (r, s))
    summed = F.sum(F.reshape(g, shape=pairs), dim=tuple(range(0, len(pairs), 2)), keepdim=False)
    return F.reshape(summed, shape=shape)


def _padded(xp: Any, x: Any, widths: Any, value: float) -> Any:
    grown = tuple((max(a, 0), max(b, 0)) for a, b in widths)
    out = xp.pad(x, grown, constant_values=value)
    return out[tuple(slice(max(-a, 0), n - max(-b, 0)) for n, (a, b) in zip(out.shape, widths, strict=True))]


def _unpadded(F: Any, g: Any, shape: tuple[int, ...], widths: Any) -> Any:
    return F.constant_pad_nd(g, widths=tuple((-a, -b) for a, b in widths), value=0.0)


# -- the public functions ------------------------------------------------------------------------------------------
def _list_of(tensors: Any, name: str) -> tuple[Tensor, ...]:
    found = tuple(tensors)
    if not found:
        if name == "stack":
            raise RuntimeError("stack expects a non-empty TensorList")
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    for t in found:
        if not isinstance(t, Tensor):
            raise TypeError(f"expected Tensor as element 0 in argument 0, but got {type(t).__name__}")
    return found


def _common(tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    from ..dtype import promote_types

    kind = tensors[0].dtype
    for x in tensors[1:]:
        kind = promote_types(kind, x.dtype)
    return tuple(x if x.dtype is kind else _cast(x, kind) for x in tensors)


def _cast(x: Tensor, kind: Any) -> Tensor:
    return cast_.call(x, dtype=kind.numpy)


@function(method=False, aliases=("concat", "concatenate"))
def cat(tensors: Any, dim: int = 0, *, axis: int | None = None) -> Tensor:
    """Tensors joined along an existing dimension."""
    found = _list_of(tensors, "torch.cat():")
    full = tuple(x for x in found if x._array.shape != (0,)) or found[:1]
    if any(x.ndim == 0 for x in full):
        raise RuntimeError("zero-dimensional tensor (at position 0) cannot be concatenated")
    at = one_dim(dim if axis is None else axis, full[0].ndim)
    first = full[0]._array.shape
    for i, x in enumerate(full):
        if x.ndim != len(first):
            raise RuntimeError(f"Tensors must have same number of dimensions: got {len(first)} and {x.ndim}")
        for d, (a, b) in enumerate(zip(first, x._array.shape, strict=True)):
            if a != b and d != at:
                raise RuntimeError(
                    f"Sizes of tensors must match except in dimension {at}. Expected size {a} but got size {b} for "
                    f"tensor number {i} in the list."
                )
    return _cat.call(*_common(full), dim=at)


@function(method=False)
def stack(tensors: Any, dim: int = 0) -> Tensor:
    """Tensors of one shape joined along a new dimension."""
    found = _list_of(tensors, "stack")
    first = found[0]._array.shape
    for i, x in enumerate(found):
        if x._array.shape != first:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(first)} at entry 0 and "
                f"{list(x._array.shape)} at entry {i}"
            )
    return _stack.call(*_common(found), dim=one_dim(dim, len(first) + 1))


@function
@spread("dims")
def flip(input: Tensor, *dims: Any) -> Tensor:
    """Elements in reverse order along `dims`."""
    return _flip.call(input, dims=all_dims(sizes(dims), input.ndim))


@function
def roll(input: Tensor, shifts: Any, dims: Any = None) -> Tensor:
    """Elements moved along `dims`, those pushed out coming in at the other end."""
    moves = (shifts,) if isinstance(shifts, int) else tuple(shifts)
    if dims is None:
        return _roll.call(input, shifts=moves, dims=None)
    return _roll.call(input, shifts=moves, dims=all_dims(dims, input.ndim))


@method
@spread("repeats")
def repeat(self: Tensor, *repeats: Any) -> Tensor:
    """The tensor laid side by side this many times per dimension."""
    counts = sizes(repeats)
    if len(counts) < self.ndim:
        raise RuntimeError("Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor")
    return _tile.call(self, repeats=counts)


@function
@spread("dims")
def tile(input: Tensor, *dims: Any) -> Tensor:
    """`repeat`, with missing counts on the left taken as 1."""
    counts = sizes(dims)
    return repeat(input, *((1,) * (input.ndim - len(counts)) + counts))


@function(inplace=True)
def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """The lower triangle, zero elsewhere."""
    return _tril.call(input, diagonal=diagonal)


@function(inplace=True)
def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """The upper triangle, zero elsewhere."""
    return _triu.call(input, diagonal=diagonal)


@function(method=False)
def broadcast_tensors(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Tensors expanded to one common shape."""
    import numpy as np

    try:
        shape = np.broadcast_shapes(*(x._array.shape for x in tensors))
    except ValueError:
        raise noted(
            RuntimeError(errors.broadcast("broadcast_tensors", tensors[0]._array.shape, tensors[-1]._array.shape))
        ) from None
    return tuple(x if x._array.shape == shape else expand(x, *shape) for x in tensors)


@function(method=False)
def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """Coordinate grids of 1-D tensors; `indexing="xy"` swaps the first two dimensions."""
    found = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)) else tensors
    swap = indexing == "xy" and len(found) > 1
    order = (found[1], found[0], *found[2:]) if swap else tuple(found)
    shape = tuple(x._array.size for x in order)
    made = [expand(view(x, *(-1 if i == j else 1 for j in range(len(order)))), *shape) for i, x in enumerate(order)]
    return tuple([made[1], made[0], *made[2:]] if swap else made)


@function
def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """The diagonal of a matrix, or the matrix with this diagonal."""
    if input.ndim == 2:
        return _diag_copy.call(input, offset=diagonal)
    if input.ndim != 1:
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {input.ndim}D")
    n = input._array.shape[0] + abs(diagonal)
    return _diag_back.call(input, shape=(n, n), offset=diagonal, dim1=0, dim2=1)

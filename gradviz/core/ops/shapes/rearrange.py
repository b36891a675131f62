"""Rearrangements that copy: turning round, rolling, repeating."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import no_kernel
from ...memory_format import CONTIGUOUS, settled
from ...op import FUNCTIONS, function, method, op
from ...tensor import Tensor
from ..creation.factory import wrap
from ..helpers import all_dims, one_dim, sizes, spread
from .join import cat
from .reshape import clone, expand, flatten, unsqueeze, view

_flip = op("flip", lambda xp, x, *, dims: xp.flip(x, dims).copy(order="K"), public=False,
           x=lambda F, g, *, dims: F.flip(g, dims=dims))  # fmt: skip
_roll = op("roll", lambda xp, x, *, shifts, dims: xp.roll(x, shifts if dims else shifts[0], dims), public=False,
           x=lambda F, g, *, shifts, dims: F.roll(g, shifts=tuple(-s for s in shifts), dims=dims))  # fmt: skip
_rot90 = op("rot90", lambda xp, x, *, k, dims: xp.rot90(x, k, dims).copy(), public=False,
            x=lambda F, g, *, k, dims: F.rot90(g, k=-k, dims=dims))  # fmt: skip
_tile = op("repeat", lambda xp, x, *, repeats: settled(xp.tile(x, repeats)), public=False,
           x=lambda F, g, *, x_shape, repeats: _untile(F, g, x_shape, repeats))  # fmt: skip


def _untile(F: Any, g: Any, shape: tuple[int, ...], repeats: tuple[int, ...]) -> Any:
    lead = len(repeats) - len(shape)
    pairs = tuple(n for r, s in zip(repeats, (1,) * lead + shape, strict=True) for n in (r, s))
    summed = F.sum(F.reshape(g, shape=pairs), dim=tuple(range(0, len(pairs), 2)), keepdim=False)
    return F.reshape(summed, shape=shape)


# -- turning -------------------------------------------------------------------------------------------------------
@function
@spread("dims")
def flip(input: Tensor, *dims: Any) -> Tensor:
    """Elements in reverse order along `dims`."""
    return _flip.call(input, dims=all_dims(sizes(dims), input.ndim))


@function
def fliplr(input: Tensor) -> Tensor:
    """Columns in reverse order."""
    if input.ndim < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return flip(input, 1)


@function
def flipud(input: Tensor) -> Tensor:
    """Rows in reverse order."""
    if input.ndim < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return flip(input, 0)


@function
def rot90(input: Tensor, k: int = 1, dims: Any = (0, 1)) -> Tensor:
    """Turned by 90 degrees k times, from the first dim towards the second."""
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if input.ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {input.ndim}")
    plane = tuple(one_dim(d, input.ndim) for d in dims)
    if plane[0] == plane[1]:
        raise RuntimeError(f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}")
    return _rot90.call(input, k=int(k), dims=plane)


@function
def roll(input: Tensor, shifts: Any, dims: Any = None) -> Tensor:
    """Elements moved along `dims`, those pushed out coming in at the other end."""
    moves = tuple(shifts) if isinstance(shifts, (tuple, list)) else (int(shifts),)
    along = () if dims is None else tuple(dims) if isinstance(dims, (tuple, list)) else (dims,)
    if not moves:
        raise RuntimeError("`shifts` required")
    if len(moves) != len(along) and (along or len(moves) > 1):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(moves)}, dims:{len(along)}")
    if along and not input.ndim:
        raise IndexError(f"Dimension specified as {along[0]} but tensor has no dimensions")
    return _roll.call(input, shifts=moves, dims=tuple(one_dim(d, input.ndim) for d in along) or None)


# -- repeating -----------------------------------------------------------------------------------------------------
@method
@spread("repeats")
def repeat(self: Tensor, *repeats: Any) -> Tensor:
    """The tensor laid side by side this many times per dimension."""
    counts = sizes(repeats)
    if len(counts) < self.ndim:
        raise RuntimeError("Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor")
    if any(n < 0 for n in counts):
        shape = [a * b for a, b in zip((1,) * (len(counts) - self.ndim) + self._array.shape, counts, strict=True)]
        raise RuntimeError(f"Trying to create tensor with negative dimension {min(shape)}: {shape}")
    return _tile.call(self, repeats=counts)


@function
@spread("dims")
def tile(input: Tensor, *dims: Any) -> Tensor:
    """`repeat`, with missing counts on the left taken as 1."""
    counts = sizes(dims)
    return repeat(input, *((1,) * (input.ndim - len(counts)) + counts))


@function
def repeat_interleave(
    input: Tensor, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Tensor:
    """Every element, or every slice along `dim`, repeated in place; with only repeats, the indices to repeat."""
    if repeats is None:
        return _repeated_indices(input, output_size)
    if dim is None:
        input, dim = flatten(input), 0
    at = one_dim(dim, input.ndim)
    if not input.ndim:
        input = flatten(input)
    size = input._array.shape[at]
    if isinstance(repeats, Tensor):
        if repeats.ndim > 1:
            raise RuntimeError("repeats must be 0-dim or 1-dim tensor")
        if repeats._array.size not in (1, size):
            raise RuntimeError(
                f"repeats must have the same size as input along dim, but got repeats.size(0) = "
                f"{repeats._array.size} and input.size({at}) = {size}"
            )
        counts = expand(flatten(repeats), size) if repeats._array.size == 1 else repeats
        made: Tensor = FUNCTIONS["index_select"](input, at, _repeated_indices(counts, output_size))
        return made
    if repeats < 0:
        raise RuntimeError("Repeats must be non-negative")
    shape = input._array.shape
    grown = (*shape[: at + 1], repeats, *shape[at + 1 :])
    copied = clone(expand(unsqueeze(input, at + 1), *grown), memory_format=CONTIGUOUS)
    return view(copied, *shape[:at], size * repeats, *shape[at + 1 :])


def _repeated_indices(repeats: Tensor, output_size: int | None) -> Tensor:
    if repeats.ndim != 1:
        raise RuntimeError("repeat_interleave only accept 1D vector as repeat")
    if repeats.dtype.name not in ("int64", "int32"):
        raise no_kernel("repeat_interleave_cpu", repeats, "Repeats are integers.")
    counts = repeats.device.to_numpy(repeats._array)
    if counts.size and counts.min() < 0:
        raise RuntimeError("repeats can not be negative")
    if output_size is not None and output_size != counts.sum():
        raise RuntimeError("allocated size does not match required size")
    return wrap(np.repeat(np.arange(counts.size, dtype=counts.dtype), counts), repeats.device)


@function(method=False)
def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """A matrix whose columns are powers of a vector, the highest first unless `increasing`."""
    if x.ndim != 1:
        raise RuntimeError("x must be a one-dimensional tensor.")
    count = x._array.size if N is None else N
    if count < 0:
        raise RuntimeError("N must be non-negative.")
    base = x if x.dtype.category > 1 else x.long()
    column = unsqueeze(base, 1)
    parts = [expand(column.new_ones(()), x._array.size, 1)]
    if count > 1:
        parts.append(FUNCTIONS["cumprod"](expand(column, -1, count - 1), 1))
    powers = cat(parts, 1) if count else base.new_empty((x._array.size, 0))
    return powers if increasing else flip(powers, 1)

"""Tensors brought to one shape: broadcasting, grids of coordinates and all combinations."""

from __future__ import annotations

from typing import Any

from ... import errors
from ...errors import noted
from ...op import function
from ...size import Size
from ...tensor import Tensor
from .join import stack
from .reshape import expand, reshape, view


def unpacked(given: tuple[Any, ...]) -> Any:
    """Tensors given one by one, or as one sequence."""
    return given[0] if len(given) == 1 and isinstance(given[0], (tuple, list)) else given


def _shape(given: Any) -> tuple[int, ...]:
    return (given,) if isinstance(given, int) else tuple(int(n) for n in given)


@function(method=False)
def broadcast_shapes(*shapes: Any) -> Size:
    """The shape that tensors of these shapes have together."""
    found: list[int] = []
    for at, shape in enumerate(_shape(s) for s in shapes):
        if any(n < 0 for n in shape):
            raise ValueError("Attempting to broadcast a dimension with negative length!")
        found = [1] * (len(shape) - len(found)) + found
        for i in range(-1, -len(shape) - 1, -1):
            if found[i] == 1:
                found[i] = shape[i]
            elif shape[i] not in (1, found[i]):
                given = shapes[at] if isinstance(shapes[at], Size) else shape
                raise RuntimeError(
                    f"Attempting to broadcast a dimension of length {shape[i]} at {i}! Mismatching argument at index "
                    f"{at} had {given}; but expected shape should be broadcastable to {found}"
                )
    return Size(found)


@function(method=False)
def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """Tensors expanded to one common shape."""
    found = unpacked(tensors)
    shape: tuple[int, ...] = ()
    for x in found:
        try:
            shape = tuple(broadcast_shapes(shape, x._array.shape))
        except RuntimeError:
            raise noted(RuntimeError(errors.broadcast("broadcast_tensors", shape, x._array.shape))) from None
    return tuple(x if x._array.shape == shape else expand(x, *shape) for x in found)


@function(method=False)
def meshgrid(*tensors: Any, indexing: str | None = None) -> tuple[Tensor, ...]:
    """Coordinate grids of 1-D tensors; `indexing="xy"` swaps the first two dimensions."""
    found = unpacked(tensors)
    if not found:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    for x in found:
        if x.ndim > 1:
            raise RuntimeError(
                f"torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: \nIts shape is {tuple(x.shape)}."
            )
        if x.dtype is not found[0].dtype:
            raise RuntimeError("meshgrid expects all tensors to have the same dtype")
    if indexing not in (None, "ij", "xy"):
        raise RuntimeError(f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}')
    swap = indexing == "xy" and len(found) > 1
    order = (found[1], found[0], *found[2:]) if swap else tuple(found)
    shape = tuple(x._array.size for x in order)
    made = [expand(view(x, *(-1 if i == j else 1 for j in range(len(order)))), *shape) for i, x in enumerate(order)]
    return tuple([made[1], made[0], *made[2:]] if swap else made)


@function(method=False)
def cartesian_prod(*tensors: Any) -> Tensor:
    """Every combination of one element from each vector, a row each."""
    found = unpacked(tensors)
    for x in found:
        if x.ndim != 1:
            raise RuntimeError(f"Expect a 1D vector, but got shape {list(x._array.shape)}")
    if len(found) == 1:
        made: Tensor = found[0]
        return made
    return stack([reshape(x, -1) for x in meshgrid(*found, indexing="ij")], 1)

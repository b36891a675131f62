"""Where values belong among sorted boundaries."""

from __future__ import annotations

from typing import Any

from ... import errors
from ...errors import no_kernel
from ...op import function, op
from ...tensor import Tensor
from ..helpers import is_number
from .sort import order_of

_search = op("searchsorted", lambda xp, boundaries, values, *, right: _places(xp, boundaries, values, right),
             public=False, promote="binary")  # fmt: skip


def _places(xp: Any, boundaries: Any, values: Any, right: bool) -> Any:
    """How many boundaries are smaller than each value (or, with `right`, not larger); NaN belongs at the end."""
    if boundaries.ndim == 1:
        found = xp.searchsorted(boundaries, values, side="right" if right else "left")
    else:
        found = _row_by_row(xp, boundaries, values, right)
    found = xp.asarray(found).astype(xp.int64)
    return xp.where(values != values, boundaries.shape[-1], found) if values.dtype.kind == "f" else found


def _row_by_row(xp: Any, boundaries: Any, values: Any, right: bool) -> Any:
    """All rows at once: sorted together, a value's place is how many of both kinds come before it.

    Taking away the values among those leaves the boundaries. Which kind comes first among equal ones decides the side.
    """
    parts, start = ([boundaries, values], boundaries.shape[-1]) if right else ([values, boundaries], 0)
    together = _rank(xp, xp.concatenate(parts, axis=-1))
    return together[..., start : start + values.shape[-1]] - _rank(xp, values)


def _rank(xp: Any, x: Any) -> Any:
    """Every element's place in the sorted order of its row."""
    return order_of(xp, order_of(xp, x, x.ndim - 1), x.ndim - 1)


# -- the public functions ------------------------------------------------------------------------------------------
@function(method=False)
def searchsorted(
    sorted_sequence: Tensor, input: Any, *, out_int32: bool = False, right: bool = False, side: str | None = None,
    sorter: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """The index in the last dimension of `sorted_sequence` before which each value would keep the order."""
    name, shape = "torch.searchsorted()", list(sorted_sequence.shape)
    if side not in (None, "left", "right"):
        raise RuntimeError(f"{name}: side can only be 'left' or 'right' but got {side}")
    if side == "left" and right:
        raise RuntimeError(f"{name}: side and right can't be set to opposites, got side of left while right was True")
    number = is_number(input) or not input.ndim
    if number and len(shape) != 1:
        raise RuntimeError(
            f"{name}: input value can be a scalar only when boundaries tensor dimension is 1, but we got boundaries "
            f"tensor dim({len(shape)}) and input value's dim(0) numel(1)"
        )
    if len(shape) != 1 and shape[:-1] != list(input.shape[:-1]):
        raise RuntimeError(
            f"{name}: boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries tensor and "
            f"input value tensor must match, but we got boundaries tensor {shape} and input value tensor "
            f"{list(input.shape)}"
        )
    if sorter is not None:
        sorted_sequence = _sorted_by(sorted_sequence, sorter)
    return _found(sorted_sequence, input, right or side == "right", out_int32)


def _sorted_by(boundaries: Tensor, sorter: Tensor) -> Tensor:
    name = "torch.searchsorted()"
    if sorter.shape != boundaries.shape:
        raise RuntimeError(
            f"{name}: boundary and sorter must have the same size, but got boundary tensor {list(boundaries.shape)}and "
            f"got sorter tensor {list(sorter.shape)}"
        )
    if sorter.dtype.name != "int64":
        kind = errors.scalar_type(sorter.dtype)
        raise RuntimeError(f"{name}: sorter must be a tensor of long dtype but got dtype {kind}")
    if bool(((sorter < 0) | (sorter >= boundaries.shape[-1])).any()):
        raise RuntimeError(f"{name}: sorter index out of range")
    made: Tensor = boundaries.detach().gather(-1, sorter)
    return made


def _found(boundaries: Tensor, values: Any, right: bool, out_int32: bool) -> Tensor:
    if boundaries.dtype.name == "bool":
        raise no_kernel("searchsorted_out_cpu", boundaries)
    out = _search.call(boundaries, values, right=right)
    return out.int() if out_int32 else out


@function(method=False)
def bucketize(input: Any, boundaries: Tensor, *, out_int32: bool = False, right: bool = False) -> Tensor:
    """The number of the bucket between 1-D `boundaries` that each value falls into."""
    if not is_number(input) and not isinstance(input, Tensor):
        raise TypeError(
            f"bucketize() received an invalid combination of arguments - got ({type(input).__name__}, Tensor)"
        )
    if boundaries.ndim != 1:
        raise RuntimeError(f"boundaries tensor must be 1 dimension, but got dim({boundaries.ndim})")
    return _found(boundaries, input, right, out_int32)

"""Copies with the elements under a mask replaced: by one value, or by the elements of another tensor in order."""

from __future__ import annotations

import math
from typing import Any

from ... import errors
from ...errors import noted
from ...op import function, op
from ...tensor import Tensor
from ..creation.factory import check_fits
from ..shapes.broadcast import broadcast_tensors
from .index_put import _put

_masked_fill = op("masked_fill", lambda xp, x, mask, value: _put(xp, x, value, mask), public=False,
                  node="MaskedFillBackward1", number_node="MaskedFillBackward0",
                  x=lambda F, g, mask: F.where(mask, 0.0, g),
                  value=lambda F, g, mask: F.sum(F.where(mask, g, 0.0), dim=None, keepdim=False))  # fmt: skip
_masked_scatter = op("masked_scatter", lambda xp, x, mask, source: _put(
                         xp, x, source.reshape(-1)[: int(mask.sum())], mask), public=False,
                     x=lambda F, g, mask: F.where(mask, 0.0, g),
                     source=lambda F, g, mask, *, source_shape: F.masked_list(
                         g, mask, shape=source_shape))  # fmt: skip
_filled = op("filled", lambda xp, x, value: _whole(xp, x, value), public=False, node="FillBackward1",
             number_node="FillBackward0", x=lambda F, g, *, x_shape: F.blank(g, shape=x_shape),
             value=lambda F, g: F.sum(g, dim=None, keepdim=False))  # fmt: skip
# The elements under a mask as the first ones of a tensor of this shape, and back again.
_masked_list = op("masked_list", lambda xp, x, mask, *, shape: _listed(xp, x[mask], shape), public=False,
                  x=lambda F, g, mask: F.masked_unlist(g, mask))  # fmt: skip
_masked_unlist = op("masked_unlist", lambda xp, x, mask: _put(
                        xp, xp.zeros(mask.shape, dtype=x.dtype), x.reshape(-1)[: int(mask.sum())], mask),
                    public=False, x=lambda F, g, mask, *, x_shape: F.masked_list(g, mask, shape=x_shape))  # fmt: skip


def _whole(xp: Any, x: Any, value: Any) -> Any:
    out = xp.empty_like(x)
    out[...] = value
    return out


def _listed(xp: Any, values: Any, shape: tuple[int, ...]) -> Any:
    out = xp.zeros(math.prod(shape), dtype=values.dtype)
    out[: values.size] = values
    return out.reshape(shape)


@function(method=False)
def fill(input: Tensor, value: Any) -> Tensor:
    """A tensor like `input` with one value everywhere."""
    if isinstance(value, Tensor) and value.ndim:
        raise RuntimeError(f"fill only supports 0-dimension value tensor but got tensor with {value.ndim} dimensions.")
    if isinstance(value, Tensor):
        return _filled.call(input, value if value.dtype is input.dtype else value.to(input.dtype))
    return _filled.call(input, _fitting(value, input))


@function(inplace=True)
def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """`input` with one value where the mask holds."""
    if mask.dtype.name != "bool":
        kind = errors.c_name(mask.dtype)
        raise noted(RuntimeError(f"masked_fill_ only supports boolean masks, but got mask with dtype {kind}"))
    if isinstance(value, Tensor) and value.ndim:
        raise RuntimeError(
            f"masked_fill_ only supports a 0-dimensional value tensor, but got tensor with {value.ndim} dimension(s)."
        )
    if isinstance(value, Tensor) and value.dtype is not input.dtype:
        if value.is_complex() and not input.is_complex():
            value = value.item()
        else:
            value = value.to(input.dtype)
    if not isinstance(value, Tensor):
        value = _fitting(value, input)
    m, x = (mask, input) if input._array.shape == mask._array.shape else broadcast_tensors(mask, input)
    out = _masked_fill.call(x, m, value)
    return out if out.dtype is input.dtype else out.to(input.dtype)


def _fitting(value: Any, x: Tensor) -> Any:
    """A number as the tensor's type holds it."""
    if isinstance(value, complex) and not x.is_complex():
        check_fits(float("inf") if x.dtype.category == 1 else 1e300, x.dtype)
    if x.dtype.category == 1:
        check_fits(value, x.dtype)
        return int(value)
    if x.dtype.category == 2:
        check_fits(value, x.dtype)
    return bool(value) if x.dtype.category == 0 else value


@function(inplace=True)
def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """`input` with the elements of `source`, in order, where the mask holds."""
    if source.dtype is not input.dtype:
        mine, other = errors.scalar_type(input.dtype), errors.scalar_type(source.dtype)
        raise RuntimeError(f"masked_scatter: expected self and source to have same dtypes but got{mine} and {other}")
    if mask.dtype.name != "bool":
        kind = errors.scalar_type(mask.dtype)
        raise RuntimeError(f"masked_scatter_ only supports boolean masks, but got mask with dtype {kind}")
    m, x = broadcast_tensors(mask, input)
    if int(m._array.sum()) > source._array.size:
        raise RuntimeError("Number of elements of source < number of ones in mask")
    return _masked_scatter.call(x, m, source)

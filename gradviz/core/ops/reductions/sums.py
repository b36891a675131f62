"""Reductions: many elements to few. Here the sums, the means and what they can be asked about truth."""

from __future__ import annotations

from typing import Any

from ... import errors
from ...dtype import as_dtype
from ...errors import noted
from ...op import function, method, op
from ...tensor import Tensor
from ..helpers import all_dims, sizes, unreduce
from ..kinds import floated
from .dims import average, count, reduced, refuse_complex, spelled, total, typed


def _whole(dim: Any) -> int:
    return 0 if dim is None else 1


_sum = op("sum", total,
          node=lambda dim: ("SumBackward0", "SumBackward1")[_whole(dim)], public=False,
          x=lambda F, g, *, x_shape, dim, keepdim:
              F.expand(unreduce(F, g, x_shape, dim, keepdim), shape=x_shape))  # fmt: skip
_mean = op("mean", average,
           node=lambda dim: ("MeanBackward0", "MeanBackward1")[_whole(dim)], public=False,
           x=lambda F, g, *, x_shape, dim, keepdim:
               F.expand(unreduce(F, g, x_shape, dim, keepdim), shape=x_shape) / count(x_shape, dim))  # fmt: skip
_nansum = op("nansum", lambda xp, x, *, dim, keepdim:
                 total(xp.where(xp.isnan(x), x.dtype.type(0), x), dim=dim, keepdim=keepdim), public=False,
             x=lambda F, g, x, *, x_shape, dim, keepdim:
                 unreduce(F, g, x_shape, dim, keepdim) * F.logical_not(F.isnan(x)))  # fmt: skip
_logsumexp = op("logsumexp", lambda xp, x, *, dim, keepdim: _lse(xp, x, dim, keepdim), public=False,
                x=lambda F, g, x, out, *, x_shape, dim, keepdim:
                    unreduce(F, g, x_shape, dim, keepdim)
                    * F.exp(x - unreduce(F, out, x_shape, dim, keepdim)))  # fmt: skip
_all = op("all", lambda xp, x, *, dim, keepdim: _truth(xp, xp.all, x, dim, keepdim), public=False)
_any = op("any", lambda xp, x, *, dim, keepdim: _truth(xp, xp.any, x, dim, keepdim), public=False)
_count_nonzero = op("count_nonzero", lambda xp, x, *, dim: xp.count_nonzero(x, axis=dim), public=False)


def _lse(xp: Any, x: Any, dim: Any, keepdim: bool) -> Any:
    """The logarithm of the sum of exponentials: the largest one is taken out, so that nothing overflows."""
    if x.ndim == 0:
        return x.copy()
    shape = tuple(n for i, n in enumerate(x.shape) if i not in dim)
    if count(x.shape, dim) == 0:
        return xp.full(
            tuple(1 if i in dim else n for i, n in enumerate(x.shape)) if keepdim else shape, -xp.inf, x.dtype
        )
    top = xp.max(x, axis=dim, keepdims=True)
    top = xp.where(xp.isinf(top), xp.zeros_like(top), top)
    out = xp.log(total(xp.exp(x - top), dim=dim, keepdim=True)) + top
    return out if keepdim else out.reshape(shape)


def _truth(xp: Any, ask: Any, x: Any, dim: Any, keepdim: bool) -> Any:
    """Whether all or any elements are not zero; of bytes the answer is a byte, as in PyTorch."""
    out = ask(x, axis=dim, keepdims=keepdim)
    return xp.asarray(out).astype(x.dtype) if x.dtype == xp.uint8 else out


# -- the public functions ------------------------------------------------------------------------------------------
@function
def sum(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, axis: Any = None,
        keepdims: bool | None = None) -> Tensor:  # fmt: skip
    """The sum of all elements, or over `dim` (an int or several)."""
    dim, keepdim = (axis if dim is None else dim), (keepdim if keepdims is None else keepdims)
    if dtype is None:
        return _sum.call(input, dim=reduced(dim, input), keepdim=keepdim)
    return typed(_sum.call(typed(input, dtype), dim=reduced(dim, input), keepdim=keepdim), dtype)


@function
def mean(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, axis: Any = None,
         keepdims: bool | None = None) -> Tensor:  # fmt: skip
    """The mean of all elements, or over `dim`; floating types only."""
    dim, keepdim = (axis if dim is None else dim), (keepdim if keepdims is None else keepdims)
    if dtype is None and input._array.dtype.kind == "f":
        return _mean.call(input, dim=reduced(dim, input), keepdim=keepdim)
    kind, who = (input.dtype, "Input") if dtype is None else (as_dtype(dtype), "Optional")
    if kind.category < 2:
        raise noted(
            RuntimeError(
                f"mean(): could not infer output dtype. {who} dtype must be either a floating point or complex dtype. "
                f"Got: {errors.scalar_type(kind)}\nConvert first: x.float().mean(), or x.mean(dtype=torch.float32)."
            )
        )
    return _mean.call(typed(input, dtype), dim=reduced(dim, input), keepdim=keepdim)


@function
@spelled
def nansum(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The sum of the elements that are numbers."""
    x = typed(input, dtype)
    refuse_complex(x, "nansum on CPU does not support complex inputs")
    return sum(x, dim, keepdim) if x.dtype.category < 2 else _nansum.call(x, dim=reduced(dim, x), keepdim=keepdim)


@function
@spelled
def nanmean(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The mean of the elements that are numbers."""
    if input.dtype.category < 2:
        raise RuntimeError(
            "nanmean(): expected input to have floating point or complex dtype but got "
            f"{errors.scalar_type(input.dtype)}"
        )
    numbers = sum(~input.isnan().detach(), dim, keepdim)
    return nansum(input, dim, keepdim, dtype=dtype) / numbers


@function
@spelled
def logsumexp(input: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """The logarithm of the sum of exponentials, without overflow."""
    dims = all_dims(dim, input.ndim) or tuple(range(input.ndim))
    return _logsumexp.call(floated(input), dim=dims, keepdim=keepdim)


@function
@spelled
def all(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Whether all elements are true (not zero)."""
    return _all.call(input, dim=all_dims(dim, input.ndim), keepdim=keepdim)


@function
@spelled
def any(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Whether any element is true (not zero)."""
    return _any.call(input, dim=all_dims(dim, input.ndim), keepdim=keepdim)


@function
@spelled
def count_nonzero(input: Tensor, dim: Any = None) -> Tensor:
    """How many elements are not zero."""
    return _count_nonzero.call(input, dim=reduced(dim, input))


@method
def sum_to_size(self: Tensor, *size: Any) -> Tensor:
    """The sum over the dimensions in which a tensor of this size would be expanded to this one's."""
    wanted, shape = sizes(size), tuple(self._array.shape)
    lead = len(shape) - len(wanted)
    if lead < 0 or [1 for a, b in zip(wanted, shape[max(lead, 0) :], strict=True) if a not in (1, b)]:
        raise noted(
            RuntimeError(
                f"size {{{list(wanted)}}} is not expandable to size {{{list(shape)}}}.\n"
                "Sizes are compared from the right; each must be equal, or 1 in the smaller one."
            )
        )
    if not wanted:
        return sum(self)
    dims = (*range(lead), *(i for i, n in enumerate(wanted, lead) if n == 1 and shape[i] != 1))
    out = _sum.call(self, dim=dims, keepdim=True) if dims else self
    return out.view(*wanted) if lead else out

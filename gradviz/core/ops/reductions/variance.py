"""Variance and standard deviation, with their mean or without."""

from __future__ import annotations

import warnings
from typing import Any

from ...errors import noted
from ...op import function, op
from ...tensor import Tensor
from ..helpers import unreduce
from .dims import WIDE, added, average, count, reduced, spelled

_var = op("var", lambda xp, x, *, dim, correction, keepdim: _variance(xp, x, dim, correction, keepdim),
          node="VarBackward0", public=False,
          x=lambda F, g, x, *, x_shape, dim, correction, keepdim:
              _var_rule(F, g, x, x_shape, dim, correction, keepdim))  # fmt: skip
_std = op("std", lambda xp, x, *, dim, correction, keepdim: _deviation(xp, x, dim, correction, keepdim),
          node="StdBackward0", public=False,
          x=lambda F, g, x, out, *, x_shape, dim, correction, keepdim:
              _std_rule(F, g, x, out, x_shape, dim, correction, keepdim))  # fmt: skip
_var_mean = op("var_mean", lambda xp, x, *, dim, correction, keepdim:
                   (_variance(xp, x, dim, correction, keepdim), average(x, dim=dim, keepdim=keepdim)),
               public=False, outputs=True,
               x=lambda F, g, x, *, x_shape, dim, correction, keepdim:
                   _with_mean(F, g, x, x_shape, dim, keepdim,
                              lambda s: _var_rule(F, s, x, x_shape, dim, correction, keepdim)))  # fmt: skip
_std_mean = op("std_mean", lambda xp, x, *, dim, correction, keepdim:
                   (_deviation(xp, x, dim, correction, keepdim), average(x, dim=dim, keepdim=keepdim)),
               public=False, outputs=True,
               x=lambda F, g, x, out, *, x_shape, dim, correction, keepdim:
                   _with_mean(F, g, x, x_shape, dim, keepdim,
                              lambda s: _std_rule(F, s, x, out[0], x_shape, dim, correction, keepdim)))  # fmt: skip


def _inverse(shape: tuple[int, ...], dim: Any, correction: float) -> float:
    """One over the degrees of freedom; infinite where none is left."""
    degrees = count(shape, dim) - correction
    return 1.0 / degrees if degrees > 0 else float("inf")


def _variance(xp: Any, x: Any, dim: Any, correction: float, keepdim: bool) -> Any:
    return _spread(xp, x, dim, correction, keepdim).astype(x.real.dtype, copy=False)


def _deviation(xp: Any, x: Any, dim: Any, correction: float, keepdim: bool) -> Any:
    return xp.sqrt(_spread(xp, x, dim, correction, keepdim)).astype(x.real.dtype, copy=False)


def _spread(xp: Any, x: Any, dim: Any, correction: float, keepdim: bool) -> Any:
    """The variance, 16-bit floats' in 32 bits."""
    wide = x.astype(WIDE.get(x.dtype, x.dtype), copy=False)
    centred = xp.abs(wide - average(wide, dim=dim, keepdim=True))
    total = added(centred * centred, dim, keepdim)
    degrees = count(x.shape, dim) - correction
    return total / (degrees if degrees > 0 else 0.0)


def _centred(F: Any, x: Any, dim: Any) -> Any:
    return x - F.mean(x, dim=dim, keepdim=True)


def _var_rule(F: Any, g: Any, x: Any, shape: Any, dim: Any, correction: float, keepdim: bool) -> Any:
    """Twice the distance from the mean; without degrees of freedom, infinite wherever there is a distance."""
    g, centred = unreduce(F, g, shape, dim, keepdim), _centred(F, x, dim)
    if count(shape, dim) <= correction:
        return g * F.where(centred == 0, float("nan"), float("inf"))
    return g * (2.0 * _inverse(shape, dim, correction)) * centred


def _std_rule(F: Any, g: Any, x: Any, out: Any, shape: Any, dim: Any, correction: float, keepdim: bool) -> Any:
    """Half the variance's gradient over the deviation; where there is no deviation, zero."""
    share = F.where(out == 0, 0.0, g / out)
    return unreduce(F, share, shape, dim, keepdim) * _inverse(shape, dim, correction) * _centred(F, x, dim)


def _with_mean(F: Any, g: Any, x: Any, shape: Any, dim: Any, keepdim: bool, of_spread: Any) -> Any:
    """The gradients of a spread and of the mean, either of which may not have been asked for."""
    spread = None if g[0] is None else of_spread(g[0])
    if g[1] is None:
        return spread
    mean = F.expand(unreduce(F, g[1], shape, dim, keepdim), shape=shape) / count(shape, dim)
    return mean if spread is None else spread + mean


def _function(the_op: Any, text: str) -> Any:
    name = the_op.name

    def call(
        input: Tensor, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None
    ) -> Any:
        if input.dtype.category < 2:
            who = name if the_op.outputs else "std and var"
            raise noted(
                RuntimeError(
                    f"{who} only support floating point and complex dtypes\n"
                    f"The type is {input.dtype!r}. Convert it first: x = x.float()."
                )
            )
        if isinstance(dim, bool):
            dim, unbiased = None, dim
        if unbiased is not None and correction is not None:
            raise TypeError(f"{name}() received an invalid combination of arguments - got unbiased and correction")
        if unbiased is not None:
            correction = 1 if unbiased else 0
        dims, correction = reduced(dim, input), 1 if correction is None else correction
        if count(input._array.shape, dims) <= correction:
            warnings.warn(
                f"{name}(): degrees of freedom is <= 0. Correction should be strictly less than the reduction factor "
                "(input numel divided by output numel).",
                stacklevel=3,
            )
        return the_op.call(input, dim=dims, correction=correction, keepdim=keepdim)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"The {text} over `dim`, divided by n - correction."
    return function(method=not the_op.outputs)(spelled(call))


var = _function(_var, "variance")
std = _function(_std, "standard deviation")
var_mean = _function(_var_mean, "variance and the mean")
std_mean = _function(_std_mean, "standard deviation and the mean")

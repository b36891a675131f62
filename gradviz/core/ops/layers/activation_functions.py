"""The activations that PyTorch has in `torch` itself, most of them with a twin that writes over its input."""

from __future__ import annotations

import math
from typing import Any

from ... import errors
from ...errors import no_kernel, noted
from ...inplace import make_inplace
from ...op import FUNCTIONS, METHODS, Op, function
from ...tensor import Tensor
from ..kinds import require_floating
from ..random.sample import on_device, source
from . import activation as curves
from .activation import SELU
from .activation_inplace import OVER
from .gates import rrelu as _rrelu


def bend(curve: Op, name: str, input: Any, inplace: bool, *more: Any, **settings: Any) -> Tensor:
    """Apply an activation, over its input if asked to."""
    if not inplace:
        return curve.call(input, *more, **settings)
    written = OVER.get(curve.name, curve)
    return make_inplace(name + "_", written.call, written)(input, *more, **settings)  # type: ignore[no-any-return]


def _twin(f: Any) -> Any:
    """Register `f(input, ..., inplace)` as `torch.<name>` and `torch.<name>_`."""

    def plain(input: Any, *args: Any, **kwargs: Any) -> Any:
        return f(input, False, *args, **kwargs)

    def over(input: Any, *args: Any, **kwargs: Any) -> Any:
        return f(input, True, *args, **kwargs)

    for made, name in ((plain, f.__name__), (over, f.__name__ + "_")):
        made.__name__ = made.__qualname__ = name
        made.__doc__ = f.__doc__
        FUNCTIONS[name] = made
    return f


FUNCTIONS["relu_"] = METHODS["relu_"]


@_twin
def selu(input: Any, inplace: bool) -> Any:
    """`scale * (x if x > 0 else alpha * (exp(x) - 1))`, with the two constants that keep activations normalised."""
    return bend(curves.elu, "selu", input, inplace, **SELU)


@_twin
def celu(input: Any, inplace: bool, alpha: float = 1.0) -> Any:
    """`x if x > 0 else alpha * (exp(x / alpha) - 1)`: smooth for every alpha."""
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return bend(curves._celu, "celu", input, inplace, alpha=alpha)


@_twin
def threshold(input: Any, inplace: bool, threshold: float, value: float) -> Any:
    """`x` where it is above `threshold`, `value` elsewhere."""
    return bend(curves._threshold, "threshold", input, inplace, threshold=threshold, value=value)


@_twin
def rrelu(
    input: Any, inplace: bool, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, generator: Any = None
) -> Any:
    """`x` where positive, elsewhere `x` times a slope drawn from [lower, upper), or their mean when not training."""
    for name, bound in (("lower", lower), ("upper", upper)):
        if not math.isfinite(bound):
            raise RuntimeError(f"rrelu: {name} bound must be finite, got {bound:g}")
    if lower > upper:
        raise noted(
            RuntimeError(
                "Lower bound should be less than or equal to the upper bound\n"
                f"The slopes lie between lower={lower:g} and upper={upper:g}."
            )
        )
    noise = _slopes(input, lower, upper, generator) if training else None
    return bend(_rrelu, "rrelu", input, inplace, noise, slope=(lower + upper) / 2)


def _slopes(input: Any, lower: float, upper: float, generator: Any) -> Tensor | None:
    """A slope for each element: 1 where positive; the others are drawn, in order, in double precision."""
    x, device = input._array, input.device
    if x.dtype.kind in "biu" or x.dtype.name == "float16":
        raise no_kernel("rrelu_with_noise_out_cpu", x)
    flat = x.reshape(-1) <= 0
    drawn = source("rrelu", generator, device).uniform(int(flat.sum()), "float64", lower, upper)
    noise = device.xp.ones(x.size, dtype=x.dtype)
    noise[flat] = on_device(drawn, device).astype(x.dtype)
    return Tensor._of(noise.reshape(x.shape), device)


# -- without a twin ------------------------------------------------------------------------------------------------
@function
def hardshrink(input: Any, lambd: float = 0.5) -> Any:
    """`x`, but 0 between `-lambd` and `lambd`."""
    return curves._hard.call(input, lambd=lambd)


@function
def prelu(input: Any, weight: Any) -> Any:
    """`x if x > 0 else weight * x`, the slope learned: one number, or one for each channel (dimension 1)."""
    if input.dtype is not weight.dtype:
        names = errors.scalar_type(input.dtype), errors.scalar_type(weight.dtype)
        raise RuntimeError(f"prelu: Type promoting not supported. Got {names[0]} and {names[1]}")
    count = weight.numel()
    if count != 1:
        if not input.ndim:
            raise noted(RuntimeError("Not allow zero-dim input tensor.\nOne number has one slope: pass one weight."))
        channels = input.shape[1] if input.ndim > 1 else 1
        if count != channels:
            raise RuntimeError(
                f"Mismatch of parameter numbers and input channel size. Found parameter numbers = {count} and "
                f"channel size = {channels}."
            )
    if weight.ndim > 1:
        raise RuntimeError(f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.ndim}")
    require_floating(input._array, "prelu_cpu")
    slopes = weight.view(*(-1 if i == min(1, input.ndim - 1) else 1 for i in range(input.ndim)))
    return curves._prelu.call(input, slopes)

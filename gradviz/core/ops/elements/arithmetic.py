"""Arithmetic on elements: each line is an operation and the gradient rules of its inputs."""

from __future__ import annotations

import math
from typing import Any

from ... import errors
from ...errors import no_kernel, noted
from ...op import function, op
from ...tensor import Tensor
from ..kinds import signs, widened
from .rounding import div_rounded

RADIANS, DEGREES = math.pi / 180, 180 / math.pi

# -- two tensors ---------------------------------------------------------------------------------------------------
_add = op("add", lambda a, b: a + b, a=lambda g: g, b=lambda g: g, promote="binary", elementwise=True, public=False)
_sub = op("sub", lambda a, b: a - b, a=lambda g: g, b=lambda g: -g, promote="binary", elementwise=True, public=False)
_rsub = op("rsub", lambda a, b: b - a, a=lambda g: -g, b=lambda g: g, promote="binary", elementwise=True, public=False,
           number_node="RsubBackward1", numbers="last")  # fmt: skip
mul = op("mul", lambda a, b: a * b, a=lambda g, b: g * b, b=lambda g, a: g * a, promote="binary", elementwise=True,
         inplace=True,
         saved_names={"a": "self", "b": "other"})  # fmt: skip
_div = op("div", lambda a, b: a / b, a=lambda g, b: g / b, b=lambda g, a, b: -g * (a / b) / b, promote="float",
          elementwise=True, public=False, saved_names={"a": "self", "b": "other"})  # fmt: skip
# The same with a number, under the names that PyTorch gives the steps of its own compositions.
_scale = op(
    "scale", lambda x, *, by: widened(lambda x: x * by, x), node="MulBackward1", public=False, x=lambda g, *, by: g * by
)
_shift = op("shift", lambda x, *, by: widened(lambda x: x + by, x), node="AddBackward1", public=False, x=lambda g: g)

# -- one tensor ----------------------------------------------------------------------------------------------------
neg = op("neg", lambda x: -x, x=lambda g: -g, elementwise=True, inplace=True)
abs = op("abs", lambda xp, x: _size(xp, x), x=lambda F, g, x: g * F.sgn(x), elementwise=True, inplace=True)
sign = op("sign", lambda x: _sign(x), x=lambda F, g: F.flat(g), inplace=True)
reciprocal = op("reciprocal", lambda x: 1 / x, x=lambda g, out: -g * out * out, promote="float", elementwise=True,
                inplace=True)  # fmt: skip
deg2rad = op("deg2rad", lambda x: _turned(x, "deg2rad"), node="Deg2RadBackward0", promote="float", elementwise=True,
             inplace=True, x=lambda g: g * RADIANS)  # fmt: skip
rad2deg = op("rad2deg", lambda x: _turned(x, "rad2deg"), node="Rad2DegBackward0", promote="float", elementwise=True,
             inplace=True, x=lambda g: g * DEGREES)  # fmt: skip

# -- three tensors -------------------------------------------------------------------------------------------------
_addcmul = op("addcmul", lambda x, a, b, *, value: _with_product(x, a * b, value), public=False, promote="binary",
              x=lambda g: g, a=lambda g, b, *, value: g * b * value,
              b=lambda g, a, *, value: g * a * value)  # fmt: skip
_addcdiv = op("addcdiv", lambda x, a, b, *, value: _with_product(x, a / b, value), public=False, promote="binary",
              x=lambda g: g, a=lambda g, b, *, value: g * (value / b),
              b=lambda g, a, b, *, value: -g * (value * a / (b * b)))  # fmt: skip
_lerp = op("lerp", lambda xp, a, b, weight: _between(xp, a, b, weight), node="LerpBackward1",
           number_node="LerpBackward0", public=False, promote="binary",
           a=lambda g, weight: g * (1 - weight), b=lambda g, weight: g * weight,
           weight=lambda g, a, b: g * (b - a))  # fmt: skip


def _size(xp: Any, x: Any) -> Any:
    if x.dtype.kind == "b":
        raise no_kernel("abs_cpu", x)
    return xp.abs(x)


def _sign(x: Any) -> Any:
    if x.dtype.kind == "c":
        raise NotImplementedError(
            "Unlike NumPy, torch.sign is not intended to support complex numbers. Please use torch.sgn instead."
        )
    return signs(x)


def _turned(x: Any, name: str) -> Any:
    if x.dtype.kind == "c":
        raise RuntimeError(f"{name} is not supported for complex tensors.")
    return widened(lambda x: x * (RADIANS if name == "deg2rad" else DEGREES), x)


def _with_product(x: Any, product: Any, value: Any) -> Any:
    if x.dtype.kind == "b":
        raise no_kernel("addcmul_cpu_out", x)
    factor = int(value) if x.dtype.kind in "iu" else value
    return widened(lambda x, product: x + product * factor, x, product)


def _between(xp: Any, a: Any, b: Any, weight: Any) -> Any:
    """From the nearer end, so that both ends are met exactly."""
    step = b - a
    return xp.where(xp.abs(weight) < 0.5, a + weight * step, b - step * (1 - weight))


# -- the public functions ------------------------------------------------------------------------------------------
def _scaled(other: Any, alpha: Any) -> Any:
    return other if alpha == 1 else mul(other, alpha) if isinstance(other, Tensor) else other * alpha


@function(inplace=True)
def add(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    """`input + alpha * other`, element by element."""
    return _add.call(input, other if alpha == 1 else _scaled(other, alpha))


@function(aliases=("subtract",), inplace=True)
def sub(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    """`input - alpha * other`, element by element."""
    return _sub.call(input, other if alpha == 1 else _scaled(other, alpha))


@function
def rsub(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    """`other - alpha * input`, element by element."""
    return _rsub.call(input if alpha == 1 else mul(input, alpha), other)


@function(aliases=("divide", "true_divide"), inplace=True)
def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """`input / other`, element by element; `rounding_mode` "floor" or "trunc" rounds the quotient."""
    if rounding_mode is None:
        return _div.call(input, other)
    if rounding_mode not in ("floor", "trunc"):
        raise RuntimeError(
            f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'"
        )
    return div_rounded.call(input, other, mode=rounding_mode)


@function(inplace=True)
def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    """`input + value * tensor1 * tensor2`."""
    return _addcmul.call(input, tensor1, tensor2, value=value)


@function(inplace=True)
def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    """`input + value * tensor1 / tensor2`."""
    if tensor1.dtype.category < 2 and tensor2.dtype.category < 2:
        raise noted(
            RuntimeError(
                "Integer division with addcdiv is no longer supported, and in a future  release addcdiv will perform a "
                "true division of tensor1 and tensor2.\n"
                "Convert the tensors first (x.float()), or round: input + value * torch.trunc(tensor1 / tensor2)."
            )
        )
    return _addcdiv.call(input, tensor1, tensor2, value=value)


@function(inplace=True)
def lerp(input: Tensor, end: Tensor, weight: Any) -> Tensor:
    """`input + weight * (end - input)`."""
    for name, other in (("end", end), ("weight", weight)):
        if isinstance(other, Tensor) and other.dtype is not input.dtype:
            have, want = errors.c_name(other.dtype), errors.c_name(input.dtype)
            raise noted(
                RuntimeError(
                    f"expected dtype {want} for `{name}` but got dtype {have}\nConvert it: {name}.to({input.dtype!r})."
                )
            )
    if input.dtype.category < 2:
        raise no_kernel(f"lerp_kernel_{'tensor' if isinstance(weight, Tensor) else 'scalar'}", input)
    return _lerp.call(input, end, weight)


for _name, _call in (("multiply", mul.call), ("negative", neg.call), ("absolute", abs.call)):
    function(name=_name, inplace=True)(_call)

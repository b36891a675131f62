"""Arithmetic on elements: each line is an operation and the gradient rules of its inputs."""

from __future__ import annotations

from typing import Any

from gradviz.core.errors import noted

from .. import errors
from ..dispatch import run
from ..op import function, method, op
from ..tensor import Tensor
from .helpers import is_number

# -- two tensors ---------------------------------------------------------------------------------------------------
_add = op("add", lambda a, b: a + b, a=lambda g: g, b=lambda g: g, promote="binary", elementwise=True, public=False)
_sub = op("sub", lambda a, b: a - b, a=lambda g: g, b=lambda g: -g, promote="binary", elementwise=True, public=False)
_rsub = op("rsub", lambda a, b: b - a, a=lambda g: -g, b=lambda g: g, promote="binary", elementwise=True, public=False,
           number_node="RsubBackward1")  # fmt: skip
mul = op("mul", lambda a, b: a * b, a=lambda g, b: g * b, b=lambda g, a: g * a, promote="binary", elementwise=True,
         inplace=True,
         saved_names={"a": "self", "b": "other"})  # fmt: skip
_div = op("div", lambda a, b: a / b, a=lambda g, b: g / b, b=lambda g, a, b: -g * (a / b) / b, promote="float",
          elementwise=True, public=False, saved_names={"a": "self", "b": "other"})  # fmt: skip
_div_rounded = op("div_rounded", lambda xp, a, b, *, mode: getattr(xp, mode)(a / b), node="DivBackward2",
                  promote="float", public=False, a=lambda g: g * 0.0, b=lambda g: g * 0.0)  # fmt: skip
maximum = op("maximum", lambda xp, a, b: xp.maximum(a, b), promote="binary", elementwise=True,
             a=lambda F, g, a, b: g * _share(F, a, b), b=lambda F, g, a, b: g * _share(F, b, a))  # fmt: skip
minimum = op("minimum", lambda xp, a, b: xp.minimum(a, b), promote="binary", elementwise=True,
             a=lambda F, g, a, b: g * _share(F, b, a), b=lambda F, g, a, b: g * _share(F, a, b))  # fmt: skip
atan2 = op("atan2", lambda xp, a, b: xp.arctan2(a, b), promote="float", elementwise=True, inplace=True,
           a=lambda g, a, b: g * b / (a * a + b * b), b=lambda g, a, b: -g * a / (a * a + b * b))  # fmt: skip
hypot = op("hypot", lambda xp, a, b: xp.hypot(a, b), promote="float", elementwise=True,
           a=lambda g, a, out: g * a / out, b=lambda g, b, out: g * b / out)  # fmt: skip
remainder = op("remainder", lambda xp, a, b: xp.remainder(a, b), promote="binary", elementwise=True, inplace=True,
               node="RemainderBackward1", number_node="RemainderBackward0",
               a=lambda g: g, b=lambda F, g, a, b: -g * F.floor(a / b))  # fmt: skip
fmod = op("fmod", lambda xp, a, b: xp.fmod(a, b), promote="binary", elementwise=True, inplace=True,
          node="FmodBackward1", number_node="FmodBackward0",
          a=lambda g: g, b=lambda F, g, a, b: -g * F.trunc(a / b))  # fmt: skip
floor_divide = op("floor_divide", lambda a, b: a // b, promote="binary", inplace=True)

# -- powers --------------------------------------------------------------------------------------------------------
_pow = op("pow", lambda x, *, exponent: x**exponent, node="PowBackward0", public=False, elementwise=True,
          x=lambda F, g, x, *, exponent: _pow_rule(F, g, x, exponent),
          saved_names={"x": "self"})  # fmt: skip
_power = op("pow_tensor", lambda a, b: a**b, node="PowBackward1", public=False, elementwise=True, promote="binary",
            a=lambda F, g, a, b: g * F.where(b == 0, 0.0, b * F.pow_tensor(a, b - 1)),
            b=lambda F, g, a, b, out: g * F.where((a == 0) & (b >= 0), 0.0, out * F.log(a)))  # fmt: skip
_rpow = op("rpow", lambda a, b: b**a, node="PowBackward2", public=False, elementwise=True, promote="binary",
           a=lambda F, g, a, b, out: g * out * F.log(b))  # fmt: skip

# -- sign and limits -----------------------------------------------------------------------------------------------
neg = op("neg", lambda x: -x, x=lambda g: -g, elementwise=True, inplace=True)
abs = op("abs", lambda xp, x: xp.abs(x), x=lambda F, g, x: g * F.sign(x), elementwise=True, inplace=True)
sign = op("sign", lambda xp, x: x.copy() if x.dtype.kind == "b" else xp.sign(x), x=lambda F, g: g * 0.0, inplace=True)
reciprocal = op("reciprocal", lambda x: 1 / x, x=lambda g, out: -g * out * out, promote="float", elementwise=True,
                inplace=True)  # fmt: skip
_clamp = op("clamp", lambda xp, x, *, min, max: xp.clip(x, min, max), node="ClampBackward1", public=False,
            elementwise=True, x=lambda F, g, x, *, min, max: g * _inside(x, min, max),
            saved_names={"x": "self"})  # fmt: skip
_clamp_tensor = op("clamp_tensor", lambda xp, x, min, max: xp.clip(x, min, max), node="ClampBackward0", public=False,
                   x=lambda F, g, x, min, max: g * _inside(x, min, max),
                   min=lambda F, g, x, min, max: g * ((x < min) if max is None else (x < min) & (min < max)),
                   max=lambda F, g, x, min, max: g * ((x > max) if min is None else (x > max) | (max < min)),
                   promote="binary")  # fmt: skip
where_ = op("where", lambda xp, condition, a, b: xp.where(condition, a, b), public=False,
            a=lambda F, g, condition: F.where(condition, g, 0.0),
            b=lambda F, g, condition: F.where(condition, 0.0, g))  # fmt: skip

# -- three tensors -------------------------------------------------------------------------------------------------
_addcmul = op("addcmul", lambda x, a, b, *, value: x + value * (a * b), public=False, promote="binary",
              x=lambda g: g, a=lambda g, b, *, value: g * b * value,
              b=lambda g, a, *, value: g * a * value)  # fmt: skip
_addcdiv = op("addcdiv", lambda x, a, b, *, value: x + value * (a / b), public=False, promote="binary",
              x=lambda g: g, a=lambda g, b, *, value: g * (value / b),
              b=lambda g, a, b, *, value: -g * (value * a / (b * b)))  # fmt: skip
_lerp = op("lerp", lambda a, b, weight: a + weight * (b - a), node="LerpBackward1", number_node="LerpBackward0",
           public=False, promote="binary",
           a=lambda g, weight: g * (1 - weight), b=lambda g, weight: g * weight,
           weight=lambda g, a, b: g * (b - a))  # fmt: skip


def _share(F: Any, a: Any, b: Any) -> Any:
    """How much of the gradient the larger of two gets: all, none, or half at a tie."""
    return (a > b) + 0.5 * (a == b)


def _inside(x: Any, min: Any, max: Any) -> Any:
    if min is None:
        return x <= max
    return x >= min if max is None else (x >= min) & (x <= max)


def _pow_rule(F: Any, g: Any, x: Any, exponent: Any) -> Any:
    if exponent == 0:
        return g * 0.0
    return g * x * 2.0 if exponent == 2 else g * (exponent * F.pow(x, exponent=exponent - 1))


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
    integers = not any(isinstance(x, float) or (isinstance(x, Tensor) and x.dtype.category > 1) for x in (input, other))
    if rounding_mode == "floor" and integers:
        return floor_divide(input, other)
    quotient = _div_rounded.call(input, other, mode=rounding_mode)
    return quotient.to(result_of(input, other)) if integers else quotient


def result_of(*values: Any) -> Any:
    """The dtype PyTorch computes in for these tensors and numbers."""
    from ..dtype import result_dtype

    tensors = [(v.dtype, v.ndim) for v in values if isinstance(v, Tensor)]
    return result_dtype(tensors, [v for v in values if is_number(v)])


@function(inplace=True)
def pow(input: Any, exponent: Any) -> Tensor:
    """`input ** exponent`, element by element; either may be a number."""
    if not isinstance(input, Tensor):
        return _rpow.call(exponent, input)
    if isinstance(exponent, Tensor):
        return _power.call(input, exponent)
    if input.dtype.category == 1 and isinstance(exponent, int) and exponent < 0:
        raise RuntimeError("Integers to negative integer powers are not allowed.")
    if input.dtype.category < 2 and (isinstance(exponent, float) or input.dtype.category == 0):
        input = input.to(result_of(input, exponent))
    made: Tensor = run(_pow, (input,), {"exponent": exponent})
    return made


@function(inplace=True)
def square(input: Tensor) -> Tensor:
    """`input ** 2`, element by element."""
    return pow(input, 2)


@function(aliases=("clip",), inplace=True)
def clamp(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """Every element limited to [min, max]; the limits are numbers or tensors."""
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if isinstance(min, Tensor) or isinstance(max, Tensor):
        return _clamp_tensor.call(input, min, max)
    if input.dtype.category < 2 and (isinstance(min, float) or isinstance(max, float)):
        input = input.to(result_of(input, *(m for m in (min, max) if m is not None)))
    return _clamp.call(input, min=min, max=max)


@function(inplace=True)
def clamp_min(input: Tensor, min: Any) -> Tensor:
    """Every element at least `min`."""
    return clamp(input, min=min)


@function(inplace=True)
def clamp_max(input: Tensor, max: Any) -> Tensor:
    """Every element at most `max`."""
    return clamp(input, max=max)


@function(method=False)
def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """Elements of `input` where the condition holds, of `other` elsewhere; with one argument, the indices that hold."""
    if input is None and other is None:
        return condition.nonzero(as_tuple=True)
    if condition.dtype.name not in ("bool", "uint8"):
        raise noted(
            RuntimeError(
                "where expected condition to be a boolean tensor, but got a tensor with dtype "
                f"{errors.scalar_type(condition.dtype)}"
            )
        )
    common = result_of(input, other)
    a, b = (x if not isinstance(x, Tensor) or x.dtype is common else x.to(common) for x in (input, other))
    out = where_.call(condition, a, b)
    return out if out.dtype is common else out.to(common)


@method(name="where")
def _where_method(self: Tensor, condition: Tensor, other: Any) -> Any:
    return where(condition, self, other)


@function(inplace=True)
def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    """`input + value * tensor1 * tensor2`."""
    return _addcmul.call(input, tensor1, tensor2, value=value)


@function(inplace=True)
def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    """`input + value * tensor1 / tensor2`."""
    return _addcdiv.call(input, tensor1, tensor2, value=value)


@function(inplace=True)
def lerp(input: Tensor, end: Tensor, weight: Any) -> Tensor:
    """`input + weight * (end - input)`."""
    return _lerp.call(input, end, weight)


for _name, _call in (("multiply", mul.call), ("negative", neg.call), ("absolute", abs.call)):
    function(name=_name, inplace=True)(_call)

"""Functions of one element: exponentials, roots, circular and hyperbolic functions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...checks import at_hand
from ...op import function, op
from ..kinds import FLOATING, REAL, only, widened

UNARY = {"promote": "float", "elementwise": True, "inplace": True}
HALF = np.asarray(0.5, np.float32)  # NumPy takes an array more readily than a number
HALF.flags.writeable = False

# -- exponentials and logarithms -----------------------------------------------------------------------------------
exp = op("exp", lambda xp, x: xp.exp(x), x=lambda g, out: g * out, saved_names={"out": "result"}, **UNARY)
exp2 = op("exp2", lambda xp, x: xp.exp2(x), x=lambda g, out: g * out * math.log(2), **UNARY)
expm1 = op("expm1", lambda xp, x: xp.expm1(x), x=lambda g, out: g * (out + 1), **UNARY)
log = op("log", lambda xp, x: xp.log(x), x=lambda g, x: g / x, saved_names={"x": "self"}, **UNARY)
log2 = op("log2", lambda xp, x: xp.log2(x), x=lambda g, x: g / (x * math.log(2)), **UNARY)
log10 = op("log10", lambda xp, x: xp.log10(x), x=lambda g, x: g / (x * math.log(10)), **UNARY)
log1p = op("log1p", lambda xp, x: xp.log1p(x), x=lambda g, x: g / (x + 1), node="Log1PBackward0", **UNARY)

# -- roots ---------------------------------------------------------------------------------------------------------
sqrt = op("sqrt", lambda xp, x: xp.sqrt(x), x=lambda g, out: g / (out * 2), saved_names={"out": "result"}, **UNARY)
rsqrt = op("rsqrt", lambda xp, x: 1 / xp.sqrt(x), x=lambda g, out: g * (-0.5) * out * out * out, **UNARY)

# -- circular and hyperbolic functions -----------------------------------------------------------------------------
sin = op("sin", lambda xp, x: xp.sin(x), x=lambda F, g, x: g * F.cos(x), saved_names={"x": "self"}, **UNARY)
cos = op("cos", lambda xp, x: xp.cos(x), x=lambda F, g, x: -g * F.sin(x), saved_names={"x": "self"}, **UNARY)
tan = op("tan", lambda xp, x: xp.tan(x), x=lambda g, out: g * (1 + out * out), **UNARY)
asin = op("asin", lambda xp, x: xp.arcsin(x), x=lambda F, g, x: g * F.rsqrt(1 - x * x), **UNARY)
acos = op("acos", lambda xp, x: xp.arccos(x), x=lambda F, g, x: -g * F.rsqrt(1 - x * x), **UNARY)
atan = op("atan", lambda xp, x: xp.arctan(x), x=lambda g, x: g / (x * x + 1), **UNARY)
sinh = op("sinh", lambda xp, x: xp.sinh(x), x=lambda F, g, x: g * F.cosh(x), **UNARY)
cosh = op("cosh", lambda xp, x: xp.cosh(x), x=lambda F, g, x: g * F.sinh(x), **UNARY)
tanh = op(
    "tanh", lambda xp, x: xp.tanh(x), x=lambda g, out: g * (1 - out * out), saved_names={"out": "result"}, **UNARY
)
asinh = op("asinh", lambda xp, x: xp.arcsinh(x), x=lambda F, g, x: g * F.rsqrt(x * x + 1), **UNARY)
acosh = op("acosh", lambda xp, x: xp.arccosh(x), x=lambda F, g, x: g * F.rsqrt(x * x - 1), **UNARY)
atanh = op("atanh", lambda xp, x: xp.arctanh(x), x=lambda g, x: g / (1 - x * x), **UNARY)
# sin(pi x) / (pi x), with its limit at zero.
sinc = op("sinc", lambda xp, x: widened(lambda x: _sinc(xp, x), x), **UNARY,
          x=lambda F, g, x, out: F.where(
              x == 0, 0.0, g * ((F.cos(x * math.pi) - out) / F.where(x == 0, 1.0, x))))  # fmt: skip

# -- two numbers ---------------------------------------------------------------------------------------------------
atan2 = op("atan2", lambda xp, a, b: xp.arctan2(only(REAL, a, "atan2_cpu"), b), promote="float", elementwise=True,
           inplace=True, numbers="none",
           a=lambda F, g, a, b: g * b / _square(F, a, b), b=lambda F, g, a, b: -g * a / _square(F, a, b))  # fmt: skip
hypot = op("hypot", lambda xp, a, b: widened(xp.hypot, only(FLOATING, a, "hypot_cpu"), b), promote="binary",
           elementwise=True, inplace=True, numbers="none",
           a=lambda g, a, out: g * a / out, b=lambda g, b, out: g * b / out)  # fmt: skip

# -- bounded ones --------------------------------------------------------------------------------------------------
sigmoid = op("sigmoid", lambda xp, x: _sigmoid(xp, x), x=lambda g, out: g * (out - out * out),
             saved_names={"out": "result"}, **UNARY)  # fmt: skip


def _square(F: Any, a: Any, b: Any) -> Any:
    """The squared length of (a, b), and 1 for length 0: there PyTorch's angle has the gradient 0."""
    square = a * a + b * b
    return F.where(square == 0, 1.0, square)


def _sigmoid(xp: Any, x: Any) -> Any:
    """1 / (1 + exp(-x)) without overflow for very negative x."""
    if x.dtype.kind not in "fV":
        return 1 / (1 + xp.exp(-x))
    half = HALF if x.dtype is HALF.dtype and at_hand(xp) else x.dtype.type(0.5)
    out = xp.tanh(x * half)
    out *= half
    out += half
    return out


def _sinc(xp: Any, x: Any) -> Any:
    turns = x * math.pi
    return xp.where(x == 0, 1.0, xp.sin(turns) / xp.where(x == 0, 1.0, turns)).astype(turns.dtype)


for _name, _call in (
    ("arcsin", asin.call), ("arccos", acos.call), ("arctan", atan.call), ("arcsinh", asinh.call),
    ("arccosh", acosh.call), ("arctanh", atanh.call), ("arctan2", atan2.call),
):  # fmt: skip
    function(name=_name, inplace=True)(_call)

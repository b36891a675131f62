"""Functions of one element: simple ones first, then those with several pieces."""

from __future__ import annotations

import math
from typing import Any

from ..op import function, op

UNARY = {"promote": "float", "elementwise": True, "inplace": True}

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
    "tanh", lambda xp, x: xp.tanh(x), x=lambda g, out: g - g * (out * out), saved_names={"out": "result"}, **UNARY
)
asinh = op("asinh", lambda xp, x: xp.arcsinh(x), x=lambda F, g, x: g * F.rsqrt(x * x + 1), **UNARY)
acosh = op("acosh", lambda xp, x: xp.arccosh(x), x=lambda F, g, x: g * F.rsqrt(x * x - 1), **UNARY)
atanh = op("atanh", lambda xp, x: xp.arctanh(x), x=lambda g, x: g / (1 - x * x), **UNARY)

# -- bounded ones --------------------------------------------------------------------------------------------------
sigmoid = op("sigmoid", lambda xp, x: _sigmoid(xp, x), x=lambda g, out: g * (out - out * out),
             saved_names={"out": "result"}, **UNARY)  # fmt: skip
erf = op("erf", lambda xp, x: _special(xp, "erf", x),
         x=lambda F, g, x: g * (2 / math.sqrt(math.pi)) * F.exp(-x * x), **UNARY)  # fmt: skip
erfc = op("erfc", lambda xp, x: _special(xp, "erfc", x),
          x=lambda F, g, x: -g * (2 / math.sqrt(math.pi)) * F.exp(-x * x), **UNARY)  # fmt: skip

# -- rounding: flat, so the gradient is zero -----------------------------------------------------------------------
floor = op("floor", lambda xp, x: xp.floor(x).astype(x.dtype), x=lambda g: g * 0.0, elementwise=True, inplace=True)
ceil = op("ceil", lambda xp, x: xp.ceil(x).astype(x.dtype), x=lambda g: g * 0.0, elementwise=True, inplace=True)
trunc = op("trunc", lambda xp, x: xp.trunc(x).astype(x.dtype), x=lambda g: g * 0.0, elementwise=True, inplace=True)
_round = op("round", lambda xp, x, *, decimals: xp.round(x, decimals), x=lambda g: g * 0.0, public=False,
            node=lambda decimals: f"RoundBackward{int(decimals != 0)}")  # fmt: skip
frac = op("frac", lambda xp, x: x - xp.trunc(x), x=lambda g: g, elementwise=True, inplace=True)


def _sigmoid(xp: Any, x: Any) -> Any:
    """1 / (1 + exp(-x)) without overflow for very negative x."""
    half = x.dtype.type(0.5) if x.dtype.kind == "f" else 0.5
    return xp.tanh(x * half) * half + half if x.dtype.kind == "f" else 1 / (1 + xp.exp(-x))


def _special(xp: Any, name: str, x: Any) -> Any:
    """A special function of the device's array library: SciPy's for NumPy arrays, its twin for others."""
    made = xp.special(name, x) if hasattr(xp, "special") else _scipy(name)(x)
    return made.astype(x.dtype, copy=False)


def _scipy(name: str) -> Any:
    import scipy.special

    return getattr(scipy.special, name)


@function(inplace=True)
def round(input: Any, *, decimals: int = 0) -> Any:
    """Every element rounded to `decimals` places, halves to even."""
    return _round.call(input, decimals=decimals)


for _name, _call in (
    ("arcsin", asin.call), ("arccos", acos.call), ("arctan", atan.call), ("arcsinh", asinh.call),
    ("arccosh", acosh.call), ("arctanh", atanh.call), ("fix", trunc.call), ("arctan2", None),
):  # fmt: skip
    if _call is not None:
        function(name=_name)(_call)

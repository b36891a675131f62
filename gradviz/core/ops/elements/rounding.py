"""Rounding, and division that rounds: flat functions, so the gradient is zero except through what is left over."""

from __future__ import annotations

from typing import Any

from ...errors import no_kernel
from ...op import function, op
from ...tensor import Tensor
from ..kinds import FLOATING, WHOLE, only, undifferentiable, whole_divisor, widened

# The gradient of what does not depend on its input.
flat = op("flat", lambda xp, g: xp.zeros_like(g), public=False)
FLAT = {"x": lambda F, g: F.flat(g), "elementwise": True, "inplace": True}

# -- one tensor ----------------------------------------------------------------------------------------------------
floor = op("floor", lambda xp, x: _rounded(xp.floor, "floor", x), **FLAT)
ceil = op("ceil", lambda xp, x: _rounded(xp.ceil, "ceil", x), **FLAT)
trunc = op("trunc", lambda xp, x: _rounded(xp.trunc, "trunc", x), **FLAT)
_round = op("round", lambda xp, x, *, decimals: _to_decimals(xp, x, decimals), x=lambda F, g: F.flat(g), public=False,
            node=lambda decimals: f"RoundBackward{int(decimals is not None)}")  # fmt: skip
frac = op("frac", lambda xp, x: _fraction(xp, x), x=lambda g: g, elementwise=True, inplace=True)

# -- two tensors ---------------------------------------------------------------------------------------------------
_remainder = op("remainder", lambda xp, a, b: _leftover(xp, xp.remainder, "remainder_cpu", a, b), promote="binary",
               elementwise=True, public=False, node="RemainderBackward1", number_node="RemainderBackward0",
               numbers="one", a=lambda g: g, b=lambda F, g, a, b: -g * F.floor(a / b))  # fmt: skip
_remainder_of_number = op("remainder_of_number", lambda xp, a, b: _leftover(xp, xp.remainder, "remainder_cpu", a, b),
                          promote="binary", public=False, **undifferentiable("remainder"))  # fmt: skip
fmod = op("fmod", lambda xp, a, b: _leftover(xp, xp.fmod, "fmod_cpu", a, b), promote="binary", elementwise=True,
          inplace=True, node="FmodBackward1", number_node="FmodBackward0", numbers="last",
          a=lambda g: g, b=lambda F, g, a, b: -g * F.trunc(a / b))  # fmt: skip
floor_divide = op("floor_divide", lambda xp, a, b: _divide(xp, a, b, "floor"), promote="binary", inplace=True,
                  **undifferentiable("floor_divide"))  # fmt: skip
div_rounded = op("div_rounded", lambda xp, a, b, *, mode: _divide(xp, a, b, mode), node="DivBackward2",
                 promote="binary", public=False, a=lambda F, g: F.flat(g), b=lambda F, g: F.flat(g))  # fmt: skip


def _rounded(f: Any, name: str, x: Any) -> Any:
    kind = x.dtype.kind
    if kind == "c":
        raise NotImplementedError(f"{name} is not supported for complex inputs")
    if kind == "b":
        raise no_kernel(f"{name}_vml_cpu", x)
    return x.copy() if kind in "iu" else f(x)


def _to_decimals(xp: Any, x: Any, decimals: int | None) -> Any:
    kind = x.dtype.kind
    if kind in "bc" or (decimals and kind in "iu"):
        raise no_kernel("round_cpu" if decimals else "round_vml_cpu", x)
    if kind in "iu":
        return x.copy()
    if not decimals:
        return xp.rint(x)
    scale = 10.0 ** abs(decimals)
    if decimals > 0:
        return widened(lambda x: xp.rint(x * scale) / scale, x)
    return widened(lambda x: xp.rint(x / scale) * scale, x)


def _fraction(xp: Any, x: Any) -> Any:
    return only(FLOATING, x, "frac_cpu") - xp.trunc(x)


def _leftover(xp: Any, f: Any, kernel: str, a: Any, b: Any) -> Any:
    return f(only(WHOLE + FLOATING, a, kernel), whole_divisor(xp, b))


def _divide(xp: Any, a: Any, b: Any, mode: str) -> Any:
    """a / b rounded down or towards zero."""
    kind = only(WHOLE + FLOATING, a, f"div_{mode}_cpu").dtype.kind
    if mode == "floor":
        return a // whole_divisor(xp, b)
    if kind not in "iu":
        return xp.trunc(a / b)
    down = a // whole_divisor(xp, b)
    return down + ((down < 0) & (down * b != a))


# -- the public functions ------------------------------------------------------------------------------------------
@function(inplace=True)
def remainder(input: Any, other: Any) -> Tensor:
    """What is left of `input` after division by `other`, with the sign of `other`; either may be a number."""
    chosen = _remainder_of_number if isinstance(other, Tensor) and not isinstance(input, Tensor) else _remainder
    return chosen.call(input, other)


@function(inplace=True)
def round(input: Any, *, decimals: int | None = None) -> Any:
    """Every element rounded to `decimals` places, halves to even."""
    return _round.call(input, decimals=decimals)


function(name="fix", inplace=True)(trunc.call)

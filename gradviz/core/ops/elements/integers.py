"""Whole numbers and the binary form of others: common divisors, exponents of two."""

from __future__ import annotations

import math
from typing import Any

from ...op import function, op
from ...tensor import Tensor
from ..kinds import WHOLE, only
from ..named import named

# -- divisors and multiples ----------------------------------------------------------------------------------------
gcd = op("gcd", lambda xp, a, b: xp.gcd(only(WHOLE, a, "gcd_cpu"), b), promote="binary", inplace=True, numbers="none")
lcm = op("lcm", lambda xp, a, b: xp.lcm(only(WHOLE, a, "lcm_cpu"), b), promote="binary", inplace=True, numbers="none")

# -- x * 2^n and back ----------------------------------------------------------------------------------------------
ldexp = op("ldexp", lambda xp, a, b: a * xp.exp2(b), promote="float", inplace=True, numbers="none",
           a=lambda F, g, b: g * F.exp2(b), b=lambda g, out: g * out * math.log(2))  # fmt: skip
_frexp = op("frexp", lambda xp, x: _mantissa(xp, x), outputs=True, public=False, aux=("step",),
            x=lambda g, step: g[0] * step)  # fmt: skip


def _mantissa(xp: Any, x: Any) -> Any:
    if x.dtype.kind not in "fV":
        raise RuntimeError("torch.frexp() only supports floating-point dtypes")
    mantissa, exponent = xp.frexp(x)
    return (mantissa, exponent.astype("i4")), {"step": xp.exp2(-exponent).astype(x.dtype)}


@function
def frexp(input: Tensor) -> Any:
    """Each element as `mantissa * 2 ** exponent` with the mantissa in [0.5, 1)."""
    return named("frexp", ("mantissa", "exponent"))(_frexp.call(input))

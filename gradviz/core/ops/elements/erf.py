"""The error function and the normal distribution: areas under the bell curve, and where they are reached."""

from __future__ import annotations

import math
from typing import Any

from ...op import RECORDED, function, op
from ...tensor import Tensor
from ..kinds import floated, special

UNARY: dict[str, Any] = {"promote": "float", "elementwise": True}
SLOPE = 2 / math.sqrt(math.pi)  # of erf at zero

# -- the error function --------------------------------------------------------------------------------------------
erf = op("erf", special("erf", "erf_vml_cpu"), x=lambda F, g, x: g * SLOPE * F.exp(-x * x), inplace=True,
         **UNARY)  # fmt: skip
erfc = op("erfc", special("erfc", "erfc_vml_cpu"), x=lambda F, g, x: -g * SLOPE * F.exp(-x * x), inplace=True,
          **UNARY)  # fmt: skip
erfinv = op("erfinv", special("erfinv", "erfinv_vml_cpu"), x=lambda F, g, out: g / SLOPE * F.exp(out * out),
            inplace=True, **UNARY)  # fmt: skip
# exp(x^2) erfc(x), which stays in range where erfc does not.
_erfcx = op("special_erfcx", special("erfcx", "erfcx_cpu", half=False), public=False, **UNARY,
            x=lambda g, x, out: g * (x * out * 2 - SLOPE))  # fmt: skip

# -- the normal distribution ---------------------------------------------------------------------------------------
_ndtri = op("special_ndtri", special("ndtri", "ndtri_cpu", half=False), public=False, **UNARY,
            x=lambda F, g, out: g * math.sqrt(2 * math.pi) * F.exp(out * out * 0.5))  # fmt: skip
_log_ndtr = op("special_log_ndtr", special("log_ndtr", "log_ndtr_cpu", half=False), public=False, **UNARY,
               x=lambda F, g, x: g / F.special_erfcx(x * -math.sqrt(0.5)) * math.sqrt(2 / math.pi))  # fmt: skip


@function(space="special")
def ndtr(input: Tensor) -> Tensor:
    """The area under the standard normal density from minus infinity to each element."""
    x = floated(input)
    made: Tensor = RECORDED.scale(RECORDED.shift(erf.call(RECORDED.scale(x, by=math.sqrt(0.5))), by=1), by=0.5)
    return made


for _name, _call in (("erfcx", _erfcx.call), ("ndtri", _ndtri.call), ("log_ndtr", _log_ndtr.call)):
    function(name=_name, space="special")(_call)

"""Bessel functions and their kin."""

from __future__ import annotations

from typing import Any

from ...errors import no_kernel
from ...op import function, op
from ..kinds import halves, special
from .bessel_j0 import j0

UNARY: dict[str, Any] = {"promote": "float", "elementwise": True}

# -- modified, of the first kind; those with an e are scaled by exp(-|x|) --------------------------------------------
i0 = op("i0", special("i0", "i0_vml_cpu"), x=lambda F, g, x: g * F.special_i1(x), inplace=True, **UNARY)
_i0e = op("special_i0e", special("i0e", "i0e_cpu"), node="SpecialI0EBackward0", public=False, **UNARY,
          x=lambda F, g, x, out: g * (F.special_i1e(x) - F.sgn(x) * out))  # fmt: skip
_i1 = op("special_i1", special("i1", "i1_cpu"), public=False, **UNARY,
         x=lambda F, g, x, out: g * (F.i0(x) - _over(F, out, x)))  # fmt: skip
_i1e = op("special_i1e", special("i1e", "i1e_cpu"), node="SpecialI1EBackward0", public=False, **UNARY,
          x=lambda F, g, x, out: g * (F.special_i0e(x) - F.sgn(x) * out - _over(F, out, x)))  # fmt: skip


def _over(F: Any, out: Any, x: Any) -> Any:
    """i1(x) / x, which is a half at zero."""
    return F.where(x == 0, 0.5, out / F.where(x == 0, 1.0, x))


# -- the others, which PyTorch does not differentiate ----------------------------------------------------------------
NAMES = {
    "bessel_j1": "j1", "bessel_y0": "y0", "bessel_y1": "y1",
    "modified_bessel_i0": "i0", "modified_bessel_i1": "i1", "modified_bessel_k0": "k0", "modified_bessel_k1": "k1",
    "scaled_modified_bessel_k0": "k0e", "scaled_modified_bessel_k1": "k1e",
}  # fmt: skip


def _single(x: Any, kernel: str) -> Any:
    if x.dtype.kind == "c" or halves(x):
        raise no_kernel(kernel, x)
    return x


def _plain(torch_name: str, name: str) -> Any:
    return lambda sp, x: getattr(sp.special, name)(_single(x, f"{torch_name}_cpu"))


_OPS = {name: op(f"special_{name}", _plain(name, of), public=False, **UNARY) for name, of in NAMES.items()}
_OPS["bessel_j0"] = op("special_bessel_j0", lambda xp, x: _j0(xp, x), public=False, **UNARY)
_OPS["airy_ai"] = op("special_airy_ai", lambda sp, x: sp.special.airy(_single(x, "airy_ai_cpu"))[0], public=False,
                     **UNARY)  # fmt: skip
_OPS["spherical_bessel_j0"] = op("special_spherical_bessel_j0", lambda xp, x: _sinc(xp, x), public=False,
                                  **UNARY)  # fmt: skip


def _j0(xp: Any, x: Any) -> Any:
    if x.dtype.kind in "biu":
        return x / 1  # not of this type: it will be called again with floating numbers
    return j0(xp, _single(x, "bessel_j0_cpu"))


def _sinc(xp: Any, x: Any) -> Any:
    """sin(x) / x with its limits at zero and infinity."""
    _single(x, "spherical_bessel_j0_cpu")
    out = xp.sin(x) / xp.where(x == 0, 1, x)
    return xp.where(x == 0, 1, xp.where(xp.isinf(x), 0, out)).astype(out.dtype)


for _name, _op in (("i0e", _i0e), ("i1", _i1), ("i1e", _i1e), *_OPS.items()):
    function(name=_name, space="special")(_op.call)

"""Functions of numbers whose edges CuPy computes otherwise than the CPU, and PyTorch (kernels/elements.cu).

CuPy's quotient rounded down is infinite where there is none, its scaled Bessel functions are no number as soon as those
without a scale are infinite, and its `xlog1py(0, NaN)` is 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.device import Device
from ..core.op import override
from .compiled import blocks_for, ints, launch, named, types_of, whole

KINDS = types_of("elements")
# Which modified Bessel function of the first kind an operation is: its order, whether it is scaled by exp(-|x|), and
# the types that PyTorch has it for.
BESSEL: dict[str, tuple[int, int, tuple[str, ...]]] = {
    "i0": (0, 0, KINDS),
    "special_i0e": (0, 1, KINDS),
    "special_i1": (1, 0, KINDS),
    "special_i1e": (1, 1, KINDS),
    "special_modified_bessel_i0": (0, 0, ("float32", "float64")),
    "special_modified_bessel_i1": (1, 0, ("float32", "float64")),
}


def register(device: Device) -> None:
    """Let a device compute these by the kernels where they are for its numbers."""
    for name, which in BESSEL.items():
        override(device, name, _bessel(device, device.forwards[name + "!"], *which))
    for name in ("special_xlog1py", "special_xlog1py_of_number"):
        override(device, name, _with_nan(device, device.forwards[name + "!"]))
    for name in ("floor_divide", "div_rounded"):
        override(device, name, _rounded_down(device, device.forwards[name + "!"]))


def _arrays(device: Device, a: Any, b: Any) -> tuple[Any, Any]:
    """Both as arrays: a number in the type of the other."""
    kind = (a if hasattr(a, "dtype") else b).dtype
    one, two = (x if hasattr(x, "dtype") else device.xp.full((), x, dtype=kind) for x in (a, b))
    return one, two


def _rounded_down(device: Device, plain: Any) -> Any:
    def divide(a: Any, b: Any, **mode: str) -> Any:
        kinds = {named(x.dtype) if hasattr(x, "dtype") else type(x) for x in (a, b)} - {int, float}
        if mode.get("mode") == "trunc" or len(kinds) > 1 or not kinds <= set(KINDS):
            return plain(a, b, **mode)
        xp = device.xp
        a, b = xp.broadcast_arrays(*_arrays(device, a, b))
        out = xp.empty(a.shape, dtype=a.dtype)
        args = (whole(xp, a), whole(xp, b), out, np.int64(out.size))
        launch(device, "elements", "floor_divide", out.dtype, blocks_for(out.size), args)
        return out

    return divide


def _bessel(device: Device, plain: Any, order: int, scaled: int, kinds: tuple[str, ...]) -> Any:
    def bessel(x: Any) -> Any:
        if named(x.dtype) not in kinds:
            return plain(x)
        xp = device.xp
        out = xp.empty(x.shape, dtype=x.dtype)
        args = (whole(xp, x), out, *ints(order, scaled), np.int64(x.size))
        launch(device, "elements", "modified_bessel", x.dtype, blocks_for(x.size), args)
        return out

    return bessel


def _with_nan(device: Device, plain: Any) -> Any:
    def xlog1py(a: Any, b: Any) -> Any:
        a, b = _arrays(device, a, b)
        return device.xp.where(b != b, b, plain(a, b))

    return xlog1py

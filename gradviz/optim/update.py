"""The arithmetic of an update, rounded as PyTorch rounds it."""

from __future__ import annotations

from typing import Any

FUSED_UP_TO = 256


def add_scaled(x: Any, y: Any, scale: Any) -> None:
    """`x += scale * y` in place, for arrays of one type.

    PyTorch rounds float32 once here (a fused multiply-add); so does this for arrays of up to 256 elements, by way of
    float64, so that printed losses agree digit for digit. Larger arrays take two roundings, at twice the speed.
    """
    if x.dtype == "float32" and x.size <= FUSED_UP_TO:
        narrow = x.dtype.type(scale)
        x[...] = x.astype("float64") + y.astype("float64") * float(narrow)
    else:
        x += y * scale

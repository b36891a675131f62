"""Bits of whole numbers and truth values."""

from __future__ import annotations

from typing import Any

from ...op import op
from ..kinds import COUNTED, WHOLE, only

TWO: dict[str, Any] = {"promote": "binary", "inplace": True, "numbers": "one"}

bitwise_not = op("bitwise_not", lambda x: ~only(COUNTED, x, "bitwise_not_cpu"), inplace=True)
bitwise_and = op("bitwise_and", lambda a, b: only(COUNTED, a, "bitwise_and_cpu") & b, **TWO)
bitwise_or = op("bitwise_or", lambda a, b: only(COUNTED, a, "bitwise_or_cpu") | b, **TWO)
bitwise_xor = op("bitwise_xor", lambda a, b: only(COUNTED, a, "bitwise_xor_cpu") ^ b, **TWO)
bitwise_left_shift = op("bitwise_left_shift", lambda xp, a, b: _left(xp, a, b), **TWO)
bitwise_right_shift = op("bitwise_right_shift", lambda xp, a, b: _right(xp, a, b), **TWO)


def _inside(a: Any, b: Any) -> Any:
    """Where a shift stays inside the number."""
    return (b >= 0) & (b < 8 * a.dtype.itemsize)


def _left(xp: Any, a: Any, b: Any) -> Any:
    inside = _inside(only(WHOLE, a, "lshift_cpu"), b)
    return xp.where(inside, a << xp.where(inside, b, 0), 0).astype(a.dtype)


def _right(xp: Any, a: Any, b: Any) -> Any:
    inside = _inside(only(WHOLE, a, "rshift_cpu"), b)
    return xp.where(inside, a >> xp.where(inside, b, 0), xp.where(a < 0, -1, 0)).astype(a.dtype)

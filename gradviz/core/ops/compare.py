"""Comparisons, logic and bits: results without a gradient."""

from __future__ import annotations

from typing import Any

from ..op import function, method, op
from ..tensor import Tensor

eq = op("eq", lambda a, b: a == b, promote="binary", inplace=True)
ne = op("ne", lambda a, b: a != b, promote="binary", inplace=True)
lt = op("lt", lambda a, b: a < b, promote="binary", inplace=True)
le = op("le", lambda a, b: a <= b, promote="binary", inplace=True)
gt = op("gt", lambda a, b: a > b, promote="binary", inplace=True)
ge = op("ge", lambda a, b: a >= b, promote="binary", inplace=True)

isnan = op("isnan", lambda xp, x: xp.isnan(x))
isinf = op("isinf", lambda xp, x: xp.isinf(x))
isfinite = op("isfinite", lambda xp, x: xp.isfinite(x))
signbit = op("signbit", lambda xp, x: xp.signbit(x))
logical_not = op("logical_not", lambda xp, x: xp.logical_not(x), inplace=True)
logical_and = op("logical_and", lambda xp, a, b: xp.logical_and(a, b), promote="binary", inplace=True)
logical_or = op("logical_or", lambda xp, a, b: xp.logical_or(a, b), promote="binary", inplace=True)
logical_xor = op("logical_xor", lambda xp, a, b: xp.logical_xor(a, b), promote="binary", inplace=True)
bitwise_not = op("bitwise_not", lambda x: ~x, inplace=True)
bitwise_and = op("bitwise_and", lambda a, b: a & b, promote="binary", inplace=True)
bitwise_or = op("bitwise_or", lambda a, b: a | b, promote="binary", inplace=True)
bitwise_xor = op("bitwise_xor", lambda a, b: a ^ b, promote="binary", inplace=True)
bitwise_left_shift = op("bitwise_left_shift", lambda a, b: a << b, promote="binary", inplace=True)
bitwise_right_shift = op("bitwise_right_shift", lambda a, b: a >> b, promote="binary", inplace=True)

for _alias, _op in (
    ("equal_to", None), ("not_equal", ne), ("less", lt), ("less_equal", le), ("greater", gt), ("greater_equal", ge),
):  # fmt: skip
    if _op is not None:
        function(name=_alias, inplace=True)(_op.call)


@function
def equal(input: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same shape and elements."""
    a, b = input._array, other._array
    return a.shape == b.shape and bool((a == b).all())


@function
def isclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Tensor:
    """Where |input - other| <= atol + rtol * |other|."""
    xp = input.device.xp
    close = xp.isclose(input._array, other._array, rtol=rtol, atol=atol, equal_nan=equal_nan)
    return Tensor._of(input.device.wrap(close), input.device)


@function
def allclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Whether |input - other| <= atol + rtol * |other| everywhere."""
    return bool(isclose(input, other, rtol, atol, equal_nan)._array.all())


@method
def is_nonzero(self: Tensor) -> bool:
    """Whether the one element of this tensor is not zero."""
    return bool(self)


def _same(self: Any, other: Any) -> Any:
    return NotImplemented if other is None or isinstance(other, str) else eq.call(self, other)

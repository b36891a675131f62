"""Comparisons and logic: results without a gradient."""

from __future__ import annotations

from typing import Any

from ... import errors
from ...dtype import from_numpy
from ...errors import noted
from ...op import function, op
from ...tensor import Tensor
from ..creation.factory import read_tensor
from ..kinds import REAL, only, result_of

TWO: dict[str, Any] = {"promote": "binary", "inplace": True, "numbers": "last"}
LOGICAL: dict[str, Any] = {"promote": "binary", "inplace": True, "numbers": "none"}

# -- order ---------------------------------------------------------------------------------------------------------
eq = op("eq", lambda a, b: a == b, **TWO)
ne = op("ne", lambda a, b: a != b, **TWO)
lt = op("lt", lambda a, b: only(REAL, a, "lt_cpu") < b, **TWO)
le = op("le", lambda a, b: only(REAL, a, "le_cpu") <= b, **TWO)
gt = op("gt", lambda a, b: only(REAL, a, "gt_cpu") > b, **TWO)
ge = op("ge", lambda a, b: only(REAL, a, "ge_cpu") >= b, **TWO)

# -- what kind of number -------------------------------------------------------------------------------------------
isnan = op("isnan", lambda x: x != x)
isinf = op("isinf", lambda xp, x: xp.isinf(x))
isfinite = op("isfinite", lambda xp, x: xp.isfinite(x))
isposinf = op("isposinf", lambda xp, x: xp.isinf(_real(x, "isposinf")) & (x > 0))
isneginf = op("isneginf", lambda xp, x: xp.isinf(_real(x, "isneginf")) & (x < 0))
signbit = op("signbit", lambda xp, x: _negative(xp, x))

# -- logic ---------------------------------------------------------------------------------------------------------
logical_not = op("logical_not", lambda xp, x: xp.logical_not(x), inplace=True)
logical_and = op("logical_and", lambda xp, a, b: xp.logical_and(a, b), **LOGICAL)
logical_or = op("logical_or", lambda xp, a, b: xp.logical_or(a, b), **LOGICAL)
logical_xor = op("logical_xor", lambda xp, a, b: xp.logical_xor(a, b), **LOGICAL)

for _alias, _op in (("not_equal", ne), ("less", lt), ("less_equal", le), ("greater", gt), ("greater_equal", ge)):
    function(name=_alias, inplace=True)(_op.call)


def _real(x: Any, name: str) -> Any:
    if x.dtype.kind == "c":
        raise RuntimeError(f"{name} does not support complex inputs.")
    return x


def _negative(xp: Any, x: Any) -> Any:
    kind = x.dtype.kind
    if kind == "c":
        raise NotImplementedError("signbit is not implemented for complex tensors.")
    return xp.signbit(x) if kind in "fV" else x < 0


@function
def equal(input: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same shape and elements."""
    for at, (name, value) in enumerate((("input", input), ("other", other)), 1):
        read_tensor("equal", name, at, value)
    a, b = input._array, other._array
    return a.shape == b.shape and bool((a == b).all())


# -- nearly equal --------------------------------------------------------------------------------------------------
_isclose = op("isclose", lambda xp, a, b, *, rtol, atol, equal_nan: _near(xp, a, b, rtol, atol, equal_nan),
              numbers="none", public=False)  # fmt: skip


def _near(xp: Any, a: Any, b: Any, rtol: float, atol: float, equal_nan: bool) -> Any:
    close = a == b
    if equal_nan:
        close = close | ((a != a) & (b != b))
    if not rtol and not atol:
        return close
    if from_numpy(a.dtype).category < 2:
        a, b = a.astype("f8"), b.astype("f8")
    allowed, distance = atol + xp.abs(rtol * b), xp.abs(a - b)
    return close | (xp.isfinite(distance) & (distance <= allowed))


@function
def isclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Tensor:
    """Where |input - other| <= atol + rtol * |other|."""
    for name, value in (("rtol", rtol), ("atol", atol)):
        if not value >= 0:
            raise RuntimeError(f"{name} must be greater than or equal to zero, but got {value:g}")
    if isinstance(input, Tensor) and isinstance(other, Tensor) and input.dtype is not other.dtype:
        one, two = errors.scalar_type(input.dtype), errors.scalar_type(other.dtype)
        raise noted(RuntimeError(f"{one} did not match {two}\nConvert one of them first: other.to(input.dtype)."))
    return _isclose.call(input, other, rtol=rtol, atol=atol, equal_nan=equal_nan)


@function
def allclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Whether |input - other| <= atol + rtol * |other| everywhere."""
    for at, (name, value) in enumerate((("input", input), ("other", other)), 1):
        read_tensor("allclose", name, at, value)
    return bool(isclose(input, other, rtol, atol, equal_nan)._array.all())


@function
def isreal(input: Tensor) -> Tensor:
    """Where the imaginary part is zero."""
    return _isreal.call(input)


_isreal = op("is_real", lambda xp, x: xp.imag(x) == 0, public=False)


# -- questions about a whole tensor --------------------------------------------------------------------------------
@function
def is_nonzero(input: Tensor) -> bool:
    """Whether the one element of this tensor is not zero."""
    return bool(input)


@function(method=False)
def result_type(tensor1: Any, tensor2: Any) -> Any:
    """The dtype that an operation on these two, tensors or numbers, computes in."""
    return result_of(tensor1, tensor2)


@function
def is_complex(input: Tensor) -> bool:
    """Whether the elements are complex numbers."""
    return input.dtype.is_complex

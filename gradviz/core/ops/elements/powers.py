"""Powers: the exponent is a number, a tensor, or everything that the base is raised to."""

from __future__ import annotations

from typing import Any

from ... import errors
from ...checks import at_hand
from ...dtype import complex128, float64, int64, scalar_category
from ...errors import no_kernel, noted
from ...inplace import make_inplace
from ...op import function, method, op
from ...tensor import Tensor
from ..kinds import result_of, widened


# -- x ** number, tensor ** tensor, number ** x --------------------------------------------------------------------
def _raised(x: Any, *, exponent: Any) -> Any:
    return x**exponent if x.dtype.kind != "V" else widened(lambda x: x**exponent, x)


def _pow_rule(F: Any, g: Any, x: Any, *, exponent: Any) -> Any:
    if exponent == 2:
        return g * (x + x)
    return F.flat(g) if exponent == 0 else g * (exponent * F.pow(x, exponent=exponent - 1))


_pow = op("pow", _raised, x=_pow_rule, node="PowBackward0", public=False, elementwise=True, saved_names={"x": "self"})
_power = op("pow_tensor", lambda xp, a, b: _whole_or_real(xp, a, b), node="PowBackward1", public=False,
            elementwise=True, promote="binary",
            a=lambda F, g, a, b: F.where(b == 0, 0.0, g * (b * F.pow_tensor(a, b - 1))),
            b=lambda F, g, a, b, out: g * F.where((a == 0) & (F.real(b) >= 0), 0.0, out * F.log(a)))  # fmt: skip
_rpow = op("rpow", lambda xp, a, b: _whole_or_real(xp, b, a), node="PowBackward2", public=False, elementwise=True,
           promote="binary", a=lambda F, g, b, out: g * out * (F.log(b) if b != 0 else 0.0))  # fmt: skip


def _whole_or_real(xp: Any, a: Any, b: Any) -> Any:
    """a ** b; among whole numbers a negative power is zero, except of 1 and -1."""
    kind = getattr(b, "dtype", None)
    if kind is not None and kind.kind == "b":
        raise no_kernel("pow", kind)
    if kind is None or kind.kind != "i" or (at_hand(xp) and not xp.any(b < 0)):
        return a**b
    if not hasattr(a, "dtype"):
        ones = {1: 1, -1: 1 - 2 * (b & 1)}.get(a, 0)
    else:
        ones = xp.where(a == 1, 1, xp.where(a == -1, 1 - 2 * (b & 1), 0))
    return xp.where(b >= 0, a ** xp.maximum(b, 0), ones).astype(kind)


# -- the public functions ------------------------------------------------------------------------------------------
@function(inplace=True)
def pow(input: Any, exponent: Any) -> Tensor:
    """`input ** exponent`, element by element; either may be a number."""
    if isinstance(input, Tensor) and input._array.dtype.kind == "f" and type(exponent) in (int, float):
        return _pow.call(input, exponent=exponent)
    if not isinstance(input, Tensor):
        if not isinstance(exponent, Tensor):
            raise noted(TypeError(errors.bad_combination("pow", (input, exponent))))
        return _rpow.call(exponent, input)
    if isinstance(exponent, Tensor):
        return _power.call(input, exponent)
    if input.dtype.category == 1 and isinstance(exponent, int) and exponent < 0:
        raise noted(
            RuntimeError(
                "Integers to negative integer powers are not allowed.\n"
                f"The result would be a fraction: raise x.float() to the power {exponent}."
            )
        )
    if input.dtype.category == 0 and isinstance(exponent, bool):
        bits: Tensor = pow(input.to(int64), int(exponent)).to(input.dtype)
        return bits
    if input.dtype.category < scalar_category(exponent) or input.dtype.category == 0:
        input = input.to(result_of(input, exponent))
    return _pow.call(input, exponent=exponent)


@function(inplace=True)
def square(input: Tensor) -> Tensor:
    """`input ** 2`, element by element."""
    return pow(input, 2)


@function
def float_power(input: Any, exponent: Any) -> Tensor:
    """`input ** exponent` in double precision, whatever the inputs are."""
    if not (isinstance(input, Tensor) or isinstance(exponent, Tensor)):
        raise noted(TypeError(errors.bad_combination("float_power", (input, exponent))))
    wide = complex128 if result_of(input, exponent).is_complex else float64
    base, power = (x.to(wide) if isinstance(x, Tensor) else wide_number(x, wide) for x in (input, exponent))
    return pow(base, power)


def wide_number(x: Any, kind: Any) -> Any:
    """A Python number as one of a floating or complex type."""
    return complex(x) if kind.is_complex else float(x)


_float_power_inplace = make_inplace("float_power_", float_power)


@method
def float_power_(self: Tensor, exponent: Any) -> Tensor:
    """The in-place twin of `float_power`; the tensor must have double precision already."""
    wide = complex128 if result_of(self, exponent).is_complex else float64
    if self.dtype is not wide:
        have, want = errors.scalar_type(self.dtype), errors.scalar_type(wide)
        raise noted(
            RuntimeError(
                f"the base given to float_power_ has dtype {have} but the operation's result requires dtype {want}\n"
                "Use float_power, which makes a new tensor."
            )
        )
    made: Tensor = _float_power_inplace(self, exponent)
    return made

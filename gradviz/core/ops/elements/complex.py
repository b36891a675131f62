"""Complex numbers: parts, conjugates, absolute value and angle, and seeing pairs of real numbers as complex ones.

A gradient is taken as PyTorch takes it: for z = x + iy and a real loss L, the gradient of z is dL/dx + i dL/dy. Ops
that are no analytic functions of z say `conjugates=True` and their rules follow from this directly.
"""

from __future__ import annotations

from typing import Any

from ... import errors
from ...errors import no_kernel, noted
from ...inplace import make_inplace
from ...op import RECORDED, function, method, op
from ...tensor import Tensor
from ..kinds import is_complex, renamed, signs, widened

# -- parts: what rules use, on real numbers too --------------------------------------------------------------------
_real = op("real", lambda xp, x: xp.real(x), view=True, public=False, conjugates=True, x=lambda g: g)
_imag = op("imag", lambda xp, x: xp.imag(x), public=False, conjugates=True, x=lambda g: g * 1j)
_conj_physical = op("conj_physical", lambda xp, x: xp.conj(x), conjugates=True, public=False,
                    x=lambda F, g: F.conj_physical(g))  # fmt: skip
_conj = op("conj", lambda xp, x: xp.conj(x), conjugates=True, public=False, x=lambda F, g: F.conj_physical(g))

# -- pairs of real numbers -----------------------------------------------------------------------------------------
_view_as_real = op("view_as_real", lambda xp, x: _pairs(x), view=True, public=False,
                   x=lambda F, g: F.view_as_complex(g))  # fmt: skip
_view_as_complex = op("view_as_complex", lambda xp, x: _joined(xp, x), view=True, public=False, conjugates=True,
                      x=lambda F, g: F.view_as_real(g))  # fmt: skip
_complex = op("complex", lambda xp, a, b: _combined(xp, a, b), numbers="none", names=("real", "imag"), public=False,
              conjugates=True, a=lambda F, g: F.real(g), b=lambda F, g: F.imag(g))  # fmt: skip
_polar = op("polar", lambda xp, a, b: _combined(xp, a * xp.cos(b), a * xp.sin(b)), numbers="none",
            names=("abs", "angle"), public=False, conjugates=True,
            a=lambda F, g, out: F.real(F.conj_physical(g) * F.sgn(out)),
            b=lambda F, g, out: F.real(F.conj_physical(g) * (out * 1j)))  # fmt: skip

# -- size and direction --------------------------------------------------------------------------------------------
# The part of a gradient that is along z changes its size, which sgn does not see.
sgn = op("sgn", lambda xp, x: _sgn(xp, x), inplace=True, conjugates=True, elementwise=True,
         x=lambda F, g, x, out: _sgn_rule(F, g, x, out) if is_complex(x) else F.flat(g))  # fmt: skip
_angle_real = op("angle_real", lambda xp, x: widened(lambda x: xp.arctan2(0.0, x + 0.0), x), node="AngleBackward0",
                 promote="float", public=False, x=lambda F, g: F.flat(g))  # fmt: skip
_angle = op("angle", lambda xp, x: xp.angle(x), public=False,
            x=lambda F, g, x: F.where(x == 0, 0.0, g * (x * 1j / _nonzero(F, x))))  # fmt: skip


def _sgn_rule(F: Any, g: Any, x: Any, out: Any) -> Any:
    across = F.where(x == 0, 0.0, g - F.real(g * F.conj_physical(out)) * out)
    return across / F.where(x == 0, 1.0, F.abs(x))


def _nonzero(F: Any, x: Any) -> Any:
    """The square of the size, and 1 instead of 0."""
    return F.where(x == 0, 1.0, F.real(x * F.conj_physical(x)))


def _pairs(x: Any) -> Any:
    return x[..., None].view("f8" if x.dtype.itemsize == 16 else "f4")


def _joined(xp: Any, x: Any) -> Any:
    if x.strides[-1] != x.dtype.itemsize:
        x = xp.ascontiguousarray(x)
    return x.view("c16" if x.dtype.itemsize == 8 else "c8")[..., 0]


def _combined(xp: Any, a: Any, b: Any) -> Any:
    """a + ib, put together in memory: the sum would lose the sign of zeros and make NaN of infinities."""
    return _joined(xp, xp.stack(xp.broadcast_arrays(a, b), axis=-1))


def _sgn(xp: Any, x: Any) -> Any:
    if x.dtype.kind == "c":
        size = xp.abs(x)
        return xp.where(size == 0, 0, x / xp.where(size == 0, 1, size))
    return signs(x)


def _part(input: Tensor, index: int) -> Tensor:
    made: Tensor = RECORDED.select(view_as_real(input), dim=input.ndim, index=index)
    return made


# -- the public functions ------------------------------------------------------------------------------------------
@function(method=False)
def real(input: Tensor) -> Tensor:
    """The real part of every element, as a view; a real tensor is its own real part."""
    return _part(input, 0) if input.is_complex() else input


@function(method=False)
def imag(input: Tensor) -> Tensor:
    """The imaginary part of every element, as a view."""
    if not input.is_complex():
        raise noted(
            RuntimeError(
                "imag is not implemented for tensors with non-complex dtypes.\n"
                f"This tensor is {input.dtype!r}, so its imaginary part would be zero."
            )
        )
    return _part(input, 1)


@function
def conj(input: Tensor) -> Tensor:
    """Every element with its imaginary part negated; a real tensor is its own conjugate."""
    return _conj.call(input) if input.is_complex() else input


@function
def conj_physical(input: Tensor) -> Tensor:
    """Every element with its imaginary part negated; a real tensor is its own conjugate."""
    return _conj_physical.call(input) if input.is_complex() else input


method(name="conj_physical_")(
    renamed(make_inplace("conj_physical_", conj_physical), _conj_physical, "ConjPhysicalBackward1")
)


@function
def resolve_conj(input: Tensor) -> Tensor:
    """The tensor itself: conjugates are computed at once here, never left to be done."""
    return input


@function
def resolve_neg(input: Tensor) -> Tensor:
    """The tensor itself: negation is computed at once here, never left to be done."""
    return input


@function
def is_conj(input: Tensor) -> bool:
    """False: conjugates are computed at once here, never left to be done."""
    return False


@function
def is_neg(input: Tensor) -> bool:
    """False: negation is computed at once here, never left to be done."""
    return False


@function(method=False)
def view_as_real(input: Tensor) -> Tensor:
    """A complex tensor seen as real numbers, with a last dim of size 2 for the two parts."""
    if not input.is_complex():
        raise noted(
            RuntimeError(f"view_as_real is only supported for complex tensors\nThis tensor is {input.dtype!r}.")
        )
    return _view_as_real.call(input)


@function(method=False)
def view_as_complex(input: Tensor) -> Tensor:
    """A real tensor whose last dim has size 2 seen as complex numbers."""
    kind, array = input.dtype, input._array
    if kind.name == "float16":
        raise NotImplementedError(
            "view_as_complex(): float16 input is not supported, its complex type would be complex32"
        )
    if kind.name not in ("float32", "float64"):
        raise RuntimeError(
            "view_as_complex is only supported for half, float and double tensors, but got a tensor of scalar type: "
            + errors.scalar_type(kind)
        )
    if not array.ndim:
        raise RuntimeError("Input tensor must have one or more dimensions")
    if array.shape[-1] != 2:
        raise noted(RuntimeError(f"Tensor must have a last dimension of size 2\nIts shape is {tuple(array.shape)}."))
    if array.strides[-1] != array.dtype.itemsize:
        raise noted(
            RuntimeError("Tensor must have a last dimension with stride 1\nMake a copy of it first: x.contiguous().")
        )
    return _view_as_complex.call(input)


@function(method=False)
def complex(real: Tensor, imag: Tensor) -> Tensor:
    """Complex numbers with these real and imaginary parts."""
    _check_parts("complex", real, imag)
    return _complex.call(real, imag)


@function(method=False)
def polar(abs: Tensor, angle: Tensor) -> Tensor:
    """Complex numbers with these absolute values and angles."""
    _check_parts("polar", abs, angle)
    return _polar.call(abs, angle)


def _check_parts(name: str, a: Any, b: Any) -> None:
    if not (isinstance(a, Tensor) and isinstance(b, Tensor)):
        return  # the op itself says what is wrong
    one, two = errors.scalar_type(a.dtype), errors.scalar_type(b.dtype)
    if not {one, two} <= {"Half", "Float", "Double"}:
        raise RuntimeError(f"Expected both inputs to be Half, Float or Double tensors but got {one} and {two}")
    if one != two:
        raise noted(
            RuntimeError(
                f"Expected object of scalar type {one} but got scalar type {two} for second argument\n"
                "Both parts must have the same type: convert one of them with .to(other.dtype)."
            )
        )
    if one == "Half" and name == "polar":
        raise no_kernel("polar_cpu", a)
    if one == "Half":
        raise NotImplementedError("complex(): float16 parts are not supported, their complex type would be complex32")


@function
def angle(input: Tensor) -> Tensor:
    """The angle of every element in radians; of a real number, 0 or pi."""
    return _angle.call(input) if input.is_complex() else _angle_real.call(input)


@function
def positive(input: Tensor) -> Tensor:
    """The tensor itself."""
    if input.dtype.category == 0:
        raise noted(RuntimeError("The `+` operator, on a bool tensor is not supported.\nConvert it first: x.int()."))
    return input

"""The larger and the smaller of two, limits, and neighbours: functions with several pieces."""

from __future__ import annotations

from typing import Any

from ... import errors
from ...dtype import finfo, from_numpy
from ...errors import no_kernel, noted
from ...op import function, op
from ...tensor import Tensor
from ..kinds import FLOATING, REAL, only, result_of, undifferentiable, widened

PAIR: dict[str, Any] = {"promote": "binary", "elementwise": True, "numbers": "none"}

# -- the larger, the smaller: ties share the gradient, and where NaN wins both get it --------------------------------
# Of two equal numbers, such as 0 and -0, NumPy takes the second and PyTorch the first.
maximum = op("maximum", lambda xp, a, b: xp.maximum(b, _ordered("maximum", a)), **PAIR,
             a=lambda F, g, a, b: _share(F, g, a, b, a < b),
             b=lambda F, g, a, b: _share(F, g, a, b, b < a))  # fmt: skip
minimum = op("minimum", lambda xp, a, b: xp.minimum(b, _ordered("minimum", a)), **PAIR,
             a=lambda F, g, a, b: _share(F, g, a, b, b < a),
             b=lambda F, g, a, b: _share(F, g, a, b, a < b))  # fmt: skip
fmax = op("fmax", lambda xp, a, b: xp.fmax(b, _ordered("fmax", a)), **PAIR,
          a=lambda F, g, a, b: F.where((a >= b) | F.isnan(b), g, 0.0),
          b=lambda F, g, a, b: F.where((a >= b) | F.isnan(b), 0.0, g))  # fmt: skip
fmin = op("fmin", lambda xp, a, b: xp.fmin(b, _ordered("fmin", a)), **PAIR,
          a=lambda F, g, a, b: F.where((a <= b) | F.isnan(b), g, 0.0),
          b=lambda F, g, a, b: F.where((a <= b) | F.isnan(b), 0.0, g))  # fmt: skip

# -- limits --------------------------------------------------------------------------------------------------------
_clamp = op("clamp", lambda xp, x, *, min, max: _clipped(xp, x, min, max, "clamp_scalar_cpu"), node="ClampBackward1",
            public=False, elementwise=True, x=lambda F, g, x, *, min, max: F.where(_inside(x, min, max), g, 0.0),
            saved_names={"x": "self"})  # fmt: skip
_clamp_tensor = op("clamp_tensor", lambda xp, x, min, max: _clipped(xp, x, min, max, "clamp_cpu"),
                   node="ClampBackward0", x=lambda F, g, x, min, max: F.where(_inside(x, min, max), g, 0.0),
                   min=lambda F, g, x, min, max: F.where((x < min) if max is None else (x < min) & (min < max), g, 0.0),
                   max=lambda F, g, x, min, max: F.where((x > max) if min is None else (x > max) | (max < min), g, 0.0),
                   promote="binary", public=False)  # fmt: skip
_clamp_min = op("clamp_min", lambda xp, x, min: xp.maximum(min, only(REAL, x, "maximum_cpu")), node="ClampMinBackward1",
               number_node="ClampMinBackward0", promote="binary", public=False, numbers="last", names=("input", "min"),
               x=lambda F, g, x, min: F.where(x >= min, g, 0.0),
               min=lambda F, g, x, min: F.where(x < min, g, 0.0))  # fmt: skip
_clamp_max = op("clamp_max", lambda xp, x, max: xp.minimum(max, only(REAL, x, "minimum_cpu")), node="ClampMaxBackward1",
               number_node="ClampMaxBackward0", promote="binary", public=False, numbers="last", names=("input", "max"),
               x=lambda F, g, x, max: F.where(x <= max, g, 0.0),
               max=lambda F, g, x, max: F.where(x > max, g, 0.0))  # fmt: skip

# -- steps and neighbours ------------------------------------------------------------------------------------------
copysign = op("copysign", lambda xp, a, b: xp.copysign(only(REAL, a, "copysign_cpu"), b), promote="float", inplace=True,
              numbers="last", node="CopysignBackward0", number_node="CopysignBackward1",
              a=lambda F, g, a, out: g * F.where(a == 0, 0.0, out / a),
              b=lambda F, g: F.flat(g))  # fmt: skip
nextafter = op("nextafter", lambda xp, a, b: xp.nextafter(only(FLOATING, a, "nextafter_cpu"), b), promote="binary",
               inplace=True, numbers="none",
               a=lambda F, g, a, b: F.where(a == b, 0.0, g), b=lambda F, g: F.flat(g))  # fmt: skip
_heaviside = op("heaviside", lambda xp, a, b: xp.where(a == 0, b, a > 0).astype(a.dtype), promote="binary",
                numbers="none", names=("input", "values"), public=False, **undifferentiable("heaviside"))  # fmt: skip
_nan_to_num = op("nan_to_num", lambda xp, x, *, nan, posinf, neginf: _numbers(xp, x, nan, posinf, neginf),
                 public=False, x=lambda F, g, x: g * F.isfinite(x))  # fmt: skip


def _share(F: Any, g: Any, a: Any, b: Any, loses: Any) -> Any:
    return F.where(loses, 0.0, F.where(a == b, g * 0.5, g))


def _ordered(name: str, x: Any) -> Any:
    if x.dtype.kind == "c":
        raise RuntimeError(f"{name} not implemented for complex tensors.")
    return x


def _clipped(xp: Any, x: Any, min: Any, max: Any, kernel: str) -> Any:
    if x.dtype.kind == "c":
        raise NotImplementedError("clamp is not supported for complex types")
    if x.dtype.kind == "b":
        raise no_kernel(kernel, x)
    return widened(xp.clip, x, min, max)


def _inside(x: Any, min: Any, max: Any) -> Any:
    if min is None:
        return x <= max
    return x >= min if max is None else (x >= min) & (x <= max)


def _numbers(xp: Any, x: Any, nan: Any, posinf: Any, neginf: Any) -> Any:
    kind = x.dtype
    if kind.kind in "biu":
        return x.copy()
    if kind.kind == "c":
        real, imag = (_numbers(xp, part, nan, posinf, neginf) for part in (xp.real(x), xp.imag(x)))
        return (real + imag * 1j).astype(kind)
    info = finfo(from_numpy(kind))
    largest, smallest = (info.max if posinf is None else posinf), (info.min if neginf is None else neginf)
    out = xp.where(xp.isnan(x), 0.0 if nan is None else nan, x)
    return xp.where(xp.isinf(x), xp.where(x > 0, largest, smallest), out).astype(kind)


# -- the public functions ------------------------------------------------------------------------------------------
@function(aliases=("clip",), inplace=True)
def clamp(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """Every element limited to [min, max]; the limits are numbers or tensors."""
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    tensors = [m for m in (min, max) if isinstance(m, Tensor)]
    if tensors and (len(tensors) == 2 or min is None or max is None):
        return _clamp_tensor.call(input, min, max)
    if tensors:
        if tensors[0].ndim or tensors[0].requires_grad:
            raise noted(TypeError(errors.bad_combination("clamp", (input, min, max))))
        min, max = (m.item() if isinstance(m, Tensor) else m for m in (min, max))
    if input.dtype.category < 2:
        input = input.to(result_of(input, *(m for m in (min, max) if m is not None)))
    return _clamp.call(input, min=min, max=max)


def _check_number(name: str, input: Any, limit: Any) -> None:
    """PyTorch's refusals where the limit is a number."""
    if isinstance(input, Tensor) and not isinstance(limit, Tensor):
        if input.is_complex():
            raise NotImplementedError("clamp is not supported for complex types")
        if input.dtype.category == 0 and isinstance(limit, bool):
            raise no_kernel(f"{name}_scalar_cpu", input)


@function(inplace=True)
def clamp_min(input: Tensor, min: Any) -> Tensor:
    """Every element at least `min`."""
    _check_number("clamp_min", input, min)
    return _clamp_min.call(input, min)


@function(inplace=True)
def clamp_max(input: Tensor, max: Any) -> Tensor:
    """Every element at most `max`."""
    _check_number("clamp_max", input, max)
    return _clamp_max.call(input, max)


@function(inplace=True)
def heaviside(input: Tensor, values: Tensor) -> Tensor:
    """The step function: 0 for negative elements, 1 for positive ones, and `values` at zero."""
    if isinstance(input, Tensor) and isinstance(values, Tensor):
        if input.is_complex() or values.is_complex():
            raise RuntimeError("heaviside is not yet implemented for complex tensors.")
        if input.dtype is not values.dtype:
            raise noted(
                RuntimeError(
                    "heaviside is not yet implemented for tensors with different dtypes.\n"
                    f"Here they are {input.dtype!r} and {values.dtype!r}: convert one with .to(other.dtype)."
                )
            )
    return _heaviside.call(input, values)


@function(inplace=True)
def nan_to_num(input: Tensor, nan: Any = None, posinf: Any = None, neginf: Any = None) -> Tensor:
    """NaN replaced by `nan` (0), and infinities by `posinf` and `neginf` (the largest and smallest finite numbers)."""
    return _nan_to_num.call(input, nan=nan, posinf=posinf, neginf=neginf)

"""Every function of elements under every element type: PyTorch's result type and values, or its refusal."""

from __future__ import annotations

# ruff: noqa: E501, SIM905  (tables)
import math
import operator
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradviz

from .same import TOLERANCE, check_errors

torch = pytest.importorskip("torch")

TYPES = """bool uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64 complex64 complex128""".split()
# complex32, the partner of float16, is a type that NumPy does not have.
SKIPPED = {("complex(x, x)", "float16")}
# PyTorch's series for the trigamma function stops early.
LOOSE = {"polygamma(1)": 1e-8}

UNARY = """abs acos acosh angle asin asinh atan atanh ceil conj conj_physical cos cosh deg2rad digamma erf erfc erfinv exp
    exp2 expm1 floor frac frexp i0 isfinite isinf isnan isneginf isposinf isreal lgamma log log10 log1p log2 logit
    nan_to_num neg positive rad2deg real imag reciprocal resolve_conj round rsqrt sgn sigmoid sign signbit sin sinc sinh
    sqrt square tan tanh trunc view_as_real bitwise_not logical_not is_complex special.entr special.erfcx special.i0e
    special.i1 special.i1e special.ndtr special.ndtri special.log_ndtr special.airy_ai special.bessel_j0 special.bessel_j1
    special.scaled_modified_bessel_k0 special.scaled_modified_bessel_k1 special.spherical_bessel_j0""".split()
BINARY = """add sub mul div rsub atan2 hypot maximum minimum fmax fmin pow float_power floor_divide remainder fmod copysign
    nextafter heaviside ldexp logaddexp logaddexp2 xlogy igamma igammac complex polar eq ne lt le gt ge gcd lcm logical_and
    logical_or logical_xor bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift clamp_min clamp_max
    isclose allclose equal special.xlog1py special.zeta""".split()
OTHERS: dict[str, Callable[[Any, Any], Any]] = {
    "clamp(x, 1, 2)": lambda t, x: t.clamp(x, 1, 2),
    "clamp(x, .5, 1.5)": lambda t, x: t.clamp(x, 0.5, 1.5),
    "clamp(x, x, x)": lambda t, x: t.clamp(x, x, x),
    "polygamma(1)": lambda t, x: t.polygamma(1, x),
    "polygamma(2)": lambda t, x: t.polygamma(2, x),
    "mvlgamma": lambda t, x: t.mvlgamma(x, 2),
    "div floor": lambda t, x: t.div(x, x.flip(0), rounding_mode="floor"),
    "div trunc": lambda t, x: t.div(x, 2, rounding_mode="trunc"),
    "round(decimals=1)": lambda t, x: t.round(x, decimals=1),
    "addcmul": lambda t, x: t.addcmul(x, x, x, value=2.5),
    "addcdiv": lambda t, x: t.addcdiv(x, x, x),
    "lerp(x, y, .25)": lambda t, x: t.lerp(x, x.flip(0), 0.25),
    "lerp(x, y, x)": lambda t, x: t.lerp(x, x.flip(0), x),
    "where": lambda t, x: t.where(x == x.flip(0), x, 1.5),
    "logit(eps)": lambda t, x: t.logit(x, 0.1),
    **{
        f"2 {name} x": lambda t, x, f=getattr(operator, name): f(2, x)
        for name in "add sub mul truediv floordiv mod pow and_ or_ xor lshift rshift".split()
    },
}


def function(t: Any, name: str) -> Any:
    for part in name.split("."):
        t = getattr(t, part)
    return t


CALLS: dict[str, Callable[[Any, Any], Any]] = {
    **{name: lambda t, x, name=name: function(t, name)(x) for name in UNARY},
    **{f"{name}(x, x)": lambda t, x, name=name: function(t, name)(x, x.flip(0)) for name in BINARY},
    **{
        f"{name}(x, {number})": lambda t, x, name=name, number=number: function(t, name)(x, number)
        for name in BINARY
        for number in (2, 1.5, True)
    },
    **{f"{name}(2.5, x)": lambda t, x, name=name: function(t, name)(2.5, x) for name in BINARY},
    **OTHERS,
}


def numbers(kind: str) -> list[Any]:
    values = np.array([1, 2, 3, 1])
    if kind == "bool":
        return list((values % 2).astype(bool).tolist())
    scale = {"c": 0.5 + 0.25j, "f": 0.5, "b": 0.5}.get(kind[0], 1)
    return list((values * scale).tolist())


def outcome(t: Any, call: Callable[[Any, Any], Any], kind: str) -> tuple[Any, BaseException | None]:
    x = t.tensor(numbers(kind), dtype=getattr(t, kind))
    try:
        return call(t, x), None
    except Exception as error:
        return None, error


def leaves(value: Any) -> list[Any]:
    return list(value) if isinstance(value, tuple) else [value]


def array(x: Any) -> Any:
    x = x.resolve_conj()
    return (x.float() if str(x.dtype) == "torch.bfloat16" else x).numpy()


@pytest.mark.parametrize("name", CALLS)
def test_every_type_gives_what_it_gives_under_torch(name: str) -> None:
    for kind in TYPES:
        if (name, kind) in SKIPPED:
            continue
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            (theirs, refused), (ours, refusing) = (outcome(t, CALLS[name], kind) for t in (torch, gradviz))
        check_errors(refused, refusing)
        for want, got in zip(leaves(theirs), leaves(ours), strict=True):
            if not isinstance(want, torch.Tensor):
                assert want == got, kind
                continue
            assert str(want.dtype) == str(got.dtype), kind
            rtol = max(
                LOOSE.get(name, 0), *(TOLERANCE.get(d, 0) for d in (kind, str(want.dtype).removeprefix("torch.")))
            )
            np.testing.assert_allclose(array(got), array(want), rtol=rtol, atol=rtol, err_msg=kind)


def test_infinite_and_missing_numbers_have_their_signs() -> None:
    values = [math.inf, -math.inf, math.nan, -0.0, 0.0]
    for name in "sign sgn isposinf isneginf signbit nan_to_num abs".split():
        theirs, ours = (getattr(t, name)(t.tensor(values)).numpy() for t in (torch, gradviz))
        np.testing.assert_array_equal(ours, theirs, err_msg=name)

"""Complex numbers: made of parts, taken apart, and in the functions of real numbers."""

from __future__ import annotations

# ruff: noqa: E501, SIM905  (tables)
import numpy as np

from ..same import F16, F64, bools, complexes, const, floats, given, ints, sample

C64, C128 = np.complex64, np.complex128
# Away from the cuts on the real axis, where the sign of a zero decides.
INSIDE = complexes(4, low=0.1, high=0.6, dtype=C128)
AXES = given([1 + 0j, -1 + 0.5j, 2j, 0, -3 - 4j], C128)

PARTS = [
    sample("torch.real(x * 2j) + (x * (1 + 2j)).real", x=(3,)),
    sample("torch.conj_physical(x).real, x.conj(), x.real is x, torch.positive(x) is x, +x is x", x=(3,)),
    sample("torch.real(x), x.real, x.imag, torch.imag(x)", x=complexes(2, 3)),
    sample("x.real, x.imag", x=complexes(2, 3, layout="F")),
    sample("torch.conj(x), x.conj_physical(), torch.resolve_conj(x), x.resolve_neg()", x=complexes(2)),
    sample("x.mul(x.conj())", x=complexes(2, 3)),
    sample("torch.view_as_real(x)", x=complexes(2, 3)),
    sample("torch.view_as_real(x)", x=complexes(3, 2, dtype=C128, layout="F")),
    sample("torch.view_as_real(x)", x=()),
    sample("torch.view_as_complex(x)", x=(3, 2)),
    sample("torch.view_as_complex(x)", x=floats(2, dtype=F64)),
    *(sample("torch.view_as_complex(x)", x=x) for x in ((), (3, 3), floats(2, 2, layout="F"), ints(2, 2))),
    sample("torch.complex(x, y)", x=(2, 3), y=(3,)),
    sample("torch.complex(x, y)", x=floats(3, dtype=F64), y=floats(3, dtype=F64)),
    sample("torch.complex(x, y)", x=given([0.0, np.inf, -1.0]), y=given([-0.0, 1.0, np.nan]), order=0),
    sample("torch.complex(x, y)", x=(3,), y=floats(3, dtype=F64)),
    sample("torch.complex(x, y)", x=(3,), y=ints(3)),
    sample("torch.complex(x, 2)", x=(3,)),
    sample("torch.polar(x, y)", x=floats(3, low=0.5, high=2), y=(3,)),
    sample("torch.polar(x, y)", x=(3,), y=floats(3, dtype=F64)),
    sample("torch.polar(x, y)", x=floats(3, dtype=F16), y=floats(3, dtype=F16)),
    sample("torch.isreal(x), torch.isreal(x.real), x.is_complex(), x.real.is_complex()", x=AXES),
    sample("x.imag", x=(3,)),
    sample("torch.positive(x)", x=bools(2)),
    sample("y = x * 1\ny.conj_physical_()\ny", x=complexes(3)),
    sample("y = x * 1\ny.imag.mul_(2)\ny", x=const(3, dtype=C64), order=0),
    sample("complex(x)", x=const(dtype=C64)),
]

SIZE = [
    sample(code, x=x)
    for code in ("torch.abs(x)", "torch.angle(x)", "torch.sgn(x)", "x.abs() * x", "torch.sgn(x.real)")
    for x in (complexes(2, 3), complexes(3, dtype=C128), complexes(), complexes(0, 2))
] + [
    sample("torch.abs(x), torch.sgn(x), torch.angle(x)", x=AXES, order=1),
    sample("torch.angle(x), torch.sgn(x)", x=given([-1.0, 0.0, 2.0, np.nan])),
    sample("1 / torch.angle(x)", x=given([-0.0, 0.0, -np.inf, np.inf, -np.nan], requires_grad=False)),
    sample("torch.angle(x), torch.sgn(x)", x=ints(3, low=-2)),
    sample("torch.sgn(x)", x=bools(3)),
]

UNARY = """exp log log2 log10 log1p expm1 exp2 sqrt rsqrt sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh sigmoid
    reciprocal neg square sinc""".split()
FUNCTIONS = [sample(f"torch.{name}(x)", x=INSIDE, text=False) for name in UNARY] + [
    sample(code, x=INSIDE, y=complexes(4, low=0.3, high=1.5, dtype=C128), text=False)
    for code in (
        "x + y", "x - y", "x * y", "x / y", "x ** y", "torch.logaddexp(x, y)", "torch.lerp(x, y, 0.3)",
        "torch.addcmul(x, y, y, value=2)", "torch.addcdiv(x, y, y)", "torch.where(x.real > 0.3, x, y)", "x ** 3",
        "x ** (1 + 2j)", "torch.float_power(x, y)", "x == y, x != y, torch.equal(x, x)",
        "torch.isclose(x, x + 1e-9)", "torch.ldexp(x, y)", "x.real ** y", "x ** y.real", "x.real * y", "x / y.real",
        "1j - x", "x * (2 + 1j)", "(1 + 1j) / x", "torch.rsub(x, y, alpha=2j)",
    )
]  # fmt: skip
# PyTorch takes the logarithm of the number in single precision here.
FUNCTIONS += [sample(code, x=INSIDE, text=False, rtol=1e-7) for code in ("2 ** x", "(1 + 1j) ** x")]
REFUSED = [
    sample(f"torch.{name}(x)", x=complexes(2))
    for name in "floor ceil trunc round frac sign erf erfc erfinv lgamma digamma i0 deg2rad rad2deg signbit logit".split()
] + [
    sample(f"torch.{name}(x, x)", x=complexes(2))
    for name in "maximum minimum fmax fmin atan2 hypot fmod remainder floor_divide copysign lt xlogy bitwise_and gcd".split()
]

TABLE = PARTS + SIZE + FUNCTIONS + REFUSED

"""torch.special: the error function, gamma and Bessel functions and their kin, and the functions under other names."""

from __future__ import annotations

# ruff: noqa: E501, SIM905  (tables)
from ..same import F16, F32, F64, floats, given, ints, positive, sample, unit

NAN, INF = float("nan"), float("inf")
EDGES = given([-INF, -3.5, -2.0, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 4.0, 30.0, INF, NAN], F64)

# -- of one number -------------------------------------------------------------------------------------------------
SMOOTH = """torch.erf torch.erfc torch.lgamma torch.digamma torch.i0 torch.special.i0e torch.special.i1 torch.special.i1e
    torch.special.ndtr torch.special.log_ndtr torch.special.erfcx torch.special.entr torch.sinc""".split()
ONE = [
    sample(f"{name}(x)", x=x, rtol=1e-8 if x.dtype is F64 else 1e-4, text=x.dtype is not F16)
    for name in SMOOTH
    for x in (positive(2, 3), positive(), positive(0, 2), positive(4, dtype=F64))
] + [
    sample(f"{name}(x)", x=floats(4, dtype=F64), rtol=1e-8)
    for name in SMOOTH
    if name not in ("torch.special.entr", "torch.lgamma", "torch.digamma")
] + [
    sample(f"{name}(x)", x=positive(3, dtype=F16), order=0)
    for name in SMOOTH
] + [
    sample(f"{name}(x)", x=EDGES, order=0, rtol=1e-9)
    for name in SMOOTH
] + [
    sample(f"torch.{name}(x)", x=ints(3, low=1), order=0)
    for name in "erf erfc erfinv lgamma digamma i0 sinc logit special.i1 special.ndtr special.entr".split()
] + [
    sample("torch.erfinv(x), torch.special.ndtri(x * 0.5 + 0.5)", x=unit(2, 3), rtol=1e-4),
    sample("torch.erfinv(x)", x=given([-1.0, 0.0, 1.0, 1.5], F64), order=0),
    sample("torch.special.ndtri(x)", x=given([-0.1, 0.0, 0.5, 1.0, 2.0], F64), order=0),
    sample("torch.special.i1(x), torch.special.i1e(x)", x=given([0.0, 1.0, -2.0], F64)),
]  # fmt: skip
UNRULED = [
    sample(f"torch.special.{name}(x)", x=x, rtol=tolerance, order=0)
    for name in "airy_ai bessel_j1 scaled_modified_bessel_k0 scaled_modified_bessel_k1 spherical_bessel_j0".split()
    for x, tolerance in ((positive(2, 3), 1e-4), (positive(5, dtype=F64), 1e-9), (ints(3, low=1), 1e-4))
] + [
    sample(f"torch.special.{name}(x)", x=positive(3, dtype=F64), order=0, rtol=1e-9)
    for name in "bessel_y0 bessel_y1 modified_bessel_i0 modified_bessel_i1 modified_bessel_k0 modified_bessel_k1".split()
] + [
    sample("torch.special.bessel_j0(x)", x=floats(6, dtype=F64), order=0),
    sample("torch.special.bessel_j0(x)", x=given([0.0, 1e-6, 5.0, 5.1, -7.0, 20.0], F64), order=0),
    sample("torch.special.spherical_bessel_j0(x)", x=given([0.0, INF, -1.0], F64), order=0),
]  # fmt: skip

# -- gamma and zeta ------------------------------------------------------------------------------------------------
GAMMA = [
    sample(f"torch.polygamma({n}, x), x.polygamma({n})", x=positive(3, dtype=F64), rtol=1e-8) for n in range(5)
] + [
    sample("torch.polygamma(1, x)", x=floats(5, dtype=F64), rtol=1e-8, order=1),
    sample("torch.polygamma(-1, x)", x=(2,)),
    sample("y = x * 1\ny.polygamma_(1)\ny", x=positive(3), rtol=1e-4),
    *(sample(f"torch.mvlgamma(x, {p})", x=floats(3, low=3, high=5, dtype=F64), rtol=1e-8) for p in (1, 3, 5)),
    sample("torch.mvlgamma(x, 0)", x=(2,)),
    sample("torch.igamma(a, x), torch.igammac(a, x)", a=floats(3, low=0.5, high=3, requires_grad=False), x=positive(3),
           rtol=1e-4),
    sample("torch.special.zeta(a, x)", a=floats(3, low=2, high=4, requires_grad=False), x=positive(3), rtol=1e-4),
    sample("torch.special.zeta(2, x), torch.special.zeta(3.5, x)", x=positive(3, dtype=F64), rtol=1e-8),
    sample("torch.special.zeta(x, 2)", x=floats(3, low=2, high=4, requires_grad=False), order=0, rtol=1e-5),
    sample("torch.igamma(x, 2)", x=(2,)),
    sample("torch.igamma(x, x)", x=ints(2)),
]  # fmt: skip

# -- products with logarithms ----------------------------------------------------------------------------------------
LOGS = [
    sample(f"torch.special.{name}({arguments})", x=positive(2, 3), y=positive(3))
    for name in ("xlogy", "xlog1py")
    for arguments in ("x, y", "x, 2.5", "1.5, y")
] + [
    sample("torch.special.xlog1py(x, y)", x=given([0.0, 0.0, 2.0]), y=given([-1.0, NAN, 0.0]), order=1),
    sample("torch.special.xlog1py(2, 3)"),
    sample("torch.special.zeta(2, 3)"),
]  # fmt: skip

# -- other names ---------------------------------------------------------------------------------------------------
NAMES = [
    sample(f"torch.special.{call}", x=floats(2, 3, low=0.1, high=0.9), rtol=1e-4)
    for call in (
        "digamma(x)", "erf(x)", "erfc(x)", "erfinv(x)", "exp2(x)", "expit(x)", "expm1(x)", "gammaln(x)", "i0(x)",
        "log1p(x)", "logit(x)", "logit(x, eps=0.2)", "psi(x)", "sinc(x)", "round(x)", "round(x, decimals=1)",
        "softmax(x, 1)", "softmax(x, dim=0, dtype=torch.float64)", "log_softmax(x, 1)", "logsumexp(x, 1)",
        "polygamma(1, x)", "multigammaln(x + 2, 2)", "gammainc(x.detach(), x)", "gammaincc(x.detach(), x)",
    )
]  # fmt: skip

POLYNOMIALS = [
    sample(f"torch.special.{name}({arguments})", x=x, n=given([0, 1, 2, 3, 5.7, -1]), order=0, rtol=1e-4)
    for kind in "chebyshev_polynomial_t chebyshev_polynomial_u chebyshev_polynomial_v chebyshev_polynomial_w".split()
    for name in (kind, "shifted_" + kind)
    for arguments, x in (("x, n", unit(6)), ("x, 3", floats(2, 3, dtype=F64)), ("1.5, n", unit(1)), ("x, 2", ints(3)))
] + [
    sample(f"torch.special.{name}({arguments})", x=x, n=given([0, 1, 2, 3, 5.7, -1]), order=0, rtol=1e-4)
    for name in "hermite_polynomial_h hermite_polynomial_he laguerre_polynomial_l legendre_polynomial_p".split()
    for arguments, x in (("x, n", unit(6)), ("x, 3", floats(2, 3, dtype=F64)), ("1.5, n", unit(1)), ("x, 2", ints(3)),
                         ("x, n", floats(0, 6)), ("x, 3", positive(3, dtype=F16)), ("2, 3", unit(1)))
]  # fmt: skip

# As many elements as the CPU has a forward of its own for.
MANY = [
    sample("torch.erf(x * 3)", x=(70, 70), rtol=2e-6, text=False),
    sample("torch.erf(x)", x=given([-INF, -5.0, -3.9, -1e-30, -0.0, 1e-8, 0.3, 2.5, 4.1, INF, NAN] * 500, F32), order=0, rtol=1e-6, text=False),
]  # fmt: skip
TABLE = MANY + POLYNOMIALS + ONE + UNRULED + GAMMA + LOGS + NAMES

"""The gamma function: its logarithm, the derivatives of that, its incomplete integrals, and Riemann's zeta."""

from __future__ import annotations

import math
from typing import Any

from ...errors import no_kernel
from ...inplace import make_inplace
from ...op import function, method, op
from ...tensor import Tensor
from ..kinds import FLOATING, REAL, floating, halves, no_derivative, only, renamed, special, widened
from .logs import either

UNARY: dict[str, Any] = {"promote": "float", "elementwise": True}

# -- log gamma and its derivatives ---------------------------------------------------------------------------------
lgamma = op("lgamma", lambda xp, sp, x: _log_gamma(xp, sp, x), x=lambda F, g, x: g * F.digamma(x), inplace=True,
            **UNARY)  # fmt: skip
digamma = op("digamma", lambda xp, sp, x: _digamma(xp, sp, x), x=lambda F, g, x: g * F.polygamma(x, n=1), inplace=True,
             **UNARY)  # fmt: skip
_polygamma = op("polygamma", lambda xp, sp, x, *, n: _derivative(xp, sp, x, n), public=False, **UNARY,
                x=lambda F, g, x, *, n: g * F.polygamma(x, n=n + 1))  # fmt: skip
# log of the multivariate gamma function of p dimensions.
_mvlgamma = op("mvlgamma", lambda sp, x, *, p: _multivariate(sp, x, p), public=False, **UNARY,
               x=lambda F, g, x, *, p: g * sum((F.digamma(x - j / 2) for j in range(1, p)), F.digamma(x)))  # fmt: skip


def _log_gamma(xp: Any, sp: Any, x: Any) -> Any:
    out = special("gammaln", "lgamma_vml_cpu")(sp, x)
    return xp.where(x == -math.inf, math.inf, out).astype(out.dtype)


def _digamma(xp: Any, sp: Any, x: Any) -> Any:
    only(REAL, x, "digamma")
    at_zero = xp.copysign(math.inf, -x) if x.dtype.kind == "f" else -math.inf
    return xp.where(x == 0, at_zero, widened(sp.special.psi, x)).astype(floating(x))


def _derivative(xp: Any, sp: Any, x: Any, n: int) -> Any:
    if n == 0:
        return _digamma(xp, sp, x)
    only(REAL, x, "trigamma" if n == 1 else "polygamma")
    zeta = sp.special.zeta
    if n > 1:
        factor = math.factorial(n) if n <= 170 else math.inf
        return widened(lambda x: (zeta(n + 1.0, x) * (factor if n % 2 else -factor)).astype(floating(x)), x)

    def trigamma(x: Any) -> Any:
        mirrored = x < 0.5  # trigamma(x) + trigamma(1 - x) = (pi / sin(pi x))^2
        sine = xp.where(mirrored, xp.sin(x * math.pi), 1.0)
        there = zeta(2.0, xp.where(mirrored, 1 - x, x))
        return xp.where(mirrored, math.pi**2 / (sine * sine) - there, there).astype(floating(x))

    return widened(trigamma, x)


def _multivariate(sp: Any, x: Any, p: int) -> Any:
    only(REAL, x, "arange_cpu")
    log_gamma = sp.special.gammaln
    return widened(
        lambda x: sum((log_gamma(x - j / 2) for j in range(1, p)), log_gamma(x)) + p * (p - 1) / 4 * math.log(math.pi),
        x,
    )


@function(method=False)
def polygamma(n: int, input: Tensor) -> Tensor:
    """The n-th derivative of the digamma function."""
    if n < 0:
        raise RuntimeError("polygamma(n, x) does not support negative n.")
    return _polygamma.call(input, n=n)


@method(name="polygamma")
def _polygamma_method(self: Tensor, n: int) -> Tensor:
    return polygamma(n, self)


method(name="polygamma_")(renamed(make_inplace("polygamma_", _polygamma_method), _polygamma, "PolygammaBackward1"))


@function(inplace=True)
def mvlgamma(input: Tensor, p: int) -> Tensor:
    """The logarithm of the multivariate gamma function of dimension `p`."""
    if p < 1:
        raise RuntimeError("p has to be greater than or equal to 1")
    if input.dtype.category == 0:
        raise RuntimeError("The input tensor may not be a boolean tensor.")
    return _mvlgamma.call(input, p=p)


# -- incomplete gamma functions: what lies below and above a point ---------------------------------------------------
def _density(F: Any, g: Any, a: Any, b: Any) -> Any:
    return g * F.exp((a - 1) * F.log(b) - b - F.lgamma(a))


def _incomplete(name: str, kernel: str) -> Any:
    def forward(sp: Any, a: Any, b: Any) -> Any:
        return widened(getattr(sp.special, name), only(FLOATING, a, kernel), b)

    return forward


TWO: dict[str, Any] = {"promote": "binary", "elementwise": True, "inplace": True, "numbers": "none"}
igamma = op("igamma", _incomplete("gammainc", "igamma_cpu"), a=no_derivative("igamma: input"),
            b=lambda F, g, a, b: _density(F, g, a, b),
            **TWO)  # fmt: skip
igammac = op("igammac", _incomplete("gammaincc", "igammac_cpu"), a=no_derivative("igammac: input"),
             b=lambda F, g, a, b: -_density(F, g, a, b),
             **TWO)  # fmt: skip


# -- zeta(x, q), the sum of (k + q)^-x -----------------------------------------------------------------------------
def _zeta(sp: Any, a: Any, b: Any) -> Any:
    array = a if hasattr(a, "dtype") else b
    if array.dtype.kind == "c" or halves(array):
        raise no_kernel("zeta_cpu", array)
    return sp.special.zeta(a, b).astype(floating(array))


ZETA: dict[str, Any] = {
    "promote": "float", "elementwise": True, "numbers": "one", "public": False,
    "a": no_derivative("zeta"), "b": lambda F, g, a, b: -g * a * F.special_zeta(a + 1, b),
}  # fmt: skip
_zeta_both = op("special_zeta", _zeta, node="SpecialZetaBackward0", number_node="SpecialZetaBackward2", **ZETA)
_zeta_first = op("special_zeta_of_number", _zeta, node="SpecialZetaBackward1", **ZETA)


@function(space="special")
def zeta(input: Any, other: Any) -> Tensor:
    """The Hurwitz zeta function: the sum over k of (k + other) ** -input."""
    return either(_zeta_both, _zeta_first, input, other)

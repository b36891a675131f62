"""Orthogonal polynomials: each from the two before it. PyTorch does not differentiate them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...errors import no_kernel
from ...op import function, op
from ..kinds import floating, halves

# The polynomial of degree 1, and the one of degree k + 1 from those of degree k (p) and k - 1 (q). Degree 0 is 1.
Next = Callable[[Any, int, Any, Any], Any]


def _chebyshev(x: Any, k: int, p: Any, q: Any) -> Any:
    return 2 * x * p - q


POLYNOMIALS: dict[str, tuple[Callable[[Any], Any], Next]] = {
    "chebyshev_polynomial_t": (lambda x: x, _chebyshev),
    "chebyshev_polynomial_u": (lambda x: 2 * x, _chebyshev),
    "chebyshev_polynomial_v": (lambda x: 2 * x - 1, _chebyshev),
    "chebyshev_polynomial_w": (lambda x: 2 * x + 1, _chebyshev),
    "hermite_polynomial_h": (lambda x: 2 * x, lambda x, k, p, q: 2 * x * p - 2 * k * q),
    "hermite_polynomial_he": (lambda x: x, lambda x, k, p, q: x * p - k * q),
    "laguerre_polynomial_l": (lambda x: 1 - x, lambda x, k, p, q: ((2 * k + 1 - x) * p - k * q) / (k + 1)),
    "legendre_polynomial_p": (lambda x: x, lambda x, k, p, q: ((2 * k + 1) * x * p - k * q) / (k + 1)),
}
SHIFTED = [name for name in POLYNOMIALS if name.startswith("chebyshev")]


def _values(name: str, shifted: bool) -> Callable[..., Any]:
    first, after = POLYNOMIALS[name]
    kernel = f"{'shifted_' if shifted else ''}{name}_cpu"

    def forward(xp: Any, x: Any, n: Any) -> Any:
        """The polynomials of degrees `n`, whose fractions are cut off, at `x`; 0 for negative degrees."""
        if x.dtype.kind == "c" or halves(x):
            raise no_kernel(kernel, x)
        kind = floating(x)
        x = x.astype(kind) * 2 - 1 if shifted else x.astype(kind)
        degree = xp.trunc(n)
        before, now = xp.zeros_like(x), xp.ones_like(x)
        out = xp.where(degree == 0, now, xp.zeros_like(x + n))
        for k in range(int(xp.max(degree)) if degree.size else 0):
            before, now = now, first(x) if k == 0 else after(x, k, now, before)
            out = xp.where(degree == k + 1, now, out)
        return out.astype(kind)

    return forward


for _name, _shifted in (*((name, False) for name in POLYNOMIALS), *((name, True) for name in SHIFTED)):
    _full = f"{'shifted_' if _shifted else ''}{_name}"
    _made = op(f"special_{_full}", _values(_name, _shifted), promote="float", numbers="one", public=False)
    function(name=_full, space="special")(_made.call)

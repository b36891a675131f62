"""Cholesky factors of positive-definite matrices, and systems solved with them."""

from __future__ import annotations

from typing import Any

from ...op import SPACES, function, op
from ...tensor import Tensor
from ..named import named
from .matrices import check_info, each, float_matrix, spread_over, square_matrix, together, tried
from .products import wrong
from .triangular import fits, substitute


def _cholesky(xp: Any, x: Any, *, upper: bool) -> Any:
    """L with L @ L^H = x, or its adjoint; `info` is the order of the first minor that is not positive-definite."""
    read = xp.swapaxes(x, -1, -2) if upper else x  # L L^H = x^T is L^T as the upper factor of x
    info = xp.zeros(x.shape[:-2], dtype=xp.int32)
    low = tried(xp, lambda: xp.linalg.cholesky(read))
    if low is None:
        low, info = each(xp, lambda one: _by_columns(xp, one), read)
    return (xp.swapaxes(low, -1, -2).copy() if upper else low), {"info": info}


def _by_columns(xp: Any, x: Any) -> Any:
    """The factor of one matrix as far as it goes, and where it stopped."""
    low = xp.tril(x)
    for k in range(x.shape[-1]):
        pivot = low[k, k] - (low[k, :k] * xp.conj(low[k, :k])).sum()
        if not float(xp.real(pivot)) > 0:
            return low, xp.asarray(k + 1, dtype=xp.int32)
        low[k, k] = xp.sqrt(pivot)
        low[k + 1 :, k] = (low[k + 1 :, k] - low[k + 1 :, :k] @ xp.conj(low[k, :k])) / low[k, k]
    return low, xp.asarray(0, dtype=xp.int32)


def _cholesky_rule(F: Any, g: Any, out: Any, *, upper: bool) -> Any:
    """L^-H (P + P^H) L^-1 / 2, where P is the lower triangle of L^H g with half its diagonal."""
    low, g = (F.mH(out), F.mH(g)) if upper else (out, g)
    part = F.half_lower(F.mat(F.mH(low), g))
    right = F.solve_triangular(low, part + F.mH(part), upper=False, left=False, unitriangular=False)
    return 0.5 * F.solve_triangular(F.mH(low), right, upper=True, left=True, unitriangular=False)


_cholesky_ex = op("linalg_cholesky_ex", _cholesky, aux=("info",), public=False, conjugates=True,
                  x=lambda F, g, out, *, upper: _cholesky_rule(F, g, out, upper=upper))  # fmt: skip
_old_cholesky = op("cholesky", _cholesky, aux=("info",), public=False, conjugates=True,
                   x=lambda F, g, out, *, upper: _cholesky_rule(F, g, out, upper=upper))  # fmt: skip
_cholesky_solve = op(
    "cholesky_solve", lambda xp, b, a, *, upper: _solve_twice(xp, b, a, upper), public=False, conjugates=True,
    b=lambda F, g, a, *, upper: F.cholesky_solve(g, a, upper=upper),
    a=lambda F, g, a, out, *, upper: _solve_twice_a(F, g, a, out, upper),
)  # fmt: skip
_cholesky_inverse = op(
    "cholesky_inverse", lambda xp, a, *, upper: _solve_twice(xp, xp.eye(a.shape[-1], dtype=a.dtype), a, upper),
    public=False, conjugates=True, a=lambda F, g, a, out, *, upper: _inverse_a(F, g, a, out, upper),
)  # fmt: skip
_NOT_POSITIVE = (
    "The factorization could not be completed because the input is not positive-definite (the leading minor of order "
    "{i} is not positive-definite)."
)


def _solve_twice(xp: Any, b: Any, a: Any, upper: bool) -> Any:
    """X of `L @ L^H @ X = b`."""
    batch = together(a.shape[:-2], b.shape[:-2])
    a, b = spread_over(xp, batch, a), spread_over(xp, batch, b)
    turned = xp.conj(xp.swapaxes(a, -1, -2))
    low, high = (turned, a) if upper else (a, turned)
    return substitute(xp, high, substitute(xp, low, b, False), True)


def _solve_twice_a(F: Any, g: Any, a: Any, out: Any, upper: bool) -> Any:
    both = F.mat(F.cholesky_solve(g, a, upper=upper), F.mH(out))
    return _into_factor(F, -(both + F.mH(both)), a, upper)


def _inverse_a(F: Any, g: Any, a: Any, out: Any, upper: bool) -> Any:
    return _into_factor(F, -F.mat(F.mat(out, g + F.mH(g)), out), a, upper)


def _into_factor(F: Any, g: Any, a: Any, upper: bool) -> Any:
    """The gradient of the factor, from that of the product of the factor and its adjoint."""
    return F.mat(a, g) if upper else F.mat(g, a)


@function
def cholesky(input: Tensor, upper: bool = False) -> Tensor:
    """The triangular L with `L @ L.mH = input`; `linalg.cholesky` is its new name."""
    square_matrix("cholesky", input)
    out, aux = _old_cholesky.with_aux(input, upper=upper)
    check_info("cholesky", aux["info"]._array, _NOT_POSITIVE)
    return out  # type: ignore[no-any-return]


def _checked(name: str, input: Tensor, upper: bool) -> Any:
    square_matrix(name, input)
    float_matrix(name, input)
    return _cholesky_ex.with_aux(input, upper=upper)


def _linalg_cholesky(input: Tensor, *, upper: bool = False) -> Tensor:
    """The lower triangular L with `L @ L.mH = input`, or the upper one; LinAlgError if not positive-definite."""
    out, aux = _checked("linalg.cholesky", input, upper)
    check_info("linalg.cholesky", aux["info"]._array, _NOT_POSITIVE)
    return out  # type: ignore[no-any-return]


SPACES["linalg"]["cholesky"] = _linalg_cholesky


@function(space="linalg")
def cholesky_ex(input: Tensor, *, upper: bool = False, check_errors: bool = False) -> Any:
    """The Cholesky factor, and for every matrix 0 or the order of the first minor that is not positive-definite."""
    out, aux = _checked("linalg.cholesky_ex", input, upper)
    if check_errors:
        check_info("linalg.cholesky_ex", aux["info"]._array, _NOT_POSITIVE)
    return named("linalg_cholesky_ex", ("L", "info"))((out, aux["info"]))


@function
def cholesky_solve(input: Tensor, input2: Tensor, upper: bool = False) -> Tensor:
    """X of `A @ X = input`, where `input2` is the Cholesky factor of A."""
    for name, x in (("b", input), ("u", input2)):
        if x.ndim < 2:
            raise wrong(f"{name} should have at least 2 dimensions, but has {x.ndim} dimensions instead")
    square_matrix("cholesky_solve", input2)
    fits("cholesky_solve", input2, input)
    return _cholesky_solve.call(input, input2, upper=upper)


@function
def cholesky_inverse(input: Tensor, upper: bool = False) -> Tensor:
    """The inverse of the matrix whose Cholesky factor is `input`."""
    square_matrix("cholesky_inverse", input)
    return _cholesky_inverse.call(input, upper=upper)

"""Triangular systems and Cholesky factors: solved by substitution, half of the matrix at a time."""

from __future__ import annotations

from typing import Any

from ..op import SPACES, function, op
from ..tensor import Tensor
from .matrices import check_info, each, float_matrix, some_matrix, spread_over, square_matrix, together, tried
from .named import named
from .products import wrong


# -- substitution --------------------------------------------------------------------------------------------------
def substitute(xp: Any, a: Any, b: Any, upper: bool, unit: bool = False) -> Any:
    """X of `a @ X = b` with a triangular `a`: solve for one half of X, move it to the right, solve for the other."""
    n = a.shape[-1]
    if n <= 1:
        return b if unit or n == 0 else b / a
    half = n // 2
    known, rest = (slice(half, n), slice(0, half)) if upper else (slice(0, half), slice(half, n))
    x = substitute(xp, a[..., known, known], b[..., known, :], upper, unit)
    y = substitute(xp, a[..., rest, rest], b[..., rest, :] - a[..., rest, known] @ x, upper, unit)
    return xp.concatenate((y, x) if upper else (x, y), axis=-2)


def _solve(xp: Any, a: Any, b: Any, *, upper: bool, left: bool, unitriangular: bool) -> Any:
    batch = together(a.shape[:-2], b.shape[:-2])
    a, b = spread_over(xp, batch, a), spread_over(xp, batch, b)
    if left:
        return substitute(xp, a, b, upper, unitriangular).copy()
    turned = substitute(xp, xp.swapaxes(a, -1, -2), xp.swapaxes(b, -1, -2), not upper, unitriangular)
    return xp.swapaxes(turned, -1, -2).copy()


def _solve_a(F: Any, g: Any, a: Any, out: Any, upper: bool, left: bool, unit: bool) -> Any:
    """The gradient of the matrix: only of the triangle that was read."""
    gb = F.solve_triangular(F.mH(a), g, upper=not upper, left=left, unitriangular=unit)
    ga = -F.mat(gb, F.mH(out)) if left else -F.mat(F.mH(out), gb)
    return F.triu(ga, diagonal=int(unit)) if upper else F.tril(ga, diagonal=-int(unit))


solve_triangular_op = op(
    "solve_triangular", _solve, node="LinalgSolveTriangularBackward0", public=False, conjugates=True,
    a=lambda F, g, a, out, *, upper, left, unitriangular: _solve_a(F, g, a, out, upper, left, unitriangular),
    b=lambda F, g, a, *, upper, left, unitriangular:
        F.solve_triangular(F.mH(a), g, upper=not upper, left=left, unitriangular=unitriangular),
)  # fmt: skip


@function(space="linalg")
def solve_triangular(
    input: Tensor, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Tensor:
    """X of `input @ X = B`, or of `X @ input = B` where not `left`; one triangle of `input` is read."""
    name = "linalg.solve_triangular"
    square_matrix(name, input)
    some_matrix(name, B, "B")
    fits(name, input, B, left)
    return solve_triangular_op.call(input, B, upper=upper, left=left, unitriangular=unitriangular)


def fits(name: str, a: Any, b: Any, left: bool = True) -> None:
    """RuntimeError unless a square `a` can stand before `b`, or after it where not `left`."""
    if a.shape[-1] != b.shape[-2 if left else -1]:
        form = "AX = B" if left else "XA = B"
        (n, m), (rows, columns) = a.shape[-2:], b.shape[-2:]
        raise wrong(f"{name}: Incompatible shapes of A and B for the equation {form} ({n}x{m} and {rows}x{columns})")


def _old_solve(xp: Any, b: Any, a: Any, *, upper: bool, transpose: bool, unitriangular: bool) -> Any:
    turned = xp.swapaxes(a, -1, -2) if transpose else a
    batch = together(a.shape[:-2], b.shape[:-2])
    x = _solve(xp, turned, b, upper=upper != transpose, left=True, unitriangular=unitriangular)
    return x, spread_over(xp, batch, a).copy()


def _old_a(F: Any, g: Any, a: Any, out: Any, upper: bool, transpose: bool, unit: bool) -> Any:
    total = g[1]
    if g[0] is not None:
        turned = F.mT(a) if transpose else a
        ga = _solve_a(F, g[0], turned, out[0], upper != transpose, True, unit)
        ga = F.mT(ga) if transpose else ga
        total = ga if total is None else total + ga
    return total


_triangular_solve = op(
    "triangular_solve", _old_solve, outputs=True, public=False, conjugates=True,
    b=lambda F, g, a, *, upper, transpose, unitriangular: None if g[0] is None else F.solve_triangular(
        F.conj_physical(a) if transpose else F.mH(a), g[0], upper=upper == transpose, left=True,
        unitriangular=unitriangular),
    a=lambda F, g, a, out, *, upper, transpose, unitriangular: _old_a(F, g, a, out, upper, transpose, unitriangular),
)  # fmt: skip


@function
def triangular_solve(
    input: Tensor, A: Tensor, upper: bool = True, transpose: bool = False, unitriangular: bool = False
) -> Any:
    """X of `A @ X = input` with one triangle of `A`, and a copy of `A`; `linalg.solve_triangular` is its new name."""
    some_matrix("triangular_solve", input, "b")
    square_matrix("triangular_solve", A)
    if A.shape[-1] != input.shape[-2]:
        (n, m), (rows, columns) = A.shape[-2:], input.shape[-2:]
        raise wrong(
            f"Incompatible matrix sizes for triangular_solve: each A matrix is {n} by {m} but each b matrix is {rows} "
            f"by {columns}"
        )
    made = _triangular_solve.call(input, A, upper=upper, transpose=transpose, unitriangular=unitriangular)
    return named("triangular_solve", ("solution", "cloned_coefficient"))(made)


# -- Cholesky ------------------------------------------------------------------------------------------------------
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

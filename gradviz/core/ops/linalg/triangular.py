"""Triangular systems: solved by substitution, half of the matrix at a time."""

from __future__ import annotations

from typing import Any

from ...op import function, op
from ...tensor import Tensor
from ..named import named
from .matrices import some_matrix, spread_over, square_matrix, together
from .products import wrong


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

"""Systems of linear equations, and inverses."""

from __future__ import annotations

import math
from typing import Any

from ... import errors
from ...op import SPACES, function, op
from ...tensor import Tensor
from ..named import named
from .lu import _packed, _permutation
from .matrices import check_info, float_matrix, some_matrix, spread_over, square_matrix, together, tried
from .products import wrong
from .triangular import fits, substitute


# -- solve ---------------------------------------------------------------------------------------------------------
def careful(xp: Any, sp: Any, a: Any, b: Any) -> tuple[Any, Any]:
    """X of `a @ X = b`, infinite where `a` is singular, and the place of the first zero on U's diagonal, or 0."""
    batch = together(a.shape[:-2], b.shape[:-2])
    a, b = spread_over(xp, batch, a), spread_over(xp, batch, b)
    x = tried(xp, lambda: xp.linalg.solve(a, b))
    if x is not None:
        return x, xp.zeros(batch, dtype=xp.int32)
    packed, pivots, info = _packed(xp, sp, a)
    P = _permutation(xp, pivots, a.shape[-1], a.dtype)
    low = substitute(xp, packed, xp.swapaxes(P, -1, -2) @ b, False, True)
    return substitute(xp, packed, low, True), info


def _solve(xp: Any, sp: Any, a: Any, b: Any, *, left: bool, vector: bool) -> Any:
    if vector:
        b = b[..., None]
    if left:
        x, info = careful(xp, sp, a, b)
    else:
        x, info = careful(xp, sp, xp.swapaxes(a, -1, -2), xp.swapaxes(b, -1, -2))
        x = xp.swapaxes(x, -1, -2).copy()
    return (x[..., 0].copy() if vector else x), {"info": info}


def _solve_a(F: Any, g: Any, a: Any, out: Any, left: bool, vector: bool) -> Any:
    gb = F.linalg_solve_ex(F.mH(a), g, left=left, vector=vector)
    if vector:
        gb, out = gb[..., None], out[..., None]
    return -F.mat(gb, F.mH(out)) if left else -F.mat(F.mH(out), gb)


_solve_ex = op(
    "linalg_solve_ex", _solve, aux=("info",), public=False, conjugates=True,
    a=lambda F, g, a, out, *, left, vector: _solve_a(F, g, a, out, left, vector),
    b=lambda F, g, a, *, left, vector: F.linalg_solve_ex(F.mH(a), g, left=left, vector=vector),
)  # fmt: skip


def _solved(name: str, A: Tensor, B: Tensor, left: bool) -> Any:
    some_matrix(name, A)
    if A.dtype != B.dtype:
        raise wrong(
            f"{name}: Expected A and B to have the same dtype, but found A of type {errors.scalar_type(A.dtype)} and "
            f"B of type {errors.scalar_type(B.dtype)} instead"
        )
    square_matrix(name, A)
    float_matrix(name, A)
    vector = B.ndim == 1 or (B.ndim == A.ndim - 1 and tuple(B.shape) == tuple(A.shape[:-1]))
    if not vector:
        some_matrix(name, B, "B")
    fits(name, A, B.unsqueeze(-1) if vector else B, left)
    return _solve_ex.with_aux(A, B, left=left, vector=vector)


_SINGULAR = "The solver failed because the input matrix is singular."


def _linalg_solve(A: Tensor, B: Tensor, *, left: bool = True) -> Tensor:
    """X of `A @ X = B`, or of `X @ A = B` where not `left`; LinAlgError if A is singular."""
    out, aux = _solved("linalg.solve", A, B, left)
    check_info("torch.linalg.solve", aux["info"]._array, _SINGULAR)
    return out  # type: ignore[no-any-return]


SPACES["linalg"]["solve"] = _linalg_solve


@function(space="linalg")
def solve_ex(A: Tensor, B: Tensor, *, left: bool = True, check_errors: bool = False) -> Any:
    """X of `A @ X = B`, and for every matrix 0 or where a zero on U's diagonal was met."""
    out, aux = _solved("linalg.solve_ex", A, B, left)
    if check_errors:
        check_info("torch.linalg.solve_ex", aux["info"]._array, _SINGULAR)
    return named("linalg_solve_ex", ("result", "info"))((out, aux["info"]))


@function(space="linalg")
def tensorsolve(input: Tensor, other: Tensor, dims: Any = None) -> Tensor:
    """X of `tensordot(input, X, X.ndim) = other`; `dims` of input are moved to its end first."""
    if dims is not None:
        dims = [d % input.ndim for d in dims]
        input = input.permute(*(d for d in range(input.ndim) if d not in dims), *dims)
    shape = tuple(input.shape[other.ndim :])
    if math.prod(shape) != math.prod(input.shape[: other.ndim]):
        raise wrong(
            "Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == prod(self.shape[:other.ndim]), "
            f"but got {math.prod(shape)} != {math.prod(input.shape[: other.ndim])}"
        )
    n = math.prod(shape)
    return _linalg_solve(input.reshape(n, n), other.reshape(-1)).reshape(shape)  # type: ignore[no-any-return]


# -- inverse -------------------------------------------------------------------------------------------------------
def _inverse(xp: Any, sp: Any, x: Any) -> Any:
    out = tried(xp, lambda: xp.linalg.inv(x))
    if out is not None:
        return out, {"info": xp.zeros(x.shape[:-2], dtype=xp.int32)}
    out, info = careful(xp, sp, x, xp.eye(x.shape[-1], dtype=x.dtype))
    return out, {"info": info}


_inv_ex = op("linalg_inv_ex", _inverse, aux=("info",), public=False, conjugates=True,
             x=lambda F, g, out: -F.mat(F.mH(out), F.mat(g, F.mH(out))))  # fmt: skip
_NO_INVERSE = (
    "The diagonal element {i} is zero, the inversion could not be completed because the input matrix is singular."
)


@function
def inverse(input: Tensor) -> Tensor:
    """The inverse of a square matrix; LinAlgError if it has none."""
    return _inv(input)


def _inv(A: Tensor) -> Tensor:
    """The inverse of a square matrix; LinAlgError if it has none."""
    square_matrix("linalg.inv", A)
    float_matrix("linalg.inv", A)
    out, aux = _inv_ex.with_aux(A)
    check_info("linalg.inv", aux["info"]._array, _NO_INVERSE)
    return out  # type: ignore[no-any-return]


SPACES["linalg"]["inv"] = _inv


@function(space="linalg")
def inv_ex(A: Tensor, *, check_errors: bool = False) -> Any:
    """The inverse, and for every matrix 0 or where a zero on U's diagonal was met."""
    square_matrix("linalg.inv_ex", A)
    float_matrix("linalg.inv_ex", A)
    out, aux = _inv_ex.with_aux(A)
    if check_errors:
        check_info("linalg.inv_ex", aux["info"]._array, _NO_INVERSE)
    return named("linalg_inv_ex", ("inverse", "info"))((out, aux["info"]))


@function(space="linalg")
def tensorinv(input: Tensor, ind: int = 2) -> Tensor:
    """The inverse of `input` seen as a matrix whose rows are its first `ind` dimensions."""
    if ind <= 0:
        raise wrong(f"Expected a strictly positive integer for 'ind', but got {ind}")
    rows, columns = tuple(input.shape[:ind]), tuple(input.shape[ind:])
    if math.prod(rows) != math.prod(columns):
        raise wrong(
            "Expected self to satisfy the requirement prod(self.shape[ind:]) == prod(self.shape[:ind]), but got "
            f"{math.prod(columns)} != {math.prod(rows)}"
        )
    return _inv(input.reshape(math.prod(rows), math.prod(columns))).reshape(*columns, *rows)  # type: ignore[no-any-return]

"""LU factors with row exchanges: A = P L U, packed into one matrix or unpacked, and systems solved with them."""

from __future__ import annotations

import warnings
from typing import Any

from ...op import FUNCTIONS, SPACES, function, op
from ...tensor import Tensor
from ..named import named
from .matrices import check_info, each, float_matrix, some_matrix, spread_over, square_matrix, together
from .products import wrong
from .triangular import fits, substitute


# -- factors -------------------------------------------------------------------------------------------------------
def _packed(xp: Any, sp: Any, x: Any) -> tuple[Any, Any, Any]:
    """L below the diagonal, whose own diagonal is one, and U; the exchanged rows, counted from 1; the first zero."""

    def one(a: Any) -> tuple[Any, ...]:
        if 0 in a.shape:
            return a.copy(), xp.zeros(0, dtype=xp.int32), xp.asarray(0, dtype=xp.int32)
        with warnings.catch_warnings():  # SciPy's about singular matrices: `info` says it
            warnings.simplefilter("ignore", RuntimeWarning)
            packed, pivots = sp.linalg.lu_factor(a, check_finite=False)
        zero = xp.diagonal(packed) == 0
        info = xp.where(zero.any(), zero.argmax() + 1, 0)
        return packed, (pivots + 1).astype(xp.int32), info.astype(xp.int32)

    packed, pivots, info = each(xp, one, x)
    return packed, pivots, info


def _permutation(xp: Any, pivots: Any, m: int, dtype: Any) -> Any:
    """P as a matrix, from the rows exchanged one after another."""

    def one(exchanges: Any) -> tuple[Any, ...]:
        order = list(range(m))
        for i, j in enumerate(exchanges.reshape(-1).tolist()):
            order[i], order[j - 1] = order[j - 1], order[i]
        p = xp.zeros((m, m), dtype=dtype)
        if order:
            p[xp.asarray(order), xp.arange(m)] = 1
        return (p,)

    return each(xp, one, pivots[..., None])[0]


def _lower(xp: Any, packed: Any) -> Any:
    m, k = packed.shape[-2], min(packed.shape[-2:])
    return xp.tril(packed[..., :k], -1) + xp.eye(m, k, dtype=packed.dtype)


def _upper(xp: Any, packed: Any) -> Any:
    return xp.triu(packed[..., : min(packed.shape[-2:]), :])


def _factor(xp: Any, sp: Any, x: Any) -> Any:
    packed, pivots, info = _packed(xp, sp, x)
    return packed, {"pivots": pivots, "info": info, "P": _permutation(xp, pivots, x.shape[-2], x.dtype)}


def _three(xp: Any, sp: Any, x: Any) -> Any:
    packed, pivots, _ = _packed(xp, sp, x)
    return (_lower(xp, packed), _upper(xp, packed)), {"P": _permutation(xp, pivots, x.shape[-2], x.dtype)}


def _opened(F: Any, packed: Any) -> tuple[Any, Any]:
    """L and U of a packed matrix, in a rule."""
    k = min(packed.shape[-2:])
    low = F.tril(packed[..., :k], diagonal=-1)
    return low + F.eyes(low, n=packed.shape[-2], m=k), F.triu(packed[..., :k, :], diagonal=0)


def _factor_rule(F: Any, g: Any, out: Any, P: Any) -> Any:
    k = min(out.shape[-2:])
    return _lu_rule(F, P, *_opened(F, out), F.tril(g[..., :k], diagonal=-1), F.triu(g[..., :k, :], diagonal=0))


def _lu_rule(F: Any, P: Any, L: Any, U: Any, gL: Any, gU: Any) -> Any:
    """The gradient of A from those of L and U.

    For square matrices it is P L^-H (tril(L^H gL, -1) + triu(gU U^H)) U^-H; what is right of the square part or below
    it depends on the square part, and so adds to its gradient.
    """
    m, n = L.shape[-2], U.shape[-1]
    k = min(m, n)
    top, left = L[..., :k, :], U[..., :, :k]
    low = high = None
    if gL is not None:
        low = F.mat(F.mH(top), gL[..., :k, :])
    if gU is not None:
        high = F.mat(gU[..., :, :k], F.mH(left))
    if n > k and gU is not None:
        right = F.mat(gU[..., :, k:], F.mH(U[..., :, k:]))
        low = -right if low is None else low - right
    if m > k and gL is not None:
        below = F.mat(F.mH(L[..., k:, :]), gL[..., k:, :])
        high = -below if high is None else high - below
    parts = ([] if low is None else [F.tril(low, diagonal=-1)]) + ([] if high is None else [F.triu(high, diagonal=0)])
    inner = parts[0] if len(parts) == 1 else parts[0] + parts[1]
    inner = F.solve_triangular(F.mH(left), inner, upper=False, left=False, unitriangular=False)
    inner = F.solve_triangular(F.mH(top), inner, upper=True, left=True, unitriangular=True)
    if n > k:
        beside = U[..., :, k:] * 0.0 if gU is None else gU[..., :, k:]
        beside = F.solve_triangular(F.mH(top), beside, upper=True, left=True, unitriangular=True)
        inner = F.cat(inner, beside, dim=inner.ndim - 1)
    if m > k:
        below = L[..., k:, :] * 0.0 if gL is None else gL[..., k:, :]
        below = F.solve_triangular(F.mH(left), below, upper=False, left=False, unitriangular=False)
        inner = F.cat(inner, below, dim=inner.ndim - 2)
    return F.mat(P, inner)


_factor_op = op("linalg_lu_factor_ex", _factor, aux=("pivots", "info", "P"), public=False, conjugates=True,
                x=lambda F, g, out, P: _factor_rule(F, g, out, P))  # fmt: skip
_lu_op = op("linalg_lu", _three, aux=("P",), outputs=True, public=False, conjugates=True,
            x=lambda F, g, out, P: _lu_rule(F, P, out[0], out[1], g[0], g[1]))  # fmt: skip
_unpack = op("lu_unpack", lambda xp, x, pivots: (
                (_lower(xp, x), _upper(xp, x)), {"P": _permutation(xp, pivots, x.shape[-2], x.dtype)}),
             aux=("P",), outputs=True, public=False, conjugates=True,
             x=lambda F, g, *, x_shape: _packed_again(F, g[0], g[1], x_shape))  # fmt: skip


def _packed_again(F: Any, gL: Any, gU: Any, shape: tuple[int, ...]) -> Any:
    """Gradients of L and U as one of the packed matrix."""
    k = min(shape[-2:])
    low = high = None
    if gL is not None:
        low = F.embed(F.tril(gL, diagonal=-1), shape=shape, index=(..., slice(None), slice(0, k)))
    if gU is not None:
        high = F.embed(F.triu(gU, diagonal=0), shape=shape, index=(..., slice(0, k), slice(None)))
    return low if high is None else high if low is None else low + high


# -- systems -------------------------------------------------------------------------------------------------------
def _with_factors(xp: Any, x: Any, pivots: Any, b: Any, *, left: bool, adjoint: bool) -> Any:
    """X of `A @ X = b`, `A^H @ X = b`, or with X on the left, where A = P L U."""
    if not left:  # X A = b is A^H X^H = b^H
        turned = xp.conj(xp.swapaxes(b, -1, -2))
        made = _with_factors(xp, x, pivots, turned, left=True, adjoint=not adjoint)
        return xp.conj(xp.swapaxes(made, -1, -2)).copy()
    P = _permutation(xp, pivots, x.shape[-2], x.dtype)
    batch = together(x.shape[:-2], b.shape[:-2])
    x, b, P = (spread_over(xp, batch, a) for a in (x, b, P))
    if adjoint:
        turned = xp.conj(xp.swapaxes(x, -1, -2))
        return P @ substitute(xp, turned, substitute(xp, turned, b, False), True, True)
    return substitute(xp, x, substitute(xp, x, xp.swapaxes(P, -1, -2) @ b, False, True), True)


def _with_factors_x(F: Any, g: Any, x: Any, pivots: Any, out: Any, left: bool, adjoint: bool) -> Any:
    """The gradient of the packed factors: that of A, through A = P L U."""
    gb = F.linalg_lu_solve(x, pivots, g, left=left, adjoint=not adjoint)
    ga = -F.mat(gb, F.mH(out)) if left else -F.mat(F.mH(out), gb)
    ga = F.mH(ga) if adjoint else ga
    L, U = _opened(F, x)
    turned = F.mat(F.mT(F.pivots_matrix(pivots, L)), ga)
    return F.tril(F.mat(turned, F.mH(U)), diagonal=-1) + F.triu(F.mat(F.mH(L), turned), diagonal=0)


_pivots_matrix = op("pivots_matrix", lambda xp, pivots, like: _permutation(xp, pivots, like.shape[-2], like.dtype),
                    public=False)  # fmt: skip
_lu_solve = op(
    "linalg_lu_solve", _with_factors, public=False, conjugates=True,
    x=lambda F, g, x, pivots, out, *, left, adjoint: _with_factors_x(F, g, x, pivots, out, left, adjoint),
    b=lambda F, g, x, pivots, *, left, adjoint: F.linalg_lu_solve(x, pivots, g, left=left, adjoint=not adjoint),
)  # fmt: skip


# -- the public functions ------------------------------------------------------------------------------------------
_SINGULAR = (
    "U[{i},{i}] is zero and using it on lu_solve would result in a division by zero. If you still want to perform the "
    "factorization, consider calling linalg.lu(A, pivot) or linalg.lu_factor_ex(A, pivot)"
)


def _checked(name: str, A: Tensor, pivot: bool) -> None:
    if A.ndim < 2:
        raise wrong(f"{name}: Expected tensor with 2 or more dimensions. Got size: {list(A.shape)} instead")
    float_matrix(name, A)
    if not pivot:
        raise wrong("linalg.lu_factor: LU without pivoting is not implemented on the CPU")


@function(space="linalg")
def lu_factor_ex(A: Tensor, *, pivot: bool = True, check_errors: bool = False) -> Any:
    """LU factors packed into one matrix, the rows exchanged, and where a zero on U's diagonal was met first."""
    _checked("torch.lu_factor", A, pivot)
    packed, aux = _factor_op.with_aux(A)
    if check_errors:
        check_info("torch.linalg.lu_factor_ex", aux["info"]._array, _SINGULAR, RuntimeError)
    return named("linalg_lu_factor_ex", ("LU", "pivots", "info"))((packed, aux["pivots"], aux["info"]))


@function(space="linalg")
def lu_factor(A: Tensor, *, pivot: bool = True) -> Any:
    """LU factors packed into one matrix, and the rows exchanged, counted from 1."""
    _checked("torch.lu_factor", A, pivot)
    packed, aux = _factor_op.with_aux(A)
    check_info("torch.linalg.lu_factor", aux["info"]._array, _SINGULAR, RuntimeError)
    return named("linalg_lu_factor", ("LU", "pivots"))((packed, aux["pivots"]))


def _linalg_lu(A: Tensor, *, pivot: bool = True) -> Any:
    """P, L and U with `A = P @ L @ U`."""
    _checked("linalg.lu", A, pivot)
    (low, high), aux = _lu_op.with_aux(A)
    return named("linalg_lu", ("P", "L", "U"))((aux["P"], low, high))


SPACES["linalg"]["lu"] = _linalg_lu


@function
def lu(A: Tensor, pivot: bool = True, get_infos: bool = False) -> Any:
    """LU factors packed into one matrix and the rows exchanged; `linalg.lu_factor` is its new name."""
    _checked("torch.lu_factor", A, pivot)
    packed, aux = _factor_op.with_aux(A)
    if get_infos:
        return named("_lu_with_info", ("LU", "pivots", "info"))((packed, aux["pivots"], aux["info"]))
    return packed, aux["pivots"]


@function(method=False)
def lu_unpack(LU_data: Tensor, LU_pivots: Tensor, unpack_data: bool = True, unpack_pivots: bool = True) -> Any:
    """P, L and U from packed factors; what is not asked for is empty."""
    if LU_pivots.dtype.name != "int32":
        raise wrong(
            "torch.lu_unpack: LU_pivots is expected to be a contiguous tensor of torch.int32 dtype.\nNote: this "
            "function is intended to be used with the output produced by torch.linalg.lu_factor"
        )
    (low, high), aux = _unpack.with_aux(LU_data, LU_pivots)
    empty = FUNCTIONS["empty"](0, dtype=LU_data.dtype, device=LU_data.device)
    P = aux["P"] if unpack_pivots else empty
    return named("lu_unpack", ("P", "L", "U"))((P, low, high) if unpack_data else (P, empty, empty))


def _linalg_lu_solve(LU: Tensor, pivots: Tensor, B: Tensor, *, left: bool = True, adjoint: bool = False) -> Tensor:
    """X of `A @ X = B`, or of `X @ A = B` where not `left`, from the packed factors of A."""
    square_matrix("linalg.lu_solve", LU)
    some_matrix("linalg.lu_solve", B, "B")
    fits("linalg.lu_solve", LU, B, left)
    if pivots.dtype.name != "int32":
        raise wrong("linalg.lu_solve: pivots should be a Tensor of scalar type torch.int32")
    return _lu_solve.call(LU, pivots, B, left=left, adjoint=adjoint)


SPACES["linalg"]["lu_solve"] = _linalg_lu_solve


@function
def lu_solve(input: Tensor, LU_data: Tensor, LU_pivots: Tensor) -> Tensor:
    """`linalg.lu_solve(LU_data, LU_pivots, input)`."""
    return _linalg_lu_solve(LU_data, LU_pivots, input)

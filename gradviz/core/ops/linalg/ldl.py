"""LDL factors of symmetric matrices that need not be positive, by Bunch and Kaufman's choice of pivots.

D has blocks of 1 x 1 and 2 x 2. Step k exchanges two rows and the same two columns of what is left, then takes one or
two columns off. A positive pivot names the row exchanged (from 1); two equal negative ones belong to a 2 x 2 block.
"""

from __future__ import annotations

from typing import Any

from ...op import function, op
from ...tensor import Tensor
from ..named import named
from .matrices import check_info, each, float_matrix, some_matrix, spread_over, square_matrix, together
from .products import wrong

# How much smaller than its column a diagonal element may be and still be the pivot.
_ALPHA = (1 + 17**0.5) / 8


def _size(xp: Any, x: Any) -> Any:
    return xp.abs(xp.real(x)) + xp.abs(xp.imag(x)) if x.dtype.kind == "c" else xp.abs(x)


def _pivot(xp: Any, a: Any, k: int) -> tuple[int, int]:
    """Which row to exchange, and whether one or two columns are taken off."""
    n = a.shape[0]
    here = float(_size(xp, a[k, k]))
    if k + 1 == n:
        return k, 1
    column = _size(xp, a[k + 1 :, k])
    other = int(column.argmax())
    most = float(column[other])
    other += k + 1
    if here >= _ALPHA * most:
        return k, 1
    row = _size(xp, a[other, k:])
    row[other - k] = 0
    widest = float(row.max())
    if here >= _ALPHA * most * (most / widest):
        return k, 1
    return (other, 1) if float(_size(xp, a[other, other])) >= _ALPHA * widest else (other, 2)


def _factor(xp: Any, x: Any, hermitian: bool) -> tuple[Any, Any, Any]:
    """One matrix, whose lower triangle is read."""
    conj = xp.conj if hermitian else lambda v: v
    n = x.shape[0]
    a = xp.tril(x) + conj(xp.tril(x, -1)).T
    pivots, info, k = [0] * n, 0, 0
    while k < n:
        if not bool((a[k:, k] != 0).any()):
            info, pivots[k], k = info or k + 1, k + 1, k + 1
            continue
        at, step = _pivot(xp, a, k)
        last = k + step - 1
        if at != last:
            rows = _exchanged(a[k:, k:], at - k, last - k)  # the columns already done stay as they are
            a[k:, k:] = _exchanged(rows.T, at - k, last - k).T
        for i in range(step):
            pivots[k + i] = at + 1 if step == 1 else -(at + 1)
        end = k + step
        block, below = a[k:end, k:end], a[end:, k:end].copy()
        if end < n:
            low = below / block if step == 1 else xp.linalg.solve(block.T, below.T).T
            a[end:, end:] = a[end:, end:] - low @ conj(below).T
            a[end:, k:end] = low
        k = end
    return xp.tril(a), xp.asarray(pivots, dtype=xp.int32), xp.asarray(info, dtype=xp.int32)


def _exchanged(rows: Any, i: int, j: int) -> Any:
    """A copy with two rows exchanged."""
    out = rows.copy()
    out[i], out[j] = rows[j], rows[i]
    return out


def _solve(xp: Any, ld: Any, pivots: Any, b: Any, hermitian: bool) -> Any:
    """X of `A @ X = b` for one matrix: forwards through the steps, then back."""
    conj = xp.conj if hermitian else lambda v: v
    at, n, b = pivots.reshape(-1).tolist(), ld.shape[0], b.copy()
    steps, k = [], 0
    while k < n:
        step = 1 if at[k] > 0 else 2
        steps.append((k, k + step, abs(at[k]) - 1, k + step - 1))
        k += step
    for k, end, i, j in steps:
        b = b if i == j else _exchanged(b, i, j)
        b[end:] = b[end:] - ld[end:, k:end] @ b[k:end]
        block = ld[k:end, k:end]
        b[k:end] = xp.linalg.solve(block + conj(xp.tril(block, -1)).T, b[k:end])
    for k, end, i, j in reversed(steps):
        b[k:end] = b[k:end] - conj(ld[end:, k:end]).T @ b[end:]
        b = b if i == j else _exchanged(b, i, j)
    return b


def _factors(xp: Any, x: Any, *, hermitian: bool) -> Any:
    ld, pivots, info = each(xp, lambda one: _factor(xp, one, hermitian), x)
    return ld, {"pivots": pivots, "info": info}


def _solutions(xp: Any, ld: Any, pivots: Any, b: Any, *, hermitian: bool) -> Any:
    batch = together(ld.shape[:-2], b.shape[:-2])
    ld, b, pivots = (spread_over(xp, batch, a) for a in (ld, b, pivots[..., None]))
    return each(xp, lambda a, p, y: (_solve(xp, a, p, y, hermitian),), ld, pivots, b)[0]


_ldl_factor = op("linalg_ldl_factor_ex", _factors, aux=("pivots", "info"), public=False)
_ldl_solve = op("linalg_ldl_solve", _solutions, public=False)
_SINGULAR = "D[{i},{i}] is zero and using it on ldl_solve would result in a division by zero."


def _checked(name: str, A: Tensor, hermitian: bool) -> Any:
    square_matrix(name, A)
    float_matrix(name, A)
    return _ldl_factor.with_aux(A, hermitian=hermitian)


@function(space="linalg")
def ldl_factor(input: Tensor, *, hermitian: bool = False) -> Any:
    """L and D of a symmetric (or Hermitian) matrix packed into one, and its pivots."""
    ld, aux = _checked("torch.linalg.ldl_factor_ex", input, hermitian)
    check_info("torch.linalg.ldl_factor", aux["info"]._array, _SINGULAR)
    return named("linalg_ldl_factor", ("LD", "pivots"))((ld, aux["pivots"]))


@function(space="linalg")
def ldl_factor_ex(input: Tensor, *, hermitian: bool = False, check_errors: bool = False) -> Any:
    """L and D packed into one matrix, its pivots, and where D has a zero first."""
    ld, aux = _checked("torch.linalg.ldl_factor_ex", input, hermitian)
    if check_errors:
        check_info("torch.linalg.ldl_factor_ex", aux["info"]._array, _SINGULAR)
    return named("linalg_ldl_factor_ex", ("LD", "pivots", "info"))((ld, aux["pivots"], aux["info"]))


@function(space="linalg")
def ldl_solve(LD: Tensor, pivots: Tensor, B: Tensor, *, hermitian: bool = False) -> Tensor:
    """X of `A @ X = B` from the factors of A."""
    square_matrix("torch.linalg.ldl_solve", LD, "LD")
    some_matrix("torch.linalg.ldl_solve", B, "B")
    if LD.shape[-1] != B.shape[-2]:
        raise wrong("torch.linalg.ldl_solve: Expected B to have as many rows as LD")
    return _ldl_solve.call(LD, pivots, B, hermitian=hermitian)

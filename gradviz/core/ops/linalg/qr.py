"""QR factors, and the reflections they are made of."""

from __future__ import annotations

import math
from typing import Any

from ...op import SPACES, function, op
from ...tensor import Tensor
from ..named import named
from .matrices import each, float_matrix, some_matrix
from .products import wrong


# -- factors -------------------------------------------------------------------------------------------------------
def _factors(xp: Any, x: Any, *, mode: str) -> Any:
    if mode == "r":
        return xp.zeros(0, dtype=x.dtype), xp.linalg.qr(x, mode="r")
    q, r = xp.linalg.qr(x, mode=mode)
    return q, r


def _rule(F: Any, g: Any, x: Any, out: Any, mode: str) -> Any:
    gq, gr = g
    q, r = out
    m, n = x.shape[-2:]
    if mode == "r":
        raise wrong(
            "The derivative of linalg.qr depends on Q, which is not computed when mode='r'. Please use "
            "linalg.qr(A, mode='reduced') if you are going to differentiate through linalg.qr."
        )
    if mode == "complete" and m > n:
        raise wrong("The QR decomposition is not differentiable when mode='complete' and nrows > ncols")
    if m >= n:
        return _tall(F, gq, gr, q, r)
    # Wide: the first columns make Q, the others are what Q makes of them.
    if gr is None:
        first = _tall(F, gq, None, q, r[..., :m])
        return F.cat(first, x[..., m:] * 0.0, dim=x.ndim - 1)
    rest = F.mat(q, gr[..., m:])
    also = F.mat(x[..., m:], F.mH(gr[..., m:]))
    first = _tall(F, also if gq is None else gq + also, gr[..., :m], q, r[..., :m])
    return F.cat(first, rest, dim=x.ndim - 1)


def _tall(F: Any, gq: Any, gr: Any, q: Any, r: Any) -> Any:
    """(gq + Q (M + M^H)) R^-H, where M is the upper triangle of gr R^H - Q^H gq with half its diagonal."""
    inner = None if gr is None else F.mat(gr, F.mH(r))
    if gq is not None:
        turned = F.mat(F.mH(q), gq)
        inner = -turned if inner is None else inner - turned
    part = F.half_lower(F.mH(inner))
    total = F.mat(q, part + F.mH(part))
    if gq is not None:
        total = total + gq
    return F.solve_triangular(F.mH(r), total, upper=False, left=False, unitriangular=False)


_qr = op("linalg_qr", _factors, outputs=True, public=False, conjugates=True,
         x=lambda F, g, x, out, *, mode: _rule(F, g, x, out, mode))  # fmt: skip


@function
def qr(input: Tensor, some: bool = True) -> Any:
    """`linalg.qr` under its old name: reduced if `some`, else complete."""
    some_matrix("qr", input)
    return named("qr", ("Q", "R"))(_qr.call(input, mode="reduced" if some else "complete"))


def _linalg_qr(A: Tensor, mode: str = "reduced") -> Any:
    """Q with orthonormal columns and an upper triangular R with `A = Q @ R`."""
    some_matrix("linalg.qr", A)
    float_matrix("linalg.qr", A)
    if mode not in ("reduced", "complete", "r"):
        raise wrong(
            f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', or 'complete'"
        )
    return named("linalg_qr", ("Q", "R"))(_qr.call(A, mode=mode))


SPACES["linalg"]["qr"] = _linalg_qr


# -- reflections ---------------------------------------------------------------------------------------------------
# Column i of a packed matrix holds the vector v of the reflection 1 - tau v v^H below its diagonal; above it v is 0,
# on it 1. Their product is the Q of a QR decomposition.
def _raw_factors(xp: Any, x: Any) -> Any:
    def one(a: Any) -> tuple[Any, ...]:
        packed, tau = xp.linalg.qr(a, mode="raw")
        return packed.T.copy(), tau

    return each(xp, one, x)


_geqrf = op("geqrf", _raw_factors, outputs=True, public=False)


@function
def geqrf(input: Tensor) -> Any:
    """QR in LAPACK's form: R on and above the diagonal, the reflections that make Q below it, and their factors."""
    some_matrix("torch.geqrf", input, "input")
    return named("geqrf", ("a", "tau"))(_geqrf.call(input))


def _vectors(F: Any, x: Any, count: int) -> Any:
    """The vectors of the first `count` reflections, as columns."""
    low = F.tril(x[..., :count], diagonal=-1)
    return low + F.eyes(low, n=x.shape[-2], m=count)


def _reflect(F: Any, v: Any, t: Any, x: Any) -> Any:
    """One reflection of the columns of `x`."""
    return x - t * F.mat(v, F.mat(F.mH(v), x))


def _steps(F: Any, x: Any, tau: Any) -> list[tuple[Any, Any]]:
    count = tau.shape[-1]
    columns = _vectors(F, x, count)
    return [(columns[..., i : i + 1], tau[..., None, i : i + 1]) for i in range(count)]


def _multiply(F: Any, x: Any, tau: Any) -> Any:
    """The first columns of the product of all reflections."""
    out = F.eyes(x, n=x.shape[-2], m=x.shape[-1]) + 0 * x
    for v, t in reversed(_steps(F, x, tau)):
        out = _reflect(F, v, t, out)
    return out


def _unmultiply(F: Any, g: Any, x: Any, tau: Any) -> tuple[Any, Any]:
    """Gradients of the vectors and the factors: back through the reflections, last applied first."""
    steps = _steps(F, x, tau)
    if not steps:
        return None, None
    between = [F.eyes(x, n=x.shape[-2], m=x.shape[-1]) + 0 * x]
    for v, t in reversed(steps[1:]):
        between.append(_reflect(F, v, t, between[-1]))
    columns, factors = [], []
    for (v, t), before in zip(steps, reversed(between), strict=True):
        seen = F.mat(F.mH(v), before)
        gw = F.mat(F.mH(v), g)
        factors.append(-F.mat(gw, F.mH(seen))[..., 0])
        columns.append(-F.conj_physical(t) * F.mat(g, F.mH(seen)) - t * F.mat(before, F.mH(gw)))
        g = g - F.conj_physical(t) * F.mat(v, gw)
    packed = F.tril(F.cat(*columns, dim=x.ndim - 1), diagonal=-1)
    rest = x.shape[-1] - len(steps)
    if rest:
        packed = F.cat(packed, x[..., :rest] * 0.0, dim=x.ndim - 1)
    return packed, F.cat(*factors, dim=tau.ndim - 1)


_product = op("linalg_householder_product", lambda F, x, tau: _multiply(F, x, tau), public=False, conjugates=True,
              x=lambda F, g, x, tau: _unmultiply(F, g, x, tau)[0],
              tau=lambda F, g, x, tau: _unmultiply(F, g, x, tau)[1])  # fmt: skip


@function(name="orgqr")
@function(space="linalg")
def householder_product(input: Tensor, tau: Tensor) -> Tensor:
    """The first columns of a product of reflections, packed as `geqrf` gives them."""
    name = "torch.linalg.householder_product"
    if input.ndim < 2:
        raise wrong(f"{name}: input must have at least 2 dimensions.")
    if input.shape[-2] < input.shape[-1]:
        raise wrong(f"{name}: input.shape[-2] must be greater than or equal to input.shape[-1]")
    if input.shape[-1] < tau.shape[-1]:
        raise wrong(f"{name}: input.shape[-1] must be greater than or equal to tau.shape[-1]")
    if input.dtype != tau.dtype:
        raise wrong(f"{name}: tau dtype {tau.dtype!r} does not match input dtype {input.dtype!r}")
    return _product.call(input, tau)


def _full(F: Any, x: Any, tau: Any) -> Any:
    """Q with all its columns."""
    m, k = x.shape[-2], tau.shape[-1]
    shape = (*x.shape[:-1], m)
    return F.linalg_householder_product(F.embed(x[..., :k], shape=shape, index=(..., slice(0, k))), tau)


def _apply(F: Any, x: Any, tau: Any, other: Any, *, left: bool, transpose: bool) -> Any:
    q = _full(F, x, tau)
    q = F.mH(q) if transpose else q
    return F.mat(q, other) if left else F.mat(other, q)


def _apply_back(F: Any, g: Any, x: Any, tau: Any, other: Any, left: bool, transpose: bool) -> tuple[Any, Any]:
    if not math.prod(x.shape) or not tau.shape[-1]:
        return None, None
    gq = F.mat(g, F.mH(other)) if left else F.mat(F.mH(other), g)
    m, k = x.shape[-2], tau.shape[-1]
    wide = F.embed(x[..., :k], shape=(*x.shape[:-1], m), index=(..., slice(0, k)))
    gx, gtau = _unmultiply(F, F.mH(gq) if transpose else gq, wide, tau)
    return F.embed(gx[..., :k], shape=x.shape, index=(..., slice(0, k))), gtau


_ormqr = op(
    "ormqr", _apply, public=False, conjugates=True,
    x=lambda F, g, x, tau, other, *, left, transpose: _apply_back(F, g, x, tau, other, left, transpose)[0],
    tau=lambda F, g, x, tau, other, *, left, transpose: _apply_back(F, g, x, tau, other, left, transpose)[1],
    other=lambda F, g, x, tau, *, left, transpose: F.ormqr(x, tau, g, left=left, transpose=not transpose),
)  # fmt: skip


@function
def ormqr(input: Tensor, input2: Tensor, input3: Tensor, left: bool = True, transpose: bool = False) -> Tensor:
    """`Q @ input3`, or `input3 @ Q` where not `left`, with the Q packed in `input` and `input2`, or its adjoint."""
    tau, other = input2, input3
    for name, x in (("input", input), ("other", other)):
        if x.ndim < 2:
            raise wrong(f"torch.ormqr: {name} must have at least 2 dimensions.")
    at = -2 if left else -1
    if other.shape[at] < tau.shape[-1]:
        raise wrong(f"torch.ormqr: other.shape[{at}] must be greater than or equal to tau.shape[-1]")
    if other.shape[at] != input.shape[-2]:
        raise wrong(f"torch.ormqr: other.shape[{at}] must be equal to input.shape[-2]")
    if tau.shape[-1] > input.shape[-1]:
        raise wrong("torch.ormqr: tau.shape[-1] must be less than or equal to input.shape[-1]")
    if input.ndim - tau.ndim != 1:
        raise wrong(
            "torch.ormqr: Expected tau to have one dimension less than input, but got tau.ndim equal to "
            f"{tau.ndim} and input.ndim is equal to {input.ndim}"
        )
    if input.ndim != other.ndim or input.shape[:-2] != other.shape[:-2]:
        raise wrong("torch.ormqr: batch dimensions of other to be equal to input.shape[:-2]")
    return _ormqr.call(input, tau, other, left=left, transpose=transpose)

"""Singular values, and what is made of them: pseudoinverse, rank, least squares, low-rank approximations."""

from __future__ import annotations

from typing import Any

from ...mode import grad_mode
from ...op import FUNCTIONS, SPACES, function, op
from ...tensor import Tensor
from ..named import named
from .matrices import float_matrix, some_matrix
from .products import wrong


# -- the decomposition ---------------------------------------------------------------------------------------------
def _decompose(xp: Any, x: Any, *, full_matrices: bool, compute_uv: bool) -> Any:
    if not compute_uv:
        empty = xp.zeros(0, dtype=x.dtype)
        return empty, xp.linalg.svd(x, compute_uv=False), empty
    return tuple(xp.linalg.svd(x, full_matrices=full_matrices))


def _anti(F: Any, x: Any) -> Any:
    return x - F.mH(x)


def _rule(F: Any, g: Any, x: Any, out: Any) -> Any:
    """U [(anti(U^H gU) S + S anti(V^H gV)) / E + gS] V^H, and what leaves the spaces of U and V.

    E holds differences of squared singular values; only the first k = min(m, n) columns of U and V take part.
    """
    u, s, vh = out
    gu, gs, gvh = g
    m, n, k = x.shape[-2], x.shape[-1], s.shape[-1]
    u, vh = u[..., :, :k], vh[..., :k, :]
    inside = None if gs is None else F.on_diagonal(gs)
    square = s * s
    if gu is not None or gvh is not None:
        apart = square[..., None, :] - square[..., :, None] + F.unit(s)
        turn = None
        if gu is not None:
            gu = gu[..., :, :k]
            left = _anti(F, F.mat(F.mH(u), gu))
            turn = left * s[..., None, :]
        if gvh is not None:
            gvh = gvh[..., :k, :]
            right = s[..., :, None] * _anti(F, F.mat(vh, F.mH(gvh)))
            turn = right if turn is None else turn + right
        turn = turn - F.on_diagonal(F.main_diagonal(turn))
        turn = turn / apart
        if "complex" in str(x.dtype) and gu is not None:  # the phases of a pair of vectors turn together
            turn = turn + F.on_diagonal(F.main_diagonal(left) / (2 * s))
        inside = turn if inside is None else inside + turn
    total = F.mat(u, F.mat(inside, vh))
    if gu is not None and m > k:
        out_of = gu / s[..., None, :]
        total = total + F.mat(out_of - F.mat(u, F.mat(F.mH(u), out_of)), vh)
    if gvh is not None and n > k:
        out_of = gvh / s[..., :, None]
        total = total + F.mat(u, out_of - F.mat(F.mat(out_of, F.mH(vh)), vh))
    return total


_svd = op("linalg_svd", _decompose, outputs=True, public=False, conjugates=True,
          x=lambda F, g, x, out: _rule(F, g, x, out))  # fmt: skip


def _svd_of(name: str, A: Any, full: bool, uv: bool = True) -> Any:
    some_matrix(name, A)
    float_matrix(name, A)
    return _svd.call(A, full_matrices=full, compute_uv=uv or (A.requires_grad and grad_mode.get()))


def _no_driver(driver: str | None) -> None:
    if driver is not None:
        text = "keyword argument `driver=` is only supported on CUDA inputs with cuSOLVER backend."
        raise wrong(f"torch.linalg.svd: {text}")


def _linalg_svd(A: Tensor, full_matrices: bool = True, *, driver: str | None = None) -> Any:
    """U, S and V^H with `A = U @ diag(S) @ Vh`, S in falling order."""
    _no_driver(driver)
    return named("linalg_svd", ("U", "S", "Vh"))(_svd_of("linalg.svd", A, full_matrices))


SPACES["linalg"]["svd"] = _linalg_svd


@function
def svd(input: Tensor, some: bool = True, compute_uv: bool = True) -> Any:
    """U, S and V with `input = U @ diag(S) @ V.mH`; `linalg.svd` is its new name."""
    some_matrix("linalg.svd", input, "input")
    u, s, vh = _svd_of("linalg.svd", input, not some and compute_uv)
    if not compute_uv:
        m, n = input.shape[-2:]
        batch = tuple(input.shape[:-2])
        zeros = [FUNCTIONS["zeros"](*batch, i, i, dtype=input.dtype, device=input.device) for i in (m, n)]
        return named("svd", ("U", "S", "V"))((zeros[0], s, zeros[1]))
    v = vh.transpose(-2, -1)
    return named("svd", ("U", "S", "V"))((u, s, v.conj() if v.is_complex() else v))


@function(space="linalg")
def svdvals(A: Tensor, *, driver: str | None = None) -> Tensor:
    """The singular values in falling order."""
    _no_driver(driver)
    return _svd_of("linalg.svdvals", A, False, uv=False)[1]  # type: ignore[no-any-return]


# -- low-rank approximations ---------------------------------------------------------------------------------------
def _mH(x: Tensor) -> Any:
    turned = x.transpose(-2, -1)
    return turned.conj() if turned.is_complex() else turned


def _range(A: Tensor, q: int, niter: int, M: Tensor | None) -> Tensor:
    """Orthonormal columns near the range of A, by powers of A applied to random vectors."""
    qr, matmul = SPACES["linalg"]["qr"], FUNCTIONS["matmul"]
    R = FUNCTIONS["randn"](A.shape[-1], q, dtype=A.dtype, device=A.device)
    X = matmul(A, R) if M is None else matmul(A, R) - matmul(M, R)
    Q = qr(X).Q
    for _ in range(niter):
        X = matmul(_mH(A), Q) if M is None else matmul(_mH(A), Q) - matmul(_mH(M), Q)
        Q = qr(X).Q
        X = matmul(A, Q) if M is None else matmul(A, Q) - matmul(M, Q)
        Q = qr(X).Q
    return Q  # type: ignore[no-any-return]


@function(method=False)
def svd_lowrank(A: Tensor, q: int | None = 6, niter: int | None = 2, M: Tensor | None = None) -> Any:
    """U, S and V of a matrix whose rank is about `q`, found with random vectors; `M` is subtracted first."""
    q, niter = 6 if q is None else q, 2 if niter is None else niter
    m, n = A.shape[-2:]
    matmul = FUNCTIONS["matmul"]
    if M is not None:
        M = M.expand(A.shape)
        A = A - M
    if m < n:
        A = _mH(A)
    Q = _range(A, q, niter, None)
    U, S, Vh = _linalg_svd(matmul(_mH(Q), A), full_matrices=False)
    V = _mH(Vh)
    U = matmul(Q, U)
    return (V, S, U) if m < n else (U, S, V)


@function(method=False)
def pca_lowrank(A: Tensor, q: int | None = None, center: bool = True, niter: int = 2) -> Any:
    """Principal components: `svd_lowrank` of the matrix with its columns centred."""
    m, n = A.shape[-2:]
    if q is None:
        q = min(6, m, n)
    elif not 0 <= q <= min(m, n):
        raise ValueError(f"q(={q}) must be non-negative integer and not greater than min(m, n)={min(m, n)}")
    if not niter >= 0:
        raise ValueError(f"niter(={niter}) must be non-negative integer")
    if center:
        A = A - A.mean(dim=(-2,), keepdim=True)
    return svd_lowrank(A, q, niter=niter)

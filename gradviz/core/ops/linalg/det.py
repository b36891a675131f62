"""Determinants, their logarithms, and derivatives that singular matrices have too."""

from __future__ import annotations

from typing import Any

from ...op import FUNCTIONS, SPACES, function, op
from ...tensor import Tensor
from ..named import named
from .matrices import float_matrix, square_matrix


# -- determinants --------------------------------------------------------------------------------------------------
def _sign_and_log(xp: Any, x: Any) -> Any:
    sign, size = xp.linalg.slogdet(x)
    return sign, size


def _slog_rule(F: Any, g: Any, x: Any, out: Any) -> Any:
    """g_log A^-H; the phase of a complex determinant adds what turns it."""
    gs, gl = g
    weight = gl
    if gs is not None and _complex(x):
        turn = F.conj_physical(gs) * out[0]
        turn = 0.5 * (F.conj_physical(turn) - turn)
        weight = turn if gl is None else gl + turn
    if weight is None:
        return x * 0.0
    return weight[..., None, None] * F.mH(F.linalg_inv_ex(x))


def _complex(x: Any) -> bool:
    return "complex" in str(x.dtype)


_det = op("linalg_det", lambda xp, x: xp.linalg.det(x), public=False, conjugates=True,
          x=lambda F, g, x: g[..., None, None] * F.conj_physical(F.cofactors(x)))  # fmt: skip
_slogdet = op("linalg_slogdet", _sign_and_log, outputs=True, public=False, conjugates=True,
              x=lambda F, g, x, out: _slog_rule(F, g, x, out))  # fmt: skip


def _cofactors(xp: Any, x: Any) -> Any:
    """The derivative of the determinant by every element: det(A) A^-T, which singular matrices have too.

    With A = U S V^H, it is the conjugate of det(U V^H)^* U (products of all singular values but one) V^H.
    """
    u, s, vh = xp.linalg.svd(x, full_matrices=False)
    turn = xp.linalg.det(u) * xp.linalg.det(vh)
    return turn[..., None, None] * (xp.conj(u) * _without(xp, s, 1)[..., None, :]) @ xp.conj(vh)


def _third(F: Any, k: Any, g: Any, x: Any) -> Any:
    """The gradient of `sum(k * second(g, x))`, for matrices that have an inverse Y.

    With traces t: det (t(Yg) t(Yk) - t(YgYk)) Y^T - t(Yk) (YgY)^T - t(Yg) (YkY)^T + (YgYkY + YkYgY)^T.
    """
    y = F.linalg_inv_ex(x)
    gy, ky = F.mat(y, g), F.mat(y, k)
    tg, tk, both = (_trace(F, m) for m in (gy, ky, F.mat(gy, ky)))
    total = (tg * tk - both) * y - tk * F.mat(gy, y) - tg * F.mat(ky, y)
    total = total + F.mat(F.mat(gy, ky) + F.mat(ky, gy), y)
    return F.linalg_det(x)[..., None, None] * F.mT(total)


def _trace(F: Any, x: Any) -> Any:
    return F.sum(F.main_diagonal(x), dim=(x.ndim - 2,), keepdim=True)[..., None]


def _without(xp: Any, s: Any, times: int) -> Any:
    """For every singular value (or pair of them) the product of all others."""
    n = s.shape[-1]
    one = xp.ones_like(s)
    others = xp.stack([xp.where(xp.arange(n) == i, one, s) for i in range(n)], axis=-2) if n else s[..., None]
    if times == 1:
        return xp.prod(others, axis=-1)
    pairs = [_without(xp, others[..., i, :], 1) for i in range(n)]
    return xp.stack(pairs, axis=-2) if n else s[..., None]


def _second(xp: Any, h: Any, x: Any) -> Any:
    """The second derivative of the determinant, applied to `h`: sums over pairs of singular values."""
    u, s, vh = xp.linalg.svd(x, full_matrices=False)
    turn = xp.linalg.det(u) * xp.linalg.det(vh)
    inside = xp.conj(xp.swapaxes(u, -1, -2)) @ h @ xp.conj(xp.swapaxes(vh, -1, -2))
    n = s.shape[-1]
    rest = _without(xp, s, 2) * (1 - xp.eye(n, dtype=s.dtype))
    diagonal = (rest @ xp.diagonal(inside, 0, -2, -1)[..., None]) * xp.eye(n, dtype=x.dtype)
    inside = diagonal - xp.swapaxes(inside, -1, -2) * rest
    return turn[..., None, None] * (xp.conj(u) @ inside @ xp.conj(vh))


_cofactors_op = op("cofactors", _cofactors, public=False,
                   x=lambda F, g, x: None if x.shape[-1] == 1 else F.cofactors_along(g, x))  # fmt: skip
_along = op("cofactors_along", _second, public=False, h=lambda F, g, x: F.cofactors_along(g, x),
            x=lambda F, g, h, x: _third(F, g, h, x))  # fmt: skip


@function
def det(input: Tensor) -> Tensor:
    """The determinant of every matrix of a batch."""
    square_matrix("linalg.det", input)
    float_matrix("linalg.det", input)
    return _det.call(input)


def _linalg_det(A: Tensor) -> Tensor:
    """The determinant of every matrix of a batch."""
    return det(A)


function(space="linalg", name="det")(_linalg_det)


def _signs(name: str, A: Tensor) -> Any:
    square_matrix("linalg.slogdet", A)
    float_matrix("linalg.slogdet", A)
    return named(name, ("sign", "logabsdet"))(_slogdet.call(A))


@function
def slogdet(input: Tensor) -> Any:
    """The sign of the determinant and the logarithm of its size."""
    return _signs("slogdet", input)


def _linalg_slogdet(A: Tensor) -> Any:
    """The sign of the determinant and the logarithm of its size."""
    return _signs("linalg_slogdet", A)


SPACES["linalg"]["slogdet"] = _linalg_slogdet


@function
def logdet(input: Tensor) -> Tensor:
    """The logarithm of the determinant; NaN where that is negative."""
    sign, size = _signs("slogdet", input)
    if input.dtype.is_complex:
        return size + sign.angle() * 1j  # type: ignore[no-any-return]
    return FUNCTIONS["where"](sign == -1.0, float("nan"), size)  # type: ignore[no-any-return]

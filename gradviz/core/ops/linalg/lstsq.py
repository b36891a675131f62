"""The pseudoinverse, and what rests on it: least squares and the rank of a matrix."""

from __future__ import annotations

from typing import Any

from ... import errors
from ...dtype import finfo
from ...op import function, op
from ...tensor import Tensor
from ..named import named
from ..reductions.dims import added
from .matrices import float_matrix, some_matrix
from .products import wrong


# -- pseudoinverse -------------------------------------------------------------------------------------------------
def _spectrum(xp: Any, x: Any, hermitian: bool) -> tuple[Any, Any, Any]:
    """U, singular values in falling order or eigenvalues in rising order, V^H."""
    if hermitian:
        values, vectors = xp.linalg.eigh(x)
        return vectors, values, xp.conj(xp.swapaxes(vectors, -1, -2))
    return tuple(xp.linalg.svd(x, full_matrices=False))


def _least(xp: Any, s: Any, atol: Any, rtol: Any) -> Any:
    """What a singular value must exceed to count, as a column beside the values."""
    largest = xp.abs(s).max(axis=-1) if s.shape[-1] else xp.zeros(s.shape[:-1], dtype=s.dtype)
    return xp.maximum(atol, rtol * largest)[..., None]


def _pseudoinverse(xp: Any, x: Any, atol: Any, rtol: Any, *, hermitian: bool) -> Any:
    if not x.size:
        return xp.zeros((*x.shape[:-2], x.shape[-1], x.shape[-2]), dtype=x.dtype)
    u, s, vh = _spectrum(xp, x, hermitian)
    kept = xp.abs(s) > _least(xp, s, atol, rtol)
    inverse = xp.where(kept, 1 / xp.where(kept, s, 1), 0).astype(s.dtype)
    return xp.conj(xp.swapaxes(vh, -1, -2)) @ (inverse[..., :, None] * xp.conj(xp.swapaxes(u, -1, -2)))


def _pseudoinverse_rule(F: Any, g: Any, x: Any, p: Any) -> Any:
    """-P^H g P^H + (1 - A P) g^H P P^H + P^H P g^H (1 - P A)."""
    ph, gh = F.mH(p), F.mH(g)
    right = F.mat(F.mat(gh, p), ph)
    left = F.mat(F.mat(ph, p), gh)
    total = -F.mat(F.mat(ph, g), ph) + right - F.mat(x, F.mat(p, right))
    return total + left - F.mat(F.mat(left, p), x)


_pinv = op("linalg_pinv", _pseudoinverse, public=False, conjugates=True,
           x=lambda F, g, x, out: _pseudoinverse_rule(F, g, x, out))  # fmt: skip
_rank = op("linalg_matrix_rank", lambda xp, x, atol, rtol, *, hermitian: _counted(xp, x, atol, rtol, hermitian),
           public=False)  # fmt: skip


def _counted(xp: Any, x: Any, atol: Any, rtol: Any, hermitian: bool) -> Any:
    if not x.size:
        return xp.zeros(x.shape[:-2], dtype=xp.int64)
    s = xp.abs(xp.linalg.eigvalsh(x)) if hermitian else xp.linalg.svd(x, compute_uv=False)
    return (s > _least(xp, s, atol, rtol)).sum(axis=-1).astype(xp.int64)


def _tolerances(x: Tensor, atol: Any, rtol: Any) -> tuple[Any, Any]:
    """PyTorch's defaults: relative to the largest singular value, unless an absolute one is given."""
    if rtol is None:
        size = max(x.shape[-2:]) * finfo(x.dtype).eps
        if isinstance(atol, Tensor):
            rtol = (atol <= 0).to(atol.dtype) * size
        else:
            rtol = 0.0 if atol is not None and atol > 0 else size
    return 0.0 if atol is None else atol, rtol


@function(space="linalg")
def pinv(input: Tensor, rcond: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None) -> Tensor:
    """The Moore-Penrose pseudoinverse; singular values not above max(atol, rtol * the largest) count as zero."""
    if input.ndim < 2 or input.dtype.name not in ("float32", "float64", "complex64", "complex128"):
        raise wrong(
            f"linalg.pinv({errors.scalar_type(input.dtype)}{{{list(input.shape)}}}): expected a tensor with 2 or more "
            "dimensions of float, double, cfloat or cdouble types"
        )
    atol, rtol = _tolerances(input, atol, rtol if rcond is None else rcond)
    return _pinv.call(input, atol, rtol, hermitian=hermitian)


@function
def pinverse(input: Tensor, rcond: float = 1e-15) -> Tensor:
    """`linalg.pinv` under its old name."""
    return pinv(input, rcond)


@function(space="linalg")
def matrix_rank(
    input: Tensor, tol: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None
) -> Tensor:
    """How many singular values are above max(atol, rtol * the largest)."""
    some_matrix("torch.linalg.matrix_rank", input, "input")
    float_matrix("linalg.matrix_rank", input)
    atol, rtol = (tol, 0.0) if tol is not None else _tolerances(input, atol, rtol)
    return _rank.call(input, atol, rtol, hermitian=hermitian)


# -- least squares -------------------------------------------------------------------------------------------------
DRIVERS = ("gels", "gelsy", "gelsd", "gelss")


def _least_squares(xp: Any, a: Any, b: Any, *, rcond: float, driver: str, vector: bool) -> Any:
    """The shortest X for which `a @ X - b` is smallest, the squares of what is left, ranks, singular values."""
    m, n = a.shape[-2:]
    if vector:
        made, aux = _least_squares(xp, a, b[..., None], rcond=rcond, driver=driver, vector=False)
        return (made[0][..., 0].copy(), made[1]), aux
    if not (m and n):
        batch, k = b.shape[:-2], b.shape[-1]
        empty = xp.zeros((*batch, 0), dtype=xp.real(a).dtype)
        left = added(xp.abs(b) ** 2, -2) if m > n and driver != "gelsy" else empty.reshape(-1)[:0]
        return (xp.zeros((*batch, n, k), dtype=a.dtype), left), {"rank": xp.zeros(batch, dtype=xp.int64), "s": empty}
    u, s, vh = xp.linalg.svd(a, full_matrices=False)
    kept = s > _least(xp, s, 0.0, rcond)
    inverse = xp.where(kept, 1 / xp.where(kept, s, 1), 0).astype(s.dtype)
    x = xp.conj(xp.swapaxes(vh, -1, -2)) @ (inverse[..., :, None] * (xp.conj(xp.swapaxes(u, -1, -2)) @ b))
    rank = kept.sum(axis=-1).astype(xp.int64)
    if m > n and driver != "gelsy" and bool((rank == n).all()):
        left = added(xp.abs(b - a @ x) ** 2, -2)
    else:
        left = xp.zeros(0, dtype=s.dtype)
    return (x, left), {"rank": rank, "s": s}


def _left_over(F: Any, g: Any, a: Any, b: Any, x: Any) -> Any:
    """The gradient of `b` from the squares of what is left of it."""
    return 2.0 * F.unsqueeze(g, dim=-2) * (b - F.mat(a, x))


def _full(g: Any) -> Any:
    """Without the gradient of residuals that are empty."""
    return g if g[1] is None or g[1].shape != (0,) else (g[0], None)


def _columns(vector: bool, *xs: Any) -> Any:
    """Vectors as columns."""
    return tuple(None if x is None else x[..., None] if vector else x for x in xs)


def _least_a(F: Any, g: Any, a: Any, b: Any, out: Any, vector: bool) -> Any:
    total = None
    gx, b, x = _columns(vector, g[0], b, out[0])
    g = gx, g[1]
    if g[0] is not None:
        p = F.linalg_pinv(a, 0.0, 0.0, hermitian=False)
        total = _pseudoinverse_rule(F, F.mat(g[0], F.mH(b)), a, p)
    if g[1] is not None:
        also = -F.mat(_left_over(F, g[1], a, b, x), F.mH(x))
        total = also if total is None else total + also
    return total


def _least_b(F: Any, g: Any, a: Any, b: Any, out: Any, vector: bool) -> Any:
    total = None
    gx, b, x = _columns(vector, g[0], b, out[0])
    if gx is not None:
        total = F.mat(F.mH(F.linalg_pinv(a, 0.0, 0.0, hermitian=False)), gx)
    if g[1] is not None:
        also = _left_over(F, g[1], a, b, x)
        total = also if total is None else total + also
    return total[..., 0] if vector and total is not None else total


_lstsq = op("linalg_lstsq", _least_squares, outputs=True, aux=("rank", "s"), public=False, conjugates=True,
            a=lambda F, g, a, b, out, *, vector: _least_a(F, _full(g), a, b, out, vector),
            b=lambda F, g, a, b, out, *, vector: _least_b(F, _full(g), a, b, out, vector))  # fmt: skip


@function(space="linalg")
def lstsq(input: Tensor, b: Tensor, rcond: float | None = None, *, driver: str | None = None) -> Any:
    """The X for which `input @ X - b` is smallest; what is left, rank and singular values, as LAPACK's driver gives."""
    name = "torch.linalg.lstsq"
    if input.ndim < 2:
        raise wrong(f"{name}: input must have at least 2 dimensions.")
    if b.ndim < 1:
        raise wrong(f"{name}: other must have at least 1 dimension.")
    if input.dtype != b.dtype:
        kinds = errors.scalar_type(input.dtype), errors.scalar_type(b.dtype)
        raise wrong(
            f"{name}: Expected input and other to have the same dtype, but got input's dtype {kinds[0]} and other's "
            f"dtype {kinds[1]}"
        )
    vector = b.ndim == 1 or (b.ndim == input.ndim - 1 and tuple(b.shape) == tuple(input.shape[:-1]))
    if input.ndim > b.ndim + vector or input.shape[-2] != b.shape[-1 if vector else -2]:
        at = f"other.size({-1 if vector else -2})"
        raise wrong(f"{name}: input.size(-2) should match {at}")
    driver = "gelsy" if driver is None else driver
    if driver not in DRIVERS:
        raise wrong(f"{name}: parameter `driver` should be one of (gels, gelsy, gelsd, gelss)")
    float_matrix("linalg.lstsq", input)
    cut = finfo(input.dtype).eps * max(input.shape[-2:]) if rcond is None else rcond
    (x, left), aux = _lstsq.with_aux(input, b, rcond=0.0 if driver == "gels" else cut, driver=driver, vector=vector)
    rank = aux["rank"] if driver != "gels" else aux["rank"].reshape(-1)[:0]
    values = aux["s"] if driver in ("gelsd", "gelss") else aux["s"].reshape(-1)[:0]
    made = (x, left, rank, values)
    return named("linalg_lstsq", ("solution", "residuals", "rank", "singular_values"))(made)

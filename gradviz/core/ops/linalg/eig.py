"""Eigenvalues and eigenvectors, of any square matrix and of Hermitian ones."""

from __future__ import annotations

from typing import Any

from ...op import function, op
from ...tensor import Tensor
from ..named import named
from .matrices import float_matrix, square_matrix
from .products import wrong


# -- Hermitian -----------------------------------------------------------------------------------------------------
def _hermitian(xp: Any, x: Any, *, lower: bool) -> Any:
    return tuple(xp.linalg.eigh(x, UPLO="L" if lower else "U"))


def _differences(F: Any, values: Any) -> Any:
    """Column minus row of a table of values, with ones on the diagonal, to divide by."""
    return values[..., None, :] - values[..., :, None] + F.unit(values)


def _off_diagonal(F: Any, x: Any) -> Any:
    return x - F.on_diagonal(F.main_diagonal(x))


def _hermitian_rule(F: Any, g: Any, out: Any) -> Any:
    """V (V^H gV / differences + gL on the diagonal) V^H."""
    values, vectors = out
    inside = None if g[0] is None else F.on_diagonal(g[0])
    if g[1] is not None:
        turned = _off_diagonal(F, F.mat(F.mH(vectors), g[1])) / _differences(F, values)
        inside = turned if inside is None else inside + turned
    return F.mat(vectors, F.mat(inside, F.mH(vectors)))


_eigh = op("linalg_eigh", _hermitian, outputs=True, public=False, conjugates=True,
           x=lambda F, g, out: _hermitian_rule(F, g, out))  # fmt: skip


def _lower(name: str, A: Tensor, UPLO: str) -> bool:
    square_matrix(name, A)
    float_matrix(name, A)
    if UPLO.upper() not in ("L", "U"):
        raise wrong(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    return UPLO.upper() == "L"


@function(space="linalg")
def eigh(input: Tensor, UPLO: str = "L") -> Any:
    """Eigenvalues of a Hermitian matrix in rising order, and its eigenvectors as columns; one triangle is read."""
    made = _eigh.call(input, lower=_lower("linalg.eigh", input, UPLO))
    return named("linalg_eigh", ("eigenvalues", "eigenvectors"))(made)


@function(space="linalg")
def eigvalsh(input: Tensor, UPLO: str = "L") -> Tensor:
    """The eigenvalues of a Hermitian matrix in rising order."""
    return _eigh.call(input, lower=_lower("linalg.eigh", input, UPLO))[0]


# -- any square matrix ---------------------------------------------------------------------------------------------
def _general(xp: Any, x: Any) -> Any:
    wide = xp.complex64 if x.dtype in (xp.float32, xp.complex64) else xp.complex128
    values, vectors = xp.linalg.eig(x)
    return values.astype(wide), vectors.astype(wide)


def _general_rule(F: Any, g: Any, out: Any) -> Any:
    """V^-H (what turns V, divided by conjugate differences, and gL on the diagonal) V^H; eigenvectors keep length 1."""
    values, vectors = out
    turned = F.mH(vectors)
    inside = None if g[0] is None else F.on_diagonal(g[0])
    if g[1] is not None:
        along = F.mat(turned, g[1])
        stretch = F.real(F.main_diagonal(along))
        across = along - F.mat(turned, vectors) * stretch[..., None, :]
        across = _off_diagonal(F, across) / F.conj_physical(_differences(F, values))
        inside = across if inside is None else inside + across
    return F.linalg_solve_ex(turned, F.mat(inside, turned), left=True, vector=False)


_eig = op("linalg_eig", _general, outputs=True, public=False, conjugates=True,
          x=lambda F, g, out: _general_rule(F, g, out))  # fmt: skip


@function(space="linalg")
def eig(input: Tensor) -> Any:
    """Eigenvalues of a square matrix, which are complex numbers, and its eigenvectors of length 1 as columns."""
    square_matrix("linalg.eig", input)
    float_matrix("linalg.eig", input)
    _finite("torch.linalg.eig", input)
    return named("linalg_eig", ("eigenvalues", "eigenvectors"))(_eig.call(input))


@function(space="linalg")
def eigvals(input: Tensor) -> Tensor:
    """The eigenvalues of a square matrix, which are complex numbers."""
    return eig(input)[0]  # type: ignore[no-any-return]


def _finite(name: str, A: Tensor) -> None:
    if not bool(A.device.xp.isfinite(A._array).all()):
        raise wrong(f"{name}: input tensor should not contain infs or NaNs.")

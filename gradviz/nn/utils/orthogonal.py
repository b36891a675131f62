"""Orthogonal matrices from matrices of free numbers, by three maps and their inverses."""

from __future__ import annotations

from gradviz.core.dtype import finfo
from gradviz.core.op import FUNCTIONS, SPACES
from gradviz.core.tensor import Tensor
from gradviz.utils.gradients import unrecorded

from ..modules.module import Module


def _is_orthogonal(q: Tensor) -> bool:
    n, k = q.shape[-2:]
    identity = FUNCTIONS["eye"](k, dtype=q.dtype, device=q.device)
    return bool(FUNCTIONS["allclose"](q.mH @ q, identity, atol=10.0 * n * finfo(q.dtype).eps))


def _make_orthogonal(a: Tensor) -> Tensor:
    """The orthogonal factor of a QR decomposition whose R has a positive diagonal."""
    reflections, tau = a.geqrf()
    q = SPACES["linalg"]["householder_product"](reflections, tau)
    return q * reflections.diagonal(dim1=-2, dim2=-1).sgn().unsqueeze(-2)  # type: ignore[no-any-return]


def _exponential(a: Tensor) -> Tensor:
    return FUNCTIONS["matrix_exp"](a)  # type: ignore[no-any-return]


def _cayley(a: Tensor) -> Tensor:
    """`(I + A / 2) (I - A / 2)^-1`."""
    identity = FUNCTIONS["eye"](a.shape[-1], dtype=a.dtype, device=a.device)
    return SPACES["linalg"]["solve"](identity.add(a, alpha=-0.5), identity.add(a, alpha=0.5))  # type: ignore[no-any-return]


def _householder(x: Tensor) -> Tensor:
    """The product of the reflections below the diagonal; on it are the signs of the columns."""
    a = x.tril(diagonal=-1)
    tau = 2.0 / (1.0 + (a * a).sum(dim=-2))
    q = SPACES["linalg"]["householder_product"](a, tau)
    return q * x.diagonal(dim1=-2, dim2=-1).int().unsqueeze(-2)  # type: ignore[no-any-return]


class _Orthogonal(Module):
    """The parametrization; with `use_trivialization` the result is `base` times what the map gives."""

    def __init__(self, weight: Tensor, orthogonal_map: str, *, use_trivialization: bool = True) -> None:
        super().__init__()
        if weight.is_complex() and orthogonal_map == "householder":
            raise ValueError("The householder parametrization does not support complex tensors.")
        self.shape, self.orthogonal_map = weight.shape, orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, X: Tensor) -> Tensor:
        wide = X.shape[-2] < X.shape[-1]
        x = X.mT if wide else X
        q = _householder(x) if self.orthogonal_map == "householder" else self._of_skew(x.tril())
        if hasattr(self, "base"):
            q = self.base @ q
        return q.mT if wide else q

    def _of_skew(self, x: Tensor) -> Tensor:
        """A map of the skew-symmetric matrix with these numbers below its diagonal."""
        n, k = x.shape[-2:]
        if n != k:  # as part of a square matrix
            x = FUNCTIONS["cat"]([x, x.new_zeros((n, n - k)).expand(*x.shape[:-2], -1, -1)], dim=-1)
        skew = x - x.mH
        q = _exponential(skew) if self.orthogonal_map == "matrix_exp" else _cayley(skew)
        return q if n == k else q[..., :k]

    @unrecorded
    def right_inverse(self, Q: Tensor) -> Tensor:
        if Q.shape != self.shape:
            raise ValueError(
                f"Expected a matrix or batch of matrices of shape {self.shape}. Got a tensor of shape {Q.shape}."
            )
        wide = Q.shape[-2] < Q.shape[-1]
        q = Q.mT if wide else Q
        if hasattr(self, "base"):
            self.base = _completed(q)
            numbers = FUNCTIONS["zeros_like"](Q)
            numbers.diagonal(dim1=-2, dim2=-1).fill_(-1.0)  # with it each map gives the identity
            return numbers  # type: ignore[no-any-return]
        if self.orthogonal_map != "householder":
            raise NotImplementedError(
                "It is not possible to assign to the matrix exponential or the Cayley parametrizations when "
                "use_trivialization=False."
            )
        a, tau = q.geqrf()
        signs = a.diagonal(dim1=-2, dim2=-1).sign()
        a.diagonal(dim1=-2, dim2=-1).copy_(FUNCTIONS["where"](tau == 0.0, -signs, signs))
        return a.mT if wide else a  # type: ignore[no-any-return]


def _completed(q: Tensor) -> Tensor:
    """A square orthogonal matrix that begins with these columns, made orthogonal where they are not."""
    n, k = q.shape[-2:]
    if n == k:
        return _make_orthogonal(q) if not _is_orthogonal(q) else q.clone()
    drawn = FUNCTIONS["randn"](*q.shape[:-2], n, n - k, dtype=q.dtype, device=q.device)
    return _make_orthogonal(FUNCTIONS["cat"]([q, drawn], dim=-1))

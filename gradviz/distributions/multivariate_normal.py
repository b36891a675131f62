"""The multivariate normal distribution."""

from __future__ import annotations

import math
from typing import Any

import gradviz as torch
from gradviz.core.tensor import Tensor

from . import constraints
from .distribution import Distribution
from .utils import _standard_normal, lazy_property


def _batch_mahalanobis(bL: Tensor, bx: Tensor) -> Tensor:
    """The square length of `L⁻¹ x`: the distance from 0 in units of the spread, `xᵀ (L Lᵀ)⁻¹ x`."""
    shape = torch.broadcast_shapes(bL.shape[:-2], bx.shape[:-1])
    factor, column = bL.expand((*shape, *bL.shape[-2:])), bx.expand((*shape, bx.shape[-1])).unsqueeze(-1)
    made: Tensor = torch.linalg.solve_triangular(factor, column, upper=False).pow(2).sum((-2, -1))
    return made


def _precision_to_scale_tril(P: Tensor) -> Tensor:
    """The Cholesky factor of the inverse of P, without inverting P."""
    turned = torch.linalg.cholesky(P.flip((-2, -1)))
    inverse = turned.flip((-2, -1)).mT
    identity = torch.eye(P.shape[-1], dtype=P.dtype, device=P.device)
    made: Tensor = torch.linalg.solve_triangular(inverse, identity.expand(P.shape), upper=False)
    return made


def _one_of(**given: Any) -> tuple[str, Any]:
    """The name and the value of the only argument that is not None."""
    chosen = [(name, value) for name, value in given.items() if value is not None]
    if len(chosen) != 1:
        raise ValueError("Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified.")
    return chosen[0]


class MultivariateNormal(Distribution):
    """Vectors with mean `loc` and a covariance: `p(x) ∝ exp(-(x - loc)ᵀ Σ⁻¹ (x - loc) / 2)`.

    Args: loc; one of covariance_matrix Σ, precision_matrix Σ⁻¹, scale_tril L with Σ = L Lᵀ. The last is the quickest.
    https://docs.pytorch.org/docs/2.13/distributions.html#torch.distributions.multivariate_normal.MultivariateNormal
    """

    arg_constraints = {
        "loc": constraints.real_vector,
        "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite,
        "scale_tril": constraints.lower_cholesky,
    }
    support = constraints.real_vector
    has_rsample = True
    _batched = {"loc": 1, "covariance_matrix": 2, "precision_matrix": 2, "scale_tril": 2}
    _copied = ("_unbroadcasted_scale_tril",)

    def __init__(
        self, loc: Tensor, covariance_matrix: Tensor | None = None, precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None, validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        name, matrix = _one_of(
            covariance_matrix=covariance_matrix, precision_matrix=precision_matrix, scale_tril=scale_tril
        )
        if matrix.dim() < 2:
            what = "scale_tril matrix" if name == "scale_tril" else name
            raise ValueError(f"{what} must be at least two-dimensional, with optional leading batch dimensions")
        batch = torch.broadcast_shapes(matrix.shape[:-2], loc.shape[:-1])
        setattr(self, name, matrix.expand((*batch, -1, -1)))
        self.loc = loc.expand((*batch, -1))
        super().__init__(batch, self.loc.shape[-1:], validate_args=validate_args)
        factor = {
            "scale_tril": lambda m: m, "covariance_matrix": torch.linalg.cholesky,
            "precision_matrix": _precision_to_scale_tril,
        }[name]  # fmt: skip
        self._unbroadcasted_scale_tril = factor(matrix)

    def _full(self, matrix: Tensor) -> Tensor:
        return matrix.expand((*self._batch_shape, *self._event_shape, *self._event_shape))

    @lazy_property
    def scale_tril(self) -> Tensor:
        return self._full(self._unbroadcasted_scale_tril)

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        return self._full(self._unbroadcasted_scale_tril @ self._unbroadcasted_scale_tril.mT)

    @lazy_property
    def precision_matrix(self) -> Tensor:
        return self._full(torch.cholesky_inverse(self._unbroadcasted_scale_tril))

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return self._unbroadcasted_scale_tril.pow(2).sum(-1).expand((*self._batch_shape, *self._event_shape))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        eps = _standard_normal(self._extended_shape(sample_shape), dtype=self.loc.dtype, device=self.loc.device)
        return self.loc + (self._unbroadcasted_scale_tril @ eps.unsqueeze(-1)).squeeze(-1)

    def _half_log_det(self) -> Tensor:
        return self._unbroadcasted_scale_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        self._checked(value)
        distance = _batch_mahalanobis(self._unbroadcasted_scale_tril, value - self.loc)
        return -0.5 * (self._event_shape[0] * math.log(2 * math.pi) + distance) - self._half_log_det()

    def entropy(self) -> Tensor:
        entropy = 0.5 * self._event_shape[0] * (1.0 + math.log(2 * math.pi)) + self._half_log_det()
        return entropy.expand(self._batch_shape)

"""The Wishart distribution: covariance matrices at random."""

from __future__ import annotations

import math
import warnings
from typing import Any

import gradviz as torch
from gradviz.core.size import Size
from gradviz.core.tensor import Tensor

from . import constraints
from .chi2 import Chi2
from .exp_family import ExponentialFamily
from .multivariate_normal import _one_of, _precision_to_scale_tril
from .utils import lazy_property


class Wishart(ExponentialFamily):
    """Sums of `df` outer products x xᵀ, x ~ Normal(0, Σ): positive definite matrices with mean df Σ.

    Args: df: more than n - 1; one of covariance_matrix Σ, precision_matrix Σ⁻¹, scale_tril L with Σ = L Lᵀ.
    Samples by Bartlett's decomposition; singular ones are drawn again, at most `max_try_correction` times.
    https://docs.pytorch.org/docs/2.13/distributions.html#torch.distributions.wishart.Wishart
    """

    support = constraints.positive_definite
    has_rsample = True
    _mean_carrier_measure = 0
    _batched = {"df": 0, "covariance_matrix": 2, "precision_matrix": 2, "scale_tril": 2}
    _copied = ("_unbroadcasted_scale_tril",)

    def __init__(
        self, df: Any, covariance_matrix: Tensor | None = None, precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None, validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        try:
            name, matrix = _one_of(
                covariance_matrix=covariance_matrix, precision_matrix=precision_matrix, scale_tril=scale_tril
            )
        except ValueError as error:
            raise AssertionError(str(error)) from None
        if matrix.dim() < 2:
            raise ValueError("scale_tril must be at least two-dimensional, with optional leading batch dimensions")
        event = matrix.shape[-2:]
        if isinstance(df, (int, float)):
            batch, self.df = Size(matrix.shape[:-2]), torch.tensor(df, dtype=matrix.dtype, device=matrix.device)
        else:
            batch = torch.broadcast_shapes(matrix.shape[:-2], df.shape)
            self.df = df.expand(batch)
        if self.df.le(event[-1] - 1).any():
            raise ValueError(f"Value of df={df} expected to be greater than ndim - 1 = {event[-1] - 1}.")
        setattr(self, name, matrix.expand((*batch, -1, -1)))
        super().__init__(batch, event, validate_args=validate_args)
        if self.df.lt(event[-1]).any():
            warnings.warn(
                "Low df values detected. Singular samples are highly likely to occur for ndim - 1 < df < ndim.",
                stacklevel=2,
            )
        factor = {
            "scale_tril": lambda m: m, "covariance_matrix": torch.linalg.cholesky,
            "precision_matrix": _precision_to_scale_tril,
        }[name]  # fmt: skip
        self._unbroadcasted_scale_tril = factor(matrix)
        self._dist_chi2 = self._squares(batch)

    def _squares(self, batch: Any) -> Chi2:
        """The squares of the diagonal in Bartlett's decomposition."""
        n = self.event_shape[-1]
        steps = torch.arange(n, dtype=self._unbroadcasted_scale_tril.dtype, device=self.df.device)
        return Chi2(df=self.df.unsqueeze(-1) - steps.expand((*batch, -1)))

    def _expand_more(self, new: Any, shape: Any) -> None:
        new._dist_chi2 = self._dist_chi2.expand(Size((*shape, self.event_shape[-1])))

    @property
    def arg_constraints(self) -> dict[str, Any]:
        return {
            "covariance_matrix": constraints.positive_definite,
            "precision_matrix": constraints.positive_definite,
            "scale_tril": constraints.lower_cholesky,
            "df": constraints.greater_than(self.event_shape[-1] - 1),
        }

    def _full(self, matrix: Tensor) -> Tensor:
        return matrix.expand((*self._batch_shape, *self._event_shape))

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
    def _df(self) -> Tensor:
        """df, to multiply matrices with."""
        return self.df.view((*self._batch_shape, 1, 1))

    @property
    def mean(self) -> Tensor:
        return self._df * self.covariance_matrix

    @property
    def mode(self) -> Tensor:
        factor = self.df - self.covariance_matrix.shape[-1] - 1
        factor = factor.masked_fill(factor <= 0, math.nan)
        return factor.view((*self._batch_shape, 1, 1)) * self.covariance_matrix

    @property
    def variance(self) -> Tensor:
        diagonal = self.covariance_matrix.diagonal(dim1=-2, dim2=-1)
        return self._df * (self.covariance_matrix.pow(2) + diagonal.unsqueeze(-1) * diagonal.unsqueeze(-2))

    def _bartlett_sampling(self, sample_shape: Any = ()) -> Tensor:
        n = self._event_shape[-1]
        noise = self._dist_chi2.rsample(sample_shape).sqrt().diag_embed()
        i, j = torch.tril_indices(n, n, -1)
        shape = (*Size(sample_shape), *self._batch_shape, n * (n - 1) // 2)
        noise[..., i, j] = torch.randn(shape, dtype=noise.dtype, device=noise.device)
        factor = self._unbroadcasted_scale_tril @ noise
        return factor @ factor.mT

    def rsample(self, sample_shape: Any = (), max_try_correction: Any = None) -> Tensor:
        tries = max_try_correction
        if tries is None:
            tries = 3 if self._event_shape[-1] > 1 else 10
        sample_shape = Size(sample_shape)
        sample = self._bartlett_sampling(sample_shape)
        # PyTorch draws again what passes this check, not what fails it; to have its numbers, so does gradviz.
        again = self.support.check(sample)
        if self.batch_shape:
            again = again.amax(self._batch_dims)
        if again.any():
            warnings.warn("Singular sample detected.", stacklevel=2)
            for _ in range(tries):
                new = self._bartlett_sampling(again[again].shape)
                sample[again.clone()] = new
                failed = ~self.support.check(new)
                if self.batch_shape:
                    failed = failed.amax(self._batch_dims)
                again[again.clone()] = failed
                if not again.any():
                    break
        return sample

    @property
    def _batch_dims(self) -> tuple[int, ...]:
        return tuple(-x for x in range(1, len(self._batch_shape) + 1))

    def _log_det_root(self) -> Tensor:
        return self._unbroadcasted_scale_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        self._checked(value)
        n, nu = self._event_shape[-1], self.df
        solved = torch.cholesky_solve(value, self._unbroadcasted_scale_tril)
        found: Tensor = (
            -nu * (n * math.log(2.0) / 2 + self._log_det_root())
            - torch.mvlgamma(nu / 2, p=n)
            + (nu - n - 1) / 2 * torch.linalg.slogdet(value).logabsdet
            - solved.diagonal(dim1=-2, dim2=-1).sum(dim=-1) / 2
        )
        return found

    def entropy(self) -> Tensor:
        n, nu = self._event_shape[-1], self.df
        digammas = ((nu / 2).unsqueeze(-1) - 0.5 * torch.arange(n, dtype=nu.dtype, device=nu.device)).digamma().sum(-1)
        found: Tensor = (
            (n + 1) * (n * math.log(2.0) / 2 + self._log_det_root())
            + torch.mvlgamma(nu / 2, p=n)
            - (nu - n - 1) / 2 * digammas
            + nu * n / 2
        )
        return found

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return -self.precision_matrix / 2, (self.df - self._event_shape[-1] - 1) / 2

    def _log_normalizer(self, x: Tensor, y: Tensor) -> Tensor:
        n = self._event_shape[-1]
        power = y + (n + 1) / 2
        made: Tensor = power * (-torch.linalg.slogdet(-2 * x).logabsdet + math.log(2.0) * n) + torch.mvlgamma(
            power, p=n
        )
        return made

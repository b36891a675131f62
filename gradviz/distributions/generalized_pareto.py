"""The generalised Pareto distribution."""

from __future__ import annotations

import math
from typing import Any

import gradviz as torch
from gradviz.core.tensor import Tensor

from . import constraints
from .distribution import Distribution
from .utils import broadcast_all


class GeneralizedPareto(Distribution):
    """What lies beyond a high threshold `loc`: `cdf(x) = 1 - (1 + c (x - loc) / scale)^(-1/c)`, c the `concentration`.

    c = 0 is the exponential distribution; c < 0 ends at loc - scale / c.
    https://docs.pytorch.org/docs/2.13/distributions.html#torch.distributions.generalized_pareto.GeneralizedPareto
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive, "concentration": constraints.real}
    has_rsample = True
    _batched = {"loc": 0, "scale": 0, "concentration": 0}

    def __init__(self, loc: Any, scale: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale, self.concentration = broadcast_all(loc, scale, concentration)
        super().__init__(self.loc.size(), validate_args=validate_args)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        return self.icdf(torch.rand(shape, dtype=self.loc.dtype, device=self.loc.device))

    def _z(self, x: Tensor) -> Tensor:
        return (x - self.loc) / self.scale

    def _nearly_zero(self) -> tuple[Tensor, Tensor]:
        """Where the concentration counts as 0, and the concentration with 1 there."""
        zero = torch.isclose(self.concentration, torch.zeros((), dtype=self.loc.dtype, device=self.loc.device))
        return zero, torch.where(zero, torch.ones_like(self.concentration), self.concentration)

    def log_prob(self, value: Tensor) -> Tensor:
        self._checked(value)
        z, (zero, c) = self._z(value), self._nearly_zero()
        where_0 = -z
        y = 1 / c + torch.ones_like(z)
        found: Tensor = torch.where(zero, where_0, -y * (c * z).log1p())
        return torch.where(y == 0, torch.zeros_like(found), found) - self.scale.log()

    def log_survival_function(self, value: Tensor) -> Tensor:
        """The log of the probability of everything above a value."""
        self._checked(value)
        z, (zero, c) = self._z(value), self._nearly_zero()
        found: Tensor = torch.where(zero, -z, -(c * z).log1p() / c)
        return found

    def log_cdf(self, value: Tensor) -> Tensor:
        """The log of the probability of everything up to a value."""
        return (-self.log_survival_function(value).exp()).log1p()

    def cdf(self, value: Tensor) -> Tensor:
        return self.log_cdf(value).exp()

    def icdf(self, value: Tensor) -> Tensor:
        zero, c = self._nearly_zero()
        log_left = (-value).log1p()
        found: Tensor = torch.where(
            zero, self.loc - self.scale * log_left, self.loc + self.scale * (-c * log_left).expm1() / c
        )
        return found

    def _where_less(self, bound: float, value: Any) -> Tensor:
        """A function of the concentration where that is below a bound, infinity elsewhere."""
        valid = self.concentration < bound
        c = torch.where(valid, self.concentration, torch.full_like(self.concentration, 0.5 * bound))
        found: Tensor = torch.where(valid, value(c), torch.full_like(self.concentration, math.inf))
        return found

    @property
    def mean(self) -> Tensor:
        return self._where_less(1, lambda c: self.loc + self.scale / (1 - c))

    @property
    def variance(self) -> Tensor:
        return self._where_less(0.5, lambda c: self.scale**2 / ((1 - c) ** 2 * (1 - 2 * c)))

    def entropy(self) -> Tensor:
        return (self.scale.log() + self.concentration + 1).broadcast_to(self._batch_shape)

    @property
    def mode(self) -> Tensor:
        return self.loc

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        upper = torch.where(self.concentration < 0, self.loc - self.scale / self.concentration, math.inf)
        return constraints.interval(self.loc, upper)

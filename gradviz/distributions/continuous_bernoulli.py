"""The continuous Bernoulli distribution."""

from __future__ import annotations

import math
from typing import Any

import gradviz as torch
from gradviz.core.mode import no_grad
from gradviz.core.tensor import Tensor
from gradviz.nn.functional import binary_cross_entropy_with_logits

from . import constraints
from .exp_family import ExponentialFamily
from .utils import ProbsOrLogits, broadcast_all, clamp_probs, lazy_property


class ContinuousBernoulli(ProbsOrLogits, ExponentialFamily):
    """Numbers from 0 to 1: `p(x) ∝ probs^x (1 - probs)^(1 - x)`, for pixels between black and white.

    Near probs = 0.5, inside `lims`, Taylor series replace formulas that divide 0 by 0.
    https://docs.pytorch.org/docs/2.13/distributions.html#torch.distributions.continuous_bernoulli.ContinuousBernoulli
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    has_rsample = True
    _mean_carrier_measure = 0
    _batched = {"probs": 0, "logits": 0}
    _copied = ("_given", "_lims")

    def __init__(
        self, probs: Any = None, logits: Any = None, lims: tuple[float, float] = (0.499, 0.501),
        validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        (given,) = broadcast_all(self._choose(probs, logits))
        if self._given == "probs":
            if validate_args is not None and not self.arg_constraints["probs"].check(given).all():
                raise ValueError("The parameter probs has invalid values")
            given = clamp_probs(given)
        setattr(self, self._given, given)
        self._lims = lims
        super().__init__(given.size(), validate_args=validate_args)

    @lazy_property
    def probs(self) -> Tensor:
        return clamp_probs(self.logits.sigmoid())

    def _outside_unstable_region(self) -> Tensor:
        outside: Tensor = (self.probs <= self._lims[0]) | (self.probs > self._lims[1])
        return outside

    def _cut_probs(self) -> Tensor:
        """`probs`, with a harmless value where the series is used."""
        cut: Tensor = torch.where(
            self._outside_unstable_region(), self.probs, torch.full_like(self.probs, self._lims[0])
        )
        return cut

    def _pick(self, exact: Tensor, series: Any) -> Tensor:
        """`exact` outside of `lims`, the series (a function of probs - 0.5) inside."""
        picked: Tensor = torch.where(self._outside_unstable_region(), exact, series(self.probs - 0.5))
        return picked

    def _cont_bern_log_norm(self) -> Tensor:
        cut = self._cut_probs()
        below: Tensor = torch.where(cut <= 0.5, cut, torch.zeros_like(cut))
        above: Tensor = torch.where(cut >= 0.5, cut, torch.ones_like(cut))
        exact = ((-cut).log1p() - cut.log()).abs().log() - torch.where(
            cut <= 0.5, (-2.0 * below).log1p(), (2.0 * above - 1.0).log()
        )
        return self._pick(exact, lambda x: math.log(2.0) + (4.0 / 3.0 + 104.0 / 45.0 * x.pow(2)) * x.pow(2))

    @property
    def mean(self) -> Tensor:
        cut = self._cut_probs()
        exact = cut / (2.0 * cut - 1.0) + 1.0 / ((-cut).log1p() - cut.log())
        return self._pick(exact, lambda x: 0.5 + (1.0 / 3.0 + 16.0 / 45.0 * x.pow(2)) * x)

    @property
    def variance(self) -> Tensor:
        cut = self._cut_probs()
        exact = cut * (cut - 1.0) / (1.0 - 2.0 * cut).pow(2) + 1.0 / ((-cut).log1p() - cut.log()).pow(2)

        def series(x: Tensor) -> Tensor:
            square = x.pow(2)
            return 1.0 / 12.0 - (1.0 / 15.0 - 128.0 / 945.0 * square) * square

        return self._pick(exact, series)

    @property
    def stddev(self) -> Tensor:
        return self.variance.sqrt()

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        return self.icdf(torch.rand(shape, dtype=self.probs.dtype, device=self.probs.device))

    def log_prob(self, value: Tensor) -> Tensor:
        self._checked(value)
        logits, value = broadcast_all(self.logits, value)
        return -binary_cross_entropy_with_logits(logits, value, reduction="none") + self._cont_bern_log_norm()

    def cdf(self, value: Tensor) -> Tensor:
        self._checked(value)
        cut = self._cut_probs()
        exact = (cut.pow(value) * (1.0 - cut).pow(1.0 - value) + cut - 1.0) / (2.0 * cut - 1.0)
        inside = torch.where(self._outside_unstable_region(), exact, value)
        below: Tensor = torch.where(torch.le(value, 0.0), torch.zeros_like(value), inside)
        made: Tensor = torch.where(torch.ge(value, 1.0), torch.ones_like(value), below)
        return made

    def icdf(self, value: Tensor) -> Tensor:
        cut = self._cut_probs()
        exact = ((-cut + value * (2.0 * cut - 1.0)).log1p() - (-cut).log1p()) / (cut.log() - (-cut).log1p())
        made: Tensor = torch.where(self._outside_unstable_region(), exact, value)
        return made

    def entropy(self) -> Tensor:
        log_rest, log_probs = (-self.probs).log1p(), self.probs.log()
        return self.mean * (log_rest - log_probs) - self._cont_bern_log_norm() - log_rest

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (self.logits,)

    def _log_normalizer(self, x: Tensor) -> Tensor:
        outside = x.le(self._lims[0] - 0.5) | x.gt(self._lims[1] - 0.5)
        cut: Tensor = torch.where(outside, x, (self._lims[0] - 0.5) * torch.ones_like(x))
        exact = (cut.exp() - 1.0).abs().log() - cut.abs().log()
        made: Tensor = torch.where(outside, exact, 0.5 * x + x.pow(2) / 24.0 - x.pow(4) / 2880.0)
        return made

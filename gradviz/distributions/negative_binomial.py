"""The negative binomial distribution: successes before a number of failures."""

from __future__ import annotations

from typing import Any

import gradviz as torch
from gradviz.core.mode import no_grad
from gradviz.core.tensor import Tensor
from gradviz.nn.functional import logsigmoid

from . import constraints
from .distribution import Distribution
from .gamma import Gamma
from .utils import ProbsOrLogits, broadcast_all, lazy_property


class NegativeBinomial(ProbsOrLogits, Distribution):
    """How many trials succeed, each with chance `probs`, until `total_count` have failed, which may be any number ≥ 0.

    A Poisson distribution whose rate is a gamma sample.
    https://docs.pytorch.org/docs/2.13/distributions.html#torch.distributions.negative_binomial.NegativeBinomial
    """

    arg_constraints = {
        "total_count": constraints.greater_than_eq(0),
        "probs": constraints.half_open_interval(0.0, 1.0),
        "logits": constraints.real,
    }
    support = constraints.nonnegative_integer
    _batched = {"total_count": 0, "probs": 0, "logits": 0}
    _copied = ("_given",)

    def __init__(
        self, total_count: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        given = self._choose(probs, logits)
        total, given = broadcast_all(total_count, given)
        setattr(self, self._given, given)
        self.total_count = total.type_as(given)
        super().__init__(given.size(), validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.total_count * self.logits.exp()

    @property
    def mode(self) -> Tensor:
        return ((self.total_count - 1) * self.logits.exp()).floor().clamp(min=0.0)

    @property
    def variance(self) -> Tensor:
        return self.mean / (-self.logits).sigmoid()

    @lazy_property
    def _gamma(self) -> Gamma:
        return Gamma(concentration=self.total_count, rate=(-self.logits).exp(), validate_args=False)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            drawn: Tensor = torch.poisson(self._gamma.sample(sample_shape=sample_shape))
            return drawn

    def log_prob(self, value: Tensor) -> Tensor:
        self._checked(value)
        log_prob = self.total_count * logsigmoid(-self.logits) + value * logsigmoid(self.logits)
        ways = (1.0 + value).lgamma() + self.total_count.lgamma() - (self.total_count + value).lgamma()
        return log_prob - ways.masked_fill(self.total_count + value == 0.0, 0.0)

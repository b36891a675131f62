"""The binomial distribution: successes in a number of trials."""

from __future__ import annotations

from typing import Any

import gradviz as torch
from gradviz.core.mode import no_grad
from gradviz.core.tensor import Tensor

from . import constraints
from .distribution import Distribution
from .utils import ProbsOrLogits, broadcast_all


class Binomial(ProbsOrLogits, Distribution):
    """How many of `total_count` trials succeed, each with chance `probs`; `logits` are the log odds.

    https://docs.pytorch.org/docs/2.13/distributions.html#torch.distributions.binomial.Binomial
    """

    arg_constraints = {
        "total_count": constraints.nonnegative_integer,
        "probs": constraints.unit_interval,
        "logits": constraints.real,
    }
    has_enumerate_support = True
    _batched = {"total_count": 0, "probs": 0, "logits": 0}
    _copied = ("_given",)

    def __init__(
        self, total_count: Any = 1, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        given = self._choose(probs, logits)
        total, given = broadcast_all(total_count, given)
        setattr(self, self._given, given)
        self.total_count = total.type_as(given)
        super().__init__(given.size(), validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Any:
        return constraints.integer_interval(0, self.total_count)

    @property
    def mean(self) -> Tensor:
        return self.total_count * self.probs

    @property
    def mode(self) -> Tensor:
        return ((self.total_count + 1) * self.probs).floor().clamp(max=self.total_count)

    @property
    def variance(self) -> Tensor:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        with no_grad():
            drawn: Tensor = torch.binomial(self.total_count.expand(shape), self.probs.expand(shape))
            return drawn

    def log_prob(self, value: Tensor) -> Tensor:
        self._checked(value)
        ways = (self.total_count + 1).lgamma() - (value + 1).lgamma() - (self.total_count - value + 1).lgamma()
        # log(1 + exp(logits)) without overflow
        softplus = self.logits.clamp(min=0) + (-self.logits.abs()).exp().log1p()
        return ways + value * self.logits - self.total_count * softplus

    def entropy(self) -> Tensor:
        total = int(self.total_count.max())
        if not self.total_count.min() == total:
            raise NotImplementedError("Inhomogeneous total count not supported by `entropy`.")
        log_prob = self.log_prob(self.enumerate_support(False))
        return -(log_prob.exp() * log_prob).sum(0)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        total = int(self.total_count.max())
        if not self.total_count.min() == total:
            raise NotImplementedError("Inhomogeneous total count not supported by `enumerate_support`.")
        return self._all_values(torch.arange(1 + total, dtype=self._param.dtype, device=self._param.device), expand)

"""The geometric distribution: failures before the first success."""

from __future__ import annotations

from typing import Any

import gradviz as torch
from gradviz.core.mode import no_grad
from gradviz.core.tensor import Tensor
from gradviz.nn.functional import binary_cross_entropy_with_logits

from . import constraints
from .distribution import Distribution
from .utils import ProbsOrLogits, broadcast_all


class Geometric(ProbsOrLogits, Distribution):
    """How many trials fail before one succeeds, each with chance `probs`; `logits` are the log odds.

    https://docs.pytorch.org/docs/2.13/distributions.html#torch.distributions.geometric.Geometric
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.nonnegative_integer
    _batched = {"probs": 0, "logits": 0}
    _copied = ("_given",)

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        given = self._choose(probs, logits)
        setattr(self, self._given, broadcast_all(given)[0])
        super().__init__(self._param.size(), validate_args=validate_args)
        if self._validate_args and probs is not None:
            value = self.probs
            positive = value > 0
            if not positive.all():
                wrong = value.data[~positive]
                raise ValueError(
                    f"Expected parameter probs ({type(value).__name__} of shape {tuple(value.shape)}) of distribution "
                    f"{self!r} to be positive but found invalid values:\n{wrong}"
                )

    @property
    def mean(self) -> Tensor:
        return 1.0 / self.probs - 1.0

    @property
    def mode(self) -> Tensor:
        made: Tensor = torch.zeros_like(self.probs)
        return made

    @property
    def variance(self) -> Tensor:
        return (1.0 / self.probs - 1.0) / self.probs

    def sample(self, sample_shape: Any = ()) -> Tensor:
        shape, tiny = self._extended_shape(sample_shape), torch.finfo(self.probs.dtype).tiny
        with no_grad():
            unit = self.probs.new_empty(shape).uniform_(tiny, 1)
            return (unit.log() / (-self.probs).log1p()).floor()

    def log_prob(self, value: Tensor) -> Tensor:
        self._checked(value)
        value, probs = broadcast_all(value, self.probs)
        probs = probs.clone(memory_format=torch.contiguous_format)
        probs[(probs == 1) & value.eq(0)] = 0
        return value * (-probs).log1p() + self.probs.log()

    def entropy(self) -> Tensor:
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none") / self.probs

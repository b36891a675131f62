"""The half of a distribution that is symmetric about 0: what HalfNormal and HalfCauchy share."""

from __future__ import annotations

import math
from typing import Any

import gradviz as torch
from gradviz.core.tensor import Tensor

from . import constraints
from .distribution import Distribution
from .transformed_distribution import TransformedDistribution
from .transforms import AbsTransform


class Half(TransformedDistribution):
    """|x| of an x whose distribution is symmetric about 0: twice its density where x is not negative, 0 elsewhere."""

    arg_constraints = {"scale": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True
    base_dist: Any

    def __init__(self, whole: Distribution, validate_args: bool | None) -> None:
        super().__init__(whole, AbsTransform(), validate_args=validate_args)

    @property
    def scale(self) -> Tensor:
        scale: Tensor = self.base_dist.scale
        return scale

    @property
    def mode(self) -> Tensor:
        made: Tensor = torch.zeros_like(self.scale)
        return made

    def log_prob(self, value: Tensor) -> Tensor:
        self._checked(value)
        made: Tensor = torch.where(value >= 0, self.base_dist.log_prob(value) + math.log(2), -math.inf)
        return made

    def cdf(self, value: Tensor) -> Tensor:
        self._checked(value)
        made: Tensor = 2 * self.base_dist.cdf(value) - 1
        return made

    def icdf(self, value: Tensor) -> Tensor:
        made: Tensor = self.base_dist.icdf((value + 1) / 2)
        return made

    def entropy(self) -> Tensor:
        made: Tensor = self.base_dist.entropy() - math.log(2)
        return made

"""The half of a Cauchy distribution."""

from __future__ import annotations

import math
from typing import Any

import gradviz as torch
from gradviz.core.tensor import Tensor

from .cauchy import Cauchy
from .half import Half


class HalfCauchy(Half):
    """|x| of x ~ Cauchy(0, scale).

    https://docs.pytorch.org/docs/2.13/distributions.html#torch.distributions.half_cauchy.HalfCauchy
    """

    _batched: dict[str, int] = {}

    def __init__(self, scale: Any, validate_args: bool | None = None) -> None:
        super().__init__(Cauchy(0, scale, validate_args=False), validate_args)

    @property
    def mean(self) -> Tensor:
        made: Tensor = torch.full(self._extended_shape(), math.inf, dtype=self.scale.dtype, device=self.scale.device)
        return made

    @property
    def variance(self) -> Tensor:
        made: Tensor = self.base_dist.variance
        return made

    def log_prob(self, value: Tensor) -> Tensor:
        self._checked(value)
        return super().log_prob(torch.as_tensor(value, dtype=self.scale.dtype, device=self.scale.device))

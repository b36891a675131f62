"""The half of a normal distribution."""

from __future__ import annotations

import math
from typing import Any

from gradviz.core.tensor import Tensor

from .half import Half
from .normal import Normal


class HalfNormal(Half):
    """|x| of x ~ Normal(0, scale).

    https://docs.pytorch.org/docs/2.13/distributions.html#torch.distributions.half_normal.HalfNormal
    """

    _batched: dict[str, int] = {}

    def __init__(self, scale: Any, validate_args: bool | None = None) -> None:
        super().__init__(Normal(0, scale, validate_args=False), validate_args)

    @property
    def mean(self) -> Tensor:
        return self.scale * math.sqrt(2 / math.pi)

    @property
    def variance(self) -> Tensor:
        return self.scale.pow(2) * (1 - 2 / math.pi)

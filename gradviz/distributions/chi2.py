"""The chi-squared distribution."""

from __future__ import annotations

from typing import Any

from gradviz.core.tensor import Tensor

from . import constraints
from .gamma import Gamma


class Chi2(Gamma):
    """The sum of the squares of `df` standard normal numbers: Gamma(df / 2, 1 / 2).

    https://docs.pytorch.org/docs/2.13/distributions.html#torch.distributions.chi2.Chi2
    """

    arg_constraints = {"df": constraints.positive}
    _batched = {"concentration": 0, "rate": 0}

    def __init__(self, df: Any, validate_args: bool | None = None) -> None:
        super().__init__(0.5 * df, 0.5, validate_args=validate_args)

    @property
    def df(self) -> Tensor:
        return self.concentration * 2

"""What losses share: how they are reduced, a weight for each class, a margin (see loss.py and loss_margin.py)."""

from __future__ import annotations

from typing import Any

from gradviz.core.tensor import Tensor

from ..functional.checks import legacy
from .module import Module


class _Loss(Module):
    """A loss with a `reduction`: "mean", "sum" or "none"."""

    def __init__(self, size_average: Any = None, reduce: Any = None, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction = legacy(size_average, reduce, reduction)


class _MarginLoss(_Loss):
    """A loss with a `margin`: how much better the right answer must be than a wrong one to cost nothing."""

    def __init__(
        self, margin: float = 0.0, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
    ) -> None:  # fmt: skip
        super().__init__(size_average, reduce, reduction)
        self.margin = margin


class _WeightedLoss(_Loss):
    """A loss with a weight for each class, or for each element."""

    def __init__(
        self, weight: Tensor | None = None, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
    ) -> None:  # fmt: skip
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)

"""The last step of a loss: each element's loss as it is, their mean, or their sum."""

from __future__ import annotations

import math
from typing import Any

# As PyTorch's own functions number them.
REDUCTION = {"none": 0, "mean": 1, "sum": 2}


def total(each: Any, reduction: int) -> Any:
    """All elements of a Tensor, their mean, or their sum, recorded."""
    return each if reduction == 0 else each.mean() if reduction == 1 else each.sum()


def reduced(each: Any, reduction: str) -> Any:
    """All elements of an array, their sum, or their mean; the mean of nothing is NaN."""
    if reduction == "none":
        return each
    total = each.sum()
    return total if reduction == "sum" else total / (each.size or float("nan"))


def share(g: Any, x: Any, reduction: str) -> Any:
    """What one element of the loss receives: a mean gives each element an equal part."""
    if reduction != "mean":
        return g
    count = math.prod(x.shape)
    return g / count if count else g

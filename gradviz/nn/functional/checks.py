"""Reading arguments of layers: reductions, and arguments that are refused by name."""

from __future__ import annotations

import warnings
from typing import Any

from gradviz.core.errors import noted
from gradviz.core.ops.helpers import constants as constants
from gradviz.core.ops.losses.reduction import REDUCTION


def one_of(function: str, name: str, value: Any, supported: tuple[Any, ...]) -> None:
    """NotImplementedError naming an argument whose value is not supported."""
    if not any(value is s or value == s for s in supported):
        allowed = " or ".join(repr(s) for s in supported)
        raise NotImplementedError(f"{function}(): argument '{name}'={value!r} is not supported, only {allowed}")


def legacy(size_average: bool | None, reduce: bool | None, reduction: str) -> str:
    """The reduction that the two older arguments mean, with a warning; `reduction` where neither is given."""
    if size_average is None and reduce is None:
        return reduction
    meant = "none" if reduce is not None and not reduce else "mean" if size_average is None or size_average else "sum"
    warnings.warn(
        f"size_average and reduce args will be deprecated, please use reduction='{meant}' instead.", stacklevel=3
    )
    return meant


def check_reduction(reduction: str) -> str:
    """The reduction, if it is one."""
    if reduction == "elementwise_mean":
        warnings.warn("reduction='elementwise_mean' is deprecated. Please use reduction='mean' instead.", stacklevel=3)
        return "mean"
    if reduction not in REDUCTION:
        raise noted(ValueError(f"{reduction} is not a valid value for reduction\nIt is one of {', '.join(REDUCTION)}."))
    return reduction


def number_of(size_average: bool | None, reduce: bool | None, reduction: str) -> int:
    """The reduction as the functions of `torch` itself number it: 0 for none, 1 for mean, 2 for sum."""
    return REDUCTION[check_reduction(legacy(size_average, reduce, reduction))]


def probability(p: float) -> float:
    """A dropout probability."""
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    return p

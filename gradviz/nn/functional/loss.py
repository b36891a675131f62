"""Losses of numbers: how far they are from the right ones, or how unlikely those are."""

from __future__ import annotations

import math
import warnings
from typing import Any

from gradviz.core import errors
from gradviz.core.autocast import listed
from gradviz.core.op import FUNCTIONS
from gradviz.core.ops.elements.with_numbers import raised
from gradviz.core.ops.losses import composed_losses as ranking
from gradviz.core.ops.losses import loss as ops
from gradviz.core.ops.losses.reduction import REDUCTION, total
from gradviz.core.tensor import Tensor

from .checks import check_reduction, legacy, number_of


# -- distances -----------------------------------------------------------------------------------------------------
def _same_size(input: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Both broadcast to a common shape, with a warning if that changes anything: it is seldom meant."""
    if target._array.shape == input._array.shape:
        return input, target
    warnings.warn(
        f"Using a target size ({target.size()}) that is different to the input size ({input.size()}). "
        "This will likely lead to incorrect results due to broadcasting. Please ensure they have the same size.",
        stacklevel=4,
    )
    both: tuple[Tensor, Tensor] = FUNCTIONS["broadcast_tensors"](input, target)
    return both


def _reduce(each: Tensor, reduction: str) -> Tensor:
    """All elements, their mean or their sum."""
    return total(each, REDUCTION[reduction])  # type: ignore[no-any-return]


def _weighted(each: Tensor, weight: Tensor, input: Tensor, reduction: str) -> Tensor:
    if weight.size() != input.size():
        raise ValueError("Weights and input must have the same size.")
    each = each * weight
    return each.sum() / weight.sum() if reduction == "mean" else _reduce(each, reduction)


@listed
def mse_loss(
    input: Tensor, target: Tensor, size_average: Any = None, reduce: Any = None, reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """The mean of the squared differences."""
    reduction = legacy(size_average, reduce, reduction)
    x, t = _same_size(input, target)
    reduction = check_reduction(reduction)
    if weight is not None:
        return _weighted((x - t).pow(2), weight, input, reduction)
    return ops.mse_loss.call(x, t, reduction=reduction)


@listed
def l1_loss(
    input: Tensor, target: Tensor, size_average: Any = None, reduce: Any = None, reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """The mean of the absolute differences."""
    reduction = legacy(size_average, reduce, reduction)
    x, t = _same_size(input, target)
    reduction = check_reduction(reduction)
    if weight is not None:
        return _weighted((x - t).abs(), weight, input, reduction)
    return _reduce((x - t).abs(), reduction)


@listed
def smooth_l1_loss(
    input: Tensor, target: Tensor, size_average: Any = None, reduce: Any = None, reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:  # fmt: skip
    """Squared differences below `beta`, absolute ones above: `d^2 / (2 beta)` or `d - beta / 2`."""
    reduction = legacy(size_average, reduce, reduction)
    x, t = _same_size(input, target)
    reduction = check_reduction(reduction)
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    if beta == 0:
        return _reduce((x - t).abs(), reduction)
    return ops.smooth_l1_loss.call(x, t, reduction=reduction, beta=beta)


@listed
def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Tensor:  # fmt: skip
    """Squared differences up to `delta`, absolute ones above: `d^2 / 2` or `delta (d - delta / 2)`."""
    x, t = _same_size(input, target)
    reduction = check_reduction(reduction)
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    if weight is None:
        return ops.huber_loss.call(x, t, reduction=reduction, delta=delta)
    if weight.size() != input.size():
        raise ValueError("Weights and input must have the same size.")
    return _reduce(ops.huber_loss.call(x, t, reduction="none", delta=delta) * weight, reduction)


# -- distributions -------------------------------------------------------------------------------------------------
def kl_div(
    input: Tensor, target: Tensor, size_average: Any = None, reduce: Any = None, reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:  # fmt: skip
    """How far log-probabilities `input` are from probabilities `target` (their logarithms with `log_target`)."""
    given = size_average is None and reduce is None
    if given and reduction == "mean":
        warnings.warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support size."
            "'batchmean' divides only by the batch size, and aligns with the KL div math definition."
            "'mean' will be changed to behave the same as 'batchmean' in the next major release.",
            stacklevel=2,
        )
    batch = given and reduction == "batchmean"
    number = number_of(size_average, reduce, "sum" if batch else reduction)
    out = ranking.kl_div(input, target, number, log_target=log_target)
    return out / input.shape[0] if batch and input.ndim else out


def poisson_nll_loss(
    input: Tensor, target: Tensor, log_input: bool = True, full: bool = False, size_average: Any = None,
    eps: float = 1e-8, reduce: Any = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """How unlikely counts `target` are at the rate `input`, or at exp(input) with `log_input`."""
    return ranking.poisson_nll_loss(input, target, log_input, full, eps, number_of(size_average, reduce, reduction))


def gaussian_nll_loss(
    input: Tensor, target: Tensor, var: Tensor | float, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Tensor:
    """How unlikely `target` is under normal distributions of mean `input` and variance `var`, at least `eps`.

    `full` adds the constant log(2 pi) / 2. Nix and Weigend, 1994.
    """
    spread = _variance(var, input)
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not valid")
    spread = raised.call(spread, least=eps)
    each = 0.5 * (spread.log() + (input - target) ** 2 / spread)
    if full:
        each = each + 0.5 * math.log(2 * math.pi)
    return _reduce(each, reduction)


def _variance(var: Any, input: Tensor) -> Tensor:
    """A variance for each number, or for each row."""
    if isinstance(var, float):
        negative = var < 0
        var = var * FUNCTIONS["ones_like"](input)
    else:
        negative = bool(FUNCTIONS["any"](var < 0))
    if negative:
        raise ValueError("var has negative entry/entries")
    if var.dtype.category < 2:
        raise RuntimeError(f"result type Float can't be cast to the desired output type {errors.c_name(var.dtype)}")
    have, want = tuple(var.shape), tuple(input.shape)
    if have == want:
        return var  # type: ignore[no-any-return]
    if want[:-1] == have:
        return var.unsqueeze(-1)  # type: ignore[no-any-return]
    # One dimension may differ, where the variance has size 1 and so is shared.
    if len(have) == len(want) and sum(b for a, b in zip(want, have, strict=True) if a != b) == 1:
        return var  # type: ignore[no-any-return]
    raise ValueError("var is of incorrect size")

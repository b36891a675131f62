"""Losses that ask for margins: of scores above other scores, of distances above other distances."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradviz.core.autocast import listed
from gradviz.core.errors import noted
from gradviz.core.op import FUNCTIONS
from gradviz.core.ops.losses import composed_losses as ranking
from gradviz.core.ops.losses import ctc_loss as ctc
from gradviz.core.ops.losses import margin_losses as margin
from gradviz.core.ops.losses.reduction import REDUCTION, total
from gradviz.core.ops.reductions.similarity import pairwise_distance
from gradviz.core.tensor import Tensor

from .activation import logsigmoid
from .checks import check_reduction, constants, legacy, number_of


# -- pairs and triplets --------------------------------------------------------------------------------------------
def hinge_embedding_loss(
    input: Tensor, target: Tensor, margin: float = 1.0, size_average: Any = None, reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """Distances `x` of pairs that belong together (target 1); `max(0, margin - x)` of those that do not (-1)."""
    return ranking.hinge_embedding_loss(input, target, margin, number_of(size_average, reduce, reduction))


def margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, size_average: Any = None, reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """`max(0, -t (x1 - x2) + margin)`: where t is 1 the first should be larger, where it is -1 the second."""
    number = number_of(size_average, reduce, reduction)
    if not input1.ndim == input2.ndim == target.ndim:
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: input1: "
            f"{input1.size()}, input2: {input2.size()}, target: {target.size()} "
        )
    return ranking.margin_ranking_loss(input1, input2, target, margin, number)


def cosine_embedding_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, size_average: Any = None, reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """`1 - cos` of pairs that belong together (target 1); `max(0, cos - margin)` of those that do not (-1)."""
    number = number_of(size_average, reduce, reduction)
    return ranking.cosine_embedding_loss(input1, input2, target, margin, number)


def _positive(margin: float) -> None:
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")


def triplet_margin_loss(
    anchor: Tensor, positive: Tensor, negative: Tensor, margin: float = 1.0, p: float = 2, eps: float = 1e-6,
    swap: bool = False, size_average: Any = None, reduce: Any = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """`max(0, margin + |a - p| - |a - n|)`; with `swap` the negative's distance is the smaller of those to a and p."""
    number = number_of(size_average, reduce, reduction)
    _positive(margin)
    return ranking.triplet_margin_loss(anchor, positive, negative, margin, p, eps, swap, number)


def triplet_margin_with_distance_loss(
    anchor: Tensor, positive: Tensor, negative: Tensor, *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None, margin: float = 1.0, swap: bool = False,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """`triplet_margin_loss` with distances of your own; `pairwise_distance` where none are given."""
    if reduction not in REDUCTION:
        raise ValueError(f"{reduction} is not a valid value for reduction")
    _positive(margin)
    ranking.check_triplet(anchor, positive, negative)
    distance = pairwise_distance if distance_function is None else distance_function
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = FUNCTIONS["minimum"](far, distance(positive, negative))
    return total((margin + near - far).clamp_min(0), REDUCTION[reduction])  # type: ignore[no-any-return]


# -- scores --------------------------------------------------------------------------------------------------------
@listed
def soft_margin_loss(
    input: Tensor, target: Tensor, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
) -> Tensor:
    """log(1 + exp(-t x)) for targets t of -1 and 1."""
    reduction = check_reduction(legacy(size_average, reduce, reduction))
    constants("soft_margin_loss", target=target)
    return margin.soft_margin_loss.call(input, target, reduction=reduction)


@listed
def multi_margin_loss(
    input: Tensor, target: Tensor, p: int = 1, margin: float = 1.0, weight: Tensor | None = None,
    size_average: Any = None, reduce: Any = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """The mean over wrong classes j of `max(0, margin - x[right] + x[j]) ** p`; `weight` is one number a class."""
    reduction = check_reduction(legacy(size_average, reduce, reduction))
    if p not in (1, 2):
        raise noted(ValueError(f"only p == 1 and p == 2 supported\np is {p}."))
    if weight is not None and weight.ndim != 1:
        raise noted(ValueError(f"weight must be one-dimensional\nIts shape is {tuple(weight.shape)}."))
    constants("multi_margin_loss", weight=weight)
    return _multi_margin.call(input, target, weight, p=p, margin=margin, reduction=reduction)


_multi_margin, _multilabel_margin = margin.multi_margin_loss, margin.multilabel_margin_loss


@listed
def multilabel_margin_loss(
    input: Tensor, target: Tensor, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
) -> Tensor:
    """The sum over right classes i and wrong classes j of `max(0, 1 - (x[i] - x[j]))`, divided by their number.

    A row of `target` lists the right classes; -1 ends the list.
    """
    reduction = check_reduction(legacy(size_average, reduce, reduction))
    return _multilabel_margin.call(input, target, reduction=reduction)


def multilabel_soft_margin_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: Any = None, reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """The mean over classes of the binary cross entropies of sigmoid(input); `target` holds 0 and 1."""
    reduction = legacy(size_average, reduce, reduction)
    each = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    if weight is not None:
        each = each * weight
    rows = each.sum(input.ndim - 1) / input.shape[-1]
    if reduction not in REDUCTION:
        raise ValueError(f"{reduction} is not valid")
    return total(rows, REDUCTION[reduction])  # type: ignore[no-any-return]


# -- sequences -----------------------------------------------------------------------------------------------------
def ctc_loss(
    log_probs: Tensor, targets: Tensor, input_lengths: Any, target_lengths: Any, blank: int = 0,
    reduction: str = "mean", zero_infinity: bool = False,
) -> Tensor:  # fmt: skip
    """The negative log-probability of label sequences under log-probabilities (time, samples, labels).

    Connectionist temporal classification (Graves et al., 2006): label `blank` may be read between any two others.
    """
    number = REDUCTION[check_reduction(reduction)]
    return ctc.ctc_loss(log_probs, targets, input_lengths, target_lengths, blank, number, zero_infinity)

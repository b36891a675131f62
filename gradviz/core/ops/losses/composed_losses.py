"""Losses put together from other operations, as PyTorch does it: of pairs, of triplets, and of counts.

These are functions of `torch` itself, where `reduction` is a number: 0 for each element, 1 for the mean, 2 for the sum.
"""

from __future__ import annotations

import math
from typing import Any

from ...errors import noted
from ...op import FUNCTIONS, OPS, function
from ...tensor import Tensor
from ..elements.with_numbers import add_scalar, mul_scalar, sub_scalar
from ..reductions.similarity import pairwise_distance
from .reduction import REDUCTION, total


def _less(number: float, x: Tensor) -> Tensor:
    """`number - x`, as a subtraction whose first operand is a number."""
    return OPS["sub"].call(number, x)


def _only(condition: Tensor, x: Tensor) -> Tensor:
    """`x` where the condition holds, 0 elsewhere."""
    return FUNCTIONS["where"](condition, x, FUNCTIONS["zeros_like"](x))  # type: ignore[no-any-return]


# -- pairs ---------------------------------------------------------------------------------------------------------
@function(method=False)
def hinge_embedding_loss(input: Tensor, target: Tensor, margin: float = 1.0, reduction: int = 0) -> Tensor:
    """`x` where the target is 1, `max(0, margin - x)` where it is -1."""
    far = _only(FUNCTIONS["ne"](target, 1), _less(margin, input).clamp_min(0))
    near = _only(FUNCTIONS["ne"](target, -1), input)
    return total(far + near, reduction)  # type: ignore[no-any-return]


@function(method=False)
def margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: int = 0
) -> Tensor:
    """`max(0, -t (x1 - x2) + margin)`: where t is 1 the first should be larger, where it is -1 the second."""
    wrong = add_scalar.call(-target * (input1 - input2), margin)
    return total(wrong.clamp_min(0), reduction)  # type: ignore[no-any-return]


@function(method=False)
def cosine_embedding_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: int = 0
) -> Tensor:
    """`1 - cos` where the target is 1, `max(0, cos - margin)` where it is -1."""
    if target.ndim > 1:
        raise noted(
            RuntimeError(
                "0D or 1D target tensor expected, multi-target not supported\n"
                f"One target, 1 or -1, for each pair of vectors; the targets have shape {tuple(target.shape)}."
            )
        )
    if target.ndim == 1 and (input1.ndim != 2 or input2.ndim != 2):
        raise RuntimeError(
            "1D target tensor expects 2D input tensors, but found inputs with sizes "
            f"{list(input1.shape)} and {list(input2.shape)}."
        )
    if target.ndim == 0 and (input1.ndim != 1 or input2.ndim != 1):
        raise RuntimeError(
            "0D target tensor expects 1D input tensors, but found inputs with sizes "
            f"{list(input1.shape)} and {list(input2.shape)}."
        )
    dim = target.ndim
    products = (input1 * input2).sum(dim)
    lengths = [add_scalar.call((x * x).sum(dim), 1e-12) for x in (input1, input2)]
    cosine = products / (lengths[0] * lengths[1]).sqrt()
    near = _only(FUNCTIONS["eq"](target, 1), _less(1.0, cosine))
    far = _only(FUNCTIONS["eq"](target, -1), sub_scalar.call(cosine, margin).clamp_min(0))
    return total(near + far, reduction)  # type: ignore[no-any-return]


# -- triplets ------------------------------------------------------------------------------------------------------
def check_triplet(anchor: Tensor, positive: Tensor, negative: Tensor) -> None:
    """RuntimeError unless the three have as many dimensions."""
    a, p, n = anchor.ndim, positive.ndim, negative.ndim
    if not a == p == n:
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: "
            f"anchor {a}D, positive {p}D, and negative {n}D inputs"
        )


@function(method=False)
def triplet_margin_loss(
    anchor: Tensor, positive: Tensor, negative: Tensor, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6,
    swap: bool = False, reduction: int = 0,
) -> Tensor:  # fmt: skip
    """`max(0, margin + |a - p| - |a - n|)`; with `swap` the negative's distance is the smaller of those to a and p."""
    check_triplet(anchor, positive, negative)
    near, far = (pairwise_distance(anchor, x, p, eps) for x in (positive, negative))
    if swap:
        far = FUNCTIONS["minimum"](far, pairwise_distance(positive, negative, p, eps))
    return total((add_scalar.call(near, margin) - far).clamp_min(0), reduction)  # type: ignore[no-any-return]


# -- counts --------------------------------------------------------------------------------------------------------
@function(method=False)
def poisson_nll_loss(
    input: Tensor, target: Tensor, log_input: bool, full: bool, eps: float, reduction: int
) -> Tensor:  # fmt: skip
    """`rate - target log(rate)` for counts; `input` is the rate or, with `log_input`, its logarithm.

    `full` adds Stirling's approximation of log(target!), for targets above 1.
    """
    if log_input:
        loss = input.exp() - target * input
    else:
        loss = input - target * add_scalar.call(input, eps).log()
    if full:
        half = mul_scalar.call(mul_scalar.call(target, 2 * math.pi).log(), 0.5)
        stirling = target * target.log() - target + half
        loss = loss + stirling.masked_fill(target <= 1, 0)
    return total(loss, reduction)  # type: ignore[no-any-return]


# -- distributions -------------------------------------------------------------------------------------------------
@function(method=False)
def kl_div(input: Tensor, target: Tensor, reduction: int = 0, *, log_target: bool = False) -> Tensor:
    """How far log-probabilities `input` are from probabilities `target` (their logarithms with `log_target`)."""
    for x in (input, target):
        if x.dtype.category < 2:
            raise noted(RuntimeError("kl_div: Integral inputs not supported.\nConvert them first: x.float()."))
        if x.dtype.category > 2:
            raise noted(RuntimeError("kl_div: Complex inputs not supported.\nProbabilities are real numbers."))
    if log_target:
        each: Any = target.exp() * (target - input)
    else:
        each = FUNCTIONS["xlogy"](target, target) - target * input
    return total(each, reduction)  # type: ignore[no-any-return]


@function(method=False)
def binary_cross_entropy_with_logits(
    input: Tensor, target: Tensor, weight: Tensor | None = None, pos_weight: Tensor | None = None, reduction: int = 0
) -> Tensor:
    """Binary cross entropy of sigmoid(input), from the scores themselves; `pos_weight` scales the positive cases."""
    names = {number: name for name, number in REDUCTION.items()}
    call = OPS["binary_cross_entropy_with_logits"].call
    return call(input, target, weight, pos_weight, reduction=names[reduction])

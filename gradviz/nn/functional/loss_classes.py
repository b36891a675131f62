"""Losses of classes: how unlikely the right ones are under the scores or probabilities given."""

from __future__ import annotations

import math
from typing import Any

from gradviz.core import errors
from gradviz.core.autocast import listed
from gradviz.core.errors import no_kernel, noted
from gradviz.core.op import FUNCTIONS
from gradviz.core.ops.elements.with_numbers import div_scalar, mul_scalar
from gradviz.core.ops.losses import loss as ops
from gradviz.core.ops.losses import nll_loss as class_ops
from gradviz.core.tensor import Tensor

from .checks import check_reduction, constants, legacy, one_of
from .linear import linear


# -- two classes ---------------------------------------------------------------------------------------------------
@listed
def binary_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: Any = None, reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """`-(t log x + (1 - t) log(1 - x))` for probabilities x."""
    reduction = legacy(size_average, reduce, reduction)
    reduction = check_reduction(reduction)
    if target.size() != input.size():
        raise ValueError(
            f"Using a target size ({target.size()}) that is different to the input size ({input.size()}) is "
            "deprecated. Please ensure they have the same size."
        )
    if target.dtype is not input.dtype:
        names = errors.scalar_type(target.dtype), errors.scalar_type(input.dtype)
        raise noted(
            RuntimeError(f"Found dtype {names[0]} but expected {names[1]}\nConvert the target: target.to(input.dtype).")
        )
    constants("binary_cross_entropy", weight=weight)
    return ops.binary_cross_entropy.call(input, target, weight, reduction=reduction)


@listed
def binary_cross_entropy_with_logits(
    input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: Any = None, reduce: Any = None,
    reduction: str = "mean", pos_weight: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Binary cross entropy of sigmoid(input), from the scores themselves; `pos_weight` scales the positive cases."""
    reduction = legacy(size_average, reduce, reduction)
    reduction = check_reduction(reduction)
    if target.size() != input.size():
        raise ValueError(f"Target size ({target.size()}) must be the same as input size ({input.size()})")
    constants("binary_cross_entropy_with_logits", weight=weight, pos_weight=pos_weight)
    call = ops.binary_cross_entropy_with_logits.call
    return call(input, target, weight, pos_weight, reduction=reduction)


# -- many classes --------------------------------------------------------------------------------------------------
@listed
def nll_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: Any = None, ignore_index: int = -100,
    reduce: Any = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """`-input[n, target[n]]`: log-probabilities (N, C, ...) and class numbers (N, ...); `weight` is (C)."""
    reduction = legacy(size_average, reduce, reduction)
    reduction = check_reduction(reduction)
    have, want = input._array.shape, target._array.shape
    n = len(have)
    if n == 0:
        raise ValueError(f"Expected 1 or more dimensions (got {n})")
    if n == 1:
        if target.ndim == 1 and want != (1,):
            raise ValueError(f"For 1D input, 1D target must have size 1, but got target size: {want[0]}")
    elif not want or have[0] != want[0]:
        raise noted(
            ValueError(
                f"Expected input batch_size ({have[0]}) to match target batch_size ({want[0] if want else 0}).\n"
                f"The input has shape {have} and the target {want}: one target per row of the input."
            )
        )
    constants("nll_loss_forward" if n < 4 else "nll_loss2d_forward", weight=weight)
    if input.dtype.category < 2:
        kernel = "nll_loss_out_frame" if n < 3 else "nll_loss2d_forward_out_frame"
        raise no_kernel(kernel, input)
    settings = {"reduction": reduction, "ignore_index": ignore_index}
    if n <= 2:
        if target.ndim > 1:
            raise noted(
                RuntimeError(
                    "0D or 1D target tensor expected, multi-target not supported\n"
                    f"The input has shape {have}, the target {want}. Targets are class numbers: try "
                    "target.squeeze(1), or target.argmax(1) for one-hot rows."
                )
            )
        return class_ops.nll_loss.call(input, target, weight, **settings)  # type: ignore[no-any-return]
    if n == 4 and target.ndim != 3:
        raise RuntimeError(
            f"only batches of spatial targets supported (3D tensors) but got targets of dimension: {target.ndim}"
        )
    if n == 4 and want[1:] != have[2:]:
        raise RuntimeError(f"size mismatch (got input: {list(have)} , target: {list(want)}")
    if want[1:] != have[2:]:
        raise RuntimeError(f"Expected target size {[have[0], *have[2:]]}, got {list(want)}")
    if n == 4:
        return class_ops.nll_loss2d.call(input, target, weight, **settings)  # type: ignore[no-any-return]
    flat = input.contiguous().view(have[0], have[1], 1, -1), target.contiguous().view(want[0], 1, -1)
    out = class_ops.nll_loss2d.call(*flat, weight, **settings)
    return out.view(*want) if reduction == "none" else out  # type: ignore[no-any-return]


@listed
def cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: Any = None, ignore_index: int = -100,
    reduce: Any = None, reduction: str = "mean", label_smoothing: float = 0.0,
) -> Tensor:  # fmt: skip
    """The negative log-probability that softmax of the scores `input` (N, C, ...) gives to the right class.

    `target` holds class numbers (N, ...), or probabilities in the shape of the input. `label_smoothing` moves that part
    of each target to all classes evenly. https://docs.pytorch.org/docs/2.13/generated/torch.nn.CrossEntropyLoss.html
    """
    reduction = legacy(size_average, reduce, reduction)
    reduction = check_reduction(reduction)
    dim = 0 if input.ndim == 1 else 1
    if input._array.shape == target._array.shape:
        if not target.dtype.is_floating_point:
            raise noted(
                RuntimeError(
                    "Expected floating point type for target with class probabilities, got "
                    f"{errors.scalar_type(target.dtype)}\nA target in the shape of the input, {tuple(input.shape)}, "
                    "holds probabilities. Class numbers have no class dimension."
                )
            )
        if ignore_index >= 0:
            raise RuntimeError("ignore_index is not supported for floating point target")
        return _soft_targets(input, target, weight, reduction, label_smoothing, dim)
    if label_smoothing == 0:
        scores = FUNCTIONS["log_softmax"](input, dim)
        return nll_loss(scores, target, weight, ignore_index=ignore_index, reduction=reduction)
    return _smoothed(input, target, weight, ignore_index, reduction, label_smoothing, dim)


def _class_weights(weight: Tensor, ndim: int, dim: int) -> Tensor:
    return weight.view(*(-1 if i == dim else 1 for i in range(ndim)))  # type: ignore[no-any-return]


def _check_smoothing(amount: float) -> None:
    if not 0 <= amount <= 1:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {amount:g}")


def _soft_targets(
    input: Tensor, target: Tensor, weight: Tensor | None, reduction: str, smoothing: float, dim: int
) -> Tensor:  # fmt: skip
    """Every class contributes by its probability."""
    _check_smoothing(smoothing)
    scores = FUNCTIONS["log_softmax"](input, dim)
    classes = input.shape[dim]
    if smoothing > 0:
        target = mul_scalar.call(target, 1 - smoothing) + smoothing / classes
    each = scores * target
    if weight is not None:
        each = each * _class_weights(weight, input.ndim, dim)
    if reduction == "none":
        return -each.sum(dim)  # type: ignore[no-any-return]
    total = -each.sum()
    if reduction == "sum":
        return total  # type: ignore[no-any-return]
    return div_scalar.call(total, input.numel() / classes)


def _smoothed(
    input: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, reduction: str, smoothing: float, dim: int
) -> Tensor:  # fmt: skip
    """The loss of the right class, and a part of the loss that all classes would have."""
    _check_smoothing(smoothing)
    scores = FUNCTIONS["log_softmax"](input, dim)
    right = nll_loss(scores, target, weight, ignore_index=ignore_index, reduction=reduction)
    every = scores if weight is None else scores * _class_weights(weight, input.ndim, dim)
    ignored = FUNCTIONS["eq"](target, ignore_index)
    even = (-every.sum(dim)).masked_fill(ignored, 0.0)
    if reduction == "sum":
        even = even.sum()
    elif reduction == "mean":
        if weight is None:
            even = even.sum() / (target.numel() - ignored.sum())
        else:
            counted = weight[target.masked_fill(ignored, 0)].masked_fill(ignored, 0.0)
            even = even.sum() / counted.sum()
    share = smoothing / input.shape[dim]
    return mul_scalar.call(right, 1 - smoothing) + mul_scalar.call(even, share)


# -- classes of a linear layer -------------------------------------------------------------------------------------
def linear_cross_entropy(
    input: Tensor, linear_weight: Tensor, target: Tensor, *, linear_bias: Tensor | None = None,
    weight: Tensor | None = None, reduction: str = "mean", ignore_index: int | None = None,
    label_smoothing: float = 0.0, options: Any = None,
) -> Tensor:  # fmt: skip
    """`cross_entropy` of `linear(input, linear_weight, linear_bias)`: (N, in) with weights (classes, ..., in)."""
    one_of("linear_cross_entropy", "options", options, (None,))
    shape = _scores_shape(input, linear_weight, linear_bias)
    if tuple(target.shape) == shape and ignore_index is not None:
        raise RuntimeError("ignore_index cannot be specified when target contains probabilities")
    rest, features = linear_weight.shape[1:-1], input.shape[-1]
    if rest:
        count = math.prod(linear_weight.shape[:-1])
        linear_weight = linear_weight.reshape(count, features)
        linear_bias = None if linear_bias is None else linear_bias.reshape(count)
    scores = linear(input, linear_weight, linear_bias).reshape(shape)
    return cross_entropy(
        scores, target, weight=weight, reduction=reduction, label_smoothing=label_smoothing,
        ignore_index=-100 if ignore_index is None else ignore_index,
    )  # fmt: skip


def _scores_shape(input: Tensor, weight: Tensor, bias: Tensor | None) -> tuple[int, ...]:
    """The shape of the scores; PyTorch's errors for shapes that do not fit."""
    if input.ndim not in (1, 2):
        raise RuntimeError(f"expected input with dimensionality 1 or 2, got {input.ndim}")
    if weight.ndim < 2:
        raise RuntimeError(f"expected linear_weight with dimensionality at least 2, got {weight.ndim}")
    batch, features = tuple(input.shape[:-1]), input.shape[-1]
    if features != weight.shape[-1]:
        raise RuntimeError(
            "expected equal input and linear_weight last dimensions (in_features), got "
            f"{features} and {weight.shape[-1]}, respectively"
        )
    outputs = tuple(weight.shape[:-1])
    if bias is not None and tuple(bias.shape) != outputs:
        raise RuntimeError(f"expected linear_bias shape {outputs}, got {tuple(bias.shape)}")
    if len(outputs) > 1 and not batch:
        raise RuntimeError(
            f"K-dimensional loss defined by linear_weight shape {tuple(weight.shape)} requires batched input, "
            f"(N, {features}), got unbatched input with shape {tuple(input.shape)}"
        )
    return (*batch, *outputs)

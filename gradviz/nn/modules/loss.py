"""Loss layers: how far an answer is from the right one."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from gradviz.core.tensor import Tensor

from .. import functional as F
from ..functional.checks import legacy, one_of
from .distance import PairwiseDistance
from .linear import Linear
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


# -- distances -----------------------------------------------------------------------------------------------------
class MSELoss(_Loss):
    """The mean of the squared differences. Shape: two of the same shape -> ().

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.MSELoss.html
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.mse_loss(input, target, reduction=self.reduction)


class L1Loss(_Loss):
    """The mean of the absolute differences."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.l1_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(_Loss):
    """Squared differences below `beta`, absolute ones above."""

    def __init__(
        self, size_average: Any = None, reduce: Any = None, reduction: str = "mean", beta: float = 1.0
    ) -> None:  # fmt: skip
        super().__init__(size_average, reduce, reduction)
        self.beta = beta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(_Loss):
    """Squared differences up to `delta`, absolute ones above."""

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        if not isinstance(delta, (float, int)):
            raise TypeError(f"delta must be a float or int, got: {type(delta)}")
        super().__init__(reduction=reduction)
        self.delta = delta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.huber_loss(input, target, reduction=self.reduction, delta=self.delta)


class KLDivLoss(_Loss):
    """How far log-probabilities are from probabilities."""

    def __init__(
        self, size_average: Any = None, reduce: Any = None, reduction: str = "mean", log_target: bool = False
    ) -> None:  # fmt: skip
        super().__init__(size_average, reduce, reduction)
        self.log_target = log_target

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.kl_div(input, target, reduction=self.reduction, log_target=self.log_target)


class PoissonNLLLoss(_Loss):
    """How unlikely counts are at a rate, or with `log_input` at the exponential of the input.

    `full` adds Stirling's approximation of log(target!). `eps` keeps log(0) away where the input is the rate itself.
    https://docs.pytorch.org/docs/2.13/generated/torch.nn.PoissonNLLLoss.html
    """

    def __init__(
        self, log_input: bool = True, full: bool = False, size_average: Any = None, eps: float = 1e-8,
        reduce: Any = None, reduction: str = "mean",
    ) -> None:  # fmt: skip
        super().__init__(size_average, reduce, reduction)
        self.log_input, self.full, self.eps = log_input, full, eps

    def forward(self, log_input: Tensor, target: Tensor) -> Tensor:
        return F.poisson_nll_loss(
            log_input, target, log_input=self.log_input, full=self.full, eps=self.eps, reduction=self.reduction
        )


class GaussianNLLLoss(_Loss):
    """How unlikely targets are under normal distributions of mean `input` and variance `var`, at least `eps`.

    `full` adds the constant log(2 pi) / 2. Nix and Weigend, 1994.
    https://docs.pytorch.org/docs/2.13/generated/torch.nn.GaussianNLLLoss.html
    """

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(None, None, reduction)
        self.full, self.eps = full, eps

    def forward(self, input: Tensor, target: Tensor, var: Tensor | float) -> Tensor:
        return F.gaussian_nll_loss(input, target, var, full=self.full, eps=self.eps, reduction=self.reduction)


# -- two classes ---------------------------------------------------------------------------------------------------
class BCELoss(_WeightedLoss):
    """Binary cross entropy of probabilities."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy(input, target, weight=self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(_Loss):
    """Binary cross entropy of sigmoid(input), from the scores themselves; `pos_weight` scales the positive cases."""

    def __init__(
        self, weight: Tensor | None = None, size_average: Any = None, reduce: Any = None, reduction: str = "mean",
        pos_weight: Tensor | None = None,
    ) -> None:  # fmt: skip
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(
            input, target, self.weight, pos_weight=self.pos_weight, reduction=self.reduction
        )


class SoftMarginLoss(_Loss):
    """`log(1 + exp(-target * input))` for targets 1 and -1.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.SoftMarginLoss.html
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.soft_margin_loss(input, target, reduction=self.reduction)


class HingeEmbeddingLoss(_MarginLoss):
    """The distance `input` where the target is 1; `max(0, margin - input)` where it is -1.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.HingeEmbeddingLoss.html
    """

    def __init__(
        self, margin: float = 1.0, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
    ) -> None:  # fmt: skip
        super().__init__(margin, size_average, reduce, reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.hinge_embedding_loss(input, target, margin=self.margin, reduction=self.reduction)


# -- many classes --------------------------------------------------------------------------------------------------
class NLLLoss(_WeightedLoss):
    """The negative log-probability of the right class. Shape: (N, C, ...) and (N, ...) -> ()."""

    def __init__(
        self, weight: Tensor | None = None, size_average: Any = None, ignore_index: int = -100, reduce: Any = None,
        reduction: str = "mean",
    ) -> None:  # fmt: skip
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.nll_loss(input, target, weight=self.weight, ignore_index=self.ignore_index, reduction=self.reduction)


class CrossEntropyLoss(_WeightedLoss):
    """The negative log-probability that softmax of the scores gives to the right class.

    Shape: scores (N, C, ...) and class numbers (N, ...), or probabilities (N, C, ...) -> ().
    https://docs.pytorch.org/docs/2.13/generated/torch.nn.CrossEntropyLoss.html
    """

    def __init__(
        self, weight: Tensor | None = None, size_average: Any = None, ignore_index: int = -100, reduce: Any = None,
        reduction: str = "mean", label_smoothing: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index, self.label_smoothing = ignore_index, label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(
            input, target, weight=self.weight, ignore_index=self.ignore_index, reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )  # fmt: skip


class LinearCrossEntropyLoss(_WeightedLoss):
    """CrossEntropyLoss of the scores of a Linear layer that the loss itself holds, under the name `linear`.

    With `out_features` there is a loss for each of them. `options`, which only saves PyTorch memory, is refused.
    Shape: (N, in_features) and class numbers (N, *out_features) -> ().
    https://docs.pytorch.org/docs/2.13/generated/torch.nn.LinearCrossEntropyLoss.html
    """

    def __init__(
        self, in_features: int, num_classes: int, *, out_features: tuple[int, ...] = (), bias: bool = False,
        device: Any = None, dtype: Any = None, reduction: str = "mean", weight: Tensor | None = None,
        ignore_index: int | None = None, label_smoothing: float = 0.0, options: Any = None,
    ) -> None:  # fmt: skip
        one_of("LinearCrossEntropyLoss", "options", options, (None,))
        if weight is not None and tuple(weight.shape) != (num_classes,):
            raise RuntimeError(f"expected weight shape to be {(num_classes,)}, got {tuple(weight.shape)}")
        if not 0 <= label_smoothing <= 1:
            raise RuntimeError(f"expected label_smoothing to be in range [0, 1], got {label_smoothing}")
        super().__init__(weight, reduction=reduction)
        self.num_classes, self.out_features, self.options = num_classes, out_features, options
        self.ignore_index, self.label_smoothing = ignore_index, label_smoothing
        outputs = math.prod(out_features, start=num_classes)
        self.linear = Linear(in_features, outputs, bias=bias, device=device, dtype=dtype)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        weight, bias = self.linear.weight, self.linear.bias
        outputs = (self.num_classes, *self.out_features)
        return F.linear_cross_entropy(
            input, weight.reshape((*outputs, self.linear.in_features)), target,
            linear_bias=None if bias is None else bias.reshape(outputs), weight=self.weight, reduction=self.reduction,
            ignore_index=self.ignore_index, label_smoothing=self.label_smoothing, options=self.options,
        )  # fmt: skip

    def extra_repr(self) -> str:
        shown = ("num_classes", "out_features", "reduction", "ignore_index", "label_smoothing", "options")
        parts = [f"in_features={self.linear.in_features}", *(f"{name}={getattr(self, name)}" for name in shown)]
        parts.insert(3, f"bias={self.linear.bias is not None}")
        return ", ".join(parts)


class MultiMarginLoss(_WeightedLoss):
    """The mean over the wrong classes of `max(0, margin - right score + wrong score) ** p`.

    Shape: scores (N, C) or (C) and class numbers (N) or () -> (). Raises ValueError for p other than 1 and 2.
    https://docs.pytorch.org/docs/2.13/generated/torch.nn.MultiMarginLoss.html
    """

    def __init__(
        self, p: int = 1, margin: float = 1.0, weight: Tensor | None = None, size_average: Any = None,
        reduce: Any = None, reduction: str = "mean",
    ) -> None:  # fmt: skip
        super().__init__(weight, size_average, reduce, reduction)
        if p not in (1, 2):
            raise ValueError("only p == 1 and p == 2 supported")
        if weight is not None and weight.ndim != 1:
            raise ValueError(f"MultiMarginLoss: expected weight to be None or 1D tensor, got {weight.ndim}D instead")
        self.p, self.margin = p, margin

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.multi_margin_loss(
            input, target, p=self.p, margin=self.margin, weight=self.weight, reduction=self.reduction
        )


# -- several right classes -----------------------------------------------------------------------------------------
class MultiLabelMarginLoss(_Loss):
    """How far wrong classes come within 1 of right ones; a row of the target lists the right classes up to a -1.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.MultiLabelMarginLoss.html
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.multilabel_margin_loss(input, target, reduction=self.reduction)


class MultiLabelSoftMarginLoss(_WeightedLoss):
    """Binary cross entropy of the scores of each class, averaged over the classes.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.MultiLabelSoftMarginLoss.html
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.multilabel_soft_margin_loss(input, target, weight=self.weight, reduction=self.reduction)


# -- pairs and triples ---------------------------------------------------------------------------------------------
class CosineEmbeddingLoss(_MarginLoss):
    """`1 - cos` for pairs with target 1; `max(0, cos - margin)` for pairs with target -1.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.CosineEmbeddingLoss.html
    """

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        return F.cosine_embedding_loss(input1, input2, target, margin=self.margin, reduction=self.reduction)


class MarginRankingLoss(_MarginLoss):
    """`max(0, margin - target * (input1 - input2))`: target 1 says that the first is the better one, -1 the second.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.MarginRankingLoss.html
    """

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        return F.margin_ranking_loss(input1, input2, target, margin=self.margin, reduction=self.reduction)


def _positive(name: str, margin: float) -> float:
    if margin <= 0:
        raise ValueError(f"{name}: expected margin to be greater than 0, got {margin} instead")
    return margin


class TripletMarginLoss(_MarginLoss):
    """`max(0, d(anchor, positive) - d(anchor, negative) + margin)` with the p-norm of the difference as distance.

    With `swap` the negative's distance from the positive counts where it is the smaller one. Balntas et al., 2016.
    https://docs.pytorch.org/docs/2.13/generated/torch.nn.TripletMarginLoss.html
    """

    def __init__(
        self, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6, swap: bool = False, size_average: Any = None,
        reduce: Any = None, reduction: str = "mean",
    ) -> None:  # fmt: skip
        super().__init__(_positive("TripletMarginLoss", margin), size_average, reduce, reduction)
        self.p, self.eps, self.swap = p, eps, swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        return F.triplet_margin_loss(
            anchor, positive, negative, margin=self.margin, p=self.p, eps=self.eps, swap=self.swap,
            reduction=self.reduction,
        )  # fmt: skip


class TripletMarginWithDistanceLoss(_MarginLoss):
    """TripletMarginLoss with any `distance_function` of two tensors; PairwiseDistance unless given.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.TripletMarginWithDistanceLoss.html
    """

    def __init__(
        self, *, distance_function: Callable[[Tensor, Tensor], Tensor] | None = None, margin: float = 1.0,
        swap: bool = False, reduction: str = "mean",
    ) -> None:  # fmt: skip
        super().__init__(_positive("TripletMarginWithDistanceLoss", margin), reduction=reduction)
        self.distance_function = PairwiseDistance() if distance_function is None else distance_function
        self.swap = swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        return F.triplet_margin_with_distance_loss(
            anchor, positive, negative, distance_function=self.distance_function, margin=self.margin, swap=self.swap,
            reduction=self.reduction,
        )  # fmt: skip


# -- sequences -----------------------------------------------------------------------------------------------------
class CTCLoss(_Loss):
    """The negative log-probability of a label sequence, over all its alignments to a longer sequence of predictions.

    Shape: log-probabilities (T, N, C), labels (N, S) or all of them in one row, their lengths (N) twice -> (). Class
    `blank` may be read between any two labels. `zero_infinity` forgives labels too long for their input. Graves et al.,
    2006. https://docs.pytorch.org/docs/2.13/generated/torch.nn.CTCLoss.html
    """

    def __init__(self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False) -> None:
        super().__init__(reduction=reduction)
        self.blank, self.zero_infinity = blank, zero_infinity

    def forward(self, log_probs: Tensor, targets: Tensor, input_lengths: Any, target_lengths: Any) -> Tensor:
        return F.ctc_loss(
            log_probs, targets, input_lengths, target_lengths, self.blank, self.reduction, self.zero_infinity
        )

"""Loss layers: how far an answer is from the right one."""

from __future__ import annotations

import math
from typing import Any

from gradviz.core.tensor import Tensor

from .. import functional as F
from ..functional.checks import one_of
from .linear import Linear
from .loss_base import _Loss, _WeightedLoss
from .loss_margin import CosineEmbeddingLoss as CosineEmbeddingLoss
from .loss_margin import HingeEmbeddingLoss as HingeEmbeddingLoss
from .loss_margin import MarginRankingLoss as MarginRankingLoss
from .loss_margin import MultiLabelMarginLoss as MultiLabelMarginLoss
from .loss_margin import MultiLabelSoftMarginLoss as MultiLabelSoftMarginLoss
from .loss_margin import MultiMarginLoss as MultiMarginLoss
from .loss_margin import SoftMarginLoss as SoftMarginLoss
from .loss_margin import TripletMarginLoss as TripletMarginLoss
from .loss_margin import TripletMarginWithDistanceLoss as TripletMarginWithDistanceLoss


# -- distances -----------------------------------------------------------------------------------------------------
class MSELoss(_Loss):
    """The mean of the squared differences. Shape: two of the same shape -> ().

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.MSELoss.html
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.mse_loss(input, target, reduction=self.reduction)


class L1Loss(_Loss):
    """The mean of the absolute differences. https://docs.pytorch.org/docs/2.13/generated/torch.nn.L1Loss.html"""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.l1_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(_Loss):
    """Squared differences below `beta`, absolute ones above.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.SmoothL1Loss.html
    """

    def __init__(
        self, size_average: Any = None, reduce: Any = None, reduction: str = "mean", beta: float = 1.0
    ) -> None:  # fmt: skip
        super().__init__(size_average, reduce, reduction)
        self.beta = beta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(_Loss):
    """Squared differences up to `delta`, absolute ones above.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.HuberLoss.html
    """

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        if not isinstance(delta, (float, int)):
            raise TypeError(f"delta must be a float or int, got: {type(delta)}")
        super().__init__(reduction=reduction)
        self.delta = delta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.huber_loss(input, target, reduction=self.reduction, delta=self.delta)


class KLDivLoss(_Loss):
    """How far log-probabilities are from probabilities.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.KLDivLoss.html
    """

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
    """Binary cross entropy of probabilities. https://docs.pytorch.org/docs/2.13/generated/torch.nn.BCELoss.html"""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy(input, target, weight=self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(_Loss):
    """Binary cross entropy of sigmoid(input), from the scores themselves; `pos_weight` scales the positive cases.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.BCEWithLogitsLoss.html
    """

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


# -- many classes --------------------------------------------------------------------------------------------------
class NLLLoss(_WeightedLoss):
    """The negative log-probability of the right class. Shape: (N, C, ...) and (N, ...) -> ().

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.NLLLoss.html
    """

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

"""Dropout layers: while training, some numbers are zeroed at random, so that none is relied upon alone."""

from __future__ import annotations

from gradviz.core.tensor import Tensor

from .. import functional as F
from ..functional.checks import probability
from .module import Module


class _DropoutNd(Module):
    """What dropout layers share: the probability `p`, and whether they write over their input."""

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        self.p, self.inplace = probability(p), inplace

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_DropoutNd):
    """Zero each element with probability `p` and scale the others by `1 / (1 - p)`; nothing in evaluation mode.

    Srivastava et al., 2014. https://docs.pytorch.org/docs/2.13/generated/torch.nn.Dropout.html
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout(input, self.p, self.training, self.inplace)


# -- whole channels ------------------------------------------------------------------------------------------------
class Dropout1d(_DropoutNd):
    """Dropout of whole channels: (N, C, L) or (C, L).

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Dropout1d.html
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_DropoutNd):
    """Dropout of whole channels: (N, C, H, W).

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Dropout2d.html
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(_DropoutNd):
    """Dropout of whole channels: (N, C, D, H, W) or (C, D, H, W).

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Dropout3d.html
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout3d(input, self.p, self.training, self.inplace)


# -- for SELU ------------------------------------------------------------------------------------------------------
class AlphaDropout(_DropoutNd):
    """Dropout that keeps the mean and variance of SELU's activations. Klambauer et al., 2017.

    `inplace` is shown and has no effect, as in PyTorch.
    https://docs.pytorch.org/docs/2.13/generated/torch.nn.AlphaDropout.html
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.alpha_dropout(input, self.p, self.training)


class FeatureAlphaDropout(_DropoutNd):
    """AlphaDropout of whole channels: (N, C, *).

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.FeatureAlphaDropout.html
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.feature_alpha_dropout(input, self.p, self.training)

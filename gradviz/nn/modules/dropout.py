"""Dropout layers: while training, some numbers are zeroed at random, so that none is relied upon alone."""

from __future__ import annotations

from gradviz.core.tensor import Tensor

from .. import functional as F
from ..functional.checks import probability
from .module import Module


class Dropout(Module):
    """Zero each element with probability `p` and scale the others by `1 / (1 - p)`; nothing in evaluation mode.

    Srivastava et al., 2014. https://docs.pytorch.org/docs/2.13/generated/torch.nn.Dropout.html
    """

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        self.p, self.inplace = probability(p), inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout2d(Dropout):
    """Dropout of whole channels: (N, C, H, W)."""

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout2d(input, self.p, self.training, self.inplace)

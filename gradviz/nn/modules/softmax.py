"""Softmax and its relatives as layers: numbers in proportion to their exponentials along a dimension."""

from __future__ import annotations

from gradviz.core.tensor import Tensor

from .. import functional as F
from .module import Module


class _Along(Module):
    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Softmax(_Along):
    """Positive numbers that sum to 1 along `dim`, in proportion to `exp(x)`.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Softmax.html
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.softmax(input, self.dim, _stacklevel=5)


class LogSoftmax(_Along):
    """The logarithm of softmax. https://docs.pytorch.org/docs/2.13/generated/torch.nn.LogSoftmax.html"""

    def forward(self, input: Tensor) -> Tensor:
        return F.log_softmax(input, self.dim, _stacklevel=5)


class Softmin(_Along):
    """Softmax of `-x`. https://docs.pytorch.org/docs/2.13/generated/torch.nn.Softmin.html"""

    def forward(self, input: Tensor) -> Tensor:
        return F.softmin(input, self.dim, _stacklevel=5)


class Softmax2d(Module):
    """Softmax over the channels of a picture at every place: (N, C, H, W) or (C, H, W).

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Softmax2d.html
    """

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim not in (3, 4):
            raise ValueError(f"Softmax2d: expected input to be 3D or 4D, got {input.ndim}D instead")
        return F.softmax(input, -3, _stacklevel=5)

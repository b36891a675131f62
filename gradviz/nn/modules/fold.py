"""Pictures as columns of windows, and back (torch.nn.modules.fold)."""

from __future__ import annotations

from typing import Any

from gradviz.core.tensor import Tensor

from .. import functional as F
from .module import Module


class _Windows(Module):
    """Where the windows of a picture lie."""

    def __init__(self, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> None:
        super().__init__()
        self.kernel_size, self.dilation, self.padding, self.stride = kernel_size, dilation, padding, stride

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, stride={self.stride}"


class Unfold(_Windows):
    """Every window of a picture as one column. Shape: (N, C, H, W) -> (N, C * kh * kw, windows).

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Unfold.html
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)


class Fold(_Windows):
    """Columns as a picture again, overlapping windows added up. Shape: (N, C * kh * kw, windows) -> (N, C, H, W).

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Fold.html
    """

    def __init__(
        self, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
    ) -> None:  # fmt: skip
        super().__init__(kernel_size, dilation, padding, stride)
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        return F.fold(input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}, {super().extra_repr()}"

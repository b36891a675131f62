"""Channels as pixels, and pixels as channels."""

from __future__ import annotations

from gradviz.core.tensor import Tensor

from .. import functional as F
from .module import Module


class PixelShuffle(Module):
    """Each r * r channels become the r * r pixels of one. Shape: (*, C r r, H, W) -> (*, C, H r, W r).

    Shi et al., 2016. https://docs.pytorch.org/docs/2.13/generated/torch.nn.PixelShuffle.html
    """

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, input: Tensor) -> Tensor:
        return F.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """The inverse of PixelShuffle. Shape: (*, C, H r, W r) -> (*, C r r, H, W).

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.PixelUnshuffle.html
    """

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, input: Tensor) -> Tensor:
        return F.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        return f"downscale_factor={self.downscale_factor}"

"""Upsampling layers: a line, picture or volume in another size."""

from __future__ import annotations

from typing import Any

from gradviz.core.tensor import Tensor

from .. import functional as F
from .module import Module


class Upsample(Module):
    """(N, C, sizes) in the given `size`, or `scale_factor` times as large.

    Args: `mode` is "nearest", "linear", "bilinear", "bicubic" or "trilinear"; `align_corners` keeps the corner values
    of the last four; `recompute_scale_factor` computes with the ratio of the sizes instead of the factor given.
    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Upsample.html
    """

    def __init__(
        self, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.name, self.size, self.mode = type(self).__name__, size, mode
        if isinstance(scale_factor, tuple):
            self.scale_factor: Any = tuple(float(factor) for factor in scale_factor)
        else:
            self.scale_factor = float(scale_factor) if scale_factor else None
        self.align_corners, self.recompute_scale_factor = align_corners, recompute_scale_factor

    def forward(self, input: Tensor) -> Tensor:
        return F.interpolate(
            input, self.size, self.scale_factor, self.mode, self.align_corners, self.recompute_scale_factor
        )

    def extra_repr(self) -> str:
        shown = "size" if self.scale_factor is None else "scale_factor"
        return f"{shown}={getattr(self, shown)!r}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """Pictures by the nearest pixel: (N, C, H, W).

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.UpsamplingNearest2d.html
    """

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, mode="nearest")


class UpsamplingBilinear2d(Upsample):
    """Pictures linearly along both dimensions, with the corners kept: (N, C, H, W).

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.UpsamplingBilinear2d.html
    """

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, mode="bilinear", align_corners=True)

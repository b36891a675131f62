"""Pooling layers: few numbers for many, window by window of a line, picture or volume."""

from __future__ import annotations

from typing import Any

from gradviz.core.tensor import Tensor

from .. import functional as F
from .pooling_base import (
    _AdaptiveAvgPoolNd,
    _AdaptiveMaxPoolNd,
    _AvgPoolNd,
    _FractionalMaxPoolNd,
    _LPPoolNd,
    _MaxPoolNd,
    _MaxUnpoolNd,
)
from .utils import _ntuple


class MaxPool1d(_MaxPoolNd):
    """The largest number of every window. Shape: (N, C, L) or (C, L) -> (N, C, Lo).

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.MaxPool1d.html
    """

    _dims, _function = 1, staticmethod(F.max_pool1d)


class MaxPool2d(_MaxPoolNd):
    """The largest number of every window. Shape: (N, C, H, W) or (C, H, W) -> (N, C, Ho, Wo).

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.MaxPool2d.html
    """

    _dims, _function = 2, staticmethod(F.max_pool2d)


class MaxPool3d(_MaxPoolNd):
    """The largest number of every window. Shape: (N, C, D, H, W) or (C, D, H, W) -> (N, C, Do, Ho, Wo).

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.MaxPool3d.html
    """

    _dims, _function = 3, staticmethod(F.max_pool3d)


class MaxUnpool1d(_MaxUnpoolNd):
    """Maxima put back where `indices` found them, zeros elsewhere. Shape: (N, C, L) or (C, L) -> (N, C, Lo).

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.MaxUnpool1d.html
    """

    _dims, _function = 1, staticmethod(F.max_unpool1d)


class MaxUnpool2d(_MaxUnpoolNd):
    """Maxima put back where `indices` found them, zeros elsewhere. Shape: (N, C, H, W) or (C, H, W) -> (N, C, Ho, Wo).

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.MaxUnpool2d.html
    """

    _dims, _function = 2, staticmethod(F.max_unpool2d)


class MaxUnpool3d(_MaxUnpoolNd):
    """Maxima put back where `indices` found them, zeros elsewhere.

    Shape: (N, C, D, H, W) or (C, D, H, W) -> (N, C, Do, Ho, Wo).
    https://docs.pytorch.org/docs/2.13/generated/torch.nn.MaxUnpool3d.html
    """

    _dims, _function = 3, staticmethod(F.max_unpool3d)


class AvgPool1d(_AvgPoolNd):
    """The mean of every window. Shape: (N, C, L) or (C, L) -> (N, C, Lo).

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.AvgPool1d.html
    """

    _dims, _function = 1, staticmethod(F.avg_pool1d)

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:  # fmt: skip
        each = _ntuple(1)
        stride = kernel_size if stride is None else stride
        super().__init__(each(kernel_size), each(stride), each(padding), ceil_mode, count_include_pad)

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool1d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)


class AvgPool2d(_AvgPoolNd):
    """The mean of every window. Shape: (N, C, H, W) or (C, H, W) -> (N, C, Ho, Wo).

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.AvgPool2d.html
    """

    _dims, _function = 2, staticmethod(F.avg_pool2d)


class AvgPool3d(_AvgPoolNd):
    """The mean of every window. Shape: (N, C, D, H, W) or (C, D, H, W) -> (N, C, Do, Ho, Wo).

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.AvgPool3d.html
    """

    _dims, _function = 3, staticmethod(F.avg_pool3d)


class FractionalMaxPool2d(_FractionalMaxPoolNd):
    """The largest number of windows at random places (Graham, 2014).

    Shape: (N, C, H, W) or (C, H, W) -> (N, C, Ho, Wo).
    https://docs.pytorch.org/docs/2.13/generated/torch.nn.FractionalMaxPool2d.html
    """

    _dims, _function = 2, staticmethod(F.fractional_max_pool2d)


class FractionalMaxPool3d(_FractionalMaxPoolNd):
    """The largest number of windows at random places (Graham, 2014).

    Shape: (N, C, D, H, W) or (C, D, H, W) -> (N, C, Do, Ho, Wo).
    https://docs.pytorch.org/docs/2.13/generated/torch.nn.FractionalMaxPool3d.html
    """

    _dims, _function = 3, staticmethod(F.fractional_max_pool3d)

    def _check_kernel(self, given: Any) -> None:
        if not all(k > 0 for k in self.kernel_size):
            raise ValueError(f"kernel_size must be greater than 0, but got {given}")


class LPPool1d(_LPPoolNd):
    """The p-norm of every window: the root of the sum of powers. Shape: (N, C, L) or (C, L) -> (N, C, Lo).

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.LPPool1d.html
    """

    _dims, _function = 1, staticmethod(F.lp_pool1d)


class LPPool2d(_LPPoolNd):
    """The p-norm of every window: the root of the sum of powers. Shape: (N, C, H, W) or (C, H, W) -> (N, C, Ho, Wo).

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.LPPool2d.html
    """

    _dims, _function = 2, staticmethod(F.lp_pool2d)


class LPPool3d(_LPPoolNd):
    """The p-norm of every window: the root of the sum of powers.

    Shape: (N, C, D, H, W) or (C, D, H, W) -> (N, C, Do, Ho, Wo).
    https://docs.pytorch.org/docs/2.13/generated/torch.nn.LPPool3d.html
    """

    _dims, _function = 3, staticmethod(F.lp_pool3d)


class AdaptiveMaxPool1d(_AdaptiveMaxPoolNd):
    """The maxima of as many windows as `output_size` says. Shape: (N, C, L) or (C, L) -> (N, C, Lo).

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.AdaptiveMaxPool1d.html
    """

    _dims, _function = 1, staticmethod(F.adaptive_max_pool1d)


class AdaptiveMaxPool2d(_AdaptiveMaxPoolNd):
    """The maxima of as many windows as `output_size` says. Shape: (N, C, H, W) or (C, H, W) -> (N, C, Ho, Wo).

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.AdaptiveMaxPool2d.html
    """

    _dims, _function = 2, staticmethod(F.adaptive_max_pool2d)


class AdaptiveMaxPool3d(_AdaptiveMaxPoolNd):
    """The maxima of as many windows as `output_size` says.

    Shape: (N, C, D, H, W) or (C, D, H, W) -> (N, C, Do, Ho, Wo).
    https://docs.pytorch.org/docs/2.13/generated/torch.nn.AdaptiveMaxPool3d.html
    """

    _dims, _function = 3, staticmethod(F.adaptive_max_pool3d)


class AdaptiveAvgPool1d(_AdaptiveAvgPoolNd):
    """The means of as many windows as `output_size` says. Shape: (N, C, L) or (C, L) -> (N, C, Lo).

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.AdaptiveAvgPool1d.html
    """

    _dims, _function = 1, staticmethod(F.adaptive_avg_pool1d)


class AdaptiveAvgPool2d(_AdaptiveAvgPoolNd):
    """The means of as many windows as `output_size` says. Shape: (N, C, H, W) or (C, H, W) -> (N, C, Ho, Wo).

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.AdaptiveAvgPool2d.html
    """

    _dims, _function = 2, staticmethod(F.adaptive_avg_pool2d)


class AdaptiveAvgPool3d(_AdaptiveAvgPoolNd):
    """The means of as many windows as `output_size` says. Shape: (N, C, D, H, W) or (C, D, H, W) -> (N, C, Do, Ho, Wo).

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.AdaptiveAvgPool3d.html
    """

    _dims, _function = 3, staticmethod(F.adaptive_avg_pool3d)

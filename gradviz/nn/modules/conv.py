"""Convolution layers: the same small pattern of weights at every place of a line, picture or volume."""

from __future__ import annotations

from typing import Any

from gradviz.core.tensor import Tensor

from .. import functional as F
from ..parameter import UninitializedParameter
from .conv_base import _Conv, _ConvTransposeNd
from .conv_base import _ConvNd as _ConvNd
from .lazy import _Drawn


# -- forward -------------------------------------------------------------------------------------------------------
class Conv1d(_Conv):
    """Slide a kernel along a line; each output channel is a weighted sum of all input channels around a place.

    Shape: (N, C, L) or (C, L) -> (N, O, Lo). `weight` is (O, C / groups, k), `bias` (O). See Conv2d.
    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Conv1d.html
    """

    _dims, _function = 1, staticmethod(F.conv1d)


class Conv2d(_Conv):
    """Slide a kernel over a picture; each output channel is a weighted sum of all input channels around a place.

    Shape: (N, C, H, W) or (C, H, W) -> (N, O, Ho, Wo), with Ho = (H + 2 padding - dilation (kh - 1) - 1) / stride + 1,
    rounded down. `weight` is (O, C / groups, kh, kw), `bias` (O). Both start uniform within 1 / sqrt(fan_in).

    Args: `padding` is a number, a pair, "same" or "valid"; `padding_mode` says what is beyond the border: "zeros",
    "reflect", "replicate" or "circular". Raises ValueError where `groups` does not divide the channels.
    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Conv2d.html
    """

    _dims, _function = 2, staticmethod(F.conv2d)


class Conv3d(_Conv):
    """Slide a kernel through a volume; each output channel is a weighted sum of all input channels around a place.

    Shape: (N, C, D, H, W) or (C, D, H, W) -> (N, O, Do, Ho, Wo). `weight` is (O, C / groups, kd, kh, kw). See Conv2d.
    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Conv3d.html
    """

    _dims, _function = 3, staticmethod(F.conv3d)


# -- transposed ----------------------------------------------------------------------------------------------------
class ConvTranspose1d(_ConvTransposeNd):
    """The gradient of Conv1d as a layer: every number of the input spreads the kernel over the output.

    Shape: (N, C, L) or (C, L) -> (N, O, Lo). See ConvTranspose2d.
    https://docs.pytorch.org/docs/2.13/generated/torch.nn.ConvTranspose1d.html
    """

    _dims, _function = 1, staticmethod(F.conv_transpose1d)


class ConvTranspose2d(_ConvTransposeNd):
    """The gradient of Conv2d as a layer: every number of the input spreads the kernel over the output.

    Shape: (N, C, H, W) or (C, H, W) -> (N, O, Ho, Wo), with Ho = (H - 1) stride - 2 padding + dilation (kh - 1) +
    output_padding + 1. `weight` is (C, O / groups, kh, kw), `bias` (O). Where the stride leaves a choice, forward takes
    the `output_size` wanted, and raises ValueError where that cannot be.
    https://docs.pytorch.org/docs/2.13/generated/torch.nn.ConvTranspose2d.html
    """

    _dims, _function = 2, staticmethod(F.conv_transpose2d)


class ConvTranspose3d(_ConvTransposeNd):
    """The gradient of Conv3d as a layer: every number of the input spreads the kernel over the output.

    Shape: (N, C, D, H, W) or (C, D, H, W) -> (N, O, Do, Ho, Wo). See ConvTranspose2d.
    https://docs.pytorch.org/docs/2.13/generated/torch.nn.ConvTranspose3d.html
    """

    _dims, _function = 3, staticmethod(F.conv_transpose3d)


# -- lazy ----------------------------------------------------------------------------------------------------------
class _LazyConvXdMixin(_Drawn):
    """A convolution whose `in_channels` are those of its first input; its other arguments are the same."""

    _told = "in_channels"

    def _wait(self: Any, out_channels: int, bias: bool, device: Any, dtype: Any) -> None:
        """Parameters without a shape."""
        self.weight, self.out_channels = UninitializedParameter(device=device, dtype=dtype), out_channels
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def initialize_parameters(self: Any, input: Tensor, *args: Any, **kwargs: Any) -> None:
        if not self.has_uninitialized_params():
            return
        self.in_channels = self._get_in_channels(input)
        if self.in_channels % self.groups:
            raise ValueError("in_channels must be divisible by groups")
        self.weight.materialize((*self._sizes(), *self.kernel_size))
        if self.bias is not None:
            self.bias.materialize((self.out_channels,))
        self.reset_parameters()

    def _get_in_channels(self: Any, input: Tensor) -> int:
        alone, batch = self._dims + 1, self._dims + 2
        if input.ndim not in (alone, batch):
            raise RuntimeError(
                f"Expected {alone}D (unbatched) or {batch}D (batched) input to {type(self).__name__}, but got input of "
                f"size: {input.shape}"
            )
        return int(input.shape[input.ndim - alone])


class _LazyConv(_LazyConvXdMixin):
    def __init__(
        self, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
        groups: int = 1, bias: bool = True, padding_mode: str = "zeros", device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(0, 0, kernel_size, stride, padding, dilation, groups, False, padding_mode, device, dtype)
        self._wait(out_channels, bias, device, dtype)


class _LazyConvTranspose(_LazyConvXdMixin):
    def __init__(
        self, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
        groups: int = 1, bias: bool = True, dilation: Any = 1, padding_mode: str = "zeros", device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(
            0, 0, kernel_size, stride, padding, output_padding, groups, False, dilation, padding_mode, device, dtype
        )
        self._wait(out_channels, bias, device, dtype)


class LazyConv1d(_LazyConv, Conv1d):  # type: ignore[misc]
    """Conv1d that learns `in_channels` from its first input.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.LazyConv1d.html
    """

    cls_to_become = Conv1d


class LazyConv2d(_LazyConv, Conv2d):  # type: ignore[misc]
    """Conv2d that learns `in_channels` from its first input.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.LazyConv2d.html
    """

    cls_to_become = Conv2d


class LazyConv3d(_LazyConv, Conv3d):  # type: ignore[misc]
    """Conv3d that learns `in_channels` from its first input.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.LazyConv3d.html
    """

    cls_to_become = Conv3d


class LazyConvTranspose1d(_LazyConvTranspose, ConvTranspose1d):  # type: ignore[misc]
    """ConvTranspose1d that learns `in_channels` from its first input.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.LazyConvTranspose1d.html
    """

    cls_to_become = ConvTranspose1d


class LazyConvTranspose2d(_LazyConvTranspose, ConvTranspose2d):  # type: ignore[misc]
    """ConvTranspose2d that learns `in_channels` from its first input.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.LazyConvTranspose2d.html
    """

    cls_to_become = ConvTranspose2d


class LazyConvTranspose3d(_LazyConvTranspose, ConvTranspose3d):  # type: ignore[misc]
    """ConvTranspose3d that learns `in_channels` from its first input.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.LazyConvTranspose3d.html
    """

    cls_to_become = ConvTranspose3d

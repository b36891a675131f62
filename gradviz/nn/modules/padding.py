"""Padding layers: a line, picture or volume grown at its borders."""

from __future__ import annotations

from typing import Any, ClassVar

from gradviz.core.tensor import Tensor

from .. import functional as F
from .module import Module
from .utils import _ntuple


class _PadNd(Module):
    """What all padding layers share.

    `padding` is one number for all borders, or (before, after) of the last dimension, then of the one before it, ...
    """

    _dims: ClassVar[int]  # how many dimensions grow
    _mode: ClassVar[str]  # of nn.functional.pad

    def __init__(self, padding: Any) -> None:
        super().__init__()
        self.padding = _ntuple(2 * self._dims)(padding)

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self._mode)

    def extra_repr(self) -> str:
        return str(self.padding)


# -- with one value ------------------------------------------------------------------------------------------------
class _ConstantPadNd(_PadNd):
    _mode = "constant"

    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self._mode, self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPadNd):
    """A line in a frame of `value`. Shape: (C, L) or (N, C, L).

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.ConstantPad1d.html
    """

    _dims = 1


class ConstantPad2d(_ConstantPadNd):
    """A picture in a frame of `value`. Shape: (C, H, W) or (N, C, H, W).

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.ConstantPad2d.html
    """

    _dims = 2


class ConstantPad3d(_ConstantPadNd):
    """A volume in a frame of `value`. Shape: (C, D, H, W) or (N, C, D, H, W).

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.ConstantPad3d.html
    """

    _dims = 3


class _Zeros:
    """A constant padding whose value is 0."""

    padding: Any

    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)  # type: ignore[call-arg]

    def extra_repr(self) -> str:
        return str(self.padding)


class ZeroPad1d(_Zeros, ConstantPad1d):
    """A line in a frame of zeros. Shape: (C, L) or (N, C, L).

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.ZeroPad1d.html
    """


class ZeroPad2d(_Zeros, ConstantPad2d):
    """A picture in a frame of zeros. Shape: (C, H, W) or (N, C, H, W).

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.ZeroPad2d.html
    """


class ZeroPad3d(_Zeros, ConstantPad3d):
    """A volume in a frame of zeros. Shape: (C, D, H, W) or (N, C, D, H, W).

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.ZeroPad3d.html
    """


# -- with its own values -------------------------------------------------------------------------------------------
class _ReflectionPadNd(_PadNd):
    _mode = "reflect"


class _ReplicationPadNd(_PadNd):
    _mode = "replicate"


class _CircularPadNd(_PadNd):
    _mode = "circular"

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim - self._dims not in (1, 2):
            raise ValueError(f"expected {self._dims + 1}D or {self._dims + 2}D input (got {input.ndim}D input)")
        return super().forward(input)


class ReflectionPad1d(_ReflectionPadNd):
    """A line that goes on mirrored at its border. Shape: (C, L) or (N, C, L).

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.ReflectionPad1d.html
    """

    _dims = 1


class ReflectionPad2d(_ReflectionPadNd):
    """A picture that goes on mirrored at its border. Shape: (C, H, W) or (N, C, H, W).

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.ReflectionPad2d.html
    """

    _dims = 2


class ReflectionPad3d(_ReflectionPadNd):
    """A volume that goes on mirrored at its border. Shape: (C, D, H, W) or (N, C, D, H, W).

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.ReflectionPad3d.html
    """

    _dims = 3


class ReplicationPad1d(_ReplicationPadNd):
    """A line whose border goes on outside. Shape: (C, L) or (N, C, L).

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.ReplicationPad1d.html
    """

    _dims = 1


class ReplicationPad2d(_ReplicationPadNd):
    """A picture whose border goes on outside. Shape: (C, H, W) or (N, C, H, W).

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.ReplicationPad2d.html
    """

    _dims = 2


class ReplicationPad3d(_ReplicationPadNd):
    """A volume whose border goes on outside. Shape: (C, D, H, W) or (N, C, D, H, W).

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.ReplicationPad3d.html
    """

    _dims = 3


class CircularPad1d(_CircularPadNd):
    """A line that begins again where it ends. Shape: (C, L) or (N, C, L).

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.CircularPad1d.html
    """

    _dims = 1


class CircularPad2d(_CircularPadNd):
    """A picture that begins again where it ends. Shape: (C, H, W) or (N, C, H, W).

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.CircularPad2d.html
    """

    _dims = 2


class CircularPad3d(_CircularPadNd):
    """A volume that begins again where it ends. Shape: (C, D, H, W) or (N, C, D, H, W).

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.CircularPad3d.html
    """

    _dims = 3

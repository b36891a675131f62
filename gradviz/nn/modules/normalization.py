"""Normalising layers that need no other sample: over features, over groups of channels, over neighbouring channels."""

from __future__ import annotations

from typing import Any

from gradviz.core.errors import noted
from gradviz.core.tensor import Tensor

from .. import functional as F
from .. import init
from . import _functions
from .linear import empty_parameter, register_affine, reset_affine
from .module import Module


def _shape(size: Any) -> tuple[int, ...]:
    """One size, or several."""
    return (size,) if isinstance(size, int) else tuple(size)


class LayerNorm(Module):
    """Each sample by the mean and variance of its last dimensions, then scaled and shifted element by element.

    Shape: (*, normalized_shape) -> the same. Ba, Kiros and Hinton, 2016.
    https://docs.pytorch.org/docs/2.13/generated/torch.nn.LayerNorm.html
    """

    def __init__(
        self, normalized_shape: Any, eps: float = 1e-5, elementwise_affine: bool = True, bias: bool = True,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.normalized_shape = _shape(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        register_affine(self, self.normalized_shape, elementwise_affine, bias, device, dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Scale by one, shift by zero."""
        reset_affine(self)

    def forward(self, input: Tensor) -> Tensor:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )


class GroupNorm(Module):
    """Each of `num_groups` groups of channels of each sample by its own mean and variance, then scaled and shifted.

    Shape: (N, num_channels, *) -> the same; `weight` and `bias` are (num_channels). Raises ValueError where the groups
    do not divide the channels. Wu and He, 2018. https://docs.pytorch.org/docs/2.13/generated/torch.nn.GroupNorm.html
    """

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True, device: Any = None,
        dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        if num_channels % num_groups:
            raise ValueError(f"num_channels ({num_channels}) must be divisible by num_groups ({num_groups})")
        self.num_groups, self.num_channels, self.eps, self.affine = num_groups, num_channels, eps, affine
        register_affine(self, (num_channels,), affine, bias, device, dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Scale by one, shift by zero."""
        reset_affine(self)

    def forward(self, input: Tensor) -> Tensor:
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


class RMSNorm(Module):
    """Each sample divided by the root of the mean square of its last dimensions, then scaled element by element.

    Shape: (*, normalized_shape) -> the same. `eps` is the smallest step of the input's type where not given.
    Zhang and Sennrich, 2019. https://docs.pytorch.org/docs/2.13/generated/torch.nn.RMSNorm.html
    """

    def __init__(
        self, normalized_shape: Any, eps: float | None = None, elementwise_affine: bool = True, device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.normalized_shape = _shape(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        made = empty_parameter(*self.normalized_shape, device=device, dtype=dtype) if elementwise_affine else None
        self.register_parameter("weight", made)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Scale by one."""
        if self.weight is not None:
            init.ones_(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


# -- over neighbouring channels ------------------------------------------------------------------------------------
class _AcrossChannels(Module):
    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


class LocalResponseNorm(_AcrossChannels):
    """Each number divided by `(k + alpha * mean of squares over size neighbouring channels) ** beta`.

    Shape: (N, C, *) -> the same. https://docs.pytorch.org/docs/2.13/generated/torch.nn.LocalResponseNorm.html
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)


class CrossMapLRN2d(_AcrossChannels):
    """Each number divided by `(k + alpha / size * sum of squares of the channels around it) ** beta`.

    Shape: (N, C, H, W) -> the same. Raises ValueError for another number of dimensions. PyTorch's peculiarities are
    kept (see `_functions`); LocalResponseNorm follows the formula.
    https://docs.pytorch.org/docs/2.13/generated/torch.nn.CrossMapLRN2d.html
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1) -> None:
        super().__init__(size, alpha, beta, k)

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim != 4:
            raise noted(
                ValueError(
                    f"CrossMapLRN2d: Expected input to be 4D, got {input.ndim}D instead.\n"
                    "It takes a batch of pictures, (N, C, H, W)."
                )
            )
        return _functions.CrossMapLRN2d.apply(input, self.size, self.alpha, self.beta, self.k)  # type: ignore[no-any-return]

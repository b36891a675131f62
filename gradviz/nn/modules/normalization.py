"""Layer normalisation: each sample by its own mean and variance."""

from __future__ import annotations

from typing import Any

from gradviz.core.tensor import Tensor

from .. import functional as F
from .. import init
from .linear import empty_parameter
from .module import Module


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
        self.normalized_shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        for name, wanted in (("weight", elementwise_affine), ("bias", elementwise_affine and bias)):
            made = empty_parameter(*self.normalized_shape, device=device, dtype=dtype) if wanted else None
            self.register_parameter(name, made)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Scale by one, shift by zero."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Tensor) -> Tensor:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )

"""Layers of weighted sums: of one input, of the products of two, or of nothing at all."""

from __future__ import annotations

import math
from typing import Any

from gradviz.core.mode import no_grad
from gradviz.core.op import FUNCTIONS
from gradviz.core.tensor import Tensor

from .. import functional as F
from .. import init
from ..parameter import Parameter, UninitializedParameter
from .lazy import _Drawn
from .module import Module


def empty_parameter(*size: int, device: Any = None, dtype: Any = None) -> Parameter:
    """A parameter of the given size, not filled yet."""
    return Parameter(FUNCTIONS["empty"](size, device=device, dtype=dtype))


def register_affine(module: Module, size: Any, weight: bool, bias: bool, device: Any, dtype: Any) -> None:
    """Give a normalising layer its `weight` and `bias`, or None for what it does without."""
    for name, wanted in (("weight", weight), ("bias", weight and bias)):
        made = empty_parameter(*size, device=device, dtype=dtype) if wanted else None
        module.register_parameter(name, made)


def reset_affine(module: Any) -> None:
    """Scale by one, shift by zero."""
    if module.weight is not None:
        init.ones_(module.weight)
    if module.bias is not None:
        init.zeros_(module.bias)


def default_init(weight: Tensor, bias: Tensor | None) -> None:
    """How Linear and Conv layers start: weights, then bias, uniform within 1 / sqrt(fan_in)."""
    fan_in, _ = init._calculate_fan_in_and_fan_out(weight)
    # a = sqrt(5) makes the bound 1 / sqrt(fan_in); see https://github.com/pytorch/pytorch/issues/57109
    if fan_in or not weight.numel():
        init.kaiming_uniform_(weight, a=math.sqrt(5))
    if bias is not None:
        bound = 1 / math.sqrt(fan_in) if fan_in > 0 else 0
        init.uniform_(bias, -bound, bound)


class Identity(Module):
    """The input itself, whatever the constructor was given: a placeholder for a layer.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Identity.html
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Tensor) -> Tensor:
        return input


class Linear(Module):
    """`y = x @ weight.T + bias`.

    Shape: (*, in_features) -> (*, out_features); `weight` is (out_features, in_features), `bias` (out_features).
    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Linear.html
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:  # fmt: skip
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.weight = empty_parameter(out_features, in_features, device=device, dtype=dtype)
        if bias:
            self.bias = empty_parameter(out_features, device=device, dtype=dtype)
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights and the bias anew."""
        default_init(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        return F.linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class NonDynamicallyQuantizableLinear(Linear):
    """Linear, by the name that PyTorch gives to the output projection of attention."""


class Bilinear(Module):
    """`y_k = x1 @ weight_k @ x2 + bias_k`: weighted sums of all products of two inputs.

    Shape: (*, in1_features) and (*, in2_features) -> (*, out_features); `weight` is (out, in1, in2), `bias` (out); both
    start uniform within 1 / sqrt(in1_features). Raises ValueError where in1_features is not positive.
    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Bilinear.html
    """

    def __init__(
        self, in1_features: int, in2_features: int, out_features: int, bias: bool = True, device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.in1_features, self.in2_features, self.out_features = in1_features, in2_features, out_features
        self.weight = empty_parameter(out_features, in1_features, in2_features, device=device, dtype=dtype)
        if bias:
            self.bias = empty_parameter(out_features, device=device, dtype=dtype)
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights and the bias anew."""
        if self.in1_features <= 0:
            raise ValueError(f"in1_features must be > 0, but got (in1_features={self.in1_features})")
        bound = 1 / math.sqrt(self.in1_features)
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        return F.bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )


class LazyLinear(_Drawn, Linear):
    """Linear that learns `in_features` from its first input.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.LazyLinear.html
    """

    cls_to_become, _told = Linear, "in_features"

    def __init__(self, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__(0, 0, False)
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.out_features = out_features
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def initialize_parameters(self, input: Tensor) -> None:
        features = input.shape[-1]
        if self.has_uninitialized_params():
            with no_grad():
                self.in_features = features
                self.weight.materialize((self.out_features, features))
                if self.bias is not None:
                    self.bias.materialize((self.out_features,))
                self.reset_parameters()
        if self.in_features == 0:
            if features != self.weight.shape[-1]:
                raise AssertionError(
                    f"The in_features inferred from input: {features} is not equal to in_features from self.weight: "
                    f"{self.weight.shape[-1]}"
                )
            self.in_features = features

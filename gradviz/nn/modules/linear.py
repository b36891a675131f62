"""Linear: every output is a weighted sum of all inputs."""

from __future__ import annotations

import math
from typing import Any

from gradviz.core.op import FUNCTIONS
from gradviz.core.tensor import Tensor

from .. import functional as F
from .. import init
from ..parameter import Parameter
from .module import Module


def empty_parameter(*size: int, device: Any = None, dtype: Any = None) -> Parameter:
    """A parameter of the given size, not filled yet."""
    return Parameter(FUNCTIONS["empty"](size, device=device, dtype=dtype))


def default_init(weight: Tensor, bias: Tensor | None) -> None:
    """How Linear and Conv layers start: weights, then bias, uniform within 1 / sqrt(fan_in)."""
    fan_in, _ = init._calculate_fan_in_and_fan_out(weight)
    # a = sqrt(5) makes the bound 1 / sqrt(fan_in); see https://github.com/pytorch/pytorch/issues/57109
    if fan_in or not weight.numel():
        init.kaiming_uniform_(weight, a=math.sqrt(5))
    if bias is not None:
        bound = 1 / math.sqrt(fan_in) if fan_in > 0 else 0
        init.uniform_(bias, -bound, bound)


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

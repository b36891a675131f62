"""Activation layers: functions of each element; softmax.py has those along a dimension."""

from __future__ import annotations

import warnings
from typing import Any

from gradviz.core.tensor import Tensor

from .. import functional as F
from .. import init
from .attention import MultiheadAttention as MultiheadAttention
from .linear import empty_parameter
from .module import Module
from .softmax import LogSoftmax as LogSoftmax
from .softmax import Softmax as Softmax
from .softmax import Softmax2d as Softmax2d
from .softmax import Softmin as Softmin


class _Inplace(Module):
    """An activation that can write over its input, and shows it."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def settings(self) -> str:
        """What the repr shows besides `inplace`."""
        return ""

    def extra_repr(self) -> str:
        return ", ".join(part for part in (self.settings(), "inplace=True" if self.inplace else "") if part)


# -- straight pieces -----------------------------------------------------------------------------------------------
class ReLU(_Inplace):
    """`max(0, x)`. https://docs.pytorch.org/docs/2.13/generated/torch.nn.ReLU.html"""

    def forward(self, input: Tensor) -> Tensor:
        return F.relu(input, self.inplace)


class LeakyReLU(_Inplace):
    """`x` where positive, `negative_slope * x` elsewhere.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.LeakyReLU.html
    """

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.negative_slope = negative_slope

    def forward(self, input: Tensor) -> Tensor:
        return F.leaky_relu(input, self.negative_slope, self.inplace)

    def settings(self) -> str:
        return f"negative_slope={self.negative_slope}"


class RReLU(Module):
    """`x` where positive, elsewhere `x` times a slope drawn from [lower, upper): anew for each number while training.

    In evaluation the slope is the middle. https://docs.pytorch.org/docs/2.13/generated/torch.nn.RReLU.html
    """

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3, inplace: bool = False) -> None:
        super().__init__()
        self.lower, self.upper, self.inplace = lower, upper, inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"lower={self.lower}, upper={self.upper}" + (", inplace=True" if self.inplace else "")


class PReLU(Module):
    """`x` where positive, `weight * x` elsewhere, with one learned slope or one per channel (dimension 1).

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.PReLU.html
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.num_parameters, self.init = num_parameters, init
        self.weight = empty_parameter(num_parameters, device=device, dtype=dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set every slope to `init` again."""
        init.constant_(self.weight, self.init)

    def forward(self, input: Tensor) -> Tensor:
        return F.prelu(input, self.weight)  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class Hardtanh(_Inplace):
    """`x` held between `min_val` and `max_val`. https://docs.pytorch.org/docs/2.13/generated/torch.nn.Hardtanh.html"""

    def __init__(
        self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False, min_value: float | None = None,
        max_value: float | None = None,
    ) -> None:  # fmt: skip
        super().__init__(inplace)
        min_val, max_val = _renamed("min_val", min_val, min_value), _renamed("max_val", max_val, max_value)
        if max_val <= min_val:
            raise AssertionError(f"max_val ({max_val}) must be greater than min_val ({min_val})")
        self.min_val, self.max_val = min_val, max_val

    def forward(self, input: Tensor) -> Tensor:
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def settings(self) -> str:
        return f"min_val={self.min_val}, max_val={self.max_val}"


def _renamed(name: str, value: float, old: float | None) -> float:
    """The value of an argument that was called `min_value` or `max_value` before."""
    if old is None:
        return value
    warnings.warn(f"keyword argument `{name}ue` is deprecated and renamed to `{name}`", FutureWarning, stacklevel=3)
    return old


class ReLU6(Hardtanh):
    """`x` held between 0 and 6. https://docs.pytorch.org/docs/2.13/generated/torch.nn.ReLU6.html"""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(0.0, 6.0, inplace)

    def settings(self) -> str:
        return ""


class Hardsigmoid(Module):
    """`(x + 3) / 6` held between 0 and 1. https://docs.pytorch.org/docs/2.13/generated/torch.nn.Hardsigmoid.html"""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.hardsigmoid(input, self.inplace)


class Hardswish(Module):
    """`x * hardsigmoid(x)`. https://docs.pytorch.org/docs/2.13/generated/torch.nn.Hardswish.html"""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.hardswish(input, self.inplace)


class Threshold(_Inplace):
    """`x` where it is above `threshold`, `value` elsewhere.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.Threshold.html
    """

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.threshold, self.value = threshold, value

    def forward(self, input: Tensor) -> Tensor:
        return F.threshold(input, self.threshold, self.value, self.inplace)

    def settings(self) -> str:
        return f"threshold={self.threshold}, value={self.value}"


# -- curves --------------------------------------------------------------------------------------------------------
class Sigmoid(Module):
    """`1 / (1 + exp(-x))`. https://docs.pytorch.org/docs/2.13/generated/torch.nn.Sigmoid.html"""

    def forward(self, input: Tensor) -> Tensor:
        return F.sigmoid(input)


class Tanh(Module):
    """The hyperbolic tangent. https://docs.pytorch.org/docs/2.13/generated/torch.nn.Tanh.html"""

    def forward(self, input: Tensor) -> Tensor:
        return F.tanh(input)


class LogSigmoid(Module):
    """`log(sigmoid(x))`. https://docs.pytorch.org/docs/2.13/generated/torch.nn.LogSigmoid.html"""

    def forward(self, input: Tensor) -> Tensor:
        return F.logsigmoid(input)


class Softsign(Module):
    """`x / (1 + |x|)`. https://docs.pytorch.org/docs/2.13/generated/torch.nn.Softsign.html"""

    def forward(self, input: Tensor) -> Tensor:
        return F.softsign(input)


class Tanhshrink(Module):
    """`x - tanh(x)`. https://docs.pytorch.org/docs/2.13/generated/torch.nn.Tanhshrink.html"""

    def forward(self, input: Tensor) -> Tensor:
        return F.tanhshrink(input)


class SiLU(_Inplace):
    """`x * sigmoid(x)`. https://docs.pytorch.org/docs/2.13/generated/torch.nn.SiLU.html"""

    def forward(self, input: Tensor) -> Tensor:
        return F.silu(input, self.inplace)


class Mish(_Inplace):
    """`x * tanh(softplus(x))`. https://docs.pytorch.org/docs/2.13/generated/torch.nn.Mish.html"""

    def forward(self, input: Tensor) -> Tensor:
        return F.mish(input, self.inplace)


class SELU(_Inplace):
    """ELU with the two constants that keep activations normalised.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.SELU.html
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.selu(input, self.inplace)


class _Bent(_Inplace):
    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.alpha = alpha

    def settings(self) -> str:
        return f"alpha={self.alpha}"


class ELU(_Bent):
    """`x` where positive, `alpha * (exp(x) - 1)` elsewhere.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.ELU.html
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.elu(input, self.alpha, self.inplace)


class CELU(_Bent):
    """`x` where positive, `alpha * (exp(x / alpha) - 1)` elsewhere.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.CELU.html
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.celu(input, self.alpha, self.inplace)


class GELU(Module):
    """`x` times the probability that a normal number is below `x`.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.GELU.html
    """

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        return F.gelu(input, self.approximate)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class GLU(Module):
    """`a * sigmoid(b)` for the two halves a and b of the input along `dim`.

    Dauphin et al., 2017. https://docs.pytorch.org/docs/2.13/generated/torch.nn.GLU.html
    """

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        return F.glu(input, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Softplus(Module):
    """`log(1 + exp(beta x)) / beta`. https://docs.pytorch.org/docs/2.13/generated/torch.nn.Softplus.html"""

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta, self.threshold = beta, threshold

    def forward(self, input: Tensor) -> Tensor:
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        return f"beta={self.beta}, threshold={self.threshold}"


class _Shrink(Module):
    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def extra_repr(self) -> str:
        return str(self.lambd)


class Hardshrink(_Shrink):
    """`x`, but 0 between `-lambd` and `lambd`. https://docs.pytorch.org/docs/2.13/generated/torch.nn.Hardshrink.html"""

    def forward(self, input: Tensor) -> Tensor:
        return F.hardshrink(input, self.lambd)  # type: ignore[no-any-return]


class Softshrink(_Shrink):
    """`x` moved towards 0 by `lambd`. https://docs.pytorch.org/docs/2.13/generated/torch.nn.Softshrink.html"""

    def forward(self, input: Tensor) -> Tensor:
        return F.softshrink(input, self.lambd)

"""Activations as functions; each is one operation of the core, some can write over their input."""

from __future__ import annotations

import warnings
from typing import Any

from gradviz.core.autocast import listed
from gradviz.core.errors import noted
from gradviz.core.op import FUNCTIONS
from gradviz.core.ops.helpers import one_dim
from gradviz.core.ops.layers import activation as ops
from gradviz.core.ops.layers import activation_functions as slopes
from gradviz.core.ops.layers import gates
from gradviz.core.ops.layers.activation_functions import bend
from gradviz.core.tensor import Tensor

sigmoid_call, tanh_call = FUNCTIONS["sigmoid"], FUNCTIONS["tanh"]
hardshrink, prelu = slopes.hardshrink, slopes.prelu
# These are functions of torch too, and write over their first argument.
relu_, selu_, celu_ = FUNCTIONS["relu_"], FUNCTIONS["selu_"], FUNCTIONS["celu_"]
threshold_, rrelu_ = FUNCTIONS["threshold_"], FUNCTIONS["rrelu_"]


# -- straight pieces -----------------------------------------------------------------------------------------------
def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """`max(0, x)`."""
    return relu_(input) if inplace else ops.relu.call(input)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """`x` where positive, `negative_slope * x` elsewhere."""
    return bend(ops.leaky_relu, "leaky_relu", input, inplace, negative_slope=negative_slope)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """`x` held between `min_val` and `max_val`."""
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    return bend(ops.hardtanh, "hardtanh", input, inplace, min_val=min_val, max_val=max_val)


def leaky_relu_(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """`leaky_relu`, written over the input."""
    return leaky_relu(input, negative_slope, True)


def hardtanh_(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """`hardtanh`, written over the input."""
    return hardtanh(input, min_val, max_val, True)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """`x` held between 0 and 6."""
    return hardtanh(input, 0.0, 6.0, inplace)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """`(x + 3) / 6` held between 0 and 1."""
    return bend(ops.hardsigmoid, "hardsigmoid", input, inplace)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """`x * hardsigmoid(x)`."""
    return bend(ops.hardswish, "hardswish", input, inplace)


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """`x` moved towards 0 by `lambd`, and 0 where it would cross it."""
    return ops.softshrink.call(input, lambd=lambd)


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """`x` where it is above `threshold`, `value` elsewhere."""
    return slopes.threshold(input, inplace, threshold, value)  # type: ignore[no-any-return]


def rrelu(
    input: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, inplace: bool = False
) -> Tensor:
    """`x` where positive, elsewhere `x` times a slope drawn from [lower, upper), or their mean when not training."""
    return slopes.rrelu(input, inplace, lower, upper, training)  # type: ignore[no-any-return]


# -- curves --------------------------------------------------------------------------------------------------------
def sigmoid(input: Tensor) -> Tensor:
    """`1 / (1 + exp(-x))`."""
    return sigmoid_call(input)  # type: ignore[no-any-return]


def tanh(input: Tensor) -> Tensor:
    """The hyperbolic tangent."""
    return tanh_call(input)  # type: ignore[no-any-return]


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """`x * sigmoid(x)`."""
    return bend(ops.silu, "silu", input, inplace)


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """`x * tanh(softplus(x))`."""
    return bend(ops.mish, "mish", input, inplace)


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """`x` times the probability that a normal number is below `x`."""
    return ops.gelu.call(input, approximate=approximate)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """`x` where positive, `alpha * (exp(x) - 1)` elsewhere."""
    return bend(ops.elu, "elu", input, inplace, alpha=alpha, scale=1.0, input_scale=1.0)


def elu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """`elu`, written over the input."""
    return elu(input, alpha, True)


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """ELU with the two constants that keep activations normalised."""
    return slopes.selu(input, inplace)  # type: ignore[no-any-return]


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """`x` where positive, `alpha * (exp(x / alpha) - 1)` elsewhere."""
    return slopes.celu(input, inplace, alpha)  # type: ignore[no-any-return]


@listed
def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """`log(1 + exp(beta x)) / beta`, and `x` itself where `beta x` is above `threshold`."""
    return ops.softplus.call(input, beta=beta, threshold=threshold)


def logsigmoid(input: Tensor) -> Tensor:
    """`log(sigmoid(x))`."""
    return ops.logsigmoid.call(input)


def softsign(input: Tensor) -> Tensor:
    """`x / (1 + |x|)`."""
    return input / (input.abs() + 1)  # type: ignore[no-any-return]


def tanhshrink(input: Tensor) -> Tensor:
    """`x - tanh(x)`."""
    return input - tanh(input)


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """`a * sigmoid(b)` for the two halves a and b of the input along `dim`."""
    if not input.ndim:
        raise noted(
            RuntimeError(
                "glu does not support scalars because halving size must be even\n"
                "It gates one half of the input with the other, so it needs a dimension of even size."
            )
        )
    return gates.glu.call(input, dim=one_dim(dim, input.ndim))


# -- along a dimension ---------------------------------------------------------------------------------------------
def _dim(name: str, ndim: int, dim: int | None, stacklevel: int) -> int:
    if dim is not None:
        return dim
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as an argument.",
        stacklevel=stacklevel,
    )
    return 0 if ndim in (0, 1, 3) else 1


def softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """Positive numbers that sum to 1 along `dim`, in proportion to `exp(x)`."""
    return FUNCTIONS["softmax"](input, _dim("softmax", input.ndim, dim, _stacklevel), dtype)  # type: ignore[no-any-return]


def log_softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """The logarithm of softmax."""
    dim = _dim("log_softmax", input.ndim, dim, _stacklevel)
    return FUNCTIONS["log_softmax"](input, dim, dtype)  # type: ignore[no-any-return]


def softmin(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """Softmax of `-x`."""
    return FUNCTIONS["softmax"](-input, _dim("softmin", input.ndim, dim, _stacklevel), dtype)  # type: ignore[no-any-return]


def gumbel_softmax(logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Tensor:
    """A random choice along `dim` that gradients flow through: softmax of the noisy logits, sharper for smaller `tau`.

    With `hard` the values are one-hot and the gradients those of the soft choice. Jang et al., 2016.
    """
    if eps != 1e-10:
        warnings.warn("`eps` parameter is deprecated and has no effect.", stacklevel=2)
    noise = -logits.new_empty(logits.shape).exponential_().log()
    soft = FUNCTIONS["softmax"]((logits + noise) / tau, dim)
    if not hard:
        return soft  # type: ignore[no-any-return]
    index = soft.max(dim, keepdim=True)[1]
    chosen = FUNCTIONS["zeros_like"](logits).scatter_(dim, index, 1.0)
    return chosen - soft.detach() + soft  # type: ignore[no-any-return]

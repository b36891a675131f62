"""Activations as functions; each is one operation of the core, some can write over their input."""

from __future__ import annotations

import warnings
from typing import Any

from gradviz.core.inplace import make_inplace
from gradviz.core.op import FUNCTIONS, METHODS
from gradviz.core.ops import activation as ops
from gradviz.core.tensor import Tensor

from .checks import one_of

relu_, sigmoid_call, tanh_call = METHODS["relu_"], FUNCTIONS["sigmoid"], FUNCTIONS["tanh"]
hardshrink = FUNCTIONS["hardshrink"]
prelu = FUNCTIONS["prelu"]


def _bend(op: Any, input: Tensor, inplace: bool, **settings: Any) -> Tensor:
    """Apply an activation, over its input if asked to."""
    if inplace:
        return make_inplace(op.name.rstrip("_") + "_", op.call, op)(input, **settings)  # type: ignore[no-any-return]
    return op.call(input, **settings)  # type: ignore[no-any-return]


# -- straight pieces -----------------------------------------------------------------------------------------------
def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """`max(0, x)`."""
    return _bend(ops.relu, input, True) if inplace else ops.relu.call(input)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """`x` where positive, `negative_slope * x` elsewhere."""
    return _bend(ops.leaky_relu, input, inplace, negative_slope=negative_slope)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """`x` held between `min_val` and `max_val`."""
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    return _bend(ops.hardtanh, input, inplace, min_val=min_val, max_val=max_val)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """`x` held between 0 and 6."""
    return hardtanh(input, 0.0, 6.0, inplace)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """`(x + 3) / 6` held between 0 and 1."""
    return _bend(ops.hardsigmoid, input, inplace)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """`x * hardsigmoid(x)`."""
    return _bend(ops.hardswish, input, inplace)


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """`x` moved towards 0 by `lambd`, and 0 where it would cross it."""
    return ops.softshrink.call(input, lambd=lambd)


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """`x` where it is above `threshold`, `value` elsewhere."""
    return _bend(ops._threshold, input, inplace, threshold=threshold, value=value)


# -- curves --------------------------------------------------------------------------------------------------------
def sigmoid(input: Tensor) -> Tensor:
    """`1 / (1 + exp(-x))`."""
    return sigmoid_call(input)  # type: ignore[no-any-return]


def tanh(input: Tensor) -> Tensor:
    """The hyperbolic tangent."""
    return tanh_call(input)  # type: ignore[no-any-return]


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """`x * sigmoid(x)`."""
    return _bend(ops.silu, input, inplace)


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """`x * tanh(softplus(x))`."""
    return _bend(ops.mish, input, inplace)


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """`x` times the probability that a normal number is below `x`."""
    return ops.gelu.call(input, approximate=approximate)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """`x` where positive, `alpha * (exp(x) - 1)` elsewhere."""
    return _bend(ops.elu, input, inplace, alpha=alpha, scale=1.0, input_scale=1.0)


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """ELU with the two constants that keep activations normalised."""
    return _bend(ops.elu, input, inplace, **ops.SELU)


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """`x` where positive, `alpha * (exp(x / alpha) - 1)` elsewhere."""
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return _bend(ops._celu, input, inplace, alpha=alpha)


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


def normalize(input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12, out: Any = None) -> Tensor:
    """`x` divided by its p-norm along `dim`."""
    one_of("normalize", "out", out, (None,))
    return input / input.norm(p, dim, keepdim=True).clamp_min(eps).expand_as(input)  # type: ignore[no-any-return]

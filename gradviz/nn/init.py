"""Filling tensors with starting values, in place and outside any graph (torch.nn.init)."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

from gradviz.core.errors import noted
from gradviz.core.op import FUNCTIONS, Function
from gradviz.core.random import host_draws
from gradviz.core.tensor import Tensor
from gradviz.utils.gradients import unrecorded

_GAINS = {"tanh": 5.0 / 3, "relu": math.sqrt(2.0), "selu": 3.0 / 4}
_LINEAR = (
    "linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "sigmoid",
)  # fmt: skip


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """What weights before this activation are scaled by, so that its outputs vary as much as its inputs.

    `param` is the negative slope of "leaky_relu". Raises ValueError for an unknown name.
    """
    if nonlinearity in _LINEAR:
        return 1.0
    if nonlinearity in _GAINS:
        return _GAINS[nonlinearity]
    if nonlinearity != "leaky_relu":
        raise noted(
            ValueError(
                f"Unsupported nonlinearity {nonlinearity}\nKnown are {', '.join((*_LINEAR, *_GAINS))}, leaky_relu."
            )
        )
    if param is not None and (isinstance(param, bool) or not isinstance(param, (int, float))):
        raise ValueError(f"negative_slope {param} not a valid number")
    slope = 0.01 if param is None else param
    return math.sqrt(2.0 / (1 + slope**2))


# -- the same everywhere -------------------------------------------------------------------------------------------
@unrecorded
def constant_(tensor: Tensor, val: float) -> Tensor:
    """`val` everywhere."""
    return tensor.fill_(val)  # type: ignore[no-any-return]


def ones_(tensor: Tensor) -> Tensor:
    """One everywhere."""
    return constant_(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    """Zero everywhere."""
    return constant_(tensor, 0.0)


@unrecorded
def eye_(tensor: Tensor) -> Tensor:
    """The identity matrix."""
    _matrix(tensor)
    return tensor.copy_(FUNCTIONS["eye"](*tensor.shape, dtype=tensor.dtype, device=tensor.device))  # type: ignore[no-any-return]


@unrecorded
def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Convolution weights that pass as many input channels as possible through unchanged."""
    if tensor.ndim not in (3, 4, 5):
        raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
    if tensor.shape[0] % groups:
        raise ValueError("dim 0 must be divisible by groups")
    each = tensor.shape[0] // groups
    middle = tuple(n // 2 for n in tensor.shape[2:])
    tensor.zero_()
    for g in range(groups):
        for d in range(min(each, tensor.shape[1])):
            tensor[(g * each + d, d, *middle)] = 1
    return tensor


# -- drawn, on the CPU for every device: a seed gives the same parameters everywhere ---------------------------------
def drawn(fill: Function) -> Function:
    """A function that fills a tensor with random numbers, outside any graph."""
    return host_draws()(unrecorded(fill))


@drawn
def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Tensor:
    """Drawn uniformly from [a, b)."""
    return tensor.uniform_(a, b, generator=generator)  # type: ignore[no-any-return]


@drawn
def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Tensor:
    """Drawn from the normal distribution."""
    return tensor.normal_(mean, std, generator=generator)  # type: ignore[no-any-return]


@drawn
def trunc_normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0, generator: Any = None
) -> Tensor:  # fmt: skip
    """Drawn from the normal distribution, again and again where the number is outside [a, b]."""
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. "
            "The distribution of values may be incorrect.",
            stacklevel=3,
        )
    inside = _below((b - mean) / std) - _below((a - mean) / std)
    if inside > 0.3:
        return _redrawn(tensor, mean, std, a, b, generator)
    return _accepted(tensor, mean, std, a, b, generator)


def _below(x: float) -> float:
    """The probability that a normal number is below x."""
    return (1.0 + math.erf(x / math.sqrt(2.0))) / 2.0


def _redrawn(tensor: Tensor, mean: float, std: float, a: float, b: float, generator: Any) -> Tensor:
    """Most draws fall inside: draw all, then again where they did not."""
    low, high = tensor.new_tensor(a).item(), tensor.new_tensor(b).item()
    drawn = tensor.normal_(mean, std, generator=generator)
    while bool((outside := (drawn < low).logical_or(drawn > high)).any()):
        again = FUNCTIONS["empty_like"](drawn).normal_(mean, std, generator=generator)
        drawn = FUNCTIONS["where"](outside, again, drawn)
    return tensor if drawn is tensor else tensor.copy_(drawn)  # type: ignore[no-any-return]


def _accepted(tensor: Tensor, mean: float, std: float, a: float, b: float, generator: Any) -> Tensor:
    """Few would fall inside: draw uniformly from [a, b] and keep a number as often as its density says."""
    peak = -0.5 * ((max(a, min(mean, b)) - mean) / std) ** 2
    chance = FUNCTIONS["empty_like"](tensor)

    def rejected(x: Tensor) -> Tensor:
        density = (x - mean).div(std).pow(2).mul(-0.5).sub(peak)
        return chance.uniform_(generator=generator).log().gt(density)  # type: ignore[no-any-return]

    drawn = tensor.uniform_(a, b, generator=generator)
    pending = rejected(drawn)
    while bool(pending.any()):
        again = FUNCTIONS["empty_like"](tensor).uniform_(a, b, generator=generator)
        drawn = FUNCTIONS["where"](pending, again, drawn)
        pending = pending.logical_and(rejected(again))
    return tensor if drawn is tensor else tensor.copy_(drawn)  # type: ignore[no-any-return]


# -- scaled by the number of connections -----------------------------------------------------------------------------
def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    """How many numbers flow into and out of each unit of a layer with these weights."""
    if tensor.ndim < 2:
        raise noted(
            ValueError(
                "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions\n"
                f"This tensor has shape {tuple(tensor.shape)}. Initialise a bias with zeros_ or uniform_."
            )
        )
    places = math.prod(tensor.shape[2:])
    return tensor.shape[1] * places, tensor.shape[0] * places


def _calculate_correct_fan(tensor: Tensor, mode: str) -> int:
    modes = ["fan_in", "fan_out"]
    if mode.lower() not in modes:
        raise ValueError(f"Mode {mode} not supported, please use one of {modes}")
    return _calculate_fan_in_and_fan_out(tensor)[modes.index(mode.lower())]


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Uniform, with variance 2 gain^2 / (fan_in + fan_out). Glorot and Bengio, 2010."""
    bound = math.sqrt(3.0) * gain * math.sqrt(2.0 / sum(_calculate_fan_in_and_fan_out(tensor)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Normal, with variance 2 gain^2 / (fan_in + fan_out). Glorot and Bengio, 2010."""
    std = gain * math.sqrt(2.0 / sum(_calculate_fan_in_and_fan_out(tensor)))
    return normal_(tensor, 0.0, std, generator)


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float | None:
    if 0 in tensor.shape:
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
        return None
    fan = _calculate_correct_fan(tensor, mode)
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def kaiming_uniform_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Any = None
) -> Tensor:  # fmt: skip
    """Uniform, with variance gain^2 / fan. He et al., 2015."""
    std = _kaiming_std(tensor, a, mode, nonlinearity)
    if std is None:
        return tensor
    bound = math.sqrt(3.0) * std
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Any = None
) -> Tensor:  # fmt: skip
    """Normal, with variance gain^2 / fan. He et al., 2015."""
    std = _kaiming_std(tensor, a, mode, nonlinearity)
    return tensor if std is None else normal_(tensor, 0.0, std, generator)


@drawn
def orthogonal_(tensor: Tensor, gain: float = 1, generator: Any = None) -> Tensor:
    """Rows (or columns, if there are fewer) that are orthogonal and of length `gain`. Saxe et al., 2013."""
    if tensor.ndim < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    if not tensor.numel():
        return tensor
    rows = tensor.shape[0]
    columns = tensor.numel() // rows
    xp = tensor.device.xp
    drawn = tensor.new_empty((rows, columns)).normal_(0, 1, generator=generator)._array
    q, r = xp.linalg.qr(drawn.T if rows < columns else drawn)
    q = q * xp.sign(xp.diagonal(r))  # makes every orthogonal matrix equally likely (Mezzadri, 2007)
    tensor.copy_(Tensor._of((q.T if rows < columns else q).reshape(tensor.shape) * gain, tensor.device))
    return tensor


@drawn
def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Any = None) -> Tensor:
    """Normal numbers, with the part `sparsity` of every column set to zero. Martens, 2010."""
    _matrix(tensor)
    rows, columns = tensor.shape
    zeros = math.ceil(sparsity * rows)
    tensor.normal_(0, std, generator=generator)
    for column in range(columns):
        tensor[FUNCTIONS["randperm"](rows)[:zeros], column] = 0
    return tensor


def _matrix(tensor: Tensor) -> None:
    if tensor.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")


# -- the old names, without an underscore ------------------------------------------------------------------------------
def _deprecated(fill: Callable[..., Tensor]) -> Callable[..., Tensor]:
    name = fill.__name__

    def old(*args: Any, **kwargs: Any) -> Tensor:
        warnings.warn(
            f"`nn.init.{name[:-1]}` is now deprecated in favor of `nn.init.{name}`.", FutureWarning, stacklevel=2
        )
        return fill(*args, **kwargs)

    old.__name__, old.__doc__ = name[:-1], f"The old name of `{name}`."
    return old


uniform, normal, constant = _deprecated(uniform_), _deprecated(normal_), _deprecated(constant_)
eye, dirac = _deprecated(eye_), _deprecated(dirac_)
orthogonal, sparse = _deprecated(orthogonal_), _deprecated(sparse_)
xavier_uniform, xavier_normal = _deprecated(xavier_uniform_), _deprecated(xavier_normal_)
kaiming_uniform, kaiming_normal = _deprecated(kaiming_uniform_), _deprecated(kaiming_normal_)

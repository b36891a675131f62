"""The public normalisations: torch.batch_norm and its like, with PyTorch's checks and running statistics."""

from __future__ import annotations

from typing import Any

from ...clock import wrote
from ...dtype import finfo
from ...errors import no_kernel, noted
from ...op import function
from ...tensor import Tensor
from ..elements.with_numbers import add_scalar
from ..helpers import constants
from . import normalise
from .sliding_windows import integers


def _floating(kernel: str, input: Tensor) -> None:
    if input.dtype.category != 2:
        raise no_kernel(kernel, input)


# -- by channel ----------------------------------------------------------------------------------------------------
@function(method=False)
def batch_norm(
    input: Tensor, weight: Tensor | None, bias: Tensor | None, running_mean: Tensor | None, running_var: Tensor | None,
    training: bool, momentum: float, eps: float, cudnn_enabled: bool = True,
) -> Tensor:  # fmt: skip
    """(N, C, ...): each channel by the mean and variance of the batch, or by the running ones when not training."""
    channels = input.shape[1] if input.ndim > 1 else 0
    named = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    for name, tensor in named.items():
        if tensor is None and not training and name.startswith("running"):
            raise noted(
                RuntimeError(
                    f"{name} must be defined in evaluation mode\nGive the running statistics, or training=True."
                )
            )
        if tensor is not None and tensor.numel() != channels:
            raise noted(
                RuntimeError(
                    f"{name} should contain {channels} elements not {tensor.numel()}\n"
                    f"The input has shape {tuple(input.shape)}, so it has {channels} channels (the second dimension)."
                )
            )
    constants("native_batch_norm", running_mean=running_mean, running_var=running_var)
    _floating("batch_norm", input)
    if not input.numel():
        out = input.clone()
        out = out if weight is None else out * weight[0]
        return out if bias is None else out + bias[0]  # type: ignore[no-any-return]
    count = input.numel() // channels
    used = (None, None) if training else (running_mean, running_var)
    out, aux = normalise.batch_norm.with_aux(input, weight, bias, *used, training=bool(training), eps=eps)
    if training and (running_mean is not None or running_var is not None):
        seen = aux["batch_mean"]._array, aux["batch_var"]._array
        _update_running(
            input, running_mean, running_var, seen, momentum, count / (count - 1) if count > 1 else float("nan")
        )
    return out  # type: ignore[no-any-return]


def _update_running(
    input: Tensor, running_mean: Tensor | None, running_var: Tensor | None, seen: tuple[Any, Any], momentum: float,
    unbiased: float,
) -> None:  # fmt: skip
    """Move the running statistics towards those of a batch, of which the variance is to be `unbiased` times as much."""
    running = tuple(None if t is None else t._array for t in (running_mean, running_var))
    kernel = input.device.forwards.get("update_running")
    if kernel is None or not kernel(running, seen, momentum, unbiased):
        for old, new in zip(running, (seen[0], seen[1] * unbiased), strict=True):
            if old is not None:
                old[...] = old * (1 - momentum) + new * momentum
    for tensor in (running_mean, running_var):
        if tensor is not None:
            wrote(tensor)


@function(method=False)
def instance_norm(
    input: Tensor, weight: Tensor | None, bias: Tensor | None, running_mean: Tensor | None, running_var: Tensor | None,
    use_input_stats: bool, momentum: float, eps: float, cudnn_enabled: bool = True,
) -> Tensor:  # fmt: skip
    """(N, C, ...): each channel of each sample by its own mean and variance: batch_norm of N * C channels."""
    if not use_input_stats and (running_mean is None or running_var is None):
        raise RuntimeError("Expected running_mean and running_var to be defined when use_input_stats is false")
    shape = tuple(input.shape)
    n, c = shape[:2]
    weight, bias, mean, var = (None if t is None else t.repeat(n) for t in (weight, bias, running_mean, running_var))
    flat = input.contiguous().view(1, n * c, *shape[2:])
    out = batch_norm(flat, weight, bias, mean, var, use_input_stats, momentum, eps, cudnn_enabled)
    if use_input_stats:
        for running, each in ((running_mean, mean), (running_var, var)):
            if running is not None and each is not None and n:
                running._array[...] = each._array.reshape(n, c).mean(axis=0)
                wrote(running)
    return out.view(*shape)  # type: ignore[no-any-return]


@function(method=False)
def group_norm(
    input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Tensor:  # fmt: skip
    """(N, C, ...): each of `num_groups` groups of channels of each sample by its own mean and variance."""
    shape = list(input.shape)
    if input.ndim < 2:
        raise RuntimeError(f"Expected at least 2 dimensions for input tensor but received {input.ndim}")
    if num_groups <= 0:
        raise RuntimeError(f"Expected num groups to be greater than 0, got {num_groups}")
    if shape[1] % num_groups:
        raise noted(
            RuntimeError(
                "Expected number of channels in input to be divisible by num_groups, but got input of shape "
                f"{shape} and num_groups={num_groups}\nThe input has {shape[1]} channels (the second dimension)."
            )
        )
    for name, tensor in (("weight", weight), ("bias", bias)):
        if tensor is not None and (tensor.ndim != 1 or tensor.numel() != shape[1]):
            raise RuntimeError(
                f"Expected {name} to be a vector of size equal to the number of channels in input, but got {name} of "
                f"shape {list((weight if weight is not None else tensor).shape)} and input of shape {shape}"
            )
    _floating("GroupNormKernelImpl", input)
    return normalise.group_norm.call(input, weight, bias, groups=num_groups, eps=eps)


# -- over the last dimensions --------------------------------------------------------------------------------------
def _check_shape(
    name: str, input: Tensor, normalized_shape: Any, star: str, **learned: Tensor | None
) -> tuple[int, ...]:  # fmt: skip
    if not isinstance(normalized_shape, (tuple, list)):
        kind = type(normalized_shape).__name__
        raise TypeError(f"{name}(): argument 'normalized_shape' (position 2) must be tuple of ints, not {kind}")
    shape = integers(name, "normalized_shape", normalized_shape)
    if not shape:
        raise RuntimeError(
            "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but got "
            "normalized_shape = []"
        )
    for what, tensor in learned.items():
        if tensor is not None and tuple(tensor.shape) != shape:
            raise RuntimeError(
                f"Expected {what} to be of same shape as normalized_shape, but got {what} of shape "
                f"{list(tensor.shape)} and normalized_shape = {list(shape)}"
            )
    if len(shape) > input.ndim or tuple(input.shape[input.ndim - len(shape) :]) != shape:
        raise noted(
            RuntimeError(
                f"Given normalized_shape={list(shape)}, expected input with shape [*{star}"
                f"{', '.join(map(str, shape))}], but got input of size{list(input.shape)}\n"
                "The last dimensions are normalised, so they must be those of normalized_shape."
            )
        )
    return shape


@function(method=False)
def layer_norm(
    input: Tensor, normalized_shape: Any, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> Tensor:  # fmt: skip
    """Each sample by the mean and variance of its last dimensions, those of `normalized_shape`."""
    shape = _check_shape("layer_norm", input, normalized_shape, ", ", weight=weight, bias=bias)
    _floating("LayerNormKernelImpl", input)
    return normalise.layer_norm.call(input, weight, bias, count=len(shape), eps=eps)


@function(method=False)
def rms_norm(
    input: Tensor, normalized_shape: Any, weight: Tensor | None = None, eps: float | None = None
) -> Tensor:  # fmt: skip
    """Each sample divided by the root of the mean square of its last dimensions, those of `normalized_shape`."""
    shape = _check_shape("rms_norm", input, normalized_shape, "", weight=weight)
    if input.dtype.category < 2:
        raise no_kernel("rms_norm", input)
    wide = input.float() if input.dtype.numpy.itemsize == 2 else input
    small = finfo(wide.dtype).eps if eps is None else eps
    mean = wide.pow(2).mean(tuple(range(-len(shape), 0)), keepdim=True)
    made = wide * add_scalar.call(mean, small).rsqrt()
    if weight is not None:
        made = made * weight
    return made.to(input.dtype)  # type: ignore[no-any-return]

"""Normalising layers as functions."""

from __future__ import annotations

from typing import Any

from gradviz.core.clock import wrote
from gradviz.core.errors import noted
from gradviz.core.ops import normalise
from gradviz.core.tensor import Tensor

from .checks import constants


def batch_norm(
    input: Tensor, running_mean: Tensor | None, running_var: Tensor | None, weight: Tensor | None = None,
    bias: Tensor | None = None, training: bool = False, momentum: float = 0.1, eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """(N, C, ...): each channel by the mean and variance of the batch, or by the running ones when not training.

    While training the running ones, if given, move towards the batch's by `momentum`; the variance kept is unbiased.
    """
    if eps < 0:
        raise ValueError(f"batch_norm eps must be non-negative, but got {eps}")
    count = input.numel() // input.shape[1] if input.ndim > 1 and input.shape[1] else 0
    if training and count == 1:
        raise noted(
            ValueError(
                f"Expected more than 1 value per channel when training, got input size {input.shape}\n"
                "One value has no variance: use a larger batch, drop_last=True in the DataLoader, or model.eval()."
            )
        )
    if not training and (running_mean is None or running_var is None):
        raise RuntimeError("Expected running_mean and running_var to be defined when training=False")
    channels = input.shape[1]
    for name, tensor in (
        ("running_mean", running_mean),
        ("running_var", running_var),
        ("weight", weight),
        ("bias", bias),
    ):
        if tensor is not None and tensor.numel() != channels:
            raise noted(
                RuntimeError(
                    f"{name} should contain {channels} elements not {tensor.numel()}\n"
                    f"The input has shape {tuple(input.shape)}, so it has {channels} channels (the second dimension)."
                )
            )
    constants("native_batch_norm", running_mean=running_mean, running_var=running_var)
    used = (None, None) if training else (running_mean, running_var)
    out, aux = normalise.batch_norm.with_aux(input, weight, bias, *used, training=bool(training), eps=eps)
    if training and count:  # an empty batch has nothing to say
        unbiased = aux["batch_var"]._array * (count / (count - 1))
        for running, seen in ((running_mean, aux["batch_mean"]._array), (running_var, unbiased)):
            if running is not None:
                running._array[...] = running._array * (1 - momentum) + seen * momentum
                wrote(running)
    return out  # type: ignore[no-any-return]


def layer_norm(
    input: Tensor, normalized_shape: Any, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:  # fmt: skip
    """Each sample by the mean and variance of its last dimensions, those of `normalized_shape`."""
    shape = tuple(normalized_shape)
    if tuple(input.shape[input.ndim - len(shape) :]) != shape or len(shape) > input.ndim:
        raise RuntimeError(
            f"Given normalized_shape={list(shape)}, expected input with shape [*, {', '.join(map(str, shape))}], "
            f"but got input of size{list(input.shape)}"
        )
    return normalise.layer_norm.call(input, weight, bias, count=len(shape), eps=eps)

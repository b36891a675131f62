"""Normalising layers as functions."""

from __future__ import annotations

import math
from typing import Any

from gradviz.core.errors import noted
from gradviz.core.ops.layers import norm_layers as ops
from gradviz.core.tensor import Tensor

from .padding import pad
from .pooling import avg_pool2d, avg_pool3d

__all__ = ["batch_norm", "group_norm", "instance_norm", "layer_norm", "local_response_norm", "rms_norm"]
rms_norm = ops.rms_norm


def batch_norm(
    input: Tensor, running_mean: Tensor | None, running_var: Tensor | None, weight: Tensor | None = None,
    bias: Tensor | None = None, training: bool = False, momentum: float = 0.1, eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """(N, C, ...): each channel by the mean and variance of the batch, or by the running ones when not training.

    While training the running ones, if given, move towards the batch's by `momentum`; the variance kept is unbiased.
    """
    if training and math.prod((*input.shape[:1], *input.shape[2:])) == 1:
        raise noted(
            ValueError(
                f"Expected more than 1 value per channel when training, got input size {input.shape}\n"
                "One value has no variance: use a larger batch, drop_last=True in the DataLoader, or model.eval()."
            )
        )
    if eps < 0 or (training and eps == 0):
        raise ValueError(
            f"batch_norm eps must be {'positive during training' if training else 'non-negative'}, but got {eps}"
        )
    return ops.batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps)


def instance_norm(
    input: Tensor, running_mean: Tensor | None = None, running_var: Tensor | None = None,
    weight: Tensor | None = None, bias: Tensor | None = None, use_input_stats: bool = True, momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """(N, C, ...): each channel of each sample by its own mean and variance."""
    if use_input_stats and math.prod(input.shape[2:]) == 1:
        raise noted(
            ValueError(
                f"Expected more than 1 spatial element when training, got input size {input.shape}\n"
                "One value has no variance."
            )
        )
    return ops.instance_norm(input, weight, bias, running_mean, running_var, use_input_stats, momentum, eps)


def group_norm(
    input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:  # fmt: skip
    """(N, C, ...): each of `num_groups` groups of channels of each sample by its own mean and variance."""
    if input.ndim < 2:
        raise RuntimeError(f"Expected at least 2 dimensions for input tensor but received {input.ndim}")
    each = [input.shape[0] * input.shape[1] // num_groups, num_groups, *input.shape[2:]]
    if math.prod((each[0], *each[2:])) == 1:
        raise noted(
            ValueError(
                f"Expected more than 1 value per channel when training, got input size {each}\n"
                "One value has no variance."
            )
        )
    return ops.group_norm(input, num_groups, weight, bias, eps)


def layer_norm(
    input: Tensor, normalized_shape: Any, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:  # fmt: skip
    """Each sample by the mean and variance of its last dimensions, those of `normalized_shape`."""
    return ops.layer_norm(input, normalized_shape, weight, bias, eps)


def local_response_norm(
    input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:  # fmt: skip
    """Each number divided by `(k + alpha * mean of squares over size neighbouring channels) ** beta`."""
    dim = input.ndim
    if dim < 3:
        raise ValueError(f"Expected 3D or higher dimensionality                          input (got {dim} dimensions)")
    if input.numel() == 0:
        return input
    before, after = size // 2, (size - 1) // 2
    squares = input.mul(input)
    if dim == 3:
        squares = pad(squares.unsqueeze(1), (0, 0, before, after))
        mean = avg_pool2d(squares, (size, 1), stride=1).squeeze(1)
    else:
        n, c, h = input.shape[:3]
        squares = pad(squares.view(n, 1, c, h, -1), (0, 0, 0, 0, before, after))
        mean = avg_pool3d(squares, (size, 1, 1), stride=1).squeeze(1).view(*input.shape)
    return input / mean.mul(alpha).add(k).pow(beta)  # type: ignore[no-any-return]

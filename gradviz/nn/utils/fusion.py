"""Batch normalisation in evaluation, folded into the weights of the layer before it (torch.nn.utils.fusion)."""

from __future__ import annotations

import copy
from functools import partial
from typing import Any

from gradviz.core.op import FUNCTIONS
from gradviz.core.tensor import Tensor

from ..parameter import Parameter

__all__ = ["fuse_conv_bn_eval", "fuse_conv_bn_weights", "fuse_linear_bn_eval", "fuse_linear_bn_weights"]


def fuse_conv_bn_eval(conv: Any, bn: Any, transpose: bool = False) -> Any:
    """A copy of a convolution that computes what it and the batch norm after it compute in evaluation mode.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.fuse_conv_bn_eval.html
    """
    return _fused(conv, bn, partial(fuse_conv_bn_weights, transpose=transpose))


def fuse_conv_bn_weights(
    conv_w: Tensor, conv_b: Tensor | None, bn_rm: Tensor, bn_rv: Tensor, bn_eps: float, bn_w: Tensor | None,
    bn_b: Tensor | None, transpose: bool = False,
) -> tuple[Parameter, Parameter]:  # fmt: skip
    """The weights and the bias of the convolution that does both.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.fuse_conv_bn_weights.html
    """
    outputs = (1, -1) if transpose else (-1, 1)
    shape = *outputs, *(1,) * (conv_w.ndim - 2)
    bn_w = FUNCTIONS["ones_like"](bn_rm) if bn_w is None else bn_w
    return _weights(conv_w, conv_b, bn_rm, bn_w * (bn_rv + bn_eps).rsqrt(), bn_b, shape)


def fuse_linear_bn_eval(linear: Any, bn: Any) -> Any:
    """A copy of a linear layer that computes what it and the batch norm after it compute in evaluation mode.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.fuse_linear_bn_eval.html
    """
    if bn.num_features not in (linear.out_features, 1) and not (linear.training or bn.training):
        raise AssertionError(
            "To fuse, linear.out_features == bn.num_features or bn.num_features == 1, got "
            f"linear.out_features={linear.out_features} and bn.num_features={bn.num_features}"
        )
    return _fused(linear, bn, fuse_linear_bn_weights)


def fuse_linear_bn_weights(
    linear_w: Tensor, linear_b: Tensor | None, bn_rm: Tensor, bn_rv: Tensor, bn_eps: float, bn_w: Tensor, bn_b: Tensor
) -> tuple[Parameter, Parameter]:  # fmt: skip
    """The weights and the bias of the linear layer that does both.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.fuse_linear_bn_weights.html
    """
    return _weights(linear_w, linear_b, bn_rm, bn_w * (bn_rv + bn_eps).rsqrt(), bn_b, (-1, 1))


def _fused(layer: Any, bn: Any, fuse: Any) -> Any:
    if layer.training or bn.training:
        raise AssertionError("Fusion only for eval!")
    if bn.running_mean is None or bn.running_var is None:
        raise AssertionError("bn.running_mean and bn.running_var must not be None")
    made = copy.deepcopy(layer)
    made.weight, made.bias = fuse(made.weight, made.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias)
    return made


def _weights(
    w: Tensor, b: Tensor | None, mean: Tensor, scale: Tensor, shift: Tensor | None, shape: tuple[int, ...]
) -> tuple[Parameter, Parameter]:  # fmt: skip
    """`scale * w`, one factor for each output, and `(b - mean) * scale + shift`."""
    b = FUNCTIONS["zeros_like"](mean) if b is None else b
    shift = FUNCTIONS["zeros_like"](mean) if shift is None else shift
    weight = (w * scale.reshape(shape)).to(dtype=w.dtype)
    bias = ((b - mean) * scale + shift).to(dtype=b.dtype)
    return Parameter(weight, w.requires_grad), Parameter(bias, b.requires_grad)

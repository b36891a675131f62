"""Recorded functions of layers that PyTorch, too, differentiates by hand."""

from __future__ import annotations

from typing import Any

from gradviz.core.function import Function
from gradviz.core.tensor import Tensor

from .. import functional as F


class CrossMapLRN2d(Function):
    """CrossMapLRN2d as PyTorch computes it.

    Two things differ from the formula, there and so here: the first channel, once in the sum, never leaves it, and the
    gradient sums over the channels c - size + 1 to c (from size 3 on) rather than around c.
    """

    @staticmethod
    def forward(ctx: Any, input: Tensor, size: int, alpha: float, beta: float, k: float) -> Tensor:
        channels, reach = input.shape[1], (size - 1) // 2
        squares = input * input
        padded = F.pad(squares, (0, 0, 0, 0, reach, reach))
        sums = padded.narrow(1, 0, channels).clone()
        for i in range(1, 2 * reach + 1):
            sums += padded.narrow(1, i, channels)
        sums[:, reach + 1 :] += squares[:, :1]
        scale = sums * (alpha / size) + k
        output: Tensor = input * scale**-beta
        ctx.save_for_backward(input, output, scale)
        ctx.settings = size, alpha, beta
        return output

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None, None]:
        input, output, scale = ctx.saved_tensors
        size, alpha, beta = ctx.settings
        n, channels, *places = input.shape
        padded = input.new_zeros((n, channels + size - 1, *places))
        padded.narrow(1, int(size - (size - 1) / 2), channels).copy_(grad * output / scale)
        sums = padded.narrow(1, 0, channels).clone()
        for i in range(1, size):
            sums += padded.narrow(1, i, channels)
        return grad * scale**-beta - input * sums * (2 * alpha * beta / size), None, None, None, None

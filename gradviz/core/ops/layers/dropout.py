"""Dropout: numbers or whole channels zeroed by chance, in the four kinds that PyTorch has.

Each is `input * noise`, or `input * noise + shift` for the kinds that keep mean and variance of SELU's activations.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import noted
from ...mode import no_grad
from ...op import FUNCTIONS
from ...tensor import Tensor

# What SELU gives for very negative numbers is -ALPHA; the alpha kinds put this where dropout puts 0.
ALPHA = 1.7580993408473766


def _drawn(input: Tensor, shape: Any, p: float, divided: bool) -> Tensor:
    """Independent zeros and ones, 1 with probability `p`; `divided` by p they have a mean of 1."""
    kernel = input.device.forwards.get("dropout_noise")  # does it at once, where the device has one
    if kernel is not None:
        kind = input._array.dtype
        noise = kernel(tuple(shape), kind, p, float((np.ones(1, kind) / p)[0]) if divided else 1.0)
        if noise is not None:
            return Tensor._of(noise, input.device)
    drawn: Tensor = input.new_empty(shape).bernoulli_(p)
    return drawn.div_(p) if divided else drawn


def _in_memory_order(input: Tensor, p: float, divided: bool) -> Tensor:
    """One draw for each element, laid out (and so drawn) as the input lies in memory."""
    shape, steps = input._array.shape, input._array.strides
    order = sorted(range(len(shape)), key=lambda i: -steps[i])
    if order == list(range(len(shape))) or 0 in steps or input.is_contiguous():
        return _drawn(input, shape, p, divided)
    drawn = _drawn(input, [shape[i] for i in order], p, divided)
    return drawn.permute([order.index(i) for i in range(len(shape))])  # type: ignore[no-any-return]


def _per_channel(input: Tensor, p: float, divided: bool) -> Tensor:
    """One draw for each (sample, channel)."""
    if input.ndim < 2:
        raise noted(
            RuntimeError(
                "Feature dropout requires at least 2 dimensions in the input\n"
                f"It drops whole channels of (samples, channels, ...); the input has shape {tuple(input.shape)}."
            )
        )
    return _drawn(input, (*input.shape[:2], *(1,) * (input.ndim - 2)), p, divided)


def _dropped(input: Tensor, p: float, train: bool, draw: Any, alpha: bool, inplace: bool) -> Tensor:
    if not 0 <= p <= 1:
        raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {p:g}")
    if p == 0 or not train or not input._array.size:
        return input
    if p == 1:
        zero = input.new_zeros(())
        return input.mul_(zero) if inplace else input.mul(zero)  # type: ignore[no-any-return]
    with no_grad():
        noise = draw(input, 1 - p, not alpha)
        if alpha:
            scale = 1 / math.sqrt((ALPHA * ALPHA * p + 1) * (1 - p))
            shift = noise.add(-1).mul_(ALPHA * scale).add_(ALPHA * scale * p)
            noise.mul_(scale)
    out = input.mul_(noise) if inplace else input.mul(noise)
    if not alpha:
        return out  # type: ignore[no-any-return]
    return out.add_(shift) if inplace else out.add(shift)  # type: ignore[no-any-return]


def _kind(name: str, draw: Any, alpha: bool, doc: str) -> tuple[Callable[..., Tensor], Callable[..., Tensor]]:
    """`torch.<name>` and its twin that writes over the input."""

    def call(input: Tensor, p: float, train: bool) -> Tensor:
        return _dropped(input, p, train, draw, alpha, False)

    def inplace(input: Tensor, p: float, train: bool) -> Tensor:
        return _dropped(input, p, train, draw, alpha, True)

    for made, spelling in ((call, name), (inplace, name + "_")):
        made.__name__ = made.__qualname__ = spelling
        made.__doc__ = doc
        FUNCTIONS[spelling] = made
    return call, inplace


dropout, dropout_ = _kind(
    "dropout", _in_memory_order, False,
    "While training, zero each element with probability `p` and scale the others by `1 / (1 - p)`.",
)  # fmt: skip
feature_dropout, feature_dropout_ = _kind("feature_dropout", _per_channel, False, "Dropout of whole channels.")
alpha_dropout, alpha_dropout_ = _kind(
    "alpha_dropout", _in_memory_order, True,
    "Dropout that keeps mean and variance: to SELU's lowest value instead of 0, then shifted and scaled.",
)  # fmt: skip
feature_alpha_dropout, feature_alpha_dropout_ = _kind(
    "feature_alpha_dropout", _per_channel, True, "Alpha dropout of whole channels."
)

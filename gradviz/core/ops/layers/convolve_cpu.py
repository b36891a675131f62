"""What goes back through a convolution or max pooling on NumPy arrays, all at once: no look-ups on the way."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...memory_format import as_suggested
from ...op import OPS
from ..reductions.dims import total
from . import pool_max
from .convolve import correlate, laid_out, spread
from .sliding_windows import Dims

Array = Any
MANY = 4096  # numbers from which on it pays


def _bias(g: Array) -> Array:
    """The sum over each channel of g (N, O, sizes); einsum adds along several dimensions in a third of the time."""
    if g.size >= MANY and g.dtype.char in "fd" and g.flags.c_contiguous:
        return np.einsum("nop->o", g.reshape(*g.shape[:2], -1))
    return total(g, dim=(0, *range(2, g.ndim)), keepdim=False)


def _gradients(
    g: Array, wants: tuple[bool, ...], x: Array, w: Array, _rows: Array, x_shape: Dims, w_shape: Dims, stride: Dims,
    padding: Dims, dilation: Dims, groups: int,
) -> Any:  # fmt: skip
    """Of a convolution: for pictures, weights and bias; with channels last where pictures or weights have them so."""
    settings: Any = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    dx = spread(np, g, w, shape=x_shape, **settings) if wants[0] else None
    dw = correlate(np, g, x, _rows, shape=w_shape, **settings) if wants[1] else None
    if dx is not None:
        dx = laid_out(np, dx, g if x is None else x, w)
    if dw is not None:
        dw = laid_out(np, dw, x, w)
    return dx, dw, _bias(g) if wants[2] else None


def _max_pool_gradient(dims: int) -> Any:
    def gradient(
        g: Array, wants: tuple[bool, ...], indices: Array, x_shape: Dims, kernel_size: Dims, stride: Dims,
        dilation: Dims,
    ) -> Any:  # fmt: skip
        overlap = pool_max.overlaps(kernel_size, stride, dilation)
        dx = pool_max.scattered(np, g, indices, shape=x_shape, dims=dims, overlap=overlap)
        return (as_suggested(np, dx, indices),)

    return gradient


for _dims in (1, 2, 3):
    OPS[f"conv{_dims}d"].together(_gradients)
for _dims in (2, 3):
    OPS[f"max_pool{_dims}d"].together(_max_pool_gradient(_dims))

"""Convolutions with 1 x 1 kernels: each picture, (C, H * W), is one matrix, and nothing is copied. On the CPU."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def convolve(x: Array, w: Array, bias: Any) -> Array:
    """x (N, C, H, W), w (O, C, 1, 1), bias (O) or None -> (N, O, H, W)."""
    n, c, high, wide = x.shape
    o = w.shape[0]
    out: Array = np.matmul(w.reshape(o, c), x.reshape(n, c, high * wide))
    if bias is not None:
        out += bias[:, None]
    return out.reshape(n, o, high, wide)


def spread(y: Array, w: Array) -> Array:
    """The adjoint for the picture."""
    return convolve(y, w.transpose(1, 0, 2, 3), None)


def correlate(y: Array, x: Array) -> Array:
    """The adjoint for the weights."""
    n, o, high, wide = y.shape
    c = x.shape[1]
    parts = np.matmul(y.reshape(n, o, high * wide), x.reshape(n, c, high * wide).swapaxes(1, 2))
    summed: Array = np.add.reduce(parts, 0)
    return summed.reshape(o, c, 1, 1)

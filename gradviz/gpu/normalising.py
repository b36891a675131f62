"""Batch, layer and group normalisation on a cuda device: one kernel forward, one for the gradient (normalise.cu)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.device import Device
from ..core.op import override
from ..core.ops.layers.sliding_windows import Dims
from .compiled import ints, launch, types_of, whole

NOTHING = np.uint64(0)  # a null pointer
MANY = 2**31  # the kernels count in 32 bits


def register(device: Device) -> None:
    """Let a device's normalisation run by the kernels where they are for its numbers."""
    override(device, "native_batch_norm", _batch_norm(device, device.forwards["native_batch_norm!"]))
    override(device, "native_layer_norm", _layer_norm(device, device.forwards["native_layer_norm!"]))
    override(device, "x_hat_input", _x_hat_input(device, device.forwards["x_hat_input!"]))


def _view(shape: Dims, dims: Dims) -> tuple[int, int, int] | None:
    """What is averaged over `dims` as the kernels see it: N, C, inner; None where they do not fit."""
    ndim = len(shape)
    if dims == (0, *range(2, ndim)) and ndim > 1:
        return shape[0], shape[1], math.prod(shape[2:])
    first = ndim - len(dims)
    return (1, math.prod(shape[:first]), math.prod(shape[first:])) if dims == tuple(range(first, ndim)) else None


def _fits(*arrays: Any) -> bool:
    kind = arrays[0].dtype
    fits = kind.name in types_of("normalise") and arrays[0].size < MANY
    return fits and all(a is None or (a.dtype == kind and a.size) for a in arrays)


def _moments(device: Device, x: Any, w: Any, b: Any, view: tuple[int, int, int], eps: float) -> tuple[Any, ...]:
    """Result, means, variances and inverse deviations."""
    xp, count = device.xp, view[1]
    out, *found = (xp.empty(shape, dtype=x.dtype) for shape in (x.shape, count, count, count))
    weights = (NOTHING if v is None else whole(xp, v) for v in (w, b))
    args = (whole(xp, x), *weights, out, *found, *ints(*view), np.float64(eps))
    launch(device, "normalise", "moments", x.dtype, count, args)
    return out, *found


def _batch_norm(device: Device, plain: Any) -> Any:
    def batch_norm(
        x: Any, w: Any, b: Any, running_mean: Any, running_var: Any, *, training: bool, eps: float
    ) -> Any:  # fmt: skip
        if not training or not _fits(x, w, b):
            return plain(x, w, b, running_mean, running_var, training=training, eps=eps)
        view = x.shape[0], x.shape[1], math.prod(x.shape[2:])
        out, mean, var, inverse = _moments(device, x, w, b, view, eps)
        along = (1, -1, *(1,) * (x.ndim - 2))
        found = {"mean": mean.reshape(along), "inverse": inverse.reshape(along)}
        return out, {"batch_mean": mean, "batch_var": var, **found}

    return batch_norm


def _layer_norm(device: Device, plain: Any) -> Any:
    def layer_norm(x: Any, w: Any, b: Any, *, count: int, eps: float) -> Any:
        if not _fits(x, w, b):
            return plain(x, w, b, count=count, eps=eps)
        first = x.ndim - count
        view = 1, math.prod(x.shape[:first]), math.prod(x.shape[first:])
        out, mean, _, inverse = _moments(device, x, None, None, view, eps)
        if w is not None:
            out *= w
        if b is not None:
            out += b
        along = (*x.shape[:first], *(1,) * count)
        return out, {"mean": mean.reshape(along), "inverse": inverse.reshape(along)}

    return layer_norm


def _x_hat_input(device: Device, plain: Any) -> Any:
    def x_hat_input(y: Any, x: Any, mean: Any, inverse: Any, *, dims: Dims, eps: float) -> Any:
        view = _view(x.shape, tuple(dims)) if y.shape == x.shape else None
        if view is None or not _fits(x, y, mean, inverse) or not mean.size == inverse.size == view[1]:
            return plain(y, x, mean, inverse, dims=dims, eps=eps)
        xp = device.xp
        out = xp.empty(x.shape, dtype=x.dtype)
        args = (*(whole(xp, a) for a in (y, x, mean, inverse)), out, *ints(*view))
        launch(device, "normalise", "x_hat_input", x.dtype, view[1], args)
        return out

    return x_hat_input

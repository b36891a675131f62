"""Normalisation: subtract a mean, divide by a standard deviation, then scale and shift by learned numbers.

    x_hat = (x - mean) / sqrt(var + eps)          y = x_hat * w + b

In the gradient of x the mean and the variance are functions of x too. `x_hat` and `x_hat_input`, the gradient of x
given that of x_hat, take the mean and the inverse deviation that the forward found, and are functions of x all the
same: their rules name one another. 16-bit floats are computed in 32 bits throughout.
"""

from __future__ import annotations

import math
from typing import Any

from ...op import op
from ..helpers import wider
from ..reductions.dims import average

Dims = tuple[int, ...]


def _moments(x: Any, dims: Dims) -> tuple[Any, Any, Any]:
    """`x - mean`, the mean and the variance over some dims, which are kept with size 1."""
    mean = average(x, dim=dims, keepdim=True)
    away = x - mean
    return away, mean, average(away * away, dim=dims, keepdim=True)


# -- x_hat and its adjoint, from the moments that the forward found ----------------------------------------------------
def _x_hat(xp: Any, x: Any, mean: Any, inverse: Any, *, dims: Dims, eps: float) -> Any:
    out = wider(xp, x) - mean
    out *= inverse
    return out


def _x_hat_input(xp: Any, y: Any, x: Any, mean: Any, inverse: Any, *, dims: Dims, eps: float) -> Any:
    """(y - its mean - the part of it along x_hat) / deviation, in as few passes over memory as there are."""
    hat, y = _x_hat(xp, x, mean, inverse, dims=dims, eps=eps), wider(xp, y)
    hat *= average(y * hat, dim=dims, keepdim=True)
    out = y - average(y, dim=dims, keepdim=True)
    out -= hat
    out *= inverse
    return out


def _x_hat_input_x(F: Any, g: Any, y: Any, x: Any, mean: Any, inverse: Any, dims: Dims, eps: float) -> Any:
    """How the adjoint changes with x: through x_hat, in which it is quadratic, and through the deviation."""
    settings: dict[str, Any] = {"dims": dims, "eps": eps}
    hat = F.x_hat(x, mean, inverse, **settings)
    away = x - F.mean(x, dim=dims, keepdim=True)
    again = F.rsqrt(F.mean(away * away, dim=dims, keepdim=True) + eps)  # the inverse deviation, as a function of x
    both = g * F.mean(y * hat, dim=dims, keepdim=True) + y * F.mean(g * hat, dim=dims, keepdim=True)
    through = F.x_hat_input(-both * again, x, mean, inverse, **settings)
    along = F.mean(g * F.x_hat_input(y, x, mean, inverse, **settings), dim=dims, keepdim=True)
    return through - hat * (along * again)


op("x_hat", _x_hat, public=False, node="NativeLayerNormBackwardBackward0",
   x=lambda F, g, x, mean, inverse, *, dims, eps: F.x_hat_input(g, x, mean, inverse, dims=dims, eps=eps))  # fmt: skip
op("x_hat_input", _x_hat_input, public=False, node="NativeLayerNormBackwardBackward0",
   y=lambda F, g, x, mean, inverse, *, dims, eps: F.x_hat_input(g, x, mean, inverse, dims=dims, eps=eps),
   x=lambda F, g, y, x, mean, inverse, *, dims, eps:
       _x_hat_input_x(F, g, y, x, mean, inverse, dims, eps))  # fmt: skip


# -- over a batch: each channel (dim 1) has its own mean --------------------------------------------------------
def _others(ndim: int) -> Dims:
    return (0, *range(2, ndim))


def _along(F: Any, v: Any, ndim: int) -> Any:
    """One number per channel, shaped to broadcast along dim 1."""
    return F.reshape(v, shape=_channels(ndim))


def _channels(ndim: int) -> Dims:
    return tuple(-1 if i == 1 else 1 for i in range(ndim))


def _scaled(out: Any, w: Any, b: Any, shape: Dims, dtype: Any) -> Any:
    """`out * w + b` in the memory of `out`, with w and b in a shape that broadcasts."""
    if w is not None:
        out *= w.reshape(shape)
    if b is not None:
        out += b.reshape(shape)
    return out.astype(dtype, copy=False)


def _batch_norm(
    xp: Any, x: Any, w: Any, b: Any, running_mean: Any, running_var: Any, *, training: bool, eps: float
) -> Any:  # fmt: skip
    """(N, C, ...): by the batch's own mean and variance when training, by the running ones otherwise."""
    shape, wide = _channels(x.ndim), wider(xp, x)
    if training:
        out, mean, var = _moments(wide, _others(x.ndim))
    else:
        mean, var = (wider(xp, v).reshape(shape) for v in (running_mean, running_var))
        out = wide - mean
    inverse = 1 / xp.sqrt(var + eps)
    out *= inverse if w is None else inverse * w.reshape(shape)
    found = {"batch_mean": mean.reshape(-1), "batch_var": var.reshape(-1), "mean": mean, "inverse": inverse}
    found["_reserve"] = None  # what a device's library hands from its forward to its gradient
    return _scaled(out, None, b, shape, x.dtype), found


def _batch_norm_x(F: Any, g: Any, x: Any, w: Any, mean: Any, inverse: Any, training: bool, eps: float) -> Any:
    if w is not None:
        g = g * _along(F, w, len(x.shape))
    return F.x_hat_input(g, x, mean, inverse, dims=_others(len(x.shape)), eps=eps) if training else g * inverse


def _batch_norm_w(F: Any, g: Any, x: Any, mean: Any, inverse: Any, training: bool, eps: float) -> Any:
    dims = _others(len(x.shape))
    hat = F.x_hat(x, mean, inverse, dims=dims, eps=eps) if training else (x - mean) * inverse
    return F.sum(g * hat, dim=dims, keepdim=False)


batch_norm = op(
    "native_batch_norm", _batch_norm, public=False,
    saved_names={"x": "input", "w": "weight"}, latex=r"\frac{x-\mu}{\sqrt{\sigma^2+\epsilon}}\,w+b",
    x=lambda F, g, x, w, mean, inverse, _reserve, *, training, eps:
        _batch_norm_x(F, g, x, w, mean, inverse, training, eps),
    w=lambda F, g, x, mean, inverse, *, training, eps: _batch_norm_w(F, g, x, mean, inverse, training, eps),
    b=lambda F, g, *, x_shape: F.sum(g, dim=_others(len(x_shape)), keepdim=False),
    aux=("batch_mean", "batch_var", "mean", "inverse", "_reserve"),
)  # fmt: skip


# -- over the last dims of each sample ------------------------------------------------------------------------------
def _last(ndim: int, count: int) -> Dims:
    return tuple(range(ndim - count, ndim))


def _layer_norm(xp: Any, x: Any, w: Any, b: Any, *, count: int, eps: float) -> Any:
    """(..., d1 ... d_count): each sample by the mean and variance of its last `count` dims."""
    out, mean, var = _moments(wider(xp, x), _last(x.ndim, count))
    inverse = 1 / xp.sqrt(var + eps)
    out *= inverse
    return _scaled(out, w, b, x.shape[x.ndim - count :], x.dtype), {"mean": mean, "inverse": inverse}


layer_norm = op(
    "native_layer_norm", _layer_norm, public=False, saved_names={"x": "input", "w": "weight"},
    x=lambda F, g, x, w, mean, inverse, *, count, eps: F.x_hat_input(
        g if w is None else g * w, x, mean, inverse, dims=_last(len(x.shape), count), eps=eps),
    w=lambda F, g, x, mean, inverse, *, count, eps: g * F.x_hat(
        x, mean, inverse, dims=_last(len(x.shape), count), eps=eps),
    b=lambda g: g,
    aux=("mean", "inverse"),
)  # fmt: skip


# -- over groups of channels of each sample ------------------------------------------------------------------------
def _grouped(shape: Dims, groups: int) -> Dims:
    """(N, C, ...) as (N, groups, all the rest)."""
    return shape[0], groups, shape[1] // groups * math.prod(shape[2:])


def _group_norm(xp: Any, x: Any, w: Any, b: Any, *, groups: int, eps: float) -> Any:
    """(N, C, ...): each group of channels of each sample by its own mean and variance."""
    out, mean, var = _moments(wider(xp, x).reshape(_grouped(x.shape, groups)), (2,))
    inverse = 1 / xp.sqrt(var + eps)
    out *= inverse
    return _scaled(out.reshape(x.shape), w, b, _channels(x.ndim), x.dtype), {"mean": mean, "inverse": inverse}


def _group_norm_x(F: Any, g: Any, x: Any, w: Any, mean: Any, inverse: Any, groups: int, eps: float) -> Any:
    shape = tuple(x.shape)
    if w is not None:
        g = g * _along(F, w, len(shape))
    g, x = (F.reshape(v, shape=_grouped(shape, groups)) for v in (g, x))
    return F.reshape(F.x_hat_input(g, x, mean, inverse, dims=(2,), eps=eps), shape=shape)


def _group_norm_w(F: Any, g: Any, x: Any, mean: Any, inverse: Any, groups: int, eps: float) -> Any:
    shape = tuple(x.shape)
    hat = F.x_hat(F.reshape(x, shape=_grouped(shape, groups)), mean, inverse, dims=(2,), eps=eps)
    return F.sum(g * F.reshape(hat, shape=shape), dim=_others(len(shape)), keepdim=False)


group_norm = op(
    "native_group_norm", _group_norm, public=False, saved_names={"x": "input", "w": "weight"},
    x=lambda F, g, x, w, mean, inverse, *, groups, eps: _group_norm_x(F, g, x, w, mean, inverse, groups, eps),
    w=lambda F, g, x, mean, inverse, *, groups, eps: _group_norm_w(F, g, x, mean, inverse, groups, eps),
    b=lambda F, g, *, x_shape: F.sum(g, dim=_others(len(x_shape)), keepdim=False),
    aux=("mean", "inverse"),
)  # fmt: skip

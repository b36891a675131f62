"""Normalisation: subtract a mean, divide by a standard deviation, then scale and shift by learned numbers.

    x_hat = (x - mean) / sqrt(var + eps)          y = x_hat * w + b

In the gradient of x the mean and the variance are functions of x too. The rule is written with x itself, not with the
kept mean and variance, so that it can be differentiated again. 16-bit floats are computed in 32 bits throughout.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..messages import raw_dtype
from ..op import op
from .helpers import wider

FLOAT32 = np.dtype(np.float32)


def _wide(F: Any, x: Any) -> Any:
    """A 16-bit array or Tensor in 32 bits; None and others as they are."""
    if x is None or raw_dtype(x).itemsize != 2:
        return x
    return F.cast(x, dtype=FLOAT32)


def _moments(F: Any, x: Any, dims: tuple[int, ...], eps: float) -> tuple[Any, Any]:
    """`x - mean`, and `1 / sqrt(var + eps)`, over some dims, kept as size 1."""
    away = x - F.mean(x, dim=dims, keepdim=True)
    return away, F.rsqrt(F.mean(away * away, dim=dims, keepdim=True) + eps)


def _pulled_back(F: Any, g: Any, x: Any, dims: tuple[int, ...], eps: float) -> Any:
    """The gradient of x, given that of x_hat: what is left after taking out the mean and the part along x_hat."""
    away, inverse = _moments(F, x, dims, eps)
    hat = away * inverse
    along = hat * F.mean(g * hat, dim=dims, keepdim=True)
    return (g - F.mean(g, dim=dims, keepdim=True) - along) * inverse


# -- over a batch: each channel (dim 1) has its own mean --------------------------------------------------------
def _others(ndim: int) -> tuple[int, ...]:
    return (0, *range(2, ndim))


def _along(F: Any, v: Any, ndim: int) -> Any:
    """One number per channel, shaped to broadcast along dim 1."""
    return F.reshape(v, shape=_channels(ndim))


def _channels(ndim: int) -> tuple[int, ...]:
    return tuple(-1 if i == 1 else 1 for i in range(ndim))


def _batch_norm(
    xp: Any, x: Any, w: Any, b: Any, running_mean: Any, running_var: Any, *, training: bool, eps: float
) -> Any:  # fmt: skip
    """(N, C, ...): by the batch's own mean and variance when training, by the running ones otherwise."""
    shape, wide = _channels(x.ndim), wider(xp, x)
    if training:
        dims = _others(x.ndim)
        mean, var = wide.mean(axis=dims), wide.var(axis=dims)
    else:
        mean, var = wider(xp, running_mean), wider(xp, running_var)
    scale = 1 / xp.sqrt(var + eps)
    if w is not None:
        scale = scale * w
    out = (wide - mean.reshape(shape)) * scale.reshape(shape)
    out = (out if b is None else out + b.reshape(shape)).astype(x.dtype, copy=False)
    return out, {"batch_mean": mean, "batch_var": var}


def _normal(F: Any, x: Any, mean: Any, var: Any, training: bool, eps: float) -> Any:
    """x_hat, from whichever statistics the forward used."""
    x, ndim = _wide(F, x), len(x.shape)
    if training:
        away, inverse = _moments(F, x, _others(ndim), eps)
        return away * inverse
    return (x - _along(F, mean, ndim)) * F.rsqrt(_along(F, var, ndim) + eps)


def _batch_norm_x(F: Any, g: Any, x: Any, w: Any, var: Any, training: bool, eps: float) -> Any:
    g, x, ndim = _wide(F, g), _wide(F, x), len(x.shape)
    if w is not None:
        g = g * _along(F, w, ndim)
    if training:
        return _pulled_back(F, g, x, _others(ndim), eps)
    return g * F.rsqrt(_along(F, var, ndim) + eps)


batch_norm = op(
    "native_batch_norm", _batch_norm, public=False,
    saved_names={"x": "input", "w": "weight"}, latex=r"\frac{x-\mu}{\sqrt{\sigma^2+\epsilon}}\,w+b",
    x=lambda F, g, x, w, running_var, *, training, eps: _batch_norm_x(F, g, x, w, running_var, training, eps),
    w=lambda F, g, x, running_mean, running_var, *, training, eps: F.sum(
        g * _normal(F, x, running_mean, running_var, training, eps), dim=_others(len(x.shape)), keepdim=False),
    b=lambda F, g, *, x_shape: F.sum(g, dim=_others(len(x_shape)), keepdim=False),
    aux=("batch_mean", "batch_var"),
)  # fmt: skip


# -- over the last dims of each sample ------------------------------------------------------------------------------
def _last(ndim: int, count: int) -> tuple[int, ...]:
    return tuple(range(ndim - count, ndim))


def _normalised(xp: Any, x: Any, dims: tuple[int, ...], eps: float) -> Any:
    away = x - x.mean(axis=dims, keepdims=True)
    return away / xp.sqrt((away * away).mean(axis=dims, keepdims=True) + eps)


def _layer_norm(xp: Any, x: Any, w: Any, b: Any, *, count: int, eps: float) -> Any:
    """(..., d1 ... d_count): each sample by the mean and variance of its last `count` dims."""
    out = _normalised(xp, wider(xp, x), _last(x.ndim, count), eps)
    out = out if w is None else out * w
    return (out if b is None else out + b).astype(x.dtype, copy=False)


def _layer_norm_w(F: Any, g: Any, x: Any, count: int, eps: float) -> Any:
    away, inverse = _moments(F, _wide(F, x), _last(len(x.shape), count), eps)
    return g * away * inverse


layer_norm = op(
    "native_layer_norm", _layer_norm, public=False, saved_names={"x": "input", "w": "weight"},
    x=lambda F, g, x, w, *, count, eps: _pulled_back(
        F, _wide(F, g) if w is None else _wide(F, g) * w, _wide(F, x), _last(len(x.shape), count), eps),
    w=lambda F, g, x, *, count, eps: _layer_norm_w(F, g, x, count, eps),
    b=lambda g: g,
)  # fmt: skip


# -- over groups of channels of each sample ------------------------------------------------------------------------
def _grouped(shape: tuple[int, ...], groups: int) -> tuple[int, ...]:
    """(N, C, ...) as (N, groups, all the rest)."""
    rest = shape[1] // groups
    for n in shape[2:]:
        rest *= n
    return shape[0], groups, rest


def _group_norm(xp: Any, x: Any, w: Any, b: Any, *, groups: int, eps: float) -> Any:
    """(N, C, ...): each group of channels of each sample by its own mean and variance."""
    shape = _channels(x.ndim)
    out = _normalised(xp, wider(xp, x).reshape(_grouped(x.shape, groups)), (2,), eps).reshape(x.shape)
    out = out if w is None else out * w.reshape(shape)
    return (out if b is None else out + b.reshape(shape)).astype(x.dtype, copy=False)


def _group_norm_x(F: Any, g: Any, x: Any, w: Any, groups: int, eps: float) -> Any:
    shape = tuple(x.shape)
    g, x = _wide(F, g), _wide(F, x)
    if w is not None:
        g = g * _along(F, w, len(shape))
    flat = _grouped(shape, groups)
    return F.reshape(_pulled_back(F, F.reshape(g, shape=flat), F.reshape(x, shape=flat), (2,), eps), shape=shape)


def _group_norm_w(F: Any, g: Any, x: Any, groups: int, eps: float) -> Any:
    shape = tuple(x.shape)
    away, inverse = _moments(F, F.reshape(_wide(F, x), shape=_grouped(shape, groups)), (2,), eps)
    return F.sum(g * F.reshape(away * inverse, shape=shape), dim=_others(len(shape)), keepdim=False)


group_norm = op(
    "native_group_norm", _group_norm, public=False, saved_names={"x": "input", "w": "weight"},
    x=lambda F, g, x, w, *, groups, eps: _group_norm_x(F, g, x, w, groups, eps),
    w=lambda F, g, x, *, groups, eps: _group_norm_w(F, g, x, groups, eps),
    b=lambda F, g, *, x_shape: F.sum(g, dim=_others(len(x_shape)), keepdim=False),
)  # fmt: skip

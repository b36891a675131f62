"""Attention on NumPy arrays: scores that become weights in their own memory, and all gradients from one walk back.

NumPy's maximum and sum along short rows cost more than the exponentials. The sums are products with a vector of ones;
the maximum, which only keeps exponentials within the range of their type, is not needed where no score is above 60 and
no sum below exp(-60).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...device import CPU
from ...op import OPS, override
from . import attention

Array = Any
FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
SAFE = 60.0  # exp(60) is 1e26: a million such numbers can be added in single precision
TINY = math.exp(-SAFE)


def _weights(scores: Array) -> Array:
    """Softmax over the last dimension."""
    if scores.max() < SAFE:
        made = np.exp(scores)
        total = made @ np.ones(scores.shape[-1], scores.dtype)
        if total.min() > TINY:
            made /= total[..., None]
            return made
    return OPS["safe_softmax"].forward(np, scores, dim=scores.ndim - 1)


def _attention(xp: Any, F: Any, q: Array, k: Array, v: Array, mask: Array, *, scale: float) -> Any:
    if q.dtype not in FLOATS or not q.size or not k.size:
        return attention.attention.forward(xp, F, q, k, v, mask, scale=scale)
    scores = (q * q.dtype.type(scale)) @ np.swapaxes(k, -1, -2)
    if mask is not None:
        scores = scores + mask
    weights = _weights(scores)
    return attention.as_query(np, weights @ v, q), {"weights": weights}


@attention.attention.together
def _gradients(
    g: Array, wants: tuple[bool, ...], q: Array, k: Array, v: Array, weights: Array, scale: float
) -> Any:  # fmt: skip
    if any(x is None or x.dtype not in FLOATS for x in (q, k, v)) or wants[3]:
        return NotImplemented
    dv = np.swapaxes(weights, -1, -2) @ g if wants[2] else None
    if not (wants[0] or wants[1]):
        return None, None, dv, None
    slopes = g @ np.swapaxes(v, -1, -2)
    slopes -= np.vecdot(slopes, weights)[..., None]
    slopes *= weights
    dq, dk = (slopes @ k if wants[0] else None), (np.swapaxes(slopes, -1, -2) @ q if wants[1] else None)
    for made in (dq, dk):
        if made is not None:
            made *= scale
    return dq, dk, dv, None


override(CPU, "attention", _attention)

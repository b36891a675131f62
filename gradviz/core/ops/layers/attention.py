"""Attention: each query takes a mean of the values, weighted by how well their keys match it.

    weights = softmax(q k^T * scale + mask)        (..., L, E), (..., S, E) -> (..., L, S)
    out = weights v                                (..., L, S), (..., S, Ev) -> (..., L, Ev)

Vaswani et al., Attention Is All You Need, 2017. A row of the mask that forbids every key gives zeros.
"""

from __future__ import annotations

from typing import Any

from ...op import op
from ..helpers import wider
from ..kinds import require_floating
from ..linalg.products import wide_matmul


def _safe_softmax(xp: Any, x: Any, *, dim: int) -> Any:
    """Softmax, with zeros instead of NaN where every number is minus infinity."""
    require_floating(x, "softmax_lastdim_kernel_impl")
    if not x.size:
        return x.copy()
    wide = wider(xp, x)
    top = xp.max(wide, axis=dim, keepdims=True)
    e = xp.exp(wide - xp.where(top == -xp.inf, 0.0, top).astype(wide.dtype))
    total = xp.sum(e, axis=dim, keepdims=True)
    return (e / xp.where(total == 0, 1.0, total).astype(wide.dtype)).astype(x.dtype, copy=False)


def _through_softmax(F: Any, g: Any, out: Any, dim: int) -> Any:
    """The gradient of what went into a softmax."""
    return out * (g - F.sum(g * out, dim=(dim,), keepdim=True))


safe_softmax = op("safe_softmax", _safe_softmax, public=False, saved_names={"out": "result"},
                  x=lambda F, g, out, *, dim: _through_softmax(F, g, out, dim))  # fmt: skip


def _turned(F: Any, x: Any) -> Any:
    """The last two dimensions exchanged."""
    n = len(x.shape)
    return F.transpose(x, dim0=n - 2, dim1=n - 1)


def _scores(F: Any, g: Any, weights: Any, scale: float) -> Any:
    """The gradient of q k^T, from that of the weights."""
    return _through_softmax(F, g, weights, len(weights.shape) - 1) * scale


# What rules multiply with, so that a device can see to its products (gradviz/gpu/products.py).
product = op("attention_product", lambda xp, a, b: wide_matmul(xp, a, b), node="BmmBackward0", public=False,
             a=lambda F, g, b: F.attention_product(g, _turned(F, b)),
             b=lambda F, g, a: F.attention_product(_turned(F, a), g))  # fmt: skip
# The weights that the forward found, as a function of queries and keys again: so their gradients have gradients too.
again = op(
    "attention_weights", lambda q, k, weights, *, scale: weights, node="SafeSoftmaxBackward0", public=False,
    q=lambda F, g, k, out, *, scale: F.attention_product(_scores(F, g, out, scale), k),
    k=lambda F, g, q, out, *, scale: F.attention_product(_turned(F, _scores(F, g, out, scale)), q),
)  # fmt: skip


# -- all of it in one operation ------------------------------------------------------------------------------------
def _attention(xp: Any, F: Any, q: Any, k: Any, v: Any, mask: Any, *, scale: float) -> Any:
    scores = wide_matmul(xp, q, _turned(F, k)) * scale
    weights = F.safe_softmax(scores if mask is None else scores + mask, dim=scores.ndim - 1)
    return as_query(xp, wide_matmul(xp, weights, v), q), {"weights": weights}


def as_query(xp: Any, out: Any, q: Any) -> Any:
    """The result, lying in memory as the query does: where its heads lie side by side, joining them is only a view."""
    order = sorted(range(q.ndim), key=lambda i: -q.strides[i])
    if order == list(range(q.ndim)):
        return out
    return xp.transpose(xp.ascontiguousarray(xp.transpose(out, order)), [order.index(i) for i in range(q.ndim)])


def _slopes(F: Any, g: Any, q: Any, k: Any, v: Any, weights: Any, scale: float) -> Any:
    slopes = F.attention_product(g, _turned(F, v))
    return _scores(F, slopes, F.attention_weights(q, k, weights, scale=scale), scale)


attention = op(
    "attention", _attention, public=False, aux=("weights",), node="ScaledDotProductFlashAttentionForCpuBackward0",
    saved_names={"q": "query", "k": "key", "v": "value", "mask": "attn_mask"},
    q=lambda F, g, q, k, v, weights, *, scale: F.attention_product(_slopes(F, g, q, k, v, weights, scale), k),
    k=lambda F, g, q, k, v, weights, *, scale: F.attention_product(
        _turned(F, _slopes(F, g, q, k, v, weights, scale)), q
    ),
    v=lambda F, g, q, k, weights, *, scale: F.attention_product(
        _turned(F, F.attention_weights(q, k, weights, scale=scale)), g
    ),
)  # fmt: skip

"""Scaled dot-product attention: in one operation where PyTorch has one, else put together as PyTorch does."""

from __future__ import annotations

import math

from gradviz.core import errors
from gradviz.core.autocast import listed
from gradviz.core.errors import noted
from gradviz.core.mode import grad_mode
from gradviz.core.op import FUNCTIONS
from gradviz.core.ops.elements.with_numbers import mul_scalar
from gradviz.core.ops.layers import attention as ops
from gradviz.core.tensor import Tensor


@listed
def scaled_dot_product_attention(
    query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, dropout_p: float = 0.0,
    is_causal: bool = False, scale: float | None = None, enable_gqa: bool = False,
) -> Tensor:  # fmt: skip
    """`softmax(query key^T * scale + mask) value`: (..., L, E), (..., S, E), (..., S, Ev) -> (..., L, Ev).

    `attn_mask` is True where attending is allowed, or numbers to add to the scores; `is_causal` allows each query the
    keys up to its own place. `scale` is 1 / sqrt(E) where not given. `enable_gqa` lets several heads of the query share
    one head of key and value. https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.scaled_dot_product_attention.html
    """
    _check(query, key, value, attn_mask)
    factor = 1 / math.sqrt(query.shape[-1] or math.inf) if scale is None else scale
    fused = _is_fused(query, key, value, attn_mask, dropout_p, enable_gqa)
    mask = _numbers(query, attn_mask)
    if is_causal:
        if attn_mask is not None and not fused:
            raise noted(
                RuntimeError(
                    "_scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True\n"
                    "Put the causal mask into attn_mask: torch.ones(L, S, dtype=torch.bool).tril()."
                )
            )
        past = _numbers(query, _causal(query, key))
        mask = past if mask is None else mask + past
    if fused:
        return _fused(query, key, value, mask, factor)
    if enable_gqa:
        key, value = (x.repeat_interleave(_share(query, x), -3) for x in (key, value))
    half = math.sqrt(factor)
    scores = mul_scalar.call(query, half).matmul(mul_scalar.call(key.transpose(-2, -1), half))
    if mask is not None:
        scores = scores + mask
    weights = ops.safe_softmax.call(scores, dim=scores.ndim - 1)
    if dropout_p:
        weights = FUNCTIONS["dropout"](weights, dropout_p, True)
    return weights.matmul(value)  # type: ignore[no-any-return]


def _check(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> None:
    """PyTorch's errors for arguments that do not fit."""
    kinds = [errors.c_name(x.dtype) for x in (query, key, value)]
    if len(set(kinds)) > 1:
        raise noted(
            RuntimeError(
                f"Expected query, key, and value to have the same dtype, but got query.dtype: {kinds[0]} key.dtype: "
                f"{kinds[1]} and value.dtype: {kinds[2]} instead.\nConvert them first: key.to(query.dtype)."
            )
        )
    if min(x.ndim for x in (query, key, value)) < 2:
        raise RuntimeError(
            f"Expected query, key, and value to all be  at least 2 dimensional, but got query.dim: {query.ndim} "
            f"key.dim: {key.ndim} and value.dim: {value.ndim} instead."
        )
    if query.dtype.category < 2 and query.ndim == 2:
        raise RuntimeError(f"expected m1 and m2 to have the same dtype, but got: float != {kinds[0]}")
    if query.dtype.category < 2:
        raise RuntimeError(f"expected scalar type Float but found {query.type().split('.')[-1].removesuffix('Tensor')}")
    if mask is None:
        return
    if mask.dtype is not query.dtype and mask.dtype.name not in ("bool", "float32"):
        name = errors.c_name(mask.dtype)
        raise RuntimeError(
            "Expected attn_mask dtype to be bool or float or to match query dtype, but got attn_mask.dtype: "
            f"{name} and  query.dtype: {kinds[0]} instead."
        )


def _numbers(query: Tensor, mask: Tensor | None) -> Tensor | None:
    """A mask as numbers to add to the scores: minus infinity where it is False."""
    if mask is None or mask.dtype.category != 0:
        return mask
    return query.new_zeros(mask.shape).masked_fill(FUNCTIONS["logical_not"](mask), -math.inf)  # type: ignore[no-any-return]


def _causal(query: Tensor, key: Tensor) -> Tensor:
    """Query i may attend to keys 0 to i."""
    shape = query.shape[-2], key.shape[-2]
    return FUNCTIONS["ones"](*shape, dtype=FUNCTIONS["eq"](query.new_zeros(()), 0).dtype, device=query.device).tril()  # type: ignore[no-any-return]


def _share(query: Tensor, x: Tensor) -> int:
    """How many heads of the query share one of `x`."""
    heads, own = query.shape[-3], x.shape[-3]
    if not own or heads % own:
        raise noted(
            RuntimeError(
                "Number of heads in key and value must divide the number of heads in\n"
                f"the query. The query has {heads} heads, key or value {own}."
            )
        )
    return heads // own  # type: ignore[no-any-return]


def _is_fused(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, dropout: float, shared: bool
) -> bool:  # fmt: skip
    """Whether PyTorch's CPU has one kernel for this case, and so one node in the graph."""
    every = (query, key, value)
    if dropout or any(x.ndim != 4 or not x._array.size or x.stride(-1) != 1 for x in every):
        return False
    if len({x.shape[0] for x in every}) > 1 or len({x.shape[-1] for x in every}) > 1:
        return False
    if key.shape[1] != value.shape[1] or (query.shape[1] != key.shape[1] and not shared):
        return False
    if key.shape[1] != query.shape[1]:
        _share(query, key)
    return mask is None or (mask.ndim in (2, 4) and not (mask.requires_grad and grad_mode.get()))


def _fused(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scale: float) -> Tensor:
    if query.shape[1] == key.shape[1]:
        return ops.attention.call(query, key, value, mask, scale=scale)
    # Heads that share a key become a dimension of their own, along which key and value are broadcast.
    groups = key.shape[1], _share(query, key)
    if mask is not None and mask.ndim == 4:
        mask = mask.unsqueeze(2) if mask.shape[1] == 1 else mask.unflatten(1, groups)
    grouped = ops.attention.call(query.unflatten(1, groups), key.unsqueeze(2), value.unsqueeze(2), mask, scale=scale)
    return grouped.flatten(1, 2)  # type: ignore[no-any-return]

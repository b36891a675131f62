"""Attention with several heads: queries, keys and values are projected, each head attends on its own, all are joined.

Vaswani et al., Attention Is All You Need, 2017. Sequences are (length, batch, embedding), or (length, embedding).
"""

from __future__ import annotations

import math
import warnings
from typing import Any

from gradviz.core.errors import noted
from gradviz.core.op import FUNCTIONS
from gradviz.core.tensor import Tensor

from .activation import softmax
from .attention import scaled_dot_product_attention
from .dropout import dropout
from .linear import linear


def multi_head_attention_forward(
    query: Tensor, key: Tensor, value: Tensor, embed_dim_to_check: int, num_heads: int,
    in_proj_weight: Tensor | None, in_proj_bias: Tensor | None, bias_k: Tensor | None, bias_v: Tensor | None,
    add_zero_attn: bool, dropout_p: float, out_proj_weight: Tensor, out_proj_bias: Tensor | None,
    training: bool = True, key_padding_mask: Tensor | None = None, need_weights: bool = True,
    attn_mask: Tensor | None = None, use_separate_proj_weight: bool = False, q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None, v_proj_weight: Tensor | None = None, static_k: Tensor | None = None,
    static_v: Tensor | None = None, average_attn_weights: bool = True, is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:  # fmt: skip
    """The attended values, and with `need_weights` what each query gave to each key (the mean over heads, or all).

    `key_padding_mask` (batch, keys) and `attn_mask` (queries, keys) are True where attending is forbidden, or numbers
    to add to the scores. `bias_k` and `bias_v` append a learned key and value, `add_zero_attn` ones of zeros.
    """
    batched = _is_batched(query, key, value, key_padding_mask, attn_mask, num_heads)
    if not batched:
        query, key, value = (x.unsqueeze(1) for x in (query, key, value))
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    queries, batch, size = query.shape
    attn_mask, key_padding_mask, is_causal = _read_masks(
        attn_mask, key_padding_mask, is_causal, need_weights, query.dtype
    )
    head = _head_size(size, embed_dim_to_check, num_heads)
    projections = in_proj_weight, q_proj_weight, k_proj_weight, v_proj_weight
    q, k, v = _project(query, key, value, projections, in_proj_bias, use_separate_proj_weight)
    attn_mask = _whole_mask(attn_mask, queries, key.shape[0], batch * num_heads)
    extra = 0
    if bias_k is not None and bias_v is not None:
        _unset(static_k, "bias cannot be added to static key.")
        _unset(static_v, "bias cannot be added to static value.")
        k, v = (FUNCTIONS["cat"]([x, bias.repeat(1, batch, 1)]) for x, bias in ((k, bias_k), (v, bias_v)))
        extra += 1
    else:
        _unset(bias_k, "bias_k is set but bias_v is None")
        _unset(bias_v, "bias_v is set but bias_k is None")
    heads = batch * num_heads
    q = _by_head(q, heads, head)
    k = _by_head(k, heads, head) if static_k is None else _static("static_k", static_k, heads, head)
    v = _by_head(v, heads, head) if static_v is None else _static("static_v", static_v, heads, head)
    if add_zero_attn:
        k, v = (FUNCTIONS["cat"]([x, x.new_zeros((heads, 1, head))], dim=1) for x in (k, v))
        extra += 1
    attn_mask, key_padding_mask = (_grown(mask, extra) for mask in (attn_mask, key_padding_mask))
    keys = k.shape[1]
    attn_mask = _joined(attn_mask, key_padding_mask, batch, num_heads, keys)
    drop = dropout_p if training else 0.0
    weights: Tensor | None = None
    if need_weights:
        joined, weights = _weighed(q, k, v, attn_mask, drop, is_causal)
        joined = joined.transpose(0, 1).reshape(queries * batch, size)
    else:
        if attn_mask is not None:
            single = attn_mask.shape[0] == 1 and attn_mask.ndim == 3
            attn_mask = attn_mask.unsqueeze(0) if single else attn_mask.view(batch, num_heads, -1, keys)
        q, k, v = (x.view(batch, num_heads, -1, head) for x in (q, k, v))
        joined = scaled_dot_product_attention(q, k, v, attn_mask, drop, is_causal)
        joined = joined.permute(2, 0, 1, 3).reshape(batch * queries, size)
    out = linear(joined, out_proj_weight, out_proj_bias)
    out = out.view(queries, batch, out.shape[1])
    if weights is not None:
        weights = weights.view(batch, num_heads, queries, keys)
        weights = weights.mean(dim=1) if average_attn_weights else weights
        weights = weights if batched else weights.squeeze(0)
    return (out if batched else out.squeeze(1)), weights


def _weighed(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, drop: float, causal: bool
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """The attended values of every head, and the weights, put together step by step so that these can be seen."""
    scaled = q * math.sqrt(1.0 / float(q.shape[-1]))
    if causal and mask is None:
        raise AssertionError("FIX" + "ME: is_causal not implemented for need_weights")  # PyTorch's text
    turned = k.transpose(-2, -1)
    scores = scaled.bmm(turned) if mask is None else FUNCTIONS["baddbmm"](mask, scaled, turned)
    weights = softmax(scores, dim=-1)
    if drop > 0.0:
        weights = dropout(weights, p=drop)
    return weights.bmm(v), weights


# -- projections ---------------------------------------------------------------------------------------------------
def _head_size(size: int, expected: int, heads: int) -> int:
    if size != expected:
        raise AssertionError(f"was expecting embedding dimension of {expected}, but got {size}")
    if size % heads:
        raise AssertionError(f"embed_dim {size} not divisible by num_heads {heads}")
    return size // heads


def _by_head(x: Tensor, heads: int, head: int) -> Tensor:
    """(length, batch, size) -> (batch * heads, length, size / heads)."""
    return x.view(x.shape[0], heads, head).transpose(0, 1)  # type: ignore[no-any-return]


def _static(name: str, x: Tensor, heads: int, head: int) -> Tensor:
    """Keys or values given ready-made, in the shape that they would have."""
    for at, want in ((0, heads), (2, head)):
        if x.shape[at] != want:
            raise AssertionError(f"expecting {name}.size({at}) of {want}, but got {x.shape[at]}")
    return x


def _project(
    query: Tensor, key: Tensor, value: Tensor, weights: tuple[Tensor | None, ...], bias: Tensor | None, separate: bool
) -> list[Tensor]:
    packed, *own = weights
    if separate:
        if key.shape[:2] != value.shape[:2]:
            raise AssertionError(
                f"key's sequence and batch dims {key.shape[:2]} do not match value's {value.shape[:2]}"
            )
        for name, w in zip("qkv", own, strict=True):
            if w is None:
                raise AssertionError(f"use_separate_proj_weight is True but {name}_proj_weight is None")
        biases = (None,) * 3 if bias is None else bias.chunk(3)
        _check_projections((query, key, value), own, biases)
        return [linear(x, w, b) for x, w, b in zip((query, key, value), own, biases, strict=True)]  # type: ignore[arg-type]
    if key.shape != value.shape:
        raise AssertionError(f"key shape {key.shape} does not match value shape {value.shape}")
    if packed is None:
        raise AssertionError("use_separate_proj_weight is False but in_proj_weight is None")
    return _packed(query, key, value, packed, bias)


def _check_projections(inputs: tuple[Tensor, ...], weights: list[Any], biases: Any) -> None:
    names, size = ("query", "key", "value"), inputs[0].shape[-1]
    for name, x, w in zip(names, inputs, weights, strict=True):
        want = (size, x.shape[-1])
        if tuple(w.shape) != want:
            raise AssertionError(f"expecting {name} weights shape of {want}, but got {w.shape}")
    for name, b in zip(names, biases, strict=True):
        if b is not None and tuple(b.shape) != (size,):
            raise AssertionError(f"expecting {name} bias shape of {(size,)}, but got {b.shape}")


def _packed(query: Tensor, key: Tensor, value: Tensor, weight: Tensor, bias: Tensor | None) -> list[Tensor]:
    """One weight for all three: as few products as there are different inputs."""
    size = query.shape[-1]
    if key is value and query is key:
        return _several(linear(query, weight, bias), 3, size)
    if key is value:
        parts = [None, None] if bias is None else bias.split([size, 2 * size])
        own, shared = weight.split([size, 2 * size])
        return [linear(query, own, parts[0]), *_several(linear(key, shared, parts[1]), 2, size)]
    biases = [None] * 3 if bias is None else bias.chunk(3)
    return [linear(x, w, b) for x, w, b in zip((query, key, value), weight.chunk(3), biases, strict=True)]


def _several(joined: Tensor, count: int, size: int) -> list[Tensor]:
    """Projections that lie side by side, each as a tensor of its own."""
    apart = joined.unflatten(-1, (count, size)).unsqueeze(0).transpose(0, -2).squeeze(-2).contiguous()
    return [apart[i] for i in range(count)]


# -- masks ---------------------------------------------------------------------------------------------------------
def _unset(tensor: Tensor | None, text: str) -> None:
    if tensor is not None:
        raise AssertionError(text)


def _grown(mask: Tensor | None, extra: int) -> Tensor | None:
    """A mask with places for appended keys, which are never forbidden."""
    if mask is None or not extra:
        return mask
    return FUNCTIONS["cat"]([mask, mask.new_zeros((*mask.shape[:-1], extra))], dim=-1)  # type: ignore[no-any-return]


def _read_masks(
    attn_mask: Tensor | None, padding: Tensor | None, causal: bool, need_weights: bool, kind: Any
) -> tuple[Tensor | None, Tensor | None, bool]:
    """Both masks as numbers to add, and whether the hint `is_causal` can stand for the first."""
    padding = canonical_mask("key_padding_mask", padding, kind, "attn_mask", attn_mask)
    if causal and attn_mask is None:
        raise noted(
            RuntimeError(
                "Need attn_mask if specifying the is_causal hint. You may use the Transformer module method "
                "`generate_square_subsequent_mask` to create this mask.\nis_causal only says what attn_mask holds."
            )
        )
    if causal and padding is None and not need_weights:
        return None, padding, True
    return canonical_mask("attn_mask", attn_mask, kind), padding, causal and padding is None


def canonical_mask(
    name: str, mask: Tensor | None, kind: Any, other_name: str = "", other: Tensor | None = None
) -> Tensor | None:  # fmt: skip
    """A mask as numbers to add to scores, minus infinity where it is True; a warning if another has another type."""
    if mask is None:
        return None
    if mask.dtype.category != 0 and not mask.is_floating_point():
        raise AssertionError(f"only bool and floating types of {name} are supported")
    if other is not None and mask.dtype is not other.dtype:
        warnings.warn(
            f"Support for mismatched {name} and {other_name} is deprecated. Use same type for both instead.",
            stacklevel=3,
        )
    if mask.is_floating_point():
        return mask
    return FUNCTIONS["zeros_like"](mask, dtype=kind).masked_fill_(mask, -math.inf)  # type: ignore[no-any-return]


def _whole_mask(mask: Tensor | None, queries: int, keys: int, heads: int) -> Tensor | None:
    """A mask with a dimension for the heads."""
    if mask is None:
        return None
    if mask.ndim not in (2, 3):
        raise RuntimeError(f"attn_mask's dimension {mask.ndim} is not supported")
    want = (queries, keys) if mask.ndim == 2 else (heads, queries, keys)
    if tuple(mask.shape) != want:
        raise RuntimeError(f"The shape of the {mask.ndim}D attn_mask is {mask.shape}, but should be {want}.")
    return mask.unsqueeze(0) if mask.ndim == 2 else mask


def _joined(mask: Tensor | None, padding: Tensor | None, batch: int, heads: int, keys: int) -> Tensor | None:
    """Both masks as one."""
    if padding is None:
        return mask
    for i, want in enumerate((batch, keys)):
        if padding.shape[i] != want:
            raise AssertionError(f"Expected key_padded_mask.shape[{i}] to be {want}, but got {padding.shape[i]}")
    hidden = padding.view(batch, 1, 1, keys).expand(-1, heads, -1, -1).reshape(batch * heads, 1, keys)
    return hidden if mask is None else mask + hidden  # type: ignore[no-any-return]


_LAYOUT = {3: ("batched", 3, 2), 2: ("unbatched", 2, 1)}


def _is_batched(
    query: Tensor, key: Tensor, value: Tensor, padding: Tensor | None, mask: Tensor | None, heads: int
) -> bool:
    """Whether there is a batch dimension; PyTorch's errors where the ranks do not fit."""
    if query.ndim not in _LAYOUT:
        raise AssertionError(
            f"query should be unbatched 2D or batched 3D tensor but received {query.ndim}-D query tensor"
        )
    layout, rank, rows = _LAYOUT[query.ndim]
    start = f"For {layout} ({rank}-D) `query`, expected"
    if key.ndim != rank or value.ndim != rank:
        raise AssertionError(
            f"{start} `key` and `value` to be {rank}-D but found {key.ndim}-D and {value.ndim}-D tensors respectively"
        )
    if padding is not None and padding.ndim != rows:
        raise AssertionError(
            f"{start} `key_padding_mask` to be `None` or {rows}-D but found {padding.ndim}-D tensor instead"
        )
    if mask is None:
        return rank == 3
    if mask.ndim not in (2, 3):
        raise AssertionError(f"{start} `attn_mask` to be `None`, 2-D or 3-D but found {mask.ndim}-D tensor instead")
    want = (heads, query.shape[0], key.shape[0])
    if rank == 2 and mask.ndim == 3 and tuple(mask.shape) != want:
        raise AssertionError(f"Expected `attn_mask` shape to be {want} but got {mask.shape}")
    return rank == 3

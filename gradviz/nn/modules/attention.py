"""Attention: every place of a sequence looks at all places and takes a weighted mean of what it finds there."""

from __future__ import annotations

from typing import Any

from gradviz.core.tensor import Tensor

from .. import functional as F
from .. import init
from ..functional.multihead import canonical_mask
from .linear import NonDynamicallyQuantizableLinear, empty_parameter
from .module import Module


class MultiheadAttention(Module):
    """Several heads that attend each in their own way, joined:

        head_i = softmax(q_i @ k_i.T / sqrt(head_dim)) @ v_i      with q, k, v projections of query, key and value
        out = concatenate(heads) @ out_proj.weight.T + out_proj.bias

    Args: `kdim` and `vdim` are the sizes of keys and values where they differ from `embed_dim`; `add_bias_kv` appends a
    learned key and value, `add_zero_attn` ones of zeros; `dropout` drops attention weights while training.

    Shape: query (L, N, E), key (S, N, kdim), value (S, N, vdim), batch first with `batch_first`, or without N. Returns
    (L, N, E) and the weights: (N, L, S), with `average_attn_weights=False` (N, heads, L, S), None with
    `need_weights=False`. `key_padding_mask` (N, S) and `attn_mask` (L, S) or (N * heads, L, S) are True where attending
    is forbidden, or numbers to add to the scores; `is_causal` is a hint that attn_mask is causal.

    Vaswani et al., 2017. https://docs.pytorch.org/docs/2.13/generated/torch.nn.MultiheadAttention.html
    """

    def __init__(
        self, embed_dim: int, num_heads: int, dropout: float = 0.0, bias: bool = True, add_bias_kv: bool = False,
        add_zero_attn: bool = False, kdim: int | None = None, vdim: int | None = None, batch_first: bool = False,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(
                "embed_dim and num_heads must be greater than 0, "
                f"got embed_dim={embed_dim} and num_heads={num_heads} instead"
            )
        super().__init__()
        self.embed_dim, self.num_heads, self.dropout, self.batch_first = embed_dim, num_heads, dropout, batch_first
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self._qkv_same_embed_dim = self.kdim == embed_dim and self.vdim == embed_dim
        self.head_dim = embed_dim // num_heads
        if self.head_dim * num_heads != embed_dim:
            raise AssertionError("embed_dim must be divisible by num_heads")
        made: dict[str, Any] = {"device": device, "dtype": dtype}
        own = {"q_proj_weight": embed_dim, "k_proj_weight": self.kdim, "v_proj_weight": self.vdim}
        for name, size in own.items():
            weight = None if self._qkv_same_embed_dim else empty_parameter(embed_dim, size, **made)
            self.register_parameter(name, weight)
        self.register_parameter(
            "in_proj_weight", empty_parameter(3 * embed_dim, embed_dim, **made) if self._qkv_same_embed_dim else None
        )
        self.register_parameter("in_proj_bias", empty_parameter(3 * embed_dim, **made) if bias else None)
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias=bias, **made)
        for name in ("bias_k", "bias_v"):
            setattr(self, name, empty_parameter(1, 1, embed_dim, **made) if add_bias_kv else None)
        self.add_zero_attn = add_zero_attn
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        """Draw the projections anew; their biases are zero."""
        for weight in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if weight is not None:
                init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            init.zeros_(self.in_proj_bias)
            init.zeros_(self.out_proj.bias)
        for bias in (self.bias_k, self.bias_v):
            if bias is not None:
                init.xavier_normal_(bias)

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, key_padding_mask: Tensor | None = None,
        need_weights: bool = True, attn_mask: Tensor | None = None, average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:  # fmt: skip
        key_padding_mask = canonical_mask("key_padding_mask", key_padding_mask, query.dtype, "attn_mask", attn_mask)
        attn_mask = canonical_mask("attn_mask", attn_mask, query.dtype)
        turn = self.batch_first and query.ndim == 3
        if turn:
            query, key, value = _turned(query, key, value)
        out, weights = F.multi_head_attention_forward(
            query, key, value, self.embed_dim, self.num_heads, self.in_proj_weight, self.in_proj_bias, self.bias_k,
            self.bias_v, self.add_zero_attn, self.dropout, self.out_proj.weight, self.out_proj.bias,
            training=self.training, key_padding_mask=key_padding_mask, need_weights=need_weights, attn_mask=attn_mask,
            use_separate_proj_weight=not self._qkv_same_embed_dim, q_proj_weight=self.q_proj_weight,
            k_proj_weight=self.k_proj_weight, v_proj_weight=self.v_proj_weight,
            average_attn_weights=average_attn_weights, is_causal=is_causal,
        )  # fmt: skip
        return out.transpose(1, 0) if turn else out, weights


def _turned(query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Length and batch swapped; what was one tensor stays one, because its projections are then one product."""
    turned_query = query.transpose(1, 0)
    turned_key = turned_query if query is key and key is value else key.transpose(1, 0)
    return turned_query, turned_key, turned_key if key is value else value.transpose(1, 0)

"""The layers of a transformer: attention, then a small network for every place, each added to what it was given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from gradviz.core.tensor import Tensor

from .. import functional as F
from ..functional.multihead import canonical_mask
from .activation import GELU, ReLU
from .attention import MultiheadAttention
from .dropout import Dropout
from .linear import Linear
from .module import Module
from .normalization import LayerNorm

Activation = str | Callable[[Tensor], Tensor]
ACTIVATIONS: dict[str, Callable[..., Tensor]] = {"relu": F.relu, "gelu": F.gelu}


class _Layer(Module):
    """What both layers share: `attentions`, two linear layers, a norm and a dropout for each block."""

    attentions: ClassVar[tuple[str, ...]]

    def __init__(
        self, d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: float = 0.1,
        activation: Activation = F.relu, layer_norm_eps: float = 1e-5, batch_first: bool = False,
        norm_first: bool = False, bias: bool = True, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        made: dict[str, Any] = {"bias": bias, "device": device, "dtype": dtype}
        for name in self.attentions:
            setattr(self, name, MultiheadAttention(d_model, nhead, dropout, batch_first=batch_first, **made))
        self.linear1 = Linear(d_model, dim_feedforward, **made)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, **made)
        self.norm_first = norm_first
        blocks = range(1, len(self.attentions) + 2)
        for i in blocks:
            setattr(self, f"norm{i}", LayerNorm(d_model, layer_norm_eps, **made))
        for i in blocks:
            setattr(self, f"dropout{i}", Dropout(dropout))
        self.activation = self._read_activation(activation)

    def _read_activation(self, activation: Activation) -> Callable[[Tensor], Tensor]:
        if not isinstance(activation, str):
            return activation
        if activation not in ACTIVATIONS:
            raise RuntimeError(f"activation should be relu/gelu, not {activation}")
        return ACTIVATIONS[activation]

    def _around(self, x: Tensor, norm: Module, block: Callable[[Tensor], Tensor]) -> Tensor:
        """`norm(x + block(x))`, or with `norm_first` `x + block(norm(x))`."""
        return x + block(norm(x)) if self.norm_first else norm(x + block(x))

    def _attend(
        self, attention: Module, x: Tensor, memory: Tensor, mask: Tensor | None, padding: Tensor | None, causal: bool
    ) -> Tensor:  # fmt: skip
        out, _ = attention(
            x, memory, memory, attn_mask=mask, key_padding_mask=padding, is_causal=causal, need_weights=False
        )
        return out  # type: ignore[no-any-return]

    def _sa_block(
        self, x: Tensor, attn_mask: Tensor | None, key_padding_mask: Tensor | None, is_causal: bool = False
    ) -> Tensor:  # fmt: skip
        """Every place attends to all places."""
        return self.dropout1(self._attend(self.self_attn, x, x, attn_mask, key_padding_mask, is_causal))  # type: ignore[no-any-return]

    def _ff_block(self, x: Tensor) -> Tensor:
        """Two linear layers, for every place alone; the last dropout belongs to this block."""
        last = getattr(self, f"dropout{len(self.attentions) + 1}")
        return last(self.linear2(self.dropout(self.activation(self.linear1(x)))))  # type: ignore[no-any-return]


class TransformerEncoderLayer(_Layer):
    """Self-attention, then a feed-forward network.

    TransformerEncoderLayer(d_model, nhead, dim_feedforward=2048, dropout=0.1, activation=F.relu, layer_norm_eps=1e-5,
    batch_first=False, norm_first=False, bias=True, device=None, dtype=None): `activation` is "relu", "gelu" or a
    function; with `norm_first` each block is normalised before it and not after.

    Shape: src (S, N, E), (N, S, E) with `batch_first`, or (S, E) -> the same. Masks as in MultiheadAttention.
    Vaswani et al., 2017. https://docs.pytorch.org/docs/2.13/generated/torch.nn.TransformerEncoderLayer.html
    """

    attentions = ("self_attn",)

    def _read_activation(self, activation: Activation) -> Callable[[Tensor], Tensor]:
        """Also which of the two activations of PyTorch's fused layer it is: 1 relu, 2 gelu, 0 neither."""
        found = super()._read_activation(activation)
        kinds = ((F.relu, ReLU), (F.gelu, GELU))
        self.activation_relu_or_gelu = next(
            (i for i, (function, layer) in enumerate(kinds, 1) if found is function or isinstance(found, layer)), 0
        )
        return found

    def forward(
        self, src: Tensor, src_mask: Tensor | None = None, src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        padding = canonical_mask("src_key_padding_mask", src_key_padding_mask, src.dtype, "src_mask", src_mask)
        mask = canonical_mask("src_mask", src_mask, src.dtype)
        x = self._around(src, self.norm1, lambda x: self._sa_block(x, mask, padding, is_causal))
        return self._around(x, self.norm2, self._ff_block)


class TransformerDecoderLayer(_Layer):
    """Self-attention, attention to the encoder's output, then a feed-forward network.

    The arguments are those of TransformerEncoderLayer.

    Shape: tgt (T, N, E), memory (S, N, E), (N, ., E) with `batch_first`, or without N -> the shape of tgt.
    Vaswani et al., 2017. https://docs.pytorch.org/docs/2.13/generated/torch.nn.TransformerDecoderLayer.html
    """

    attentions = ("self_attn", "multihead_attn")

    def _mha_block(
        self, x: Tensor, mem: Tensor, attn_mask: Tensor | None, key_padding_mask: Tensor | None,
        is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        """Every place attends to the encoder's output."""
        return self.dropout2(self._attend(self.multihead_attn, x, mem, attn_mask, key_padding_mask, is_causal))  # type: ignore[no-any-return]

    def forward(
        self, tgt: Tensor, memory: Tensor, tgt_mask: Tensor | None = None, memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None, memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool = False, memory_is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        x = self._around(tgt, self.norm1, lambda x: self._sa_block(x, tgt_mask, tgt_key_padding_mask, tgt_is_causal))
        x = self._around(
            x, self.norm2,
            lambda x: self._mha_block(x, memory, memory_mask, memory_key_padding_mask, memory_is_causal),
        )  # fmt: skip
        return self._around(x, self.norm3, self._ff_block)

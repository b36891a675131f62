"""Transformers: layers of attention, one on the other, from sequences to sequences (torch.nn.modules.transformer)."""

from __future__ import annotations

import copy
import math
import warnings
from typing import Any

from gradviz.core.mode import grad_mode
from gradviz.core.op import FUNCTIONS
from gradviz.core.tensor import Tensor

from .. import functional as F
from .. import init
from ..functional.multihead import canonical_mask
from .container import ModuleList
from .module import Module
from .normalization import LayerNorm
from .transformer_layers import Activation, TransformerDecoderLayer, TransformerEncoderLayer

__all__ = [
    "Transformer", "TransformerDecoder", "TransformerDecoderLayer", "TransformerEncoder", "TransformerEncoderLayer",
]  # fmt: skip


# -- causal masks --------------------------------------------------------------------------------------------------
def _generate_square_subsequent_mask(sz: int, device: Any = None, dtype: Any = None) -> Tensor:
    """Zeros, and minus infinity above the diagonal: place i sees places 0 to i."""
    return FUNCTIONS["full"]((sz, sz), -math.inf, dtype=dtype, device=device).triu(diagonal=1)  # type: ignore[no-any-return]


def _detect_is_causal_mask(mask: Tensor | None, is_causal: bool | None, size: int) -> bool:
    """Whether a mask is the causal one: as said, or where nothing is said by looking at it."""
    if is_causal is not None or mask is None:
        return bool(is_causal)
    causal = _generate_square_subsequent_mask(size, mask.device, mask.dtype)
    return mask.shape == causal.shape and bool(mask.eq(causal).all())


def _length(x: Tensor, layer: Module) -> int:
    return x.shape[1 if x.ndim == 3 and layer.self_attn.batch_first else 0]  # type: ignore[no-any-return]


def _clones(module: Module, count: int) -> ModuleList:
    return ModuleList([copy.deepcopy(module) for _ in range(count)])


# -- stacks of layers ----------------------------------------------------------------------------------------------
class TransformerEncoder(Module):
    """`num_layers` copies of an encoder layer, one on the other, and a norm at the end.

    There are no nested tensors here; `enable_nested_tensor` and `mask_check` do what they do to results in PyTorch: in
    evaluation without gradients, the output at padded places is zero.
    https://docs.pytorch.org/docs/2.13/generated/torch.nn.TransformerEncoder.html
    """

    def __init__(
        self, encoder_layer: Any, num_layers: int, norm: Module | None = None, enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.layers, self.num_layers, self.norm = _clones(encoder_layer, num_layers), num_layers, norm
        self.enable_nested_tensor = self.use_nested_tensor = enable_nested_tensor
        self.mask_check = mask_check
        why_not = _why_not_nested(encoder_layer) if enable_nested_tensor else ""
        if why_not:
            warnings.warn(
                f"enable_nested_tensor is True, but self.use_nested_tensor is False because encoder_layer{why_not}",
                stacklevel=2,
            )
            self.use_nested_tensor = False

    def forward(
        self, src: Tensor, mask: Tensor | None = None, src_key_padding_mask: Tensor | None = None,
        is_causal: bool | None = None,
    ) -> Tensor:  # fmt: skip
        padding = canonical_mask("src_key_padding_mask", src_key_padding_mask, src.dtype, "mask", mask)
        mask = canonical_mask("mask", mask, src.dtype)
        causal = _detect_is_causal_mask(mask, is_causal, _length(src, self.layers[0]))
        x = src
        for layer in self.layers:
            x = layer(x, src_mask=mask, is_causal=causal, src_key_padding_mask=padding)
        if padding is not None and mask is None and self._forgets_padding(src, padding):
            x = x.masked_fill(padding.ne(0).unsqueeze(-1), 0.0)
        return x if self.norm is None else self.norm(x)

    def _forgets_padding(self, src: Tensor, padding: Tensor) -> bool:
        """Whether PyTorch would leave the padding out of the computation, and then fill it with zeros."""
        first = self.layers[0]
        if not self.use_nested_tensor or first.training or src.ndim != 3:
            return False
        if grad_mode.get() and (src.requires_grad or any(p.requires_grad for p in first.parameters())):
            return False
        hidden = padding.ne(0)
        scattered = hidden[:, :-1].logical_and(hidden[:, 1:].logical_not())  # something follows after padding
        return not (self.mask_check and bool(scattered.any()))


def _why_not_nested(layer: Any) -> str:
    """What about an encoder layer keeps PyTorch from nested tensors; empty if nothing does."""
    if not isinstance(layer, TransformerEncoderLayer):
        return " was not TransformerEncoderLayer"
    attention = layer.self_attn
    reasons = [
        (layer.norm_first, ".norm_first was True"),
        (
            not attention.batch_first,
            ".self_attn.batch_first was not True(use batch_first for better inference performance)",
        ),
        (not attention._qkv_same_embed_dim, ".self_attn._qkv_same_embed_dim was not True"),
        (attention.in_proj_bias is None, ".self_attn was passed bias=False"),
        (not layer.activation_relu_or_gelu, ".activation_relu_or_gelu was not True"),
        (layer.norm1.eps != layer.norm2.eps, ".norm1.eps was not equal to encoder_layer.norm2.eps"),
        (attention.num_heads % 2 == 1, ".self_attn.num_heads is odd"),
    ]
    return next((text for holds, text in reasons if holds), "")


class TransformerDecoder(Module):
    """`num_layers` copies of a decoder layer, one on the other, and a norm at the end.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.TransformerDecoder.html
    """

    def __init__(self, decoder_layer: Any, num_layers: int, norm: Module | None = None) -> None:
        super().__init__()
        self.layers, self.num_layers, self.norm = _clones(decoder_layer, num_layers), num_layers, norm

    def forward(
        self, tgt: Tensor, memory: Tensor, tgt_mask: Tensor | None = None, memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None, memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool | None = None, memory_is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        causal = _detect_is_causal_mask(tgt_mask, tgt_is_causal, _length(tgt, self.layers[0]))
        x = tgt
        for layer in self.layers:
            x = layer(
                x, memory, tgt_mask=tgt_mask, memory_mask=memory_mask, tgt_key_padding_mask=tgt_key_padding_mask,
                memory_key_padding_mask=memory_key_padding_mask, tgt_is_causal=causal,
                memory_is_causal=memory_is_causal,
            )  # fmt: skip
        return x if self.norm is None else self.norm(x)


# -- both together -------------------------------------------------------------------------------------------------
class Transformer(Module):
    """An encoder that reads the source and a decoder that attends to what it made of it.

    Args: those of TransformerEncoderLayer, the numbers of layers, and modules to use as encoder or decoder instead.

    Shape: src (S, N, E), tgt (T, N, E), (N, ., E) with `batch_first`, or without N -> the shape of tgt. Raises
    RuntimeError for batches that differ and sizes that are not `d_model`.
    Vaswani et al., 2017. https://docs.pytorch.org/docs/2.13/generated/torch.nn.Transformer.html
    """

    def __init__(
        self, d_model: int = 512, nhead: int = 8, num_encoder_layers: int = 6, num_decoder_layers: int = 6,
        dim_feedforward: int = 2048, dropout: float = 0.1, activation: Activation = F.relu,
        custom_encoder: Any | None = None, custom_decoder: Any | None = None, layer_norm_eps: float = 1e-5,
        batch_first: bool = False, norm_first: bool = False, bias: bool = True, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        made: dict[str, Any] = {"bias": bias, "device": device, "dtype": dtype}
        layer = d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first
        if custom_encoder is None:
            own: Any = TransformerEncoderLayer(*layer, **made)
            custom_encoder = TransformerEncoder(own, num_encoder_layers, LayerNorm(d_model, layer_norm_eps, **made))
        if custom_decoder is None:
            own = TransformerDecoderLayer(*layer, **made)
            custom_decoder = TransformerDecoder(own, num_decoder_layers, LayerNorm(d_model, layer_norm_eps, **made))
        self.encoder, self.decoder = custom_encoder, custom_decoder
        self._reset_parameters()
        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first

    def forward(
        self, src: Tensor, tgt: Tensor, src_mask: Tensor | None = None, tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None, src_key_padding_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None, memory_key_padding_mask: Tensor | None = None,
        src_is_causal: bool | None = None, tgt_is_causal: bool | None = None, memory_is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        batch = 0 if self.batch_first else 1
        if src.ndim == 3 and src.shape[batch] != tgt.shape[batch]:
            raise RuntimeError("the batch number of src and tgt must be equal")
        if src.shape[-1] != self.d_model or tgt.shape[-1] != self.d_model:
            raise RuntimeError("the feature number of src and tgt must be equal to d_model")
        memory = self.encoder(src, mask=src_mask, src_key_padding_mask=src_key_padding_mask, is_causal=src_is_causal)
        return self.decoder(  # type: ignore[no-any-return]
            tgt, memory, tgt_mask=tgt_mask, memory_mask=memory_mask, tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask, tgt_is_causal=tgt_is_causal,
            memory_is_causal=memory_is_causal,
        )  # fmt: skip

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: Any = None, dtype: Any = None) -> Tensor:
        """The causal mask (sz, sz): zeros, and minus infinity above the diagonal."""
        return _generate_square_subsequent_mask(sz, device, dtype)

    def _reset_parameters(self) -> None:
        """Draw all matrices anew."""
        for parameter in self.parameters():
            if parameter.ndim > 1:
                init.xavier_uniform_(parameter)

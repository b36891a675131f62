"""Transformers against PyTorch's: layers, stacks and the whole, with every option, mask and warning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from .both import both

torch = pytest.importorskip("torch")

N, S, T, E = 2, 4, 3, 6
OPTIONS = [
    "", "norm_first=True", "batch_first=True", "activation='gelu'", "activation=torch.tanh", "activation=nn.ReLU()",
    "bias=False", "dropout=0.3", "layer_norm_eps=0.1, dtype=torch.float64",
    "norm_first=True, batch_first=True, dropout=0.2",
]  # fmt: skip
ENCODER = ["", "causal", "padding", "causal, padding"]
DECODER = ["", "tgt_mask", "memory_padding", "tgt_mask, memory_mask, tgt_padding, memory_padding"]


def build(t: Any, code: str, options: str) -> Any:
    t.manual_seed(4)
    inside = f"{E}, 2, dim_feedforward=8" + (f", {options}" if options else "")
    if "dropout" not in options:
        inside += ", dropout=0.0"
    return eval(code.replace("...", inside), {"t": t, "torch": t, "nn": t.nn})


def drawn(t: Any, layer: Any, length: int, seed: int) -> Any:
    first = next(m for m in layer.modules() if hasattr(m, "batch_first")).batch_first
    dtype = next(layer.parameters()).dtype
    made = t.from_numpy(np.random.RandomState(seed).randn(*((N, length) if first else (length, N)), E))
    return made.to(dtype).requires_grad_()


def masks(t: Any, layer: Any, kinds: str) -> dict[str, Any]:
    dtype = next(layer.parameters()).dtype
    left = t.from_numpy(np.arange(S) >= np.array([[3], [4]]))
    causal = t.nn.Transformer.generate_square_subsequent_mask
    every = {
        "causal": ("src_mask" if type(layer).__name__ == "TransformerEncoderLayer" else "mask", causal(S) < 0),
        "padding": ("src_key_padding_mask", left),
        "tgt_mask": ("tgt_mask", causal(T, dtype=dtype)),
        "memory_mask": ("memory_mask", (causal(S, dtype=dtype)[:T])),
        "tgt_padding": ("tgt_key_padding_mask", t.zeros(N, T, dtype=dtype)),
        "memory_padding": ("memory_key_padding_mask", left if kinds == "memory_padding" else left.to(dtype) * -9.0),
    }
    return dict(every[kind.strip()] for kind in kinds.split(",") if kind.strip())


def shown(t: Any, layer: Any, *inputs: Any, **given: Any) -> list[Any]:
    """Everything that shows of one call, its backward, and a call in evaluation without gradients."""
    t.manual_seed(5)
    out = layer(*inputs, **given)
    (out * t.sin(t.arange(float(out.numel())).to(out.dtype)).view(out.shape)).sum().backward()
    grads = [p.grad for p in layer.parameters()] + [x.grad for x in inputs]
    layer.eval()
    with t.no_grad():
        calm = layer(*inputs, **given)
    return [repr(layer), layer.state_dict(), out, [g if g is None else g / 10 for g in grads], calm]


def encoder(t: Any, code: str, options: str, kinds: str) -> list[Any]:
    layer = build(t, code, options)
    return shown(t, layer, drawn(t, layer, S, 1), **masks(t, layer, kinds))


def decoder(t: Any, code: str, options: str, kinds: str) -> list[Any]:
    layer = build(t, code, options)
    return shown(t, layer, drawn(t, layer, T, 1), drawn(t, layer, S, 2), **masks(t, layer, kinds))


@pytest.mark.parametrize("kinds", ENCODER)
@pytest.mark.parametrize("options", OPTIONS)
def test_encoder_layer(options: str, kinds: str) -> None:
    both(lambda t: encoder(t, "nn.TransformerEncoderLayer(...)", options, kinds))


@pytest.mark.parametrize("kinds", DECODER)
@pytest.mark.parametrize("options", OPTIONS)
def test_decoder_layer(options: str, kinds: str) -> None:
    both(lambda t: decoder(t, "nn.TransformerDecoderLayer(...)", options, kinds))


STACKS = {
    "plain": "nn.TransformerEncoder(nn.TransformerEncoderLayer(...), 2, enable_nested_tensor=False)",
    "norm": f"nn.TransformerEncoder(nn.TransformerEncoderLayer(...), 2, nn.LayerNorm({E}), False, False)",
}


@pytest.mark.parametrize("kinds", ENCODER)
@pytest.mark.parametrize("options", ["", "batch_first=True", "norm_first=True, bias=False"])
@pytest.mark.parametrize("code", STACKS)
def test_encoder(code: str, options: str, kinds: str) -> None:
    both(lambda t: encoder(t, STACKS[code], options, kinds))


@pytest.mark.parametrize("kinds", DECODER)
@pytest.mark.parametrize("options", ["", "batch_first=True, norm_first=True"])
def test_decoder(options: str, kinds: str) -> None:
    code = f"nn.TransformerDecoder(nn.TransformerDecoderLayer(...), 2, nn.LayerNorm({E}))"
    both(lambda t: decoder(t, code, options, kinds))


def nested(t: Any, norm: bool, scattered: bool, check: bool = True) -> list[Any]:
    """In evaluation without gradients PyTorch leaves padding out of the computation where it can."""
    end = f", nn.LayerNorm({E})" if norm else ", None"
    layer = build(
        t, f"nn.TransformerEncoder(nn.TransformerEncoderLayer(...), 2{end}, mask_check={check})", "batch_first=True"
    )
    x, padding = drawn(t, layer, S, 1), t.from_numpy(np.arange(S) >= np.array([[3], [4]]))
    if scattered:
        padding[1, 0] = True
    seen = [layer.use_nested_tensor, layer.enable_nested_tensor, layer.eval()(x, src_key_padding_mask=padding)]
    with t.no_grad():
        return [*seen, layer(x, src_key_padding_mask=padding), layer.train()(x, src_key_padding_mask=padding)]


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("scattered", [False, True])
@pytest.mark.parametrize("norm", [False, True])
def test_padding_forgotten(norm: bool, scattered: bool) -> None:
    torch._nested_tensor_from_mask(torch.ones(1, 2, 1), torch.ones(1, 2).bool())  # its warning comes once
    both(lambda t: nested(t, norm, scattered))


def whole(t: Any, options: str, **given: Any) -> list[Any]:
    t.manual_seed(4)
    code = f"nn.Transformer({E}, 2, 2, 2, 8, 0.0, batch_first=True{options})"
    layer = eval(code, {"torch": t, "nn": t.nn})
    return shown(t, layer, drawn(t, layer, S, 1), drawn(t, layer, T, 2), **given)


def causal(t: Any, size: int) -> Any:
    return t.nn.Transformer.generate_square_subsequent_mask(size)


WHOLE: list[Callable[[Any], Any]] = [
    lambda t: whole(t, ""),
    lambda t: whole(t, ", norm_first=True, activation='gelu', bias=False"),
    lambda t: whole(t, "", src_mask=causal(t, S), tgt_mask=causal(t, T), src_is_causal=True, tgt_is_causal=True),
    lambda t: whole(t, "", tgt_mask=causal(t, T), memory_key_padding_mask=t.zeros(N, S)),
    lambda t: whole(t, ", custom_encoder=nn.Linear(6, 6)"),
]
ERRORS: list[Callable[[Any], Any]] = [
    lambda t: t.nn.TransformerEncoderLayer(4, 2, 8, activation="sin"),
    lambda t: t.nn.TransformerDecoderLayer(4, 2, 8, activation="sin"),
    lambda t: t.nn.Transformer(4, 2, 1, 1, 8)(t.ones(3, 2, 4), t.ones(3, 1, 4)),
    lambda t: t.nn.Transformer(4, 2, 1, 1, 8, batch_first=True)(t.ones(3, 2, 4), t.ones(2, 2, 4)),
    lambda t: t.nn.Transformer(4, 2, 1, 1, 8, batch_first=True)(t.ones(3, 2, 5), t.ones(3, 2, 4)),
    lambda t: t.nn.TransformerEncoderLayer(4, 2, 8)(t.ones(3, 2, 4), src_mask=t.ones(3, 3).int()),
    lambda t: t.nn.TransformerEncoderLayer(4, 2, 8, 0.0)(
        t.ones(3, 2, 4), t.zeros(3, 3), src_key_padding_mask=t.zeros(2, 3).bool()
    ),
    lambda t: causal(t, 3),
    lambda t: t.nn.Transformer.generate_square_subsequent_mask(2, dtype=t.float64),
    # what keeps PyTorch from nested tensors, as warnings
    *(
        lambda t, o=o: repr(build(t, "nn.TransformerEncoder(nn.TransformerEncoderLayer(...), 1)", o))
        for o in [*OPTIONS, "batch_first=True, bias=False", "batch_first=True, activation=torch.tanh"]
    ),
    lambda t: repr(t.nn.TransformerEncoder(t.nn.TransformerEncoderLayer(6, 3, 8, batch_first=True), 1)),
    lambda t: repr(t.nn.TransformerEncoder(t.nn.Linear(2, 2), 1)),
]


@pytest.mark.filterwarnings("ignore:enable_nested_tensor is True")
@pytest.mark.parametrize("program", WHOLE + ERRORS, ids=[str(i) for i in range(len(WHOLE + ERRORS))])
def test_whole(program: Callable[[Any], Any]) -> None:
    both(program)

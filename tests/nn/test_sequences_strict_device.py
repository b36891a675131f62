"""Recurrent layers, transformers and computed parameters on the stand-in for a GPU: the same numbers as on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradviz
from gradviz import nn
from tests.strict_device import StrictArray, strict

from .both import flat


def packed(x: Any) -> Any:
    return nn.utils.rnn.pack_padded_sequence(x, [2, 5, 3], enforce_sorted=False)


def padded(out: Any) -> Any:
    return nn.utils.rnn.pad_packed_sequence(out, total_length=6)[0]


def causal(layer: Any, x: Any) -> Any:
    mask = nn.Transformer.generate_square_subsequent_mask(5, device=x.device)
    hidden = gradviz.zeros(3, 5, device=x.device)
    hidden[1, 3:] = -9.0
    return layer(x.transpose(0, 1), mask, hidden, is_causal=True)


# (how to make a layer, how to call it on x of shape (5, 3, 4))
CASES: list[tuple[Callable[[], Any], Callable[[Any, Any], Any]]] = [
    (lambda: nn.LSTM(4, 3, 2, bidirectional=True, proj_size=2), lambda layer, x: layer(x)),
    (lambda: nn.GRU(4, 3, 2, dropout=0.3, batch_first=True), lambda layer, x: layer(x)),
    (lambda: nn.RNN(4, 3, bias=False), lambda layer, x: layer(x[:, 0])),
    (lambda: nn.GRU(4, 3, bidirectional=True), lambda layer, x: (padded((r := layer(packed(x)))[0]), r[1])),
    (lambda: nn.LSTM(4, 3), lambda layer, x: nn.utils.rnn.unpack_sequence(layer(packed(x))[0])),
    (lambda: nn.LSTMCell(4, 3), lambda layer, x: layer(x[0])),
    (lambda: nn.GRUCell(4, 3), lambda layer, x: layer(x[0, 0])),
    (lambda: nn.Identity(), lambda layer, x: nn.utils.rnn.pad_sequence([x, x[:3]], padding_side="left")),
    (lambda: nn.MultiheadAttention(4, 2, add_bias_kv=True, add_zero_attn=True), lambda layer, x: layer(x, x, x)),
    (
        lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), 2, mask_check=False),
        causal,
    ),
    (lambda: nn.Transformer(4, 2, 1, 1, 8), lambda layer, x: layer(x, x[:2])),
    (lambda: nn.utils.parametrizations.weight_norm(nn.Linear(4, 3)), lambda layer, x: layer(x)),
    (lambda: nn.utils.parametrizations.spectral_norm(nn.Linear(4, 3)), lambda layer, x: layer(x)),
    (lambda: nn.utils.parametrizations.orthogonal(nn.Linear(4, 4)), lambda layer, x: layer(x)),
    (lambda: nn.utils.parametrizations.orthogonal(nn.Linear(4, 3), "weight", "cayley"), lambda layer, x: layer(x)),
    (lambda: nn.utils.spectral_norm(nn.Linear(4, 3)), lambda layer, x: layer(x)),
    (lambda: nn.utils.prune.l1_unstructured(nn.Linear(4, 3), "weight", 0.3), lambda layer, x: layer(x)),
    (lambda: nn.utils.prune.ln_structured(nn.Linear(4, 3), "weight", 1, 2, 0), lambda layer, x: layer(x)),
]


def run(case: tuple[Callable[[], Any], Callable[[Any, Any], Any]], device: Any) -> list[Any]:
    gradviz.manual_seed(0)
    layer = case[0]().to(device)
    x = gradviz.rand(5, 3, 4).to(device).requires_grad_()
    outs = flat(tuple(out) if isinstance(out := case[1](layer, x), list) else out)
    sum((out**2).sum() for out in outs).backward()
    if device is strict():
        assert all(type(p._array) is StrictArray for p in [*outs, *layer.parameters()])
    seen = [*outs, x.grad, *layer.state_dict().values(), *(p.grad for p in layer.parameters())]
    return [None if s is None else s.detach().cpu().numpy() for s in seen]


@pytest.mark.filterwarnings("ignore:enable_nested_tensor is True")
@pytest.mark.parametrize("case", CASES, ids=[str(i) for i in range(len(CASES))])
def test_same(case: tuple[Callable[[], Any], Callable[[Any, Any], Any]]) -> None:
    for got, want in zip(run(case, strict()), run(case, gradviz.device("cpu")), strict=True):
        if want is not None:
            np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)

"""The layers written by hand compute what gradviz computes: a limit that computed less would be none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradviz as torch
from benchmarks import by_hand, by_hand_sequences

nn = torch.nn


def draw() -> np.random.Generator:
    return np.random.default_rng(0)


def normal(*shape: int) -> Any:
    return np.random.default_rng(1).standard_normal(shape).astype(np.float32)


def linear() -> tuple[Any, Any, dict[str, str]]:
    return by_hand.Linear(5, 3, draw()), nn.Linear(5, 3), {"w": "weight", "b": "bias"}


def conv(padding: int) -> tuple[Any, Any, dict[str, str]]:
    mine = by_hand.Conv2d(3, 4, 3, draw(), padding)
    return mine, nn.Conv2d(3, 4, 3, padding=padding), {"w": "weight", "b": "bias"}


def batch_norm() -> tuple[Any, Any, dict[str, str]]:
    return by_hand.BatchNorm2d(3), nn.BatchNorm2d(3), {"w": "weight", "b": "bias"}


def layer_norm() -> tuple[Any, Any, dict[str, str]]:
    return by_hand_sequences.LayerNorm(6), nn.LayerNorm(6), {"w": "weight", "b": "bias"}


def lstm() -> tuple[Any, Any, dict[str, str]]:
    net = nn.LSTM(5, 4)
    with torch.no_grad():
        net.bias_hh_l0.zero_()
    return by_hand_sequences.LSTM(5, 4, draw()), net, {"w": "weight_ih_l0", "u": "weight_hh_l0", "b": "bias_ih_l0"}


def encoder() -> tuple[Any, Any, dict[str, str]]:
    mine = by_hand_sequences.EncoderLayer(8, 2, 16, draw())
    names = {
        "attention.qkv.w": "self_attn.in_proj_weight", "attention.qkv.b": "self_attn.in_proj_bias",
        "attention.out.w": "self_attn.out_proj.weight", "attention.out.b": "self_attn.out_proj.bias",
        "wide.w": "linear1.weight", "wide.b": "linear1.bias", "narrow.w": "linear2.weight", "narrow.b": "linear2.bias",
        "norm1.w": "norm1.weight", "norm1.b": "norm1.bias", "norm2.w": "norm2.weight", "norm2.b": "norm2.bias",
    }  # fmt: skip
    return mine, nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True), names


CASES = {
    "linear": (linear, (7, 5)),
    "convolution": (lambda: conv(0), (5, 3, 6, 7)),
    "convolution, padded": (lambda: conv(1), (5, 3, 6, 7)),
    "batch norm": (batch_norm, (4, 3, 5, 5)),
    "layer norm": (layer_norm, (4, 3, 6)),
    "LSTM": (lstm, (6, 2, 5)),
    "encoder layer": (encoder, (3, 5, 8)),
}


def reach(it: Any, path: str) -> tuple[Any, str]:
    """The object that a dotted name ends in, and the last name."""
    *inner, last = path.split(".")
    for name in inner:
        it = getattr(it, name)
    return it, last


@pytest.mark.parametrize("name", CASES)
def test_the_same_numbers_forward_and_backward(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_hand, "CACHE", 20_000)  # several blocks of images, and one that is not full
    make, shape = CASES[name]
    mine, net, names = make()
    params = dict(net.named_parameters())
    with torch.no_grad():
        for path, theirs in names.items():
            owner, last = reach(mine, path)
            params[theirs].copy_(torch.tensor(getattr(owner, last)).reshape(params[theirs].shape))
    x = torch.tensor(normal(*shape), requires_grad=True)
    out = net(x)
    out = out[0] if isinstance(out, tuple) else out
    np.testing.assert_allclose(mine.forward(normal(*shape)), out.detach().numpy(), rtol=1e-4, atol=1e-5)
    g = normal(*out.shape)
    out.backward(torch.tensor(g))
    np.testing.assert_allclose(mine.backward(g), x.grad.numpy(), rtol=1e-3, atol=1e-5)
    for path, theirs in names.items():
        owner, last = reach(mine, path)
        found = getattr(owner, f"of_{last}").reshape(params[theirs].shape)
        np.testing.assert_allclose(found, params[theirs].grad.numpy(), rtol=1e-3, atol=1e-5)


def test_pooling() -> None:
    pool, x = by_hand.MaxPool2(), torch.tensor(normal(2, 3, 6, 8), requires_grad=True)
    out = nn.functional.max_pool2d(x, 2)
    np.testing.assert_array_equal(pool.forward(normal(2, 3, 6, 8)), out.detach().numpy())
    g = normal(*out.shape)
    out.backward(torch.tensor(g))
    np.testing.assert_array_equal(pool.backward(g), x.grad.numpy())


def test_cross_entropy() -> None:
    labels, z = np.array([0, 2, 1, 1]), torch.tensor(normal(4, 3), requires_grad=True)
    loss = nn.functional.cross_entropy(z, torch.tensor(labels))
    loss.backward()
    mine, g = by_hand.softmax_loss(normal(4, 3), labels)
    assert mine == pytest.approx(loss.item(), rel=1e-6)
    np.testing.assert_allclose(g, z.grad.numpy(), rtol=1e-5, atol=1e-7)

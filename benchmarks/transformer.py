"""Four transformer encoder layers of width 128 on 8 sentences, no dropout: forward and all parameters' gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import by_hand_sequences
from .spec import Spec, Work, both

WIDTH, HEADS, LAYERS, SENTENCES = 128, 4, 4, 8
SIZES = {"16 tokens": 16, "64 tokens": 64, "256 tokens": 256}


def given(length: int) -> np.ndarray:
    """Sentences (8, length, 128)."""
    return np.random.default_rng(0).standard_normal((SENTENCES, length, WIDTH), np.float32)


def shared(t: Any, length: int) -> Work:
    nn = t.nn
    t.manual_seed(0)
    layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 4 * WIDTH, dropout=0.0, batch_first=True)
    net, x = nn.TransformerEncoder(layer, LAYERS, enable_nested_tensor=False), t.tensor(given(length))

    def run() -> None:
        net.zero_grad()
        net(x).sum().backward()

    return run


# ------------------------------------------------------------------------------------------------------ other libraries


def numpy(np_: Any, length: int) -> Work:
    draw, x = np.random.default_rng(1), given(length)
    layers = [by_hand_sequences.EncoderLayer(WIDTH, HEADS, 4 * WIDTH, draw) for _ in range(LAYERS)]
    g = np.ones_like(x)

    def run() -> None:
        y, back = x, g
        for layer in layers:
            y = layer.forward(y)
        for layer in reversed(layers):
            back = layer.backward(back)

    return run


def weights() -> list[list[np.ndarray]]:
    """For each layer W (in, out) and b of the four products, then scale and shift of the two norms."""
    draw = np.random.default_rng(1)
    made = []
    for _ in range(LAYERS):
        layer = by_hand_sequences.EncoderLayer(WIDTH, HEADS, 4 * WIDTH, draw)
        linear = (layer.attention.qkv, layer.attention.out, layer.wide, layer.narrow)
        norms = (layer.norm1, layer.norm2)
        made.append(
            [a for it in linear for a in (np.ascontiguousarray(it.w.T), it.b)]
            + [a for it in norms for a in (it.w, it.b)]
        )
    return made


def composed(m: Any, x: Any, layers: Any) -> Any:
    """The encoder in a library that has NumPy's functions as `m` and no layers."""
    n, length, _ = x.shape

    def norm(x: Any, w: Any, b: Any) -> Any:
        z = x - m.mean(x, axis=-1, keepdims=True)
        return z / m.sqrt(m.mean(z**2, axis=-1, keepdims=True) + 1e-5) * w + b

    for w_qkv, b_qkv, w_out, b_out, w_wide, b_wide, w_narrow, b_narrow, w1, b1, w2, b2 in layers:
        qkv = m.reshape(m.matmul(x, w_qkv) + b_qkv, (n, length, 3, HEADS, WIDTH // HEADS))
        q, k, v = (m.transpose(qkv[:, :, i], (0, 2, 1, 3)) for i in range(3))
        scores = m.exp(m.matmul(q, m.transpose(k, (0, 1, 3, 2))) * np.float32((WIDTH // HEADS) ** -0.5))
        mixed = m.matmul(scores / m.sum(scores, axis=-1, keepdims=True), v)
        mixed = m.reshape(m.transpose(mixed, (0, 2, 1, 3)), (n, length, WIDTH))
        x = norm(x + m.matmul(mixed, w_out) + b_out, w1, b1)
        x = norm(x + m.matmul(m.maximum(m.matmul(x, w_wide) + b_wide, 0), w_narrow) + b_narrow, w2, b2)
    return x


def hips(autograd: Any, length: int) -> Work:
    anp, x, layers = autograd.numpy, given(length), weights()
    gradient = autograd.grad(lambda layers: anp.sum(composed(anp, x, layers)))
    return lambda: gradient(layers)


def mygrad(mg: Any, length: int) -> Work:
    x, layers = given(length), [[mg.tensor(p) for p in layer] for layer in weights()]
    return lambda: composed(mg, x, layers).sum().backward()


def tinygrad(module: Any, length: int) -> Work:
    from tinygrad import nn

    class Layer:
        def __init__(self) -> None:
            self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
            self.wide, self.narrow = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)
            self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)

        def __call__(self, x: Any) -> Any:
            parts = self.qkv(x).reshape(SENTENCES, length, 3, HEADS, -1)
            q, k, v = (parts[:, :, i].transpose(1, 2) for i in range(3))
            mixed = q.scaled_dot_product_attention(k, v).transpose(1, 2).reshape(SENTENCES, length, WIDTH)
            x = self.norm1(x + self.out(mixed))
            return self.norm2(x + self.narrow(self.wide(x).relu()))

    layers, x = [Layer() for _ in range(LAYERS)], module.Tensor(given(length)).realize()
    params = nn.state.get_parameters(layers)

    @module.TinyJit
    def run() -> Any:
        return module.Tensor.realize(*x.sequential(layers).sum().gradient(*params))

    return run


SPECS = [
    Spec(
        f"transformer, {LAYERS} layers of width {WIDTH}, batch {SENTENCES}, forward + backward",
        SIZES,
        both(shared, numpy=numpy, autograd=hips, mygrad=mygrad, tinygrad=tinygrad),
        {"64 tokens": 1.5},
        limit="products of matrices, then softmax and layer norm, which are passes over memory",
    )
]

"""An LSTM and a transformer layer written by hand in NumPy, forward and backward: the limit for sequences.

Gates and heads are stacked so that as much as can be is one product of matrices; gradients of weights that are used at
every step are one product over all steps at the end.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .by_hand import Linear

Array = Any


class LSTM:
    """h of every step for x (T, B, in); the gates stand as input, forget, cell, output. One bias."""

    def __init__(self, given: int, hidden: int, draw: np.random.Generator) -> None:
        bound = hidden**-0.5
        shapes = (4 * hidden, given), (4 * hidden, hidden), (4 * hidden,)
        self.w, self.u, self.b = (draw.uniform(-bound, bound, s).astype(np.float32) for s in shapes)

    def forward(self, x: Array) -> Array:
        steps, batch, _ = x.shape
        size = self.u.shape[1]
        z = (x.reshape(steps * batch, -1) @ self.w.T + self.b).reshape(steps, batch, 4 * size)
        h, c = (np.zeros((steps + 1, batch, size), np.float32) for _ in "hc")
        tanh_c = np.empty((steps, batch, size), np.float32)
        u = np.ascontiguousarray(self.u.T)
        half = np.full(4 * size, 0.5, np.float32)  # sigmoid(a) = tanh(a / 2) / 2 + 1/2: one tanh for all four gates
        half[2 * size : 3 * size] = 1
        rest = 1 - half
        for t in range(steps):
            gates = z[t]
            gates += h[t] @ u
            gates *= half
            np.tanh(gates, out=gates)
            gates *= half
            gates += rest
            i, f, g, o = (gates[:, k * size : (k + 1) * size] for k in range(4))
            np.multiply(f, c[t], out=c[t + 1])
            c[t + 1] += i * g
            np.tanh(c[t + 1], out=tanh_c[t])
            np.multiply(o, tanh_c[t], out=h[t + 1])
        self.kept = x, z, h, c, tanh_c
        return h[1:]

    def backward(self, g: Array) -> Array:
        """From the gradients of all h (T, B, H); the gradient of x."""
        x, z, h, c, tanh_c = self.kept
        steps, batch, size = g.shape
        slope = 1 - z * z  # of the tanh; a sigmoid's is s (1 - s)
        for k in (0, 1, 3):
            part = z[..., k * size : (k + 1) * size]
            slope[..., k * size : (k + 1) * size] = part * (1 - part)
        of_z = slope  # the gradients take its place, step by step
        of_h, of_c = np.zeros((batch, size), np.float32), np.zeros((batch, size), np.float32)
        for t in reversed(range(steps)):
            of_h += g[t]
            i, f, n, o = (z[t, :, k * size : (k + 1) * size] for k in range(4))
            of_i, of_f, of_n, of_o = (of_z[t, :, k * size : (k + 1) * size] for k in range(4))
            of_c += of_h * o * (1 - tanh_c[t] ** 2)
            of_o *= of_h * tanh_c[t]
            of_i *= of_c * n
            of_f *= of_c * c[t]
            of_n *= of_c * i
            of_c *= f
            np.matmul(of_z[t], self.u, out=of_h)
        flat = of_z.reshape(steps * batch, -1)
        self.of_w = flat.T @ x.reshape(steps * batch, -1)
        self.of_u = flat.T @ h[:-1].reshape(steps * batch, -1)
        self.of_b = flat.sum(axis=0)
        return (flat @ self.w).reshape(x.shape)


class LayerNorm:
    """Each row to mean 0 and variance 1, then scaled and shifted."""

    def __init__(self, size: int) -> None:
        self.w, self.b = np.ones(size, np.float32), np.zeros(size, np.float32)

    def forward(self, x: Array) -> Array:
        self.z = x - x.mean(axis=-1, keepdims=True)
        var = np.einsum("...i,...i->...", self.z, self.z)[..., None] / x.shape[-1]
        self.inverse = 1 / np.sqrt(var + 1e-5)
        self.z *= self.inverse
        return self.z * self.w + self.b

    def backward(self, g: Array) -> Array:
        rows = tuple(range(g.ndim - 1))
        self.of_b, self.of_w = g.sum(axis=rows), (g * self.z).sum(axis=rows)
        g = g * self.w
        inner = np.einsum("...i,...i->...", g, self.z)[..., None] / g.shape[-1]
        g -= g.mean(axis=-1, keepdims=True)
        g -= self.z * inner
        g *= self.inverse
        return g


class Attention:
    """Self-attention with several heads for x (N, T, width)."""

    def __init__(self, width: int, heads: int, draw: np.random.Generator) -> None:
        self.heads = heads
        self.qkv, self.out = Linear(width, 3 * width, draw), Linear(width, width, draw)

    def forward(self, x: Array) -> Array:
        n, length, width = x.shape
        parts = self.qkv.forward(x.reshape(n * length, width)).reshape(n, length, 3, self.heads, -1)
        q, k, v = parts.transpose(2, 0, 3, 1, 4)  # each (N, heads, T, width / heads)
        q = q * np.float32(q.shape[-1] ** -0.5)
        scores = q @ k.swapaxes(2, 3)
        scores -= scores.max(axis=-1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=-1, keepdims=True)
        self.kept = q, k, v, scores
        return self.out.forward((scores @ v).transpose(0, 2, 1, 3).reshape(n * length, width)).reshape(x.shape)

    def backward(self, g: Array) -> Array:
        n, length, width = g.shape
        q, k, v, scores = self.kept
        g = self.out.backward(g.reshape(n * length, width)).reshape(n, length, self.heads, -1).transpose(0, 2, 1, 3)
        of_v = scores.swapaxes(2, 3) @ g
        of_s = g @ v.swapaxes(2, 3)
        of_s -= np.einsum("...i,...i->...", of_s, scores)[..., None]
        of_s *= scores
        of_q = of_s @ k
        of_q *= np.float32(q.shape[-1] ** -0.5)
        of_k = of_s.swapaxes(2, 3) @ q
        back = np.stack([of_q, of_k, of_v]).transpose(1, 3, 0, 2, 4)
        return self.qkv.backward(back.reshape(n * length, 3 * width)).reshape(n, length, width)


class EncoderLayer:
    """nn.TransformerEncoderLayer as it is by default: the norm after each part, relu, no dropout."""

    def __init__(self, width: int, heads: int, inner: int, draw: np.random.Generator) -> None:
        self.attention = Attention(width, heads, draw)
        self.wide, self.narrow = Linear(width, inner, draw), Linear(inner, width, draw)
        self.norm1, self.norm2 = LayerNorm(width), LayerNorm(width)

    def forward(self, x: Array) -> Array:
        x = self.norm1.forward(x + self.attention.forward(x))
        self.inner = np.maximum(self.wide.forward(x.reshape(-1, x.shape[-1])), 0)
        return self.norm2.forward(x + self.narrow.forward(self.inner).reshape(x.shape))

    def backward(self, g: Array) -> Array:
        g = self.norm2.backward(g)
        inner = self.narrow.backward(g.reshape(-1, g.shape[-1]))
        inner *= self.inner > 0
        g = self.norm1.backward(g + self.wide.backward(inner).reshape(g.shape))
        return g + self.attention.backward(g)

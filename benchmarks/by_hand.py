"""Layers written by hand in NumPy, forward and backward: what a library on NumPy could reach at best.

Nothing is recorded and nothing is general. Convolution is im2col in blocks of images that stay in the cache, one
product for each image; pooling compares four slices.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any
CACHE = 1 << 20  # bytes of columns made at a time


def softmax_loss(z: Array, labels: Array) -> tuple[float, Array]:
    """The mean cross-entropy of scores (N, C), and its gradient."""
    rows = np.arange(len(z))
    p = z - z.max(axis=1, keepdims=True)
    np.exp(p, out=p)
    p /= p.sum(axis=1, keepdims=True)
    loss = -np.log(p[rows, labels]).mean()
    p[rows, labels] -= 1
    p /= len(z)
    return float(loss), p


class Linear:
    """y = x @ W.T + b for x (N, in)."""

    def __init__(self, given: int, made: int, draw: np.random.Generator) -> None:
        bound = given**-0.5
        self.w, self.b = (draw.uniform(-bound, bound, s).astype(np.float32) for s in ((made, given), made))

    def forward(self, x: Array) -> Array:
        self.x = x
        return x @ self.w.T + self.b

    def backward(self, g: Array) -> Array:
        self.of_w, self.of_b = g.T @ self.x, g.sum(axis=0)
        return g @ self.w


class Conv2d:
    """A convolution of (N, C, H, W) with square kernels, stride 1."""

    def __init__(self, given: int, made: int, kernel: int, draw: np.random.Generator, padding: int = 0) -> None:
        bound = (given * kernel**2) ** -0.5
        shape = (made, given, kernel, kernel)
        self.w, self.b = (draw.uniform(-bound, bound, s).astype(np.float32) for s in (shape, made))
        self.padding = padding

    def forward(self, x: Array) -> Array:
        p = self.padding
        self.x = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p))) if p else x
        n, c, high, wide = self.x.shape
        o, _, k, _ = self.w.shape
        self.out = high - k + 1, wide - k + 1
        size = c * k * k * self.out[0] * self.out[1]
        self.block = max(1, min(n, CACHE // (4 * size)))
        self.columns = np.empty((self.block, c, k, k, *self.out), np.float32)
        y = np.empty((n, o, self.out[0] * self.out[1]), np.float32)
        w = self.w.reshape(o, -1)
        for i in range(0, n, self.block):
            np.matmul(w, self.im2col(i), out=y[i : i + self.block])
        y += self.b[:, None]
        return y.reshape(n, o, *self.out)

    def im2col(self, i: int) -> Array:
        """The columns (block, C k k, H' W') of the images from i on."""
        x, (high, wide), k = self.x[i : i + self.block], self.out, self.w.shape[2]
        columns = self.columns[: len(x)]
        for a in range(k):
            for b in range(k):
                columns[:, :, a, b] = x[:, :, a : a + high, b : b + wide]
        return columns.reshape(len(x), -1, high * wide)

    def backward(self, g: Array, *, to_input: bool = True) -> Array:
        (o, c, k, _), (high, wide), p = self.w.shape, self.out, self.padding
        g = g.reshape(len(g), o, -1)
        w = self.w.reshape(o, -1)
        self.of_b = g.sum(axis=(0, 2))
        of_w = np.zeros_like(w)
        of_x = np.zeros_like(self.x) if to_input else None
        for i in range(0, len(g), self.block):
            part = g[i : i + self.block]
            of_w += (part @ self.im2col(i).transpose(0, 2, 1)).sum(axis=0)
            if of_x is None:
                continue
            columns = np.matmul(w.T, part).reshape(len(part), c, k, k, high, wide)
            into = of_x[i : i + self.block]
            for a in range(k):
                for b in range(k):
                    into[:, :, a : a + high, b : b + wide] += columns[:, :, a, b]
        self.of_w = of_w.reshape(self.w.shape)
        return of_x if of_x is None or not p else of_x[:, :, p:-p, p:-p]


class MaxPool2:
    """The largest of each 2 x 2."""

    def forward(self, x: Array) -> Array:
        self.parts = [x[:, :, a::2, b::2] for a in (0, 1) for b in (0, 1)]
        self.shape = x.shape
        first = np.maximum(self.parts[0], self.parts[1])
        self.y = np.maximum(first, np.maximum(self.parts[2], self.parts[3]))
        return self.y

    def backward(self, g: Array) -> Array:
        of_x = np.empty(self.shape, np.float32)
        for i, part in enumerate(self.parts):
            np.multiply(g, part == self.y, out=of_x[:, :, i // 2 :: 2, i % 2 :: 2])
        return of_x


class BatchNorm2d:
    """Each channel of (N, C, H, W) to mean 0 and variance 1, then scaled and shifted; running statistics kept."""

    def __init__(self, channels: int) -> None:
        self.w, self.b = np.ones((channels, 1, 1), np.float32), np.zeros((channels, 1, 1), np.float32)
        self.mean, self.var = np.zeros_like(self.b), np.ones_like(self.w)

    def forward(self, x: Array) -> Array:
        axes = (0, 2, 3)
        count = x.size // x.shape[1]
        mean = x.mean(axis=axes, keepdims=True)[0]
        self.z = x - mean
        var = np.einsum("nchw,nchw->c", self.z, self.z)[:, None, None] / count
        self.inverse = 1 / np.sqrt(var + 1e-5)
        self.z *= self.inverse
        self.mean += 0.1 * (mean - self.mean)
        self.var += 0.1 * (var * count / (count - 1) - self.var)
        y = self.z * self.w
        y += self.b
        return y

    def backward(self, g: Array) -> Array:
        count = g.size // g.shape[1]
        self.of_b = g.sum(axis=(0, 2, 3))[:, None, None]
        self.of_w = np.einsum("nchw,nchw->c", g, self.z)[:, None, None]
        of_x = g - self.of_b / count
        of_x -= self.z * (self.of_w / count)
        of_x *= self.w * self.inverse
        return of_x

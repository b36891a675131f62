"""Batch normalisation of 64 channels at 32 x 32, training, with its gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import by_hand
from .spec import Spec, Work, both

SIZES = {"batch 4": 4, "batch 16": 16, "batch 64": 64}


def given(batch: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((batch, 64, 32, 32), np.float32)


def shared(t: Any, batch: int) -> Work:
    norm, x, g = t.nn.BatchNorm2d(64), t.tensor(given(batch), requires_grad=True), t.tensor(given(batch))

    def run() -> None:
        x.grad = norm.weight.grad = norm.bias.grad = None
        norm(x).backward(g)

    return run


def numpy(np_: Any, batch: int) -> Work:
    norm, x, g = by_hand.BatchNorm2d(64), given(batch), given(batch)

    def run() -> None:
        norm.forward(x)
        norm.backward(g)

    return run


def hips(autograd: Any, batch: int) -> Work:
    anp, x, g = autograd.numpy, given(batch), given(batch)
    w, b = np.ones((64, 1, 1), np.float32), np.zeros((64, 1, 1), np.float32)

    def norm(x: Any, w: Any, b: Any) -> Any:
        z = x - anp.mean(x, axis=(0, 2, 3), keepdims=True)
        return z / anp.sqrt(anp.mean(z**2, axis=(0, 2, 3), keepdims=True) + 1e-5) * w + b

    return lambda: autograd.make_vjp(norm, (0, 1, 2))(x, w, b)[0](g)


def mygrad(mg: Any, batch: int) -> Work:
    from mygrad.nnet.layers import batchnorm

    x, g, w, b = (mg.tensor(a) for a in (given(batch), given(batch), np.ones(64, np.float32), np.zeros(64, np.float32)))
    return lambda: batchnorm(x, gamma=w, beta=b, eps=1e-5).backward(g.data)


def tinygrad(module: Any, batch: int) -> Work:
    from tinygrad import nn

    module.Tensor.training = True
    norm = nn.BatchNorm2d(64)
    x, g = (module.Tensor(given(batch)).realize() for _ in range(2))
    leaves = (x, norm.weight, norm.bias)

    @module.TinyJit
    def run() -> Any:
        return module.Tensor.realize(*norm(x).gradient(*leaves, gradient=g))

    return run


SPECS = [
    Spec(
        "batch norm, 64 channels at 32 x 32, forward + backward",
        SIZES,
        both(shared, numpy=numpy, autograd=hips, mygrad=mygrad, tinygrad=tinygrad),
        limit="passes over memory: NumPy does one operation at a time, torch's kernel all of them in two",
    )
]

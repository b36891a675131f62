"""A training step of the network that every course starts with: 784-128-10 on batches of digits, SGD."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import by_hand
from .spec import Spec, Work, accelerated, both

SIZES = {"batch 16": 16, "batch 64": 64, "batch 256": 256}
RATE = 0.01


def given(batch: int) -> tuple[np.ndarray, np.ndarray]:
    """Images as rows, and their labels."""
    draw = np.random.default_rng(0)
    return draw.standard_normal((batch, 784), np.float32), draw.integers(0, 10, batch)


def weights() -> list[np.ndarray]:
    """W (in, out) and b of the two layers, for libraries that have no layers."""
    draw = np.random.default_rng(1)
    sizes = ((784, 128), (128,), (128, 10), (10,))
    return [draw.uniform(-0.05, 0.05, size).astype(np.float32) for size in sizes]


def shared(t: Any, batch: int) -> Work:
    t.manual_seed(0)
    net = t.nn.Sequential(t.nn.Linear(784, 128), t.nn.ReLU(), t.nn.Linear(128, 10))
    optimizer = t.optim.SGD(net.parameters(), lr=RATE)
    x, labels = map(t.tensor, given(batch))

    def step() -> None:
        optimizer.zero_grad()
        t.nn.functional.cross_entropy(net(x), labels).backward()
        optimizer.step()

    return step


def numpy(np_: Any, batch: int) -> Work:
    (x, labels), (w1, b1, w2, b2) = given(batch), weights()

    def step() -> None:
        h = np.maximum(x @ w1 + b1, 0)
        g = by_hand.softmax_loss(h @ w2 + b2, labels)[1]
        of_h = g @ w2.T
        of_h *= h > 0
        for p, gradient in ((w2, h.T @ g), (b2, g.sum(0)), (w1, x.T @ of_h), (b1, of_h.sum(0))):
            gradient *= RATE
            p -= gradient

    return step


def hips(autograd: Any, batch: int) -> Work:
    anp = autograd.numpy
    (x, labels), params = given(batch), weights()
    rows = np.arange(batch)

    def loss(params: Any) -> Any:
        w1, b1, w2, b2 = params
        z = anp.maximum(x @ w1 + b1, 0) @ w2 + b2
        z = z - anp.max(z, axis=1, keepdims=True)
        return anp.mean(anp.log(anp.sum(anp.exp(z), axis=1)) - z[rows, labels])

    gradient = autograd.grad(loss)

    def step() -> None:
        for p, g in zip(params, gradient(params), strict=True):
            p -= RATE * g

    return step


def mygrad(mg: Any, batch: int) -> Work:
    from mygrad.nnet.activations import relu
    from mygrad.nnet.losses import softmax_crossentropy

    (x, labels), params = given(batch), [mg.tensor(w) for w in weights()]

    def step() -> None:
        w1, b1, w2, b2 = params
        softmax_crossentropy(relu(x @ w1 + b1) @ w2 + b2, labels).backward()
        for p in params:
            p.data -= RATE * p.grad

    return step


def tinygrad(module: Any, batch: int) -> Work:
    from tinygrad import nn

    class Net:
        def __init__(self) -> None:
            self.first, self.second = nn.Linear(784, 128), nn.Linear(128, 10)

    module.Tensor.training = True
    net, (x, labels) = Net(), map(module.Tensor, given(batch))
    x, labels = x.realize(), labels.realize()
    optimizer = nn.optim.SGD(nn.state.get_parameters(net), lr=RATE)

    @module.TinyJit
    def step() -> Any:
        optimizer.zero_grad()
        loss = net.second(net.first(x).relu()).sparse_categorical_crossentropy(labels).backward()
        return loss.realize(*optimizer.schedule_step())

    return step


SPECS = [
    Spec(
        "MLP 784-128-10, a training step",
        SIZES,
        accelerated(both(shared, numpy=numpy, autograd=hips, mygrad=mygrad, tinygrad=tinygrad)),
        {"batch 64": 0.9},
        limit="three products of matrices, and passes over the 100,352 weights",
    )
]

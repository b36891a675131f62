"""One training step of the CIFAR-10 network of the tutorials (conv-pool-conv-pool-3 linear), SGD with momentum."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import by_hand
from .spec import Spec, Work, accelerated, both

SIZES = {"batch 4": 4, "batch 64": 64, "batch 256": 256}
RATE, MOMENTUM = 0.001, 0.9


def given(batch: int) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 3, 32, 32) and their labels."""
    draw = np.random.default_rng(0)
    return draw.standard_normal((batch, 3, 32, 32)).astype(np.float32), draw.integers(0, 10, batch)


def _step(t: Any, batch: int) -> Any:
    nn, F = t.nn, t.nn.functional

    class Net(nn.Module):  # type: ignore[name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(3, 6, 5)
            self.pool = nn.MaxPool2d(2, 2)
            self.conv2 = nn.Conv2d(6, 16, 5)
            self.fc1 = nn.Linear(16 * 5 * 5, 120)
            self.fc2 = nn.Linear(120, 84)
            self.fc3 = nn.Linear(84, 10)

        def forward(self, x: Any) -> Any:
            x = self.pool(F.relu(self.conv1(x)))
            x = self.pool(F.relu(self.conv2(x)))
            x = x.view(-1, 16 * 5 * 5)
            x = F.relu(self.fc1(x))
            x = F.relu(self.fc2(x))
            return self.fc3(x)

    t.manual_seed(0)
    net = Net()
    criterion = nn.CrossEntropyLoss()
    optimizer = t.optim.SGD(net.parameters(), lr=RATE, momentum=MOMENTUM)
    images, labels = map(t.tensor, given(batch))

    def step() -> None:
        optimizer.zero_grad()
        loss = criterion(net(images), labels)
        loss.backward()
        optimizer.step()
        loss.item()

    return step


def numpy(np_: Any, batch: int) -> Work:
    """By hand; pooling comes before relu, which gives the same numbers and is less work."""
    draw = np.random.default_rng(1)
    conv1, conv2 = by_hand.Conv2d(3, 6, 5, draw), by_hand.Conv2d(6, 16, 5, draw)
    pool1, pool2 = by_hand.MaxPool2(), by_hand.MaxPool2()
    linear = [by_hand.Linear(400, 120, draw), by_hand.Linear(120, 84, draw), by_hand.Linear(84, 10, draw)]
    layers: list[Any] = [conv1, conv2, *linear]
    speed = [(np.zeros_like(layer.w), np.zeros_like(layer.b)) for layer in layers]
    images, labels = given(batch)

    def step() -> float:
        a = np.maximum(pool1.forward(conv1.forward(images)), 0)
        b = np.maximum(pool2.forward(conv2.forward(a)), 0)
        c = np.maximum(linear[0].forward(b.reshape(batch, -1)), 0)
        d = np.maximum(linear[1].forward(c), 0)
        loss, g = by_hand.softmax_loss(linear[2].forward(d), labels)
        g = linear[1].backward(linear[2].backward(g) * (d > 0))
        g = linear[0].backward(g * (c > 0)).reshape(b.shape)
        g = conv2.backward(pool2.backward(g * (b > 0)))
        conv1.backward(pool1.backward(g * (a > 0)), to_input=False)
        for layer, (of_w, of_b) in zip(layers, speed, strict=True):
            for p, m, gradient in ((layer.w, of_w, layer.of_w), (layer.b, of_b, layer.of_b)):
                m *= MOMENTUM
                m += gradient
                p -= RATE * m
        return loss

    return step


def _weights() -> list[np.ndarray]:
    """W and b of the five layers, for libraries that have no layers."""
    draw = np.random.default_rng(1)
    convs = [by_hand.Conv2d(3, 6, 5, draw), by_hand.Conv2d(6, 16, 5, draw)]
    linear = [by_hand.Linear(400, 120, draw), by_hand.Linear(120, 84, draw), by_hand.Linear(84, 10, draw)]
    layers: list[Any] = [*convs, *linear]
    return [a for layer in layers for a in (layer.w, layer.b)]


def hips(autograd: Any, batch: int) -> Work:
    """With autograd's own convolution and pooling by reshaping, as in its examples."""
    from autograd.scipy.signal import convolve

    anp = autograd.numpy
    (images, labels), params = given(batch), _weights()
    speed, rows = [np.zeros_like(p) for p in params], np.arange(batch)

    def conv(x: Any, w: Any, b: Any) -> Any:
        y = convolve(x, w, axes=([2, 3], [2, 3]), dot_axes=([1], [1]), mode="valid") + b[:, None, None]
        n, c, high, wide = y.shape
        return anp.maximum(anp.max(anp.max(y.reshape(n, c, high // 2, 2, wide // 2, 2), axis=3), axis=4), 0)

    def loss(p: Any) -> Any:
        x = conv(conv(images, p[0], p[1]), p[2], p[3]).reshape(batch, -1)
        x = anp.maximum(x @ p[4].T + p[5], 0)
        x = anp.maximum(x @ p[6].T + p[7], 0)
        z = x @ p[8].T + p[9]
        z = z - anp.max(z, axis=1, keepdims=True)
        return anp.mean(anp.log(anp.sum(anp.exp(z), axis=1)) - z[rows, labels])

    gradient = autograd.grad(loss)

    def step() -> None:
        for p, m, g in zip(params, speed, gradient(params), strict=True):
            m *= MOMENTUM
            m += g
            p -= RATE * m

    return step


def mygrad(mg: Any, batch: int) -> Work:
    from mygrad.nnet.activations import relu
    from mygrad.nnet.layers import conv_nd, max_pool
    from mygrad.nnet.losses import softmax_crossentropy

    (images, labels), params = given(batch), [mg.tensor(p) for p in _weights()]
    speed = [np.zeros_like(p.data) for p in params]

    def conv(x: Any, w: Any, b: Any) -> Any:
        return max_pool(relu(conv_nd(x, w, stride=1) + b.reshape(1, -1, 1, 1)), (2, 2), 2)

    def step() -> None:
        p = params
        x = conv(conv(images, p[0], p[1]), p[2], p[3]).reshape(batch, -1)
        x = relu(x @ p[4].T + p[5])
        x = relu(x @ p[6].T + p[7])
        softmax_crossentropy(x @ p[8].T + p[9], labels).backward()
        for one, m in zip(params, speed, strict=True):
            m *= MOMENTUM
            m += one.grad
            one.data -= RATE * m

    return step


def tinygrad(module: Any, batch: int) -> Work:
    from tinygrad import nn

    class Net:
        def __init__(self) -> None:
            self.conv1, self.conv2 = nn.Conv2d(3, 6, 5), nn.Conv2d(6, 16, 5)
            self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

        def __call__(self, x: Any) -> Any:
            x = self.conv2(self.conv1(x).relu().max_pool2d()).relu().max_pool2d().flatten(1)
            return self.fc3(self.fc2(self.fc1(x).relu()).relu())

    module.Tensor.training = True
    net, (images, labels) = Net(), map(module.Tensor, given(batch))
    images, labels = images.realize(), labels.realize()
    optimizer = nn.optim.SGD(nn.state.get_parameters(net), lr=RATE, momentum=MOMENTUM)

    @module.TinyJit
    def step() -> Any:
        optimizer.zero_grad()
        loss = net(images).sparse_categorical_crossentropy(labels).backward()
        return loss.realize(*optimizer.schedule_step())

    return lambda: step().item()


SPECS = [
    Spec(
        "CIFAR CNN, a training step",
        SIZES,
        accelerated(both(_step, numpy=numpy, autograd=hips, mygrad=mygrad, tinygrad=tinygrad)),
        {"batch 4": 0.7, "batch 64": 1.0, "batch 256": 1.2},
        limit="dispatch and small calls of NumPy at batch 4; then im2col and pooling, and narrow products",
        memory_goals={"batch 256": 1.2},
    )
]

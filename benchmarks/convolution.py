"""One 3 x 3 convolution, 64 to 64 channels, 32 x 32 positions: forward alone, and with all three gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import by_hand
from .spec import Spec, Work, both

SIZES = {"batch 1": 1, "batch 8": 8, "batch 32": 32}


def given(batch: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((batch, 64, 32, 32), np.float32)


def forward(t: Any, batch: int) -> Work:
    conv, x = t.nn.Conv2d(64, 64, 3, padding=1), t.tensor(given(batch))

    def run() -> None:
        with t.no_grad():
            conv(x)

    return run


def gradients(t: Any, batch: int) -> Work:
    conv, x, g = t.nn.Conv2d(64, 64, 3, padding=1), t.tensor(given(batch), requires_grad=True), t.tensor(given(batch))

    def run() -> None:
        x.grad = conv.weight.grad = conv.bias.grad = None
        conv(x).backward(g)

    return run


def _by_hand() -> by_hand.Conv2d:
    return by_hand.Conv2d(64, 64, 3, np.random.default_rng(1), padding=1)


def numpy_forward(np_: Any, batch: int) -> Work:
    conv, x = _by_hand(), given(batch)
    return lambda: conv.forward(x)


def numpy(np_: Any, batch: int) -> Work:
    conv, x, g = _by_hand(), given(batch), given(batch)

    def run() -> None:
        conv.forward(x)
        conv.backward(g)

    return run


def hips(autograd: Any, batch: int) -> Work:
    from autograd.scipy.signal import convolve

    anp, conv, x, g = autograd.numpy, _by_hand(), given(batch), given(batch)
    sides = ((0, 0), (0, 0), (1, 1), (1, 1))

    def apply(x: Any, w: Any, b: Any) -> Any:
        wide = anp.pad(x, sides, "constant")
        return convolve(wide, w, axes=([2, 3], [2, 3]), dot_axes=([1], [1]), mode="valid") + b[:, None, None]

    return lambda: autograd.make_vjp(apply, (0, 1, 2))(x, conv.w, conv.b)[0](g)


def mygrad_forward(mg: Any, batch: int) -> Work:
    from mygrad.nnet.layers import conv_nd

    conv, x = _by_hand(), given(batch)

    def run() -> None:
        with mg.no_autodiff:
            conv_nd(x, conv.w, stride=1, padding=1) + conv.b[:, None, None]

    return run


def mygrad(mg: Any, batch: int) -> Work:
    from mygrad.nnet.layers import conv_nd

    conv, x, g = _by_hand(), mg.tensor(given(batch)), given(batch)
    w, b = mg.tensor(conv.w), mg.tensor(conv.b)
    return lambda: (conv_nd(x, w, stride=1, padding=1) + b.reshape(1, -1, 1, 1)).backward(g)


def tinygrad_forward(module: Any, batch: int) -> Work:
    from tinygrad import nn

    conv, x = nn.Conv2d(64, 64, 3, padding=1), module.Tensor(given(batch)).realize()

    @module.TinyJit
    def run() -> Any:
        return conv(x).realize()

    return run


def tinygrad(module: Any, batch: int) -> Work:
    from tinygrad import nn

    conv = nn.Conv2d(64, 64, 3, padding=1)
    x, g = (module.Tensor(given(batch)).realize() for _ in range(2))
    leaves = (x, conv.weight, conv.bias)

    @module.TinyJit
    def run() -> Any:
        return module.Tensor.realize(*conv(x).gradient(*leaves, gradient=g))

    return run


SPECS = [
    Spec(
        "conv 3x3 64 -> 64 at 32 x 32, forward",
        SIZES,
        both(forward, numpy=numpy_forward, mygrad=mygrad_forward, tinygrad=tinygrad_forward),
        limit="Winograd's transforms of pictures and weights beside the products between them",
    ),
    Spec(
        "conv 3x3 64 -> 64 at 32 x 32, forward + backward",
        SIZES,
        both(gradients, numpy=numpy, autograd=hips, mygrad=mygrad, tinygrad=tinygrad),
        {"batch 1": 1.5, "batch 8": 1.5, "batch 32": 1.5},
        limit="Winograd's transforms beside three times the products; with 2 threads, waiting for one another",
    ),
]

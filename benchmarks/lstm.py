"""An LSTM, 32 -> 64, on 16 sequences: as one module, and as a loop over its cell; forward and backward."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import by_hand_sequences
from .spec import Spec, Work, accelerated, both

BATCH, GIVEN, HIDDEN = 16, 32, 64
SIZES = {"10 steps": 10, "100 steps": 100, "300 steps": 300}


def given(steps: int) -> np.ndarray:
    """A sequence (steps, batch, features)."""
    return np.random.default_rng(0).standard_normal((steps, BATCH, GIVEN), np.float32)


def module(t: Any, steps: int) -> Work:
    net, x = t.nn.LSTM(GIVEN, HIDDEN), t.tensor(given(steps))

    def run() -> None:
        net.zero_grad()
        net(x)[0].sum().backward()

    return run


def loop(t: Any, steps: int) -> Work:
    cell, x = t.nn.LSTMCell(GIVEN, HIDDEN), t.tensor(given(steps))

    def run() -> None:
        cell.zero_grad()
        state = t.zeros(BATCH, HIDDEN), t.zeros(BATCH, HIDDEN)
        for one in x:
            state = cell(one, state)
        state[0].sum().backward()

    return run


# ------------------------------------------------------------------------------------------------------ other libraries


def numpy(np_: Any, steps: int) -> Work:
    net, x = by_hand_sequences.LSTM(GIVEN, HIDDEN, np.random.default_rng(1)), given(steps)
    g = np.ones((steps, BATCH, HIDDEN), np.float32)

    def run() -> None:
        net.forward(x)
        net.backward(g)

    return run


def weights() -> list[np.ndarray]:
    """W_ih (in, 4 H), W_hh (H, 4 H) and b."""
    net = by_hand_sequences.LSTM(GIVEN, HIDDEN, np.random.default_rng(1))
    return [np.ascontiguousarray(net.w.T), np.ascontiguousarray(net.u.T), net.b]


def composed(m: Any, x: Any, w: Any, u: Any, b: Any) -> Any:
    """The last hidden state, in a library that has NumPy's functions as `m` and no LSTM."""
    h = c = np.zeros((BATCH, HIDDEN), np.float32)
    for one in x:
        z = one @ w + h @ u + b
        i, f, g, o = (z[:, k * HIDDEN : (k + 1) * HIDDEN] for k in range(4))
        i, f, o = (0.5 * m.tanh(0.5 * a) + 0.5 for a in (i, f, o))
        c = f * c + i * m.tanh(g)
        h = o * m.tanh(c)
    return h


def hips(autograd: Any, steps: int) -> Work:
    anp, x, params = autograd.numpy, given(steps), weights()
    gradient = autograd.grad(lambda w, u, b: anp.sum(composed(anp, x, w, u, b)), (0, 1, 2))
    return lambda: gradient(*params)


def mygrad(mg: Any, steps: int) -> Work:
    x, params = given(steps), [mg.tensor(p) for p in weights()]
    return lambda: composed(mg, x, *params).sum().backward()


def tinygrad(module: Any, steps: int) -> Work:
    from tinygrad import nn

    cell, x = nn.LSTMCell(GIVEN, HIDDEN), module.Tensor(given(steps)).realize()
    params = nn.state.get_parameters(cell)

    @module.TinyJit
    def run() -> Any:
        state = cell(x[0])
        for t in range(1, steps):
            state = cell(x[t], state)
        return module.Tensor.realize(*state[0].sum().gradient(*params))

    return run


SPECS = [
    Spec(
        "LSTM 32 -> 64, batch 16, forward + backward",
        SIZES,
        accelerated(both(module, numpy=numpy)),
        {"100 steps": 1.5},
        limit="a small product and some ten calls of NumPy on small arrays for each step of time each way",
    ),
    Spec(
        "a loop of LSTMCell 32 -> 64, batch 16, forward + backward",
        SIZES,
        accelerated(both(loop, autograd=hips, mygrad=mygrad, tinygrad=tinygrad)),
        {"100 steps": 1.5},
        limit="dispatch: each step is some twenty recorded operations on small arrays, PyTorch's a few fused ones",
    ),
]

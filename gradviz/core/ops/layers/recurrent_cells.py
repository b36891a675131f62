"""One step of LSTM, GRU and RNN in one piece, on NumPy arrays: (B, hidden) as PyTorch has it, gates side by side.

A sigmoid is tanh(a / 2) / 2 + 1 / 2, so one call of tanh over a whole row opens all its gates, between factors that are
1 where the gate is a tanh itself.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from .recurrent import Weights

Array = Any
Kept = tuple[Array, ...]


@functools.cache
def _halves(size: int, kind: Any, gates: tuple[bool, ...]) -> tuple[Array, Array]:
    """For each column 1/2 behind a sigmoid and 1 elsewhere, and what is added after tanh: 1/2 or 0."""
    sigmoid = np.repeat(gates, size)
    return np.where(sigmoid, 0.5, 1.0).astype(kind), np.where(sigmoid, 0.5, 0.0).astype(kind)


def _opened(a: Array, *gates: bool) -> None:
    """Sigmoid or tanh of each block of columns, in place."""
    factor, shift = _halves(a.shape[1] // len(gates), a.dtype, gates)
    np.multiply(a, factor, a)
    np.tanh(a, a)
    np.multiply(a, factor, a)
    np.add(a, shift, a)


def _columns(a: Array, count: int) -> list[Array]:
    size = a.shape[1] // count
    return [a[:, k * size : (k + 1) * size] for k in range(count)]


def _sum(x: Array, h: Array, weights: Weights) -> tuple[Array, Kept]:
    """`x @ w_ih.T + h @ w_hh.T` and the biases; biases that do the same, as they are now."""
    a = x @ weights.w_ih.T
    a += h @ weights.w_hh.T
    if weights.b_ih is None:
        return a, (None, None)
    bias = weights.b_ih + weights.b_hh
    a += bias
    return a, (bias, None)


# -- forward: the new state, what backward needs, and biases that nobody else writes -----------------------------------
def _lstm(x: Array, state: Kept, weights: Weights) -> tuple[Kept, Kept, Kept]:
    h, c = state
    a, biases = _sum(x, h, weights)
    _opened(a, True, True, False, True)
    i, f, g, o = _columns(a, 4)
    new = f * c
    new += i * g
    shown = np.tanh(new)
    return (o * shown, new), (a, shown), biases


def _gru(x: Array, state: Kept, weights: Weights) -> tuple[Kept, Kept, Kept]:
    (h,) = state
    a, b = x @ weights.w_ih.T, h @ weights.w_hh.T
    biases: Kept = (None, None)
    if weights.b_ih is not None:
        biases = weights.b_ih.copy(), weights.b_hh.copy()
        a += weights.b_ih
        b += weights.b_hh
    size = h.shape[1]
    rz, n, from_h = a[:, : 2 * size], a[:, 2 * size :], b[:, 2 * size :]
    rz += b[:, : 2 * size]
    _opened(rz, True, True)
    n += rz[:, :size] * from_h
    np.tanh(n, n)
    new = h - n
    new *= rz[:, size:]
    new += n
    return (new,), (a, from_h), biases


def _rnn_tanh(x: Array, state: Kept, weights: Weights) -> tuple[Kept, Kept, Kept]:
    a, biases = _sum(x, state[0], weights)
    np.tanh(a, a)
    return (a,), (a,), biases


def _rnn_relu(x: Array, state: Kept, weights: Weights) -> tuple[Kept, Kept, Kept]:
    a, biases = _sum(x, state[0], weights)
    np.maximum(a, a.dtype.type(0), out=a)
    return (a,), (a,), biases


FORWARD = {"LSTM": _lstm, "GRU": _gru, "RNN_TANH": _rnn_tanh, "RNN_RELU": _rnn_relu}


# -- backward: the gradients before the activations, of input and state side, and what goes to the state besides -------
Slopes = tuple[Array, Array, Kept]


def _through_lstm(kept: Kept, state: Kept, grads: Kept) -> Slopes:
    (a, shown), (_, c), (dh, dc) = kept, state, grads
    i, f, g, o = _columns(a, 4)
    slopes = 1 - a
    slopes *= a
    of_i, of_f, of_g, of_o = _columns(slopes, 4)
    if dh is None:
        of_o[...] = 0
    else:
        of_o *= shown
        of_o *= dh
        through = shown * shown
        np.subtract(1, through, through)
        through *= o
        through *= dh
        dc = through if dc is None else through + dc
    np.multiply(g, g, of_g)
    np.subtract(1, of_g, of_g)
    for slope, factor in ((of_i, g), (of_f, c), (of_g, i)):
        slope *= factor
        slope *= dc
    return slopes, slopes, (None, dc * f)


def _through_gru(kept: Kept, state: Kept, grads: Kept) -> Slopes:
    (a, from_h), (h,), (dh,) = kept, state, grads
    r, z, n = _columns(a, 3)
    slopes = 1 - a
    slopes *= a
    of_r, of_z, of_n = _columns(slopes, 3)
    of_z *= h - n
    of_z *= dh
    np.multiply(n, n, of_n)
    np.subtract(1, of_n, of_n)
    of_n *= 1 - z
    of_n *= dh
    of_r *= from_h
    of_r *= of_n
    by_state = slopes.copy()
    by_state[:, 2 * h.shape[1] :] *= r
    return slopes, by_state, (dh * z,)


def _through_rnn_tanh(kept: Kept, state: Kept, grads: Kept) -> Slopes:
    slopes = kept[0] * kept[0]
    np.subtract(1, slopes, slopes)
    slopes *= grads[0]
    return slopes, slopes, (None,)


def _through_rnn_relu(kept: Kept, state: Kept, grads: Kept) -> Slopes:
    slopes = np.where(kept[0] <= 0, kept[0].dtype.type(0), grads[0])
    return slopes, slopes, (None,)


_BACKWARD = {
    "LSTM": _through_lstm, "GRU": _through_gru, "RNN_TANH": _through_rnn_tanh, "RNN_RELU": _through_rnn_relu,
}  # fmt: skip


def backward(
    mode: str, kept: Kept, x: Array, state: Kept, weights: Weights, grads: Kept, wanted: tuple[Any, ...]
) -> tuple[Array, list[Array], Weights]:  # fmt: skip
    """The gradients of the input, the state and the weights; `wanted` says which, in the same form."""
    by_input, by_state, through = _BACKWARD[mode](kept, state, grads)
    wants_x, (wants_h, *_), wants = wanted
    states = list(through)
    if wants_h:
        dh = by_state @ weights.w_hh
        if through[0] is not None:
            dh += through[0]
        states[0] = dh
    return by_input @ weights.w_ih if wants_x else None, states, Weights(
        by_input.T @ x if wants.w_ih else None,
        by_state.T @ state[0] if wants.w_hh else None,
        np.add.reduce(by_input, 0) if wants.b_ih else None,
        np.add.reduce(by_state, 0) if wants.b_hh else None,
    )  # fmt: skip

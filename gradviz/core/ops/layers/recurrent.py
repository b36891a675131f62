"""Recurrent layers along a whole sequence in one piece: the arithmetic of LSTM, GRU and RNN on NumPy arrays.

The batch lies in columns, so that each gate of a step is one block of memory and one call serves several gates:

    seen_t = [h_t-1; x_t; 1]   (hidden + in + 1, B)         all steps of x are laid out before the loop
    a_t = weight @ seen_t      (blocks * hidden, B)         the one product of a step, biases included

`weight` holds the rows of `w_hh`, `w_ih` and the biases of each block side by side. Rows behind a sigmoid are halved,
as sigmoid(a) = tanh(a / 2) / 2 + 1 / 2: one call of tanh opens all gates. What a step keeps for the backward pass
(recurrent_backward.py) lies where that pass reads it in whole blocks.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np

from ...accelerator import into

Array = Any
# What a step calls: each writes into its last argument.
add, subtract, multiply, tanh = map(into, (np.add, np.subtract, np.multiply, np.tanh))
# For each block of rows: the gate in PyTorch's order, whether it sees input and state, and the factor before its tanh.
BLOCKS: dict[str, tuple[tuple[int, bool, bool, float], ...]] = {
    "RNN_TANH": ((0, True, True, 1.0),),
    "RNN_RELU": ((0, True, True, 1.0),),
    # i, f, o, g
    "LSTM": ((0, True, True, 0.5), (1, True, True, 0.5), (3, True, True, 0.5), (2, True, True, 1.0)),
    # r, z, what the state gives to n, what the input gives to n
    "GRU": ((0, True, True, 0.5), (1, True, True, 0.5), (2, False, True, 1.0), (2, True, False, 1.0)),
}


class Weights(NamedTuple):
    """The arrays of one layer in one direction; without biases the last two are None."""

    w_ih: Array
    w_hh: Array
    b_ih: Array
    b_hh: Array


class Tape(NamedTuple):
    """What a forward pass keeps.

    `x` and `out` are the layer's input and output themselves, which the backward pass may read as long as nobody has
    written into them; `hidden` and `given` the states (T + 1, hidden, B) and the inputs (T + 1, in, B) as the steps saw
    them. `gates` are a step's blocks and, for LSTM, its cell before and tanh of its cell after: i, f, o, g, c,
    tanh(c_t). `made`, of LSTM, is i * g, f * c and h_t: i, f and o times something.
    """

    x: Array
    out: Array
    hidden: Array
    given: Array
    gates: Array
    made: Array
    weight: Array


# -- weights, laid out for a step and back -----------------------------------------------------------------------------
def arranged(mode: str, weights: Weights) -> Array:
    """(blocks * hidden, hidden + in [+ 1]): what each block of a step is computed with."""
    w_ih, w_hh, b_ih, b_hh = weights
    inputs, size = w_ih.shape[1], w_hh.shape[1]
    made = np.zeros((len(BLOCKS[mode]) * size, size + inputs + (b_ih is not None)), w_ih.dtype)
    for i, (gate, sees_x, sees_h, factor) in enumerate(BLOCKS[mode]):
        block, rows = made[i * size : (i + 1) * size], slice(gate * size, (gate + 1) * size)
        if sees_x:
            block[:, size : size + inputs] = w_ih[rows]
        if sees_h:
            block[:, :size] = w_hh[rows]
        if b_ih is not None:
            block[:, -1] = (b_ih[rows] if sees_x else 0) + (b_hh[rows] if sees_h else 0)
        if factor != 1:
            block *= made.dtype.type(factor)
    return made


@functools.cache
def factors(mode: str, size: int, kind: Any) -> Array:
    """For each row of arranged weights the factor before its tanh."""
    return np.repeat(np.array([block[3] for block in BLOCKS[mode]], kind), size)


def unscaled(mode: str, weight: Array) -> Array:
    """Columns of arranged weights without the factors before tanh."""
    return weight / factors(mode, len(weight) // len(BLOCKS[mode]), weight.dtype)[:, None]


def parted(mode: str, made: Array, inputs: int) -> Weights:
    """Arrays of PyTorch's layout from arranged ones, or their gradients: a bias that served both sides goes to both."""
    blocks = BLOCKS[mode]
    size, biased = len(made) // len(blocks), (made.shape[1] - inputs) * len(blocks) != len(made)
    rows = (max(gate for gate, *_ in blocks) + 1) * size
    found: list[Array] = [np.empty((rows, n), made.dtype) for n in (inputs, size)]
    found += [np.empty(rows, made.dtype) for _ in range(2)] if biased else [None, None]
    for i, (gate, *sees, _) in enumerate(blocks):
        block, place = made[i * size : (i + 1) * size], slice(gate * size, (gate + 1) * size)
        for k, columns in enumerate((slice(size, size + inputs), slice(0, size))):
            if sees[k]:
                found[k][place] = block[:, columns]
                if biased:
                    found[k + 2][place] = block[:, -1]
    return Weights(*found)


# -- forward -----------------------------------------------------------------------------------------------------------
def forward(mode: str, x: Array, state: tuple[Array, ...], weights: Weights, keep: bool) -> tuple[list[Array], Tape]:
    """(T, B, in) and states (B, hidden) -> the outputs (T, B, hidden) and last states, and what `backward` needs."""
    steps, batch, inputs = x.shape
    size, weight = weights.w_hh.shape[1], arranged(mode, weights)
    before = 2 * size if mode == "LSTM" and keep else 0
    z = np.empty((steps + 1, before + weight.shape[1], batch), x.dtype)
    seen = z[:, before:]
    hidden, given = seen[:, :size], seen[:, size : size + inputs]
    given[:steps] = x.transpose(0, 2, 1)
    hidden[0] = state[0].T
    if weights.b_ih is not None:
        seen[:, -1] = 1
    made = z[1:, : before + size] if before else None
    gates = _FORWARD[mode](weight, seen[:steps], hidden, made, state, keep)
    lasts = [hidden[-1], gates[-1, 4 * size : 5 * size]] if mode == "LSTM" else [hidden[-1]]
    out = np.ascontiguousarray(hidden[1:].transpose(0, 2, 1))
    return [out, *(last.T.copy() for last in lasts)], Tape(x, out, hidden, given, gates, made, weight)


def _room(steps: int, size: int, like: Array, keep: bool) -> Array:
    """Memory (steps, size, B) for what every step computes: the same for all where nothing is kept."""
    shape = (size, like.shape[2])
    if keep:
        return np.empty((steps, *shape), like.dtype)
    one = np.empty(shape, like.dtype)
    return np.lib.stride_tricks.as_strided(one, (steps, *shape), (0, *one.strides))


def _lstm(
    weight: Array, seen: Array, hidden: Array, made: Array, state: tuple[Array, ...], keep: bool
) -> Array:  # fmt: skip
    """i and f times g and c_t-1 are what is put into the cell and what is kept of it."""
    steps, size = len(seen), hidden.shape[1]
    gates, both = _room(steps + 1, 6 * size, seen, keep), _room(steps, 2 * size, seen, False) if made is None else made
    gates[0, 4 * size : 5 * size] = state[1].T
    half = np.array(0.5, seen.dtype)
    multiplied = weight.dot
    for now, opened, sigmoids, chosen, values, out, shown, new, pair, put, kept, h in zip(
        seen, gates[:, : 4 * size], gates[:, : 3 * size], gates[:, : 2 * size], gates[:, 3 * size : 5 * size],
        gates[:, 2 * size : 3 * size], gates[:, 5 * size :], gates[1:, 4 * size : 5 * size],
        both[:, : 2 * size], both[:, :size], both[:, size : 2 * size], hidden[1:], strict=False,
    ):  # fmt: skip
        multiplied(now, opened)
        tanh(opened, opened)
        multiply(sigmoids, half, sigmoids)
        add(sigmoids, half, sigmoids)
        multiply(chosen, values, pair)
        add(put, kept, new)
        tanh(new, shown)
        multiply(out, shown, h)
    return gates


def _gru(
    weight: Array, seen: Array, hidden: Array, made: Array, state: tuple[Array, ...], keep: bool
) -> Array:  # fmt: skip
    """Step t has the blocks r, z, what the state gives to n, and n itself."""
    size = hidden.shape[1]
    gates, part = _room(len(seen), 4 * size, seen, keep), np.empty((size, seen.shape[2]), seen.dtype)
    half = np.array(0.5, seen.dtype)
    multiplied = weight.dot
    for now, opened, sigmoids, r, stay, from_h, n, h, new in zip(
        seen, gates, gates[:, : 2 * size], gates[:, :size], gates[:, size : 2 * size], gates[:, 2 * size : 3 * size],
        gates[:, 3 * size :], hidden, hidden[1:], strict=False,
    ):  # fmt: skip
        multiplied(now, opened)
        tanh(sigmoids, sigmoids)
        multiply(sigmoids, half, sigmoids)
        add(sigmoids, half, sigmoids)
        multiply(r, from_h, part)
        add(n, part, n)
        tanh(n, n)
        subtract(h, n, part)
        multiply(part, stay, part)
        add(part, n, new)
    return gates


def _rnn(
    weight: Array, seen: Array, hidden: Array, made: Array, state: tuple[Array, ...], keep: bool
) -> Array:  # fmt: skip
    multiplied = weight.dot
    for now, new in zip(seen, hidden[1:], strict=True):
        multiplied(now, new)
        tanh(new, new)
    return None


def _rnn_relu(
    weight: Array, seen: Array, hidden: Array, made: Array, state: tuple[Array, ...], keep: bool
) -> Array:  # fmt: skip
    multiplied, zero = weight.dot, np.array(0, seen.dtype)
    for now, new in zip(seen, hidden[1:], strict=True):
        multiplied(now, new)
        np.maximum(new, zero, out=new)
    return None


_FORWARD = {"LSTM": _lstm, "GRU": _gru, "RNN_TANH": _rnn, "RNN_RELU": _rnn_relu}

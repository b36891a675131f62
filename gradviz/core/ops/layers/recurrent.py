"""Recurrent layers along a whole sequence in one piece: the arithmetic of LSTM, GRU and RNN on NumPy arrays.

The batch lies in columns, so that each gate of a step is one block of memory and one call serves several gates:

    z_t = [x_t; h_t-1; 1]   (in + hidden + 1, B)            all steps of x are laid out before the loop
    a_t = weight @ z_t      (blocks * hidden, B)            the one product of a step, biases included

`weight` holds the rows of `w_ih`, `w_hh` and the biases of each block side by side. Rows behind a sigmoid are halved,
as sigmoid(a) = tanh(a / 2) / 2 + 1 / 2: one call of tanh opens all gates. The backward pass takes groups of steps that
a cache holds, the last first, and finds every factor that does not depend on the gradient; its loop then has a handful
of calls for each step. The gradients of the weights are one product over all steps.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

Array = Any
# For each block of rows: the gate in PyTorch's order, whether it sees input and state, and the factor before its tanh.
BLOCKS: dict[str, tuple[tuple[int, bool, bool, float], ...]] = {
    "RNN_TANH": ((0, True, True, 1.0),),
    "RNN_RELU": ((0, True, True, 1.0),),
    # g, f, i, o
    "LSTM": ((2, True, True, 1.0), (1, True, True, 0.5), (0, True, True, 0.5), (3, True, True, 0.5)),
    # r, z, what the state gives to n, what the input gives to n
    "GRU": ((0, True, True, 0.5), (1, True, True, 0.5), (2, False, True, 1.0), (2, True, False, 1.0)),
}
# How many elements of a gradient of the blocks are worked out together: half a megabyte, which caches still hold.
TOGETHER = 1 << 17


class Weights(NamedTuple):
    """The arrays of one layer in one direction; without biases the last two are None."""

    w_ih: Array
    w_hh: Array
    b_ih: Array
    b_hh: Array


class Tape(NamedTuple):
    """What a forward pass keeps: `z` of every step, the states among it, the opened gates, tanh(c), the weights."""

    z: Array
    hidden: Array
    gates: Array
    shown: Array
    weight: Array


# -- weights, laid out for a step and back -----------------------------------------------------------------------------
def arranged(mode: str, weights: Weights) -> Array:
    """(blocks * hidden, in + hidden [+ 1]): what each block of a step is computed with."""
    w_ih, w_hh, b_ih, b_hh = weights
    inputs, size = w_ih.shape[1], w_hh.shape[1]
    made = np.zeros((len(BLOCKS[mode]) * size, inputs + size + (b_ih is not None)), w_ih.dtype)
    for i, (gate, sees_x, sees_h, factor) in enumerate(BLOCKS[mode]):
        block, rows = made[i * size : (i + 1) * size], slice(gate * size, (gate + 1) * size)
        if sees_x:
            block[:, :inputs] = w_ih[rows]
        if sees_h:
            block[:, inputs : inputs + size] = w_hh[rows]
        if b_ih is not None:
            block[:, -1] = (b_ih[rows] if sees_x else 0) + (b_hh[rows] if sees_h else 0)
        if factor != 1:
            block *= made.dtype.type(factor)
    return made


def unscaled(mode: str, weight: Array) -> Array:
    """Arranged weights without the factors before tanh."""
    size = len(weight) // len(BLOCKS[mode])
    return weight / np.repeat(np.array([b[3] for b in BLOCKS[mode]], weight.dtype), size)[:, None]


def parted(mode: str, made: Array, inputs: int) -> Weights:
    """Arrays of PyTorch's layout from arranged ones, or their gradients: a bias that served both sides goes to both."""
    blocks = BLOCKS[mode]
    size, biased = len(made) // len(blocks), (made.shape[1] - inputs) * len(blocks) != len(made)
    rows = (max(gate for gate, *_ in blocks) + 1) * size
    found: list[Array] = [np.empty((rows, n), made.dtype) for n in (inputs, size)]
    found += [np.empty(rows, made.dtype) for _ in range(2)] if biased else [None, None]
    for i, (gate, *sees, _) in enumerate(blocks):
        block, place = made[i * size : (i + 1) * size], slice(gate * size, (gate + 1) * size)
        for k, columns in enumerate((slice(0, inputs), slice(inputs, inputs + size))):
            if sees[k]:
                found[k][place] = block[:, columns]
                if biased:
                    found[k + 2][place] = block[:, -1]
    return Weights(*found)


# -- forward -------------------------------------------------------------------------------------------------------
def forward(mode: str, x: Array, state: tuple[Array, ...], weights: Weights, keep: bool) -> tuple[list[Array], Tape]:
    """(T, B, in) and states (B, hidden) -> the outputs (T, B, hidden) and last states, and what `backward` needs."""
    steps, batch, inputs = x.shape
    size, weight = weights.w_hh.shape[1], arranged(mode, weights)
    z = np.empty((steps + 1, weight.shape[1], batch), x.dtype)
    z[:steps, :inputs] = x.transpose(0, 2, 1)
    z[0, inputs : inputs + size] = state[0].T
    if weights.b_ih is not None:
        z[:, -1] = 1
    hidden = z[:, inputs : inputs + size]
    gates, shown = _FORWARD[mode](weight, z[:steps], hidden, state, keep)
    lasts = [hidden[-1], gates[-1, :size]] if mode == "LSTM" else [hidden[-1]]
    outs = [np.ascontiguousarray(hidden[1:].transpose(0, 2, 1)), *(last.T.copy() for last in lasts)]
    return outs, Tape(z, hidden, gates, shown, weight)


def _room(steps: int, size: int, like: Array, keep: bool) -> Array:
    """Memory (steps, size, B) for what every step computes: the same for all where nothing is kept."""
    shape = (size, like.shape[2])
    if keep:
        return np.empty((steps, *shape), like.dtype)
    one = np.empty(shape, like.dtype)
    return np.lib.stride_tricks.as_strided(one, (steps, *shape), (0, *one.strides))


def _lstm(weight: Array, z: Array, hidden: Array, state: tuple[Array, ...], keep: bool) -> tuple[Array, Array]:
    """Step t has the blocks c_t-1, g, f, i, o: two of them times the two after are both parts of the new cell."""
    steps, size = len(z), hidden.shape[1]
    gates, shown = _room(steps + 1, 5 * size, z, keep), _room(steps, size, z, keep)
    gates[0, :size] = state[1].T
    both = np.empty((2 * size, z.shape[2]), z.dtype)
    kept, put, half = both[:size], both[size:], np.array(0.5, z.dtype)
    matmul, tanh, multiply, add = np.matmul, np.tanh, np.multiply, np.add
    for now, opened, sigmoids, values, chosen, out, new, tanh_c, h in zip(
        z, gates[:, size:], gates[:, 2 * size :], gates[:, : 2 * size], gates[:, 2 * size : 4 * size],
        gates[:, 4 * size :], gates[1:, :size], shown, hidden[1:], strict=False,
    ):  # fmt: skip
        matmul(weight, now, opened)
        tanh(opened, opened)
        multiply(sigmoids, half, sigmoids)
        add(sigmoids, half, sigmoids)
        multiply(values, chosen, both)
        add(kept, put, new)
        tanh(new, tanh_c)
        multiply(out, tanh_c, h)
    return gates, shown


def _gru(weight: Array, z: Array, hidden: Array, state: tuple[Array, ...], keep: bool) -> tuple[Array, Array]:
    """Step t has the blocks r, z, what the state gives to n, and n itself."""
    size = hidden.shape[1]
    gates, part = _room(len(z), 4 * size, z, keep), np.empty((size, z.shape[2]), z.dtype)
    half = np.array(0.5, z.dtype)
    matmul, tanh, multiply, add, subtract = np.matmul, np.tanh, np.multiply, np.add, np.subtract
    for now, opened, sigmoids, r, stay, from_h, n, h, new in zip(
        z, gates, gates[:, : 2 * size], gates[:, :size], gates[:, size : 2 * size], gates[:, 2 * size : 3 * size],
        gates[:, 3 * size :], hidden, hidden[1:], strict=False,
    ):  # fmt: skip
        matmul(weight, now, opened)
        tanh(sigmoids, sigmoids)
        multiply(sigmoids, half, sigmoids)
        add(sigmoids, half, sigmoids)
        multiply(r, from_h, part)
        add(n, part, n)
        tanh(n, n)
        subtract(h, n, part)
        multiply(part, stay, part)
        add(part, n, new)
    return gates, None


def _rnn(weight: Array, z: Array, hidden: Array, state: tuple[Array, ...], keep: bool) -> tuple[Array, Array]:
    for now, new in zip(z, hidden[1:], strict=True):
        np.matmul(weight, now, new)
        np.tanh(new, new)
    return None, None


def _rnn_relu(weight: Array, z: Array, hidden: Array, state: tuple[Array, ...], keep: bool) -> tuple[Array, Array]:
    zero = np.array(0, z.dtype)
    for now, new in zip(z, hidden[1:], strict=True):
        np.matmul(weight, now, new)
        np.maximum(new, zero, out=new)
    return None, None


_FORWARD = {"LSTM": _lstm, "GRU": _gru, "RNN_TANH": _rnn, "RNN_RELU": _rnn_relu}


# -- backward ------------------------------------------------------------------------------------------------------
def backward(
    mode: str, tape: Tape, grads: tuple[Array, ...], wants_x: bool, wants_weights: bool
) -> tuple[Array, list[Array], Weights | None]:  # fmt: skip
    """From the gradients of the outputs and of the last states (None for none): of x, the first states, the weights."""
    z, hidden = tape.z, tape.hidden
    steps, size, batch = len(z) - 1, hidden.shape[1], z.shape[2]
    weight = unscaled(mode, tape.weight)
    inputs = weight.shape[1] - size - biased(tape)
    g, *lasts = grads
    states = [np.zeros((size, batch), z.dtype) if s is None else s.T.copy("C") for s in lasts]
    by_state, through = weight[:, inputs : inputs + size].T.copy("C"), _BACKWARD[mode]
    rows = np.empty((steps, batch, len(weight)), z.dtype)
    for a in reversed(_few(steps, len(weight) * batch)):
        shape = (a.stop - a.start, size, batch)
        arriving = np.zeros(shape, z.dtype) if g is None else g[a].transpose(0, 2, 1).astype(z.dtype, "C")
        rows[a] = through(tape, a, by_state, arriving, states).transpose(0, 2, 1)
    rows = rows.reshape(steps * batch, -1)
    dx = (rows @ weight[:, :inputs]).reshape(steps, batch, inputs) if wants_x else None
    firsts = [s.T.copy("C") for s in states]
    if not wants_weights:
        return dx, firsts, None
    found = rows.T @ z[:-1].transpose(0, 2, 1).reshape(steps * batch, -1)
    return dx, firsts, parted(mode, found, inputs)


def biased(tape: Tape) -> int:
    """1 where z ends in a row of ones."""
    end = tape.hidden.ctypes.data - tape.z.ctypes.data + tape.hidden.shape[1] * tape.z.strides[1]
    return int(end < tape.z.strides[0])


def restored(mode: str, tape: Tape, states: int) -> tuple[Array, list[Array], Weights]:
    """The input, first states and weights that the layer was run with; of biases that were added, one has it all."""
    size = tape.hidden.shape[1]
    inputs = tape.z.shape[1] - size - biased(tape)
    weights = parted(mode, unscaled(mode, tape.weight), inputs)
    if weights.b_ih is not None:
        for gate, sees_x, sees_h, _ in BLOCKS[mode]:
            if sees_x and sees_h:
                weights.b_ih[gate * size : (gate + 1) * size] = 0
    state = [tape.hidden[0].T.copy("C")] + [tape.gates[0, :size].T.copy("C") for _ in range(states - 1)]
    return tape.z[:-1, :inputs].transpose(0, 2, 1).copy("C"), state, weights


def _few(steps: int, each: int) -> list[slice]:
    """The steps in groups, so that a group's numbers fit a cache."""
    count = max(1, TOGETHER // max(each, 1))
    return [slice(i, min(i + count, steps)) for i in range(0, steps, count)]


# Each for some steps, the last of which comes first: it changes `arriving` and `states` in place, and returns the
# gradients of the step's blocks before their activations.
def _through_lstm(tape: Tape, a: slice, by_state: Array, arriving: Array, states: list[Array]) -> Array:
    (steps, size, batch), gates, shown, h = arriving.shape, tape.gates[a], tape.shown[a], tape.hidden[1:][a]
    slopes, through = np.empty((steps, 4 * size, batch), gates.dtype), np.empty_like(arriving)
    g, i, o = (gates[:, k * size : (k + 1) * size] for k in (1, 3, 4))
    both, opened, sigmoids = gates[:, : 2 * size], gates[:, 2 * size : 4 * size], gates[:, 2 * size :]
    of_g, opening, of_o = slopes[:, :size], slopes[:, size : 3 * size], slopes[:, 3 * size :]
    subtract, multiply, add, matmul = np.subtract, np.multiply, np.add, np.matmul
    subtract(1, sigmoids, slopes[:, size:])
    opening *= opened
    opening *= both  # f (1 - f) c, i (1 - i) g
    of_o *= h  # (1 - o) o tanh(c)
    multiply(g, g, of_g)
    subtract(1, of_g, of_g)
    of_g *= i
    multiply(shown, h, through)
    subtract(o, through, through)  # o (1 - tanh(c) ** 2)
    dh, dc = states
    product, parts = np.empty_like(dh), slopes[:, : 3 * size].reshape(steps, 3, size, batch)
    for now, factor, slope, of_cell, of_out, forget in zip(
        arriving[::-1], through[::-1], slopes[::-1], parts[::-1], of_o[::-1], opened[::-1, :size], strict=True
    ):
        add(dh, now, dh)
        multiply(dh, factor, product)
        add(dc, product, dc)
        multiply(of_cell, dc, of_cell)
        multiply(of_out, dh, of_out)
        multiply(dc, forget, dc)
        matmul(by_state, slope, dh)
    return slopes


def _through_gru(tape: Tape, a: slice, by_state: Array, arriving: Array, states: list[Array]) -> Array:
    (steps, size, batch), gates, h = arriving.shape, tape.gates[a], tape.hidden[a]
    slopes = np.empty_like(gates)
    r, stay, from_h, n = (gates[:, k * size : (k + 1) * size] for k in range(4))
    of_r, of_z, of_h, of_n = (slopes[:, k * size : (k + 1) * size] for k in range(4))
    sigmoids, opening = gates[:, : 2 * size], slopes[:, : 2 * size]
    subtract, multiply, add, matmul = np.subtract, np.multiply, np.add, np.matmul
    subtract(1, sigmoids, opening)
    multiply(n, n, of_n)
    subtract(1, of_n, of_n)
    of_n *= of_z  # (1 - z) (1 - n ** 2)
    opening *= sigmoids
    subtract(h, n, of_h)
    of_z *= of_h
    of_r *= from_h
    of_r *= of_n
    multiply(of_n, r, of_h)
    (dh,) = states
    kept, by = np.empty_like(dh), by_state[:, : 3 * size].copy("C")
    for now, slope, part, factor in zip(
        arriving[::-1], slopes[::-1, : 3 * size], slopes.reshape(steps, 4, size, batch)[::-1], stay[::-1], strict=True
    ):
        add(dh, now, dh)
        multiply(part, dh, part)
        multiply(dh, factor, kept)
        matmul(by, slope, dh)
        add(dh, kept, dh)
    return slopes


def _through_rnn(tape: Tape, a: slice, by_state: Array, arriving: Array, states: list[Array]) -> Array:
    return _through_activation(1 - tape.hidden[1:][a] ** 2, by_state, arriving, states)


def _through_rnn_relu(tape: Tape, a: slice, by_state: Array, arriving: Array, states: list[Array]) -> Array:
    return _through_activation(1 - (tape.hidden[1:][a] <= 0).astype(arriving.dtype), by_state, arriving, states)


def _through_activation(slopes: Array, by_state: Array, arriving: Array, states: list[Array]) -> Array:
    (dh,) = states
    for now, slope in zip(arriving[::-1], slopes[::-1], strict=True):
        np.add(dh, now, dh)
        np.multiply(slope, dh, slope)
        np.matmul(by_state, slope, dh)
    return slopes


_BACKWARD = {
    "LSTM": _through_lstm, "GRU": _through_gru, "RNN_TANH": _through_rnn, "RNN_RELU": _through_rnn_relu,
}  # fmt: skip

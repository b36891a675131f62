"""The way back through a recurrent layer's sequence: gradients of its input, its first states and its weights.

Groups of steps that a cache holds are taken, the last first. For each group every factor that does not depend on the
gradient is found in a few calls; then a step multiplies them by the gradients of its states, laid out once for each
block (`spread`), and one product leads to the state before. What a group adds to the weights' gradients is one product
too. All groups work in the same memory.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .recurrent import BLOCKS, Tape, Weights, add, factors, multiply, parted, subtract, unscaled

Array = Any
# How many elements of a gradient of the blocks are worked out together: a megabyte, which caches still hold.
TOGETHER = 1 << 18
# Which block of `spread` is the gradient of h, and of c; the others are copies.
HOMES = {"LSTM": (2, 3), "GRU": (3,), "RNN_TANH": (0,), "RNN_RELU": (0,)}


class Room(NamedTuple):
    """What the steps of a group work in, and the gradients of the states, which go from group to group.

    `slopes` (steps, blocks * hidden, B) are of every block, for LSTM also of c by h; `arriving` is what arrives at the
    outputs; `rows` (steps, B, blocks * hidden) are the slopes turned, and `seen` (steps, B, hidden + in [+ 1]) is what
    the steps saw. `spread` (blocks * hidden, B) is what each block is multiplied with, `states` among it.
    """

    slopes: Array
    arriving: Array
    rows: Array
    seen: Array
    spread: Array
    states: list[Array]

    def of(self, steps: int) -> Room:
        """The same for fewer steps."""
        slopes, arriving, rows, seen = (x[:steps] for x in self[:4])
        return Room(slopes, arriving, rows, seen, self.spread, self.states)


def backward(
    mode: str, tape: Tape, grads: tuple[Array, ...], wants_x: bool, wants_weights: bool
) -> tuple[Array, list[Array], Weights | None]:  # fmt: skip
    """From the gradients of the outputs and of the last states (None for none): of x, the first states, the weights."""
    (steps, batch, size), inputs, (blocks, columns) = tape.out.shape, tape.x.shape[2], tape.weight.shape
    (g, *lasts), kind = grads, tape.out.dtype
    groups = _groups(steps, blocks * batch)
    room = _room(mode, groups[0].stop, tape)
    for state, last in zip(room.states, lasts, strict=True):
        state[...] = 0 if last is None else last.T
    by_state = np.divide(tape.weight[:, :size].T, factors(mode, size, kind), order="C")
    by_input = unscaled(mode, tape.weight[:, size : size + inputs])
    dx: Array = np.empty((steps, batch, inputs), kind) if wants_x else None
    found: Array = None
    for a in reversed(groups):
        count = a.stop - a.start
        here = room.of(count)
        if g is not None:
            here.arriving[...] = g[a].transpose(0, 2, 1)
        _BACKWARD[mode](tape, a, by_state, here)
        here.rows[...] = here.slopes[:, :blocks].transpose(0, 2, 1)
        rows = here.rows.reshape(count * batch, blocks)
        if wants_x:
            np.dot(rows, by_input, dx[a].reshape(count * batch, inputs))
        if wants_weights:
            _see(tape, a, here.seen)
            made = rows.T @ here.seen.reshape(count * batch, columns)
            found = made if found is None else np.add(found, made, found)
    firsts = [s.T.copy("C") for s in room.states]
    return dx, firsts, parted(mode, found, inputs) if wants_weights else None


def _room(mode: str, steps: int, tape: Tape) -> Room:
    """Memory for so many steps, at whose outputs nothing has arrived yet."""
    (_, batch, size), (blocks, columns), kind = tape.out.shape, tape.weight.shape, tape.out.dtype
    spread = np.empty((blocks, batch), kind)
    return Room(
        np.empty((steps, blocks + (size if mode == "LSTM" else 0), batch), kind),
        np.zeros((steps, size, batch), kind),
        np.empty((steps, batch, blocks), kind),
        np.empty((steps, batch, columns), kind),
        spread,
        [spread[k * size : (k + 1) * size] for k in HOMES[mode]],
    )


def _see(tape: Tape, a: slice, seen: Array) -> None:
    """What some steps saw, put together from arrays that lie the same way."""
    size, inputs, first = tape.out.shape[2], tape.x.shape[2], int(a.start == 0)
    if first:
        seen[0, :, :size] = tape.hidden[0].T
    seen[first:, :, :size] = tape.out[a.start + first - 1 : a.stop - 1]
    seen[:, :, size : size + inputs] = tape.x[a]
    seen[:, :, size + inputs :] = 1


def restored(mode: str, tape: Tape, states: int) -> tuple[Array, list[Array], Weights]:
    """The input, first states and weights that the layer was run with; of biases that were added, one has it all."""
    size = tape.hidden.shape[1]
    weights = parted(mode, unscaled(mode, tape.weight), tape.given.shape[1])
    if weights.b_ih is not None:
        for gate, sees_x, sees_h, _ in BLOCKS[mode]:
            if sees_x and sees_h:
                weights.b_ih[gate * size : (gate + 1) * size] = 0
    state = [tape.hidden[0].T.copy("C")]
    if states == 2:
        state.append(tape.gates[0, 4 * size : 5 * size].T.copy("C"))
    return tape.given[:-1].transpose(0, 2, 1).copy("C"), state, weights


def _groups(steps: int, each: int) -> list[slice]:
    """The steps in groups, so that a group's numbers fit a cache."""
    count = max(1, TOGETHER // max(each, 1))
    return [slice(i, min(i + count, steps)) for i in range(0, steps, count)]


def _blocks(a: Array, size: int) -> Array:
    """(steps, blocks, what a block has): the last in one piece, over which loops of NumPy run fastest."""
    return a.reshape(len(a), a.shape[1] // size, size * a.shape[2])


# Each for some steps, the last of which comes first: it changes `spread` and `states` in place, and leaves the
# gradients of the steps' blocks before their activations in `slopes`.
def _through_lstm(tape: Tape, a: slice, by_state: Array, room: Room) -> None:
    slopes, arriving, _, _, spread, (dh, dc) = room
    size = dh.shape[0]
    gates, made, by_block = (_blocks(x, size) for x in (tape.gates[:-1][a], tape.made[a], slopes))
    of_sigmoids, of_tanhs = by_block[:, :3], by_block[:, 3:]
    subtract(1, gates[:, :3], of_sigmoids)
    multiply(of_sigmoids, made, of_sigmoids)  # (1 - i) i g, (1 - f) f c, (1 - o) o tanh(c)
    multiply(gates[:, 3::2], made[:, ::2], of_tanhs)
    subtract(gates[:, :3:2], of_tanhs, of_tanhs)  # i - i g ** 2, o - o tanh(c) ** 2
    product, copies = np.empty_like(dh), spread[: 2 * size].reshape(2, *dh.shape)
    back = by_state.dot
    for now, factor, slope, forget in zip(
        arriving[::-1], slopes[::-1, 4 * size :], slopes[::-1, : 4 * size],
        tape.gates[:-1][a][::-1, size : 2 * size], strict=True,
    ):  # fmt: skip
        add(dh, now, dh)
        multiply(dh, factor, product)
        add(dc, product, dc)
        copies[...] = dc
        multiply(slope, spread, slope)
        multiply(dc, forget, dc)
        back(slope, dh)


def _through_gru(tape: Tape, a: slice, by_state: Array, room: Room) -> None:
    slopes, arriving, _, _, spread, (dh,) = room
    size, h, gates = dh.shape[0], tape.hidden[a], tape.gates[a]
    r, stay, from_h, n = (gates[:, k * size : (k + 1) * size] for k in range(4))
    of_r, of_z, of_h, of_n = (slopes[:, k * size : (k + 1) * size] for k in range(4))
    sigmoids, opening = gates[:, : 2 * size], slopes[:, : 2 * size]
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
    kept, copies = np.empty_like(dh), spread[: 3 * size].reshape(3, *dh.shape)
    back = by_state[:, : 3 * size].copy("C").dot
    for now, slope, seen, factor in zip(
        arriving[::-1], slopes[::-1], slopes[::-1, : 3 * size], stay[::-1], strict=True
    ):
        add(dh, now, dh)
        copies[...] = dh
        multiply(slope, spread, slope)
        multiply(dh, factor, kept)
        back(seen, dh)
        add(dh, kept, dh)


def _through_rnn(tape: Tape, a: slice, by_state: Array, room: Room) -> None:
    h = tape.hidden[1:][a]
    multiply(h, h, room.slopes)
    subtract(1, room.slopes, room.slopes)
    _through_activation(by_state, room)


def _through_rnn_relu(tape: Tape, a: slice, by_state: Array, room: Room) -> None:
    np.subtract(1, tape.hidden[1:][a] <= 0, room.slopes, dtype=room.slopes.dtype)
    _through_activation(by_state, room)


def _through_activation(by_state: Array, room: Room) -> None:
    slopes, arriving, *_, (dh,) = room
    back = by_state.dot
    for now, slope in zip(arriving[::-1], slopes[::-1], strict=True):
        add(dh, now, dh)
        multiply(slope, dh, slope)
        back(slope, dh)


_BACKWARD = {
    "LSTM": _through_lstm, "GRU": _through_gru, "RNN_TANH": _through_rnn, "RNN_RELU": _through_rnn_relu,
}  # fmt: skip

"""What recurrent layers compute: one step of each cell, and the walk of a cell along sequences and through layers.

A step takes what arrives from the input, `x = input @ w_ih.T + b_ih`, which is computed for all times at once, the
state of the time before, and `recur`, which is `h @ w_hh.T + b_hh`. A state is (h,), or (h, c) for LSTM.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from gradviz.core import events
from gradviz.core.autocast import casting, hooked
from gradviz.core.op import FUNCTIONS, OPS
from gradviz.core.tensor import Tensor

from .. import functional as F
from .rnn_folded import along, fits

State = tuple[Tensor, ...]
Recur = Callable[[Tensor], Tensor]
Step = Callable[[Tensor, State, Recur], State]
addmm, mm, split, add, mul = (OPS[name].call for name in ("addmm", "mm", "unsafe_split", "add", "mul"))
sigmoid, tanh, relu = (OPS[name].call for name in ("sigmoid", "tanh", "relu"))


def _parts(x: Tensor, count: int) -> Any:
    """The same number of columns for each gate."""
    return split(x, sections=(x._array.shape[1] // count,) * count, dim=1)


# -- one step ------------------------------------------------------------------------------------------------------
def rnn_tanh(x: Tensor, state: State, recur: Recur) -> State:
    """`tanh(recur(h) + x)`. Elman, 1990."""
    return (tanh(add(recur(state[0]), x)),)


def rnn_relu(x: Tensor, state: State, recur: Recur) -> State:
    """`relu(recur(h) + x)`."""
    return (relu(add(recur(state[0]), x)),)


def lstm(x: Tensor, state: State, recur: Recur) -> State:
    """Forget some of the cell c, put in something new, show some of it. Hochreiter and Schmidhuber, 1997."""
    i, f, g, o = _parts(add(recur(state[0]), x), 4)
    c = add(mul(sigmoid(f), state[1]), mul(sigmoid(i), tanh(g)))
    return mul(sigmoid(o), tanh(c)), c


def gru(x: Tensor, state: State, recur: Recur) -> State:
    """A mean of the state and a proposal, for which the state may be reset. Cho et al., 2014."""
    (h,) = state
    hr, hz, hn = _parts(recur(h), 3)
    xr, xz, xn = _parts(x, 3)
    n = tanh(add(xn, mul(hn, sigmoid(add(hr, xr)))))
    return (add(mul(h - n, sigmoid(add(hz, xz))), n),)


STEPS: dict[str, Step] = {"RNN_TANH": rnn_tanh, "RNN_RELU": rnn_relu, "LSTM": lstm, "GRU": gru}


# -- along a sequence ----------------------------------------------------------------------------------------------
class Weights:
    """The weights of one layer in one direction, with the parts of a step that stay the same from step to step."""

    def __init__(self, mode: str, weights: Sequence[Tensor], bias: bool) -> None:
        self.step = STEPS[mode]
        self.w_ih, w_hh, *rest = weights
        self.b_ih: Tensor | None = rest[0] if bias else None
        b_hh = rest[1] if bias else None
        turned = w_hh.t()
        self.recur: Recur
        if casting.get() is not None:
            self.recur = lambda h: F.linear(h, w_hh, b_hh)
        else:
            self.recur = (
                (lambda h: mm(h, turned)) if b_hh is None else lambda h: addmm(b_hh, h, turned, beta=1, alpha=1)
            )
        self.projection = rest[-1].t() if len(rest) == (3 if bias else 1) else None

    def __call__(self, x: Tensor, state: State) -> State:
        state = self.step(x, state, self.recur)
        return state if self.projection is None else (state[0].matmul(self.projection), *state[1:])


def padded(weights: Weights, input: Tensor, state: State, back: bool) -> tuple[Tensor, State]:
    """Along (T, B, in), forwards or back."""
    steps = F.linear(input, weights.w_ih, weights.b_ih).unbind(0)
    outputs = []
    for x in reversed(steps) if back else steps:
        state = weights(x, state)
        outputs.append(state[0])
    return FUNCTIONS["stack"](outputs[::-1] if back else outputs), state


def packed(weights: Weights, input: Tensor, sizes: list[int], state: State, back: bool) -> tuple[Tensor, State]:
    """Along (sum of lengths, in), where step t has `sizes[t]` rows: sequences end, or going back begin, on the way."""
    rows = F.linear(input, weights.w_ih, weights.b_ih)
    starts = list(itertools.accumulate(sizes, initial=0))
    start, outputs, ended = state, [], []
    state = _rows(start, 0, sizes[-1] if back else sizes[0])
    for i in reversed(range(len(sizes))) if back else range(len(sizes)):
        size, going = sizes[i], state[0].shape[0]
        if size < going:
            ended.append(_rows(state, size, going - size))
            state = _rows(state, 0, size)
        elif size > going:
            state = _joined([state, _rows(start, going, size - going)])
        state = weights(rows.narrow(0, starts[i], size), state)
        outputs.append(state[0])
    return FUNCTIONS["cat"](outputs[::-1] if back else outputs), _joined([state, *reversed(ended)])


def _rows(state: State, start: int, count: int) -> State:
    if count == state[0].shape[0]:
        return state
    return tuple(s.narrow(0, start, count) for s in state)


def _joined(states: list[State]) -> State:
    return states[0] if len(states) == 1 else tuple(FUNCTIONS["cat"](same) for same in zip(*states, strict=True))


# -- through layers ------------------------------------------------------------------------------------------------
def _run(
    mode: str, input: Tensor, state: State, weights: list[list[Tensor]], bias: bool, directions: int, dropout: float,
    sizes: list[int] | None = None,
) -> tuple[Tensor, State]:  # fmt: skip
    """Through all layers: the last layer's outputs, and the last state of every layer and direction, stacked."""
    starts = list(zip(*map(_each, state), strict=True))
    finals: list[State] = []
    for layer in range(len(weights) // directions):
        if layer and dropout:
            input = F.dropout(input, dropout, training=True)
        outputs = []
        for direction in range(directions):
            i = layer * directions + direction
            out, final = _one(mode, input, starts[i], weights[i], bias, bool(direction), sizes)
            outputs.append(out)
            finals.append(final)
        input = outputs[0] if directions == 1 else FUNCTIONS["cat"](outputs, dim=outputs[0].ndim - 1)
    return input, tuple(FUNCTIONS["stack"](same) for same in zip(*finals, strict=True))


def _each(state: Tensor) -> Any:
    """A state's part of every layer and direction; of the only one by a shorter way, where nobody will know."""
    if state._array.shape[0] == 1 and not (state._needs or events.watching):
        return (state[0],)
    return state.unbind(0)


def _one(
    mode: str, input: Tensor, state: State, weights: list[Tensor], bias: bool, back: bool, sizes: list[int] | None
) -> tuple[Tensor, State]:  # fmt: skip
    """Through one layer in one direction."""
    if sizes is not None:
        return packed(Weights(mode, weights, bias), input, sizes, state, back)
    if fits(mode, input, state, weights, bias):
        steps = lambda weights, *rest: padded(Weights(mode, weights, bias), *rest)  # noqa: E731
        return along(mode, input, state, weights, back, steps)
    return padded(Weights(mode, weights, bias), input, state, back)


# Autocast has one policy for each kind of layer.
_RUNS = {mode: hooked(mode.lower(), _run) for mode in STEPS}


def run(mode: str, *args: Any) -> tuple[Tensor, State]:
    """Through all layers, in the types that autocast wants where it is on; the arguments are those of `_run`."""
    made: tuple[Tensor, State] = _RUNS[mode](mode, *args)
    return made

"""Recurrent layers and cells in one piece: where the answer is all that is wanted, and the arrays are NumPy's.

What a piece computes is what the operations of rnn_steps.py compute, to rounding; whoever asks for the graph finds
those operations in it (gradviz/core/fold.py).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradviz.core import events
from gradviz.core.autocast import casting
from gradviz.core.device import CPU
from gradviz.core.fold import folded
from gradviz.core.ops.layers import recurrent, recurrent_backward
from gradviz.core.ops.layers import recurrent_cells as cells
from gradviz.core.ops.layers.recurrent import BLOCKS, Tape, Weights
from gradviz.core.tensor import Tensor

from ..parameter import Parameter

State = tuple[Tensor, ...]
PLAIN = (Tensor, Parameter)
FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def fits(mode: str, input: Tensor, state: State, weights: Sequence[Tensor], bias: bool) -> bool:
    """Whether a layer can be computed in one piece: nobody watches, no projection, floats of one type on a CPU."""
    if events.watching or casting.get() is not None or len(weights) != (4 if bias else 2):
        return False
    kind = input._array.dtype
    for t in (input, *state, *weights):
        if type(t) not in PLAIN or t.device is not CPU or t._array.dtype is not kind:
            return False
    size = weights[1]._array.shape[1]
    rows = (max(gate for gate, *_ in BLOCKS[mode]) + 1) * size
    shapes = [(rows, input._array.shape[-1]), (rows, size), (rows,), (rows,)][: len(weights)]
    return kind in FLOATS and [w._array.shape for w in weights] == shapes


def along(
    mode: str, input: Tensor, state: State, weights: Sequence[Tensor], back: bool, again: Callable[..., Any]
) -> tuple[Tensor, State]:  # fmt: skip
    """Along (T, B, in), forwards or back: the outputs and the last state.

    `again(weights, input, state, back)` does the same in operations.
    """
    w_ih, w_hh, b_ih, b_hh = (*weights, None, None)[:4]
    out, *last = folded(Layer(mode, back, len(state), again), (b_hh, *state, b_ih, input, w_ih, w_hh))
    return out, tuple(last)


class Layer:
    """One layer in one direction. Its inputs stand in the order in which the operations' gradients are complete."""

    def __init__(self, mode: str, back: bool, states: int, again: Callable[..., Any]) -> None:
        self.mode, self.back, self.states, self._again = mode, back, states, again
        self.name = f"{mode.title().replace('_', '')}Backward0"

    def _named(self, inputs: Sequence[Any]) -> tuple[Any, tuple[Any, ...], Weights]:
        b_hh, *state, b_ih, x, w_ih, w_hh = inputs
        return x, tuple(state), Weights(w_ih, w_hh, b_ih, b_hh)

    def forward(self, arrays: tuple[Any, ...], keep: bool) -> tuple[tuple[Any, ...], Any]:
        x, state, weights = self._named(arrays)
        (out, *last), tape = recurrent.forward(self.mode, self._turned(x), state, weights, keep)
        if self.back:
            out = np.ascontiguousarray(out[::-1])
        return (out, *last), tape if keep else None

    def _turned(self, x: Any) -> Any:
        return x[::-1] if self.back and x is not None else x

    def backward(self, kept: Tape, grads: tuple[Any, ...], wanted: tuple[bool, ...]) -> list[Any]:
        x, _, weights = self._named(wanted)
        arriving = (self._turned(grads[0]), *grads[1:])
        dx, states, found = recurrent_backward.backward(self.mode, kept, arriving, x, any(weights))
        w_ih, w_hh, b_ih, b_hh = found or (None,) * 4
        made = (b_hh, *states, b_ih, self._turned(dx), w_ih, w_hh)
        return [g if want else None for g, want in zip(made, wanted, strict=True)]

    def restored(self, kept: Tape, wanted: tuple[bool, ...], written: tuple[bool, ...]) -> tuple[Any, ...]:
        x, state, (w_ih, w_hh, b_ih, b_hh) = recurrent_backward.restored(self.mode, kept, self.states)
        return b_hh, *state, b_ih, self._turned(x), w_ih, w_hh

    def again(self, *inputs: Any) -> tuple[Tensor, ...]:
        x, state, weights = self._named(inputs)
        out, last = self._again([w for w in weights if w is not None], x, state, self.back)
        return (out, *last)


# -- one step ------------------------------------------------------------------------------------------------------
def step(mode: str, input: Tensor, state: State, weights: Sequence[Any], again: Callable[..., Any]) -> State:
    """One step of a cell from (B, in) and (B, hidden): the new state. `again(input, state, *weights)` does the same."""
    return folded(Cell(mode, again), Cell._from(input, state, Weights(*weights)))


class Cell:
    """One step, in the order in which the operations' gradients are complete."""

    def __init__(self, mode: str, again: Callable[..., Any]) -> None:
        self.mode, self._again = mode, again
        self.name = f"{mode.title().replace('_', '')}CellBackward0"

    def _named(self, inputs: Sequence[Any]) -> tuple[Any, tuple[Any, ...], Weights]:
        *rest, b_hh, h, w_hh, b_ih, x, w_ih = inputs
        return x, (h, *rest), Weights(w_ih, w_hh, b_ih, b_hh)

    @staticmethod
    def _from(x: Any, state: Sequence[Any], w: Weights) -> tuple[Any, ...]:
        return (*state[1:], w.b_hh, state[0], w.w_hh, w.b_ih, x, w.w_ih)

    def forward(self, arrays: tuple[Any, ...], keep: bool) -> tuple[tuple[Any, ...], Any]:
        x, state, weights = self._named(arrays)
        made, kept, biases = cells.FORWARD[self.mode](x, state, weights)
        return made, (arrays, kept, biases) if keep else None

    def backward(self, kept: Any, grads: tuple[Any, ...], wanted: tuple[bool, ...]) -> list[Any]:
        arrays, steps, _ = kept
        x, (h, *rest), w = cells.backward(self.mode, steps, *self._named(arrays), grads, self._named(wanted))
        return [g if want else None for g, want in zip(self._from(x, [h, *rest], w), wanted, strict=True)]

    def restored(self, kept: Any, wanted: tuple[bool, ...], written: tuple[bool, ...]) -> tuple[Any, ...] | None:
        arrays, _, (b_ih, b_hh) = kept
        x, (h, *rest), w = self._named(wanted)
        keeps = self._from(w.w_ih, [w.w_hh, *(any(wanted) for _ in rest)], Weights(x, h, False, False))
        x, state, w = self._named(written)
        if any(map(operator.and_, keeps, written)) or not (x or any(state) or w.w_ih or w.w_hh):
            x, state, w = self._named(arrays)
            if b_hh is None and b_ih is not None:  # their sum
                b_hh = np.zeros_like(b_ih)
            return self._from(x, state, w._replace(b_ih=b_ih, b_hh=b_hh))
        return None

    def again(self, *inputs: Any) -> tuple[Tensor, ...]:
        x, state, weights = self._named(inputs)
        return tuple(self._again(self.mode, x, state, *weights))

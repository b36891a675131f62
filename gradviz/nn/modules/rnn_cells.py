"""Recurrent cells: one step of a recurrent layer, for loops of one's own."""

from __future__ import annotations

import math
from typing import Any

from gradviz.core.autocast import hooked
from gradviz.core.tensor import Tensor

from .. import functional as F
from .. import init
from .linear import empty_parameter
from .module import Module
from .rnn_folded import fits, step
from .rnn_steps import STEPS, State


def _cell(mode: str, x: Tensor, state: State, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any) -> State:
    """One step of a cell from its weights: in one piece where that will do."""
    weights = (w_ih, w_hh) if b_ih is None else (w_ih, w_hh, b_ih, b_hh)
    if fits(mode, x, state, weights, b_ih is not None):
        return step(mode, x, state, (w_ih, w_hh, b_ih, b_hh), _operations)
    return _operations(mode, x, state, w_ih, w_hh, b_ih, b_hh)


def _operations(mode: str, x: Tensor, state: State, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any) -> State:
    return STEPS[mode](F.linear(x, w_ih, b_ih), state, lambda h: F.linear(h, w_hh, b_hh))


# Autocast has one policy for each kind of cell.
_CELLS = {mode: hooked(f"{mode.lower()}_cell", _cell) for mode in STEPS}


class RNNCellBase(Module):
    """What the cells share: weights of `num_chunks * hidden_size` rows for the input and for the state.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.RNNCell.html
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool, num_chunks: int, device: Any = None, dtype: Any = None
    ) -> None:  # fmt: skip
        super().__init__()
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        rows = num_chunks * hidden_size
        self.weight_ih = empty_parameter(rows, input_size, device=device, dtype=dtype)
        self.weight_hh = empty_parameter(rows, hidden_size, device=device, dtype=dtype)
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, empty_parameter(rows, device=device, dtype=dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights and biases anew."""
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def extra_repr(self) -> str:
        bias = "" if self.bias is True else f", bias={self.bias}"
        return f"{self.input_size}, {self.hidden_size}{bias}"

    def _step(self, mode: str, input: Tensor, state: State | None, names: tuple[str, ...]) -> State:
        """One step for (B, in) or (in); the state is zeros where not given, `names` says what errors call it."""
        who = self._get_name()
        if input.ndim not in (1, 2):
            raise ValueError(f"{who}: Expected input to be 1D or 2D, got {input.ndim}D instead")
        for name, h in zip(names, state or (), strict=False):
            if h.ndim not in (1, 2):
                raise ValueError(f"{who}: Expected {name} to be 1D or 2D, got {h.ndim}D instead")
        batched = input.ndim == 2
        if not batched:
            input = input.unsqueeze(0)
            state = None if state is None else tuple(h.unsqueeze(0) for h in state)
        if state is None:
            state = (input.new_zeros((input.shape[0], self.hidden_size)),) * len(names)
        self._check(input, state)
        made = _CELLS[mode](mode, input, state, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
        return made if batched else tuple(h.squeeze(0) for h in made)

    def _check(self, input: Tensor, state: State) -> None:
        if input.shape[1] != self.input_size:
            raise RuntimeError(f"input has inconsistent input_size: got {input.shape[1]} expected {self.input_size}")
        for i, h in enumerate(state):
            if h.shape[0] != input.shape[0]:
                raise RuntimeError(f"Input batch size {input.shape[0]} doesn't match hidden{i} batch size {h.shape[0]}")
            if h.shape[1] != self.hidden_size:
                raise RuntimeError(
                    f"hidden{i} has inconsistent hidden_size: got {h.shape[1]}, expected {self.hidden_size}"
                )


class RNNCell(RNNCellBase):
    """`h = tanh(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh)`, or with `nonlinearity="relu"`.

    Shape: (B, in) and (B, hidden_size), or (in) and (hidden_size) -> the new h.
    https://docs.pytorch.org/docs/2.13/generated/torch.nn.RNNCell.html
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh", device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(input_size, hidden_size, bias, num_chunks=1, device=device, dtype=dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        mode = f"RNN_{self.nonlinearity.upper()}"
        return self._step(mode, input, None if hx is None else (hx,), ("hidden",))[0]

    def extra_repr(self) -> str:
        what = "" if self.nonlinearity == "tanh" else f", nonlinearity={self.nonlinearity}"
        return super().extra_repr() + what


class LSTMCell(RNNCellBase):
    """One step of LSTM: from the input and the pair (h, c) to the new pair.

    Shape: (B, in) and twice (B, hidden_size), or without B. https://docs.pytorch.org/docs/2.13/generated/torch.nn.LSTMCell.html
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:  # fmt: skip
        super().__init__(input_size, hidden_size, bias, num_chunks=4, device=device, dtype=dtype)

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        h, c = self._step("LSTM", input, None if hx is None else tuple(hx), ("hx[0]", "hx[1]"))
        return h, c


class GRUCell(RNNCellBase):
    """One step of GRU: from the input and h to the new h.

    Shape: (B, in) and (B, hidden_size), or without B. https://docs.pytorch.org/docs/2.13/generated/torch.nn.GRUCell.html
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:  # fmt: skip
        super().__init__(input_size, hidden_size, bias, num_chunks=3, device=device, dtype=dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        return self._step("GRU", input, None if hx is None else (hx,), ("hidden",))[0]

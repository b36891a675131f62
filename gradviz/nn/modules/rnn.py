"""Recurrent layers: a state that is carried along a sequence and changed by every step of it (torch.nn.modules.rnn)."""

from __future__ import annotations

from typing import Any

from gradviz.core.tensor import Tensor

from .rnn_base import RNNBase
from .rnn_cells import GRUCell, LSTMCell, RNNCell, RNNCellBase

__all__ = ["GRU", "GRUCell", "LSTM", "LSTMCell", "RNN", "RNNBase", "RNNCell", "RNNCellBase"]


def _no_projection(kwargs: dict[str, Any]) -> None:
    if "proj_size" in kwargs:
        raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")


class RNN(RNNBase):
    """The plain recurrent layer: `h = tanh(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh)`, or with relu.

    RNN(input_size, hidden_size, num_layers=1, nonlinearity="tanh", bias=True, batch_first=False, dropout=0.0,
    bidirectional=False, device=None, dtype=None)

    Shape: input (T, B, in), (B, T, in) with `batch_first`, (T, in), or a PackedSequence; `hx` (layers * directions, B,
    hidden_size), zeros where not given. Returns the outputs (T, B, directions * hidden_size) in the form of the input
    and the last states. Elman, 1990. https://docs.pytorch.org/docs/2.13/generated/torch.nn.RNN.html
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _no_projection(kwargs)
        if len(args) > 3:
            nonlinearity, args = args[3], args[:3] + args[4:]
        else:
            nonlinearity = kwargs.pop("nonlinearity", "tanh")
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.")
        super().__init__(f"RNN_{nonlinearity.upper()}", *args, **kwargs)
        self.nonlinearity = nonlinearity

    def forward(self, input: Any, hx: Tensor | None = None) -> tuple[Any, Tensor]:
        return self._run(input, hx)


class LSTM(RNNBase):
    """Long short-term memory: a cell c that is changed by adding, behind gates that open between 0 and 1.

        i, f, g, o = x @ w_ih.T + b_ih + h @ w_hh.T + b_hh
        c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        h = sigmoid(o) * tanh(c)            with proj_size: h = h @ w_hr.T

    LSTM(input_size, hidden_size, num_layers=1, bias=True, batch_first=False, dropout=0.0, bidirectional=False,
    proj_size=0, device=None, dtype=None)

    Shape: as for RNN, with the pair (h, c) as state; h has `proj_size` columns if that is given.
    Hochreiter and Schmidhuber, 1997. https://docs.pytorch.org/docs/2.13/generated/torch.nn.LSTM.html
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("LSTM", *args, **kwargs)

    def get_expected_cell_size(self, input: Tensor, batch_sizes: Tensor | None) -> tuple[int, int, int]:
        """The shape that the first cell must have."""
        return self._state_size(input, batch_sizes, self.hidden_size)

    def check_forward_args(self, input: Tensor, hidden: Any, batch_sizes: Tensor | None) -> None:
        self.check_input(input, batch_sizes)
        sizes = self.get_expected_hidden_size(input, batch_sizes), self.get_expected_cell_size(input, batch_sizes)
        for i, size in enumerate(sizes):
            self.check_hidden_size(hidden[i], size, f"Expected hidden[{i}] size {{}}, got {{}}")

    def permute_hidden(self, hx: Any, permutation: Tensor | None) -> Any:
        change = super().permute_hidden
        return tuple(change(h, permutation) for h in hx)

    def _zeros(self, input: Tensor, batch_sizes: Tensor | None) -> Any:
        sizes = self.get_expected_hidden_size(input, batch_sizes), self.get_expected_cell_size(input, batch_sizes)
        return tuple(input.new_zeros(size) for size in sizes)

    def _check_rank(self, hx: Any, rank: int, layout: str) -> None:
        if hx[0].ndim != rank or hx[1].ndim != rank:
            raise RuntimeError(
                f"For {layout} {rank}-D input, hx and cx should also be {rank}-D but got "
                f"({hx[0].ndim}-D, {hx[1].ndim}-D) tensors"
            )

    def forward(
        self, input: Any, hx: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Any, tuple[Tensor, Tensor]]:  # fmt: skip
        return self._run(input, hx)


class GRU(RNNBase):
    """The gated recurrent unit: the new state is a mean of the old one and a proposal.

        r, z, n = the three parts of x @ w_ih.T + b_ih and of h @ w_hh.T + b_hh
        r, z = sigmoid(r_x + r_h), sigmoid(z_x + z_h)
        n = tanh(n_x + r * n_h)
        h = (1 - z) * n + z * h

    GRU(input_size, hidden_size, num_layers=1, bias=True, batch_first=False, dropout=0.0, bidirectional=False,
    device=None, dtype=None)

    Shape: as for RNN. Cho et al., 2014. https://docs.pytorch.org/docs/2.13/generated/torch.nn.GRU.html
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _no_projection(kwargs)
        super().__init__("GRU", *args, **kwargs)

    def forward(self, input: Any, hx: Tensor | None = None) -> tuple[Any, Tensor]:
        return self._run(input, hx)

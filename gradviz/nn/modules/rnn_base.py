"""What recurrent layers share: parameters by layer and direction, checks, and the walk through a sequence."""

from __future__ import annotations

import math
import numbers
import warnings
from typing import Any

from gradviz.core.tensor import Tensor

from .. import init
from ..parameter import Parameter
from ..utils.rnn import PackedSequence
from .linear import empty_parameter
from .module import Module
from .rnn_steps import run

# How many vectors of the state's size each mode computes in a step.
GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}


class RNNBase(Module):
    """The base class of RNN, LSTM and GRU.

    Layer k has `weight_ih_lk`, `weight_hh_lk`, with `bias` also `bias_ih_lk` and `bias_hh_lk`, with `proj_size` also
    `weight_hr_lk`; the backward direction has the same with `_reverse` at the end. All start uniform within
    1 / sqrt(hidden_size). https://docs.pytorch.org/docs/2.13/generated/torch.nn.RNNBase.html
    """

    def __init__(
        self, mode: str, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
        batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.mode, self.input_size, self.hidden_size, self.num_layers = mode, input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout, self.bidirectional = bias, batch_first, float(dropout), bidirectional
        self.proj_size = proj_size
        if not isinstance(dropout, numbers.Number) or isinstance(dropout, bool) or not 0 <= dropout <= 1:
            raise ValueError(
                "dropout should be a number in range [0, 1] representing the probability of an element being zeroed"
            )
        if dropout > 0 and num_layers == 1:
            warnings.warn(
                "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects "
                f"num_layers greater than 1, but got dropout={dropout} and num_layers={num_layers}",
                stacklevel=3,
            )
        self._check_settings()
        self._all_weights: list[list[str]] = []
        gates, out = GATES[mode] * hidden_size, proj_size or hidden_size
        directions = ("", "_reverse") if bidirectional else ("",)
        for layer in range(num_layers):
            arriving = out * len(directions) if layer else input_size
            sizes: dict[str, tuple[int, ...]] = {"weight_ih": (gates, arriving), "weight_hh": (gates, out)}
            if bias:
                sizes |= {"bias_ih": (gates,), "bias_hh": (gates,)}
            if proj_size:
                sizes["weight_hr"] = (proj_size, hidden_size)
            for direction in directions:
                made = {f"{name}_l{layer}{direction}": size for name, size in sizes.items()}
                for name, size in made.items():
                    setattr(self, name, empty_parameter(*size, device=device, dtype=dtype))
                self._all_weights.append(list(made))
        self.reset_parameters()

    def _check_settings(self) -> None:
        wanted: dict[str, type] = {"bias": bool, "batch_first": bool, "input_size": int, "hidden_size": int}
        for name, kind in wanted.items():
            value = getattr(self, name)
            if not isinstance(value, kind):
                raise TypeError(f"{name} should be of type {kind.__name__}, got: {type(value).__name__}")
            if kind is int and getattr(self, name) <= 0:
                raise ValueError(f"{name} must be greater than zero")
        if self.num_layers <= 0:
            raise ValueError("num_layers must be greater than zero")
        if self.proj_size < 0:
            raise ValueError("proj_size should be a positive integer or zero to disable projections")
        if self.proj_size >= self.hidden_size:
            raise ValueError("proj_size has to be smaller than hidden_size")
        if self.mode not in GATES:
            raise ValueError("Unrecognized RNN mode: " + self.mode)

    def reset_parameters(self) -> None:
        """Draw all weights and biases anew."""
        bound = 1 / math.sqrt(self.hidden_size)
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def flatten_parameters(self) -> None:
        """Nothing: PyTorch joins the memory of the weights here, for cuDNN."""

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters of every layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    @property
    def _flat_weights_names(self) -> list[str]:
        return [name for names in self._all_weights for name in names]

    @property
    def _flat_weights(self) -> list[Parameter]:
        return [getattr(self, name) for name in self._flat_weights_names]

    # -- checks ----------------------------------------------------------------------------------------------------
    def check_input(self, input: Tensor, batch_sizes: Tensor | None) -> None:
        """Errors for inputs of the wrong type or shape."""
        want = getattr(self, self._all_weights[0][0]).dtype
        if input.dtype != want:
            raise ValueError(
                f"RNN input dtype ({input.dtype}) does not match weight dtype ({want}). "
                f"Convert input: input.to({want}), or convert model: model.to({input.dtype})"
            )
        expected = 3 if batch_sizes is None else 2
        if input.ndim != expected:
            raise RuntimeError(f"input must have {expected} dimensions, got {input.ndim}")
        if input.shape[-1] != self.input_size:
            raise RuntimeError(
                f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got {input.shape[-1]}"
            )

    def _state_size(self, input: Tensor, batch_sizes: Tensor | None, size: int) -> tuple[int, int, int]:
        """The shape of a state whose vectors have this size: one for each layer, direction and sequence."""
        batch = input.shape[0 if self.batch_first else 1] if batch_sizes is None else int(batch_sizes[0])
        return len(self._all_weights), batch, size

    def get_expected_hidden_size(self, input: Tensor, batch_sizes: Tensor | None) -> tuple[int, int, int]:
        """The shape that the first state must have."""
        return self._state_size(input, batch_sizes, self.proj_size or self.hidden_size)

    def check_hidden_size(
        self, hx: Tensor, expected_hidden_size: tuple[int, int, int], msg: str = "Expected hidden size {}, got {}"
    ) -> None:  # fmt: skip
        """RuntimeError for a state of another shape."""
        if tuple(hx.shape) != expected_hidden_size:
            raise RuntimeError(msg.format(expected_hidden_size, list(hx.shape)))

    def check_forward_args(self, input: Tensor, hidden: Any, batch_sizes: Tensor | None) -> None:
        """Errors for inputs and first states that do not fit."""
        self.check_input(input, batch_sizes)
        self.check_hidden_size(hidden, self.get_expected_hidden_size(input, batch_sizes))

    def permute_hidden(self, hx: Any, permutation: Tensor | None) -> Any:
        """The states of the sequences in another order."""
        return hx if permutation is None else hx.index_select(1, permutation)

    # -- what RNN and GRU do; LSTM has a state of two tensors ---------------------------------------------------------
    def _zeros(self, input: Tensor, batch_sizes: Tensor | None) -> Any:
        return input.new_zeros(self.get_expected_hidden_size(input, batch_sizes))

    def _check_rank(self, hx: Any, rank: int, layout: str) -> None:
        if hx.ndim != rank:
            raise RuntimeError(f"For {layout} {rank}-D input, hx should also be {rank}-D but got {hx.ndim}-D tensor")

    def _run(self, input: Any, hx: Any) -> tuple[Any, Any]:
        """The outputs of the last layer, in the form of the input, and the last states as a tuple of tensors."""
        order = back = sizes = None
        if isinstance(input, PackedSequence):
            data, sizes, order, back = input
            batched = True
        else:
            data, batched = input, input.ndim == 3
            if input.ndim not in (2, 3):
                what = " tensor" if self._get_name() == "RNN" else ""
                raise ValueError(f"{self._get_name()}: Expected input to be 2D or 3D, got {input.ndim}D{what} instead")
            batch_dim = 0 if self.batch_first else 1
            if hx is not None:
                self._check_rank(hx, input.ndim, "batched" if batched else "unbatched")
            if not batched:
                data = data.unsqueeze(batch_dim)
                hx = _each(hx, lambda h: h.unsqueeze(1))
        hx = self._zeros(data, sizes) if hx is None else self.permute_hidden(hx, order)
        self.check_forward_args(data, hx, sizes)
        if sizes is None and not data.shape[0 if not self.batch_first else 1]:
            raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
        turn = sizes is None and self.batch_first
        output, state = run(
            self.mode, data.transpose(0, 1) if turn else data, hx if isinstance(hx, tuple) else (hx,),
            self.all_weights, self.bias, 2 if self.bidirectional else 1, self.dropout if self.training else 0.0,
            None if sizes is None else sizes.tolist(),
        )  # fmt: skip
        output = output.transpose(0, 1) if turn else output
        last = state if isinstance(hx, tuple) else state[0]
        if sizes is not None:
            return PackedSequence(output, sizes, order, back), self.permute_hidden(last, back)
        if not batched:
            return output.squeeze(batch_dim), _each(last, lambda h: h.squeeze(1))
        return output, last

    def extra_repr(self) -> str:
        shown = {
            "proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False, "dropout": 0, "bidirectional": False,
        }  # fmt: skip
        given = {name: getattr(self, name) for name in shown}
        rest = "".join(f", {name}={value}" for name, value in given.items() if value != shown[name])
        return f"{self.input_size}, {self.hidden_size}{rest}"


def _each(state: Any, change: Any) -> Any:
    """A change of one tensor, or of every tensor of a tuple; None stays None."""
    if state is None:
        return None
    return tuple(change(s) for s in state) if isinstance(state, (tuple, list)) else change(state)

"""Gradients of convolutions by hand: what reaches the input, or the weights, when `grad_output` reaches the output."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradviz.core.gradient import grad
from gradviz.core.mode import enable_grad, grad_mode
from gradviz.core.tensor import Tensor

from . import functional as F

Gradient = Callable[..., Tensor]


def _gradients(dims: int) -> tuple[Gradient, Gradient]:
    """The two functions for convolutions of so many dimensions; each goes through the convolution and back."""
    convolve = getattr(F, f"conv{dims}d")

    def reached(wanted: Tensor, input: Tensor, weight: Tensor, grad_output: Tensor, *settings: Any) -> Tensor:
        again = grad_mode.get()  # the result has a graph of its own if one is being recorded
        with enable_grad():
            out = convolve(input, weight, None, *settings)
        found: Tensor = grad(out, wanted, grad_output, create_graph=again)[0]
        return found

    def at_input(
        input_size: Any, weight: Tensor, grad_output: Tensor, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
        groups: int = 1,
    ) -> Tensor:  # fmt: skip
        input = grad_output.new_zeros(tuple(input_size)).requires_grad_()
        return reached(input, input, weight, grad_output, stride, padding, dilation, groups)

    def at_weight(
        input: Tensor, weight_size: Any, grad_output: Tensor, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
        groups: int = 1,
    ) -> Tensor:  # fmt: skip
        weight = grad_output.new_zeros(tuple(weight_size)).requires_grad_()
        return reached(weight, input, weight, grad_output, stride, padding, dilation, groups)

    for function, what in ((at_input, "input"), (at_weight, "weight")):
        function.__name__ = function.__qualname__ = f"conv{dims}d_{what}"
        function.__doc__ = f"The gradient of conv{dims}d with respect to its {what}, for one of its output."
    return at_input, at_weight


conv1d_input, conv1d_weight = _gradients(1)
conv2d_input, conv2d_weight = _gradients(2)
conv3d_input, conv3d_weight = _gradients(3)

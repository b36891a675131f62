"""A whole training step as one launch: captured once for inputs of one shape, then replayed on new ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core.tensor import Tensor
from .backend import unusable, why_not
from .graphs import CUDAGraph, graph
from .streams import Stream, current_stream


def put(place: Tensor, new: Tensor) -> None:
    """New numbers into memory that a graph reads, from any device, without waiting; nothing where they are there."""
    device = place.device
    if new.device is not device:
        place._array[...] = device.receive(new._array, new.device, True)
    elif new.data_ptr() != place.data_ptr():
        device.enter()
        place._array[...] = new._array


class GraphedStep:
    """A step captured for inputs of one shape: called with new inputs it copies them in, replays and returns.

    The tensors that are returned are the same ones every time, with new numbers. The step itself is kept, and with it
    the parameters and state whose memory the graph works on.
    """

    def __init__(self, graph: CUDAGraph, inputs: tuple[Tensor, ...], outputs: Any, step: Callable[..., Any]) -> None:
        self.graph, self.inputs, self.outputs, self.step = graph, inputs, outputs, step

    def __call__(self, *inputs: Tensor) -> Any:
        if len(inputs) != len(self.inputs):
            raise TypeError(f"the step was captured with {len(self.inputs)} inputs, got {len(inputs)}")
        for own, given in zip(self.inputs, inputs, strict=True):
            if own.shape != given.shape or own.dtype is not given.dtype:
                raise ValueError(
                    f"the step was captured for {own.dtype!r} {tuple(own.shape)}, got {given.dtype!r} "
                    f"{tuple(given.shape)}: a graph works on the memory it was captured with"
                )
            put(own, given)
        self.graph.replay()
        return self.outputs

    def debug_dot(self) -> str:
        """The captured graph in the DOT language."""
        return self.graph.debug_dot()


def make_graphed_step(step: Callable[..., Any], inputs: tuple[Tensor, ...], num_warmup_iters: int = 3) -> GraphedStep:
    """Capture `step(*inputs)`, forward, backward and optimiser together.

    step: a function of tensors that returns tensors; it must not wait for the GPU (no `.item()`, no printing).
    num_warmup_iters: how often it is run first, for real, so that kernels are compiled and workspaces are there. These
    steps train: count them. Gradients may keep their memory (`zero_grad(set_to_none=False)`) or be made anew in the
    graph's own, in which they then stay (`zero_grad()` as the first thing in the step).
    """
    if why_not():
        raise unusable()
    own = tuple(x.detach().clone() for x in inputs)
    stream = Stream(inputs[0].device if inputs else None)
    stream.wait_stream(current_stream(stream.device))
    with stream:
        for _ in range(num_warmup_iters):
            step(*own)
    made = CUDAGraph()
    with graph(made, stream=stream):
        outputs = step(*own)
    return GraphedStep(made, own, outputs, step)

"""CUDA graphs (torch.cuda.graphs): captured from a stream, of a whole step, or of single modules."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..amp import autocast_mode
from ..core.function import Function, once_differentiable
from ..core.gradient import grad
from ..core.op import FUNCTIONS
from ..core.tensor import Tensor
from ..gpu.backend import unusable, why_not
from ..gpu.graphed import GraphedStep as GraphedStep
from ..gpu.graphed import make_graphed_step as make_graphed_step
from ..gpu.graphed import put
from ..gpu.graphs import CUDAGraph as CUDAGraph
from ..gpu.graphs import graph as graph
from ..gpu.graphs import graph_pool_handle as graph_pool_handle
from ..gpu.graphs import is_current_stream_capturing as is_current_stream_capturing
from ..gpu.streams import Stream
from ..nn.modules.module import Module
from .devices import synchronize

Tensors = tuple[Tensor, ...]


class _Captured:
    """One callable: what goes in, its forward and its backward pass as graphs, and what comes out of each."""

    def __init__(self, function: Callable[..., Any], args: Tensors) -> None:
        self.function, self.args = function, args
        self.params: Tensors = tuple(function.parameters()) if isinstance(function, Module) else ()
        self.inputs = (*_leaves(args), *self.params)
        self.learning = tuple(x for x in self.inputs if x.requires_grad)
        self.forward, self.backward = CUDAGraph(), CUDAGraph()
        self.shape: Any = None
        self.outputs: Tensors = ()
        self.out_grads: tuple[Tensor | None, ...] = ()
        self.in_grads: tuple[Tensor | None, ...] = ()

    def warm_up(self, allow_unused: bool) -> None:
        """Both passes for real: kernels are compiled, libraries have their workspaces."""
        outputs = [o for o in _leaves(self.function(*self.args)) if o.requires_grad]
        if outputs:
            grad(outputs, self.learning, [FUNCTIONS["empty_like"](o) for o in outputs], allow_unused=allow_unused)

    def capture_forward(self, pool: Any, stream: Stream) -> None:
        with graph(self.forward, pool, stream):
            self.shape = self.function(*self.args)
        self.outputs = tuple(_leaves(self.shape))

    def capture_backward(self, pool: Any, stream: Stream, allow_unused: bool) -> None:
        self.out_grads = tuple(FUNCTIONS["empty_like"](o) if o.requires_grad else None for o in self.outputs)
        outputs, given = ([x for x in row if x is not None] for row in (self._differentiable(), self.out_grads))
        found: Iterator[Any] = iter(())
        if outputs:
            with graph(self.backward, pool, stream):
                found = iter(grad(outputs, self.learning, given, allow_unused=allow_unused))
        self.in_grads = tuple(next(found, None) if x.requires_grad else None for x in self.inputs)
        # What was differentiated is used up; the tensors themselves are what replays write into.
        self.outputs = tuple(o.detach() for o in self.outputs)
        self.shape = _refilled(self.shape, iter(self.outputs))

    def _differentiable(self) -> list[Tensor | None]:
        return [o if o.requires_grad else None for o in self.outputs]

    def as_function(self) -> Callable[..., Any]:
        """What runs both graphs as one node."""
        captured, given = self, len(self.inputs) - len(self.params)

        class Graphed(Function):
            @staticmethod
            def forward(_ctx: Any, *inputs: Tensor) -> Tensors:
                _copy_into(captured.inputs[:given], inputs[:given])
                captured.forward.replay()
                return tuple(o.detach() for o in captured.outputs)

            @staticmethod
            @once_differentiable
            def backward(_ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
                _copy_into(captured.out_grads, grads)
                captured.backward.replay()
                return tuple(g if g is None else g.detach() for g in captured.in_grads)

        def run(*args: Any) -> Any:
            made = Graphed.apply(*_leaves(args), *captured.params)
            return _refilled(captured.shape, iter(made))

        return run


def _leaves(value: Any) -> list[Tensor]:
    """The tensors in tuples, lists and dicts, in order; AssertionError for anything else."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, (tuple, list)):
        raise AssertionError(
            "In the beta API, sample_args for each callable must contain only Tensors. Other types are not allowed."
        )
    return [leaf for part in value for leaf in _leaves(part)]


def _refilled(shape: Any, leaves: Iterator[Tensor]) -> Any:
    """New tensors in the tuples, lists and dicts of others."""
    if isinstance(shape, Tensor):
        return next(leaves)
    if isinstance(shape, dict):
        return type(shape)((key, _refilled(part, leaves)) for key, part in shape.items())
    parts = [_refilled(part, leaves) for part in shape]
    kind: Any = type(shape)
    return kind(*parts) if hasattr(shape, "_fields") else kind(parts)


def _copy_into(own: tuple[Tensor | None, ...], given: tuple[Tensor, ...]) -> None:
    for place, new in zip(own, given, strict=True):
        if place is not None:
            put(place, new)


def _check(functions: tuple[Any, ...]) -> None:
    """AssertionError for modules that cannot be captured; PyTorch's texts."""
    for function in functions:
        if not isinstance(function, Module):
            continue
        if function._backward_hooks or function._forward_hooks or function._forward_pre_hooks:
            raise AssertionError(
                "Modules must not have hooks registered at the time they are passed. However, registering hooks "
                "on modules after passing them through make_graphed_callables is allowed."
            )
        if any(b.requires_grad for b in function.buffers()):
            raise AssertionError(
                "In any :class:`~torch.nn.Module` passed to :func:`~make_graphed_callables`, only parameters may be "
                "trainable. All buffers must have ``requires_grad=False``."
            )


def make_graphed_callables(
    callables: Any, sample_args: Any, num_warmup_iters: int = 3, allow_unused_input: bool = False, pool: Any = None
) -> Any:  # fmt: skip
    """Functions or modules whose forward and backward passes are CUDA graphs, to be used in their place.

    callables: one, or a tuple of them in the order in which they will run; they then share their memory.
    sample_args: a tuple of tensors for each, which say shapes, types and what requires a gradient; the graph keeps
    them as its inputs. Modules are changed in place: in the mode (training or not) in which they were captured
    `forward` replays, in the other it runs as before. They return the same memory every time, and can be differentiated
    once. https://docs.pytorch.org/docs/2.13/generated/torch.cuda.make_graphed_callables.html
    """
    if why_not():
        raise unusable()
    if autocast_mode.is_autocast_enabled("cuda") and autocast_mode.is_autocast_cache_enabled():
        raise RuntimeError(
            "make_graphed_callables does not support the autocast caching. Please set `cache_enabled=False`."
        )
    single = not isinstance(callables, tuple)
    functions: tuple[Any, ...] = (callables,) if single else callables
    _check(functions)
    every = [_Captured(f, a) for f, a in zip(functions, (sample_args,) if single else sample_args, strict=True)]
    memory = graph_pool_handle() if pool is None else pool
    synchronize()
    stream = Stream()
    with stream:
        for captured in every:
            for _ in range(num_warmup_iters):
                captured.warm_up(allow_unused_input)
    synchronize()
    # In the order in which they will run, so that one may use what another has done with.
    for captured in every:
        captured.capture_forward(memory, stream)
    for captured in reversed(every):
        captured.capture_backward(memory, stream, allow_unused_input)
    made = tuple(_in_place(f, captured.as_function()) for f, captured in zip(functions, every, strict=True))
    return made[0] if single else made


def _in_place(function: Any, graphed: Callable[..., Any]) -> Any:
    """A module with its forward replaced, a function replaced."""
    if not isinstance(function, Module):
        return graphed
    mode, plain = function.training, function.forward

    def forward(*args: Any, **kwargs: Any) -> Any:
        return (graphed if function.training == mode else plain)(*args, **kwargs)

    function.forward = forward  # type: ignore[method-assign]
    return function

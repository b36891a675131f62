"""`torch.autograd.Function`: an operation whose gradient the user writes. The ctx of its methods is the graph node."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ClassVar

from gradviz.core.errors import noted

from . import errors, events
from .clock import cell_of, tick, wrote
from .mode import current_module, grad_mode
from .node import Freed, Node, Output, edge_of
from .tensor import Tensor


class FunctionCtx(Node):
    """What `ctx` offers in a Function's forward and backward. It is the node of the call."""

    function: ClassVar[Any] = None
    materialize_grads = True
    needs_input_grad: tuple[bool, ...] = ()
    _to_save: tuple[Any, ...] = ()
    _dirty: tuple[Any, ...] = ()
    _fixed: tuple[Any, ...] = ()
    _positions: tuple[int, ...] = ()

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep tensors for backward, which finds them in `ctx.saved_tensors`."""
        for t in tensors:
            if t is not None and not isinstance(t, Tensor):
                raise TypeError(
                    f"save_for_backward can only save variables, but argument is of type {type(t).__name__}"
                )
        self._to_save = tensors

    def mark_dirty(self, *tensors: Any) -> None:
        """Say which inputs were written in place; they must be returned."""
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors: Any) -> None:
        """Say which outputs have no gradient."""
        self._fixed = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Whether backward gets zeros (the default) or None for outputs that received no gradient."""
        self.materialize_grads = value

    @property
    def keeps_tensors(self) -> bool:
        return bool(self.saved)

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """The tensors kept by `save_for_backward`, checked for being overwritten."""
        if self.saved.__class__ is Freed:
            raise noted(RuntimeError(errors.freed(self)))
        self.check_stale()
        return tuple(self._open(value) for value in self.saved)

    def _open(self, value: Any) -> Any:
        if not isinstance(value, _Own):
            return value
        edge = self if self.shape is not None else Output(self, value.nr, value.array.shape, value.array.dtype)
        return Tensor._made(value.array, self.device, edge)

    def check_stale(self) -> None:
        for value in self.saved:
            if isinstance(value, Tensor):
                base = value._base if value._base is not None else value
                if base._cell is not None and base._cell.stamp > self.seq:
                    raise noted(RuntimeError(errors.stale(self, "a tensor", value, base._cell)))

    def apply(self, g: Any, create_graph: bool) -> list[Any]:
        """Call the user's backward; raw arrays in and out unless the gradient itself is recorded."""
        arrived = (g,) if self.shape is not None else g
        grads = [self._given(i, x) for i, x in enumerate(arrived)]
        answer = self.function.backward(self, *grads)
        answer = answer if isinstance(answer, tuple) else (answer,)
        count = len(self.needs_input_grad)
        if len(answer) > count and all(a is None for a in answer[count:]):
            answer = answer[:count]
        if len(answer) != count:
            raise RuntimeError(
                f"function {self.name()} returned an incorrect number of gradients "
                f"(expected {count}, got {len(answer)})\n"
                f"{self.function.__name__}.backward must return one gradient, or None, per argument of forward."
            )
        made: list[Any] = []
        for edge, position in zip(self.parents, self._positions, strict=True):
            value = answer[position]
            if value is None or edge is None:
                made.append(None)
                continue
            if not isinstance(value, Tensor):
                raise TypeError(f"expected Variable or None (got {type(value).__name__})")
            self._check_shape(position, value, edge)
            made.append(value if create_graph else value._array)
        return made

    def _check_shape(self, position: int, value: Tensor, edge: Any) -> None:
        got, want = value._array.shape, edge.shape
        lead = len(got) - len(want)
        fits = lead >= 0 and all(b in (a, 1) for a, b in zip(got[lead:], want, strict=True))
        if not fits:
            raise noted(RuntimeError(errors.function_gradient(self, position, got, want)))

    def _given(self, index: int, x: Any) -> Any:
        shape, dtype = (self.shape, self.dtype) if self.shape is not None else self.shapes[index]
        if x is None:
            if not self.materialize_grads:
                return None
            return Tensor._of(self.device.xp.zeros(shape, dtype=dtype), self.device)
        return x if isinstance(x, Tensor) else Tensor._of(self.device.wrap(x), self.device)


class _Own:
    """One of a node's own outputs, kept without referring to the tensor (which refers to the node)."""

    __slots__ = ("array", "nr")

    def __init__(self, nr: int, array: Any) -> None:
        self.nr, self.array = nr, array


class Function:
    """Base class for operations with a gradient of one's own; call it as `MyFunction.apply(...)`.

    Subclasses define static methods `forward(ctx, *args)` and `backward(ctx, *grad_outputs)`, or `forward(*args)` with
    `setup_context(ctx, inputs, output)`. https://docs.pytorch.org/docs/2.13/autograd.html#torch.autograd.Function
    """

    _node_type: ClassVar[Any] = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._node_type = type(cls.__name__ + "Backward", (FunctionCtx,), {"function": cls})

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise noted(
            RuntimeError(
                "Legacy autograd function with non-static forward method is deprecated. Please use new-style autograd "
                f"function with static forward method.\nCall {type(self).__name__}.apply(...) on the class."
            )
        )

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the outputs from `ctx` and the arguments of `apply`."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        """Keep what backward needs, for a forward that takes no ctx."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """One gradient, or None, per argument of forward."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function to use it with "
            "backward mode AD."
        )

    vjp = backward

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Run forward and record it, so that backward will be called."""
        ctx = cls._node_type()
        ctx.extra, ctx.saved, ctx.path = None, (), current_module.get()
        ctx.needs_input_grad = tuple(isinstance(a, Tensor) and a._needs for a in args)
        recording = grad_mode.get() and any(ctx.needs_input_grad)
        ctx._positions = tuple(i for i, a in enumerate(args) if isinstance(a, Tensor))
        ctx.parents = tuple(edge_of(args[i]) if args[i]._needs else None for i in ctx._positions)
        token = grad_mode.set(False)
        try:
            if cls.setup_context is not Function.setup_context:
                outputs = cls.forward(*args)
                cls.setup_context(ctx, args, outputs)
            else:
                outputs = cls.forward(ctx, *args)
        finally:
            grad_mode.reset(token)
        result = cls._wrap(ctx, args, outputs, recording)
        if events.watching:
            events.emit(events.Forward(cls, args, result, {}))
        return result

    @classmethod
    def _wrap(cls, ctx: Any, args: tuple[Any, ...], outputs: Any, recording: bool) -> Any:
        single = not isinstance(outputs, tuple)
        found = (outputs,) if single else outputs
        tensors = [o for o in found if isinstance(o, Tensor)]
        ctx.device = tensors[0].device if tensors else args[ctx._positions[0]].device
        alone = len(found) == 1 and bool(tensors)
        ctx.shape = tensors[0]._array.shape if alone else None
        ctx.dtype = tensors[0]._array.dtype if tensors else None
        ctx.shapes = tuple((o._array.shape, o._array.dtype) if isinstance(o, Tensor) else None for o in found)
        for dirty in ctx._dirty:
            wrote(dirty)
        ctx.seq = tick()
        made = tuple(
            cls._wrap_one(ctx, args, o, i, recording) if isinstance(o, Tensor) else o for i, o in enumerate(found)
        )
        by_id = {id(o): i for i, o in enumerate(found) if not any(o is a for a in args)}
        ctx.saved = tuple(_Own(by_id[id(t)], t._array) if id(t) in by_id else t for t in ctx._to_save)
        ctx._to_save = ctx._fixed = ()
        return made[0] if single else made

    @classmethod
    def _wrap_one(cls, ctx: Any, args: tuple[Any, ...], o: Tensor, nr: int, recording: bool) -> Tensor:
        dirty = any(o is d for d in ctx._dirty)
        fixed = any(o is f for f in ctx._fixed) or o._array.dtype.kind in "biu"
        edge = None
        if recording and not fixed:
            edge = ctx if ctx.shape is not None else Output(ctx, nr, o._array.shape, o._array.dtype)
        if dirty:
            if edge is not None:
                edge.node.keep_cell(cell_of(o))
                o._edge, o._needs = edge, True
            return o
        if any(o is a for a in args):
            o = o._alias()
        if edge is not None or o._edge is not None:
            o._edge, o._needs = edge, edge is not None
        return o


def once_differentiable(function: Callable[..., Any]) -> Callable[..., Any]:
    """For a Function's backward that cannot itself be differentiated: a second gradient raises rather than be wrong."""

    @functools.wraps(function)
    def wrapper(ctx: Any, *grads: Any) -> Any:
        token = grad_mode.set(False)
        try:
            answer = function(ctx, *grads)
        finally:
            grad_mode.reset(token)
        if not (grad_mode.get() and any(isinstance(g, Tensor) and g._needs for g in grads)):
            return answer
        many = answer if isinstance(answer, tuple) else (answer,)
        refused = tuple(_refuse(a) if isinstance(a, Tensor) else a for a in many)
        return refused if isinstance(answer, tuple) else refused[0]

    return wrapper


class _Refusal(FunctionCtx):
    def apply(self, g: Any, create_graph: bool) -> list[Any]:
        raise RuntimeError("trying to differentiate twice a function that was marked with @once_differentiable")

    def name(self) -> str:
        return "torch::autograd::NotImplemented"


def _refuse(value: Tensor) -> Tensor:
    node: Any = _Refusal()
    node.extra, node.saved, node.path, node.parents, node.seq = None, (), None, (), tick()
    node.shape, node.dtype, node.device = value._array.shape, value._array.dtype, value.device
    return Tensor._made(value._array, value.device, node)

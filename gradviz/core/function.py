"""`torch.autograd.Function`: an operation whose gradient the user writes. The ctx of its methods is the graph node."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable
from typing import Any, ClassVar

from gradviz.core.errors import noted

from . import errors, events
from .clock import tick, wrote
from .context import FunctionCtx as FunctionCtx
from .mode import current_module, grad_mode
from .node import Output, edge_of
from .tensor import Tensor
from .views import set_history


class Function:
    """Base class for operations with a gradient of one's own; call it as `MyFunction.apply(...)`.

    Subclasses define static methods `forward(ctx, *args)` and `backward(ctx, *grad_outputs)`, or `forward(*args)` with
    `setup_context(ctx, inputs, output)`. https://docs.pytorch.org/docs/2.13/autograd.html#torch.autograd.Function
    """

    _node_type: ClassVar[Any] = None
    generate_vmap_rule = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._node_type = type(cls.__name__ + "Backward", (FunctionCtx,), {"function": cls})

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        warnings.warn(
            f"{type(self)} should not be instantiated. Methods on autograd functions are all static, so you should "
            "invoke them on the class itself. Instantiating an autograd function will raise an error in a future "
            "version of PyTorch.",
            DeprecationWarning,
            stacklevel=2,
        )

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

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: Any) -> Any:
        """How outputs change along a direction; forward mode is not run here."""
        raise NotImplementedError(
            "You must implement the jvp function for custom autograd.Function to use it with forward mode AD."
        )

    @staticmethod
    def vmap(info: Any, in_dims: Any, *args: Any) -> Any:
        """How the function acts on a batch; `torch.vmap` does not ask for it here, it calls forward per sample."""
        raise NotImplementedError(
            "To use autograd.Function with vmap, you must either override the vmap staticmethod or set "
            "generate_vmap_rule=True."
        )

    @classmethod
    def _backward_of(cls) -> Any:
        """The method that computes gradients: backward, or the other spelling of it."""
        if cls.vjp is Function.vjp:
            return cls.backward
        if cls.backward is not Function.backward:
            raise RuntimeError(
                "Implementing both 'backward' and 'vjp' for a custom Function is not allowed. You should only "
                "implement one of them."
            )
        return cls.vjp

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run forward and record it, so that backward will be called."""
        apart = cls.setup_context is not Function.setup_context
        ctx = cls._node_type()
        if kwargs:
            args = _placed(cls.forward, args, kwargs, 0 if apart else 1)
        ctx.extra, ctx.saved, ctx.path = None, (), current_module.get()
        ctx.needs_input_grad = tuple(isinstance(a, Tensor) and a._needs for a in args)
        recording = grad_mode.get() and any(ctx.needs_input_grad)
        ctx._positions = tuple(i for i, a in enumerate(args) if isinstance(a, Tensor))
        ctx.parents = tuple(edge_of(args[i]) if args[i]._needs else None for i in ctx._positions)
        if events.watching:
            events.emit(events.FunctionEnter(cls, args))
        token = grad_mode.set(False)
        try:
            if apart:
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
        _check_marks(ctx, found)
        if tensors or ctx._positions:
            ctx.device = tensors[0].device if tensors else args[ctx._positions[0]].device
        alone = len(found) == 1 and bool(tensors)
        ctx.shape = tensors[0]._array.shape if alone else None
        ctx.dtype = tensors[0]._array.dtype if tensors else None
        ctx.shapes = tuple((o._array.shape, o._array.dtype) if isinstance(o, Tensor) else None for o in found)
        for dirty in ctx.dirty_tensors or ():
            if recording and dirty._needs and dirty._edge is None:
                raise noted(RuntimeError(errors.leaf_inplace(dirty).replace("is being used", "has been used", 1)))
            wrote(dirty)
        ctx.seq = tick()
        made = tuple(
            cls._wrap_one(ctx, args, o, i, recording) if isinstance(o, Tensor) else o for i, o in enumerate(found)
        )
        if recording:
            ctx.keep(found, args)
        ctx.to_save = ctx.non_differentiable = ctx.dirty_tensors = None
        return made[0] if single else made

    @classmethod
    def _wrap_one(cls, ctx: Any, args: tuple[Any, ...], o: Tensor, nr: int, recording: bool) -> Tensor:
        dirty = any(o is d for d in ctx.dirty_tensors or ())
        fixed = any(o is f for f in ctx.non_differentiable or ()) or o._array.dtype.kind in "biu"
        edge: Any = None
        if recording and not fixed:
            edge = ctx if ctx.shape is not None else Output(ctx, nr, o._array.shape, o._array.dtype)
        if dirty:
            if edge is not None:
                set_history(o, edge, o._edge)
            return o
        if any(o is a for a in args):
            o = o._alias()
        if edge is not None or o._edge is not None:
            o._edge, o._needs = edge, edge is not None
        return o


class InplaceFunction(Function):
    """A Function whose forward may write into its inputs. Here every Function may; this is the old name."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace


def _placed(forward: Any, args: tuple[Any, ...], kwargs: dict[str, Any], skip: int) -> tuple[Any, ...]:
    """Arguments with those given by name put in their places among forward's parameters after `skip`."""
    names = list(inspect.signature(forward).parameters)[skip:]
    unknown = next((name for name in kwargs if name not in names[len(args) :]), None)
    if unknown is not None:
        raise TypeError(f"forward() got an unexpected keyword argument '{unknown}'")
    placed = list(args)
    for position in range(len(args), 1 + max(names.index(name) for name in kwargs)):
        if names[position] not in kwargs:
            raise TypeError(f"forward() missing required argument: '{names[position]}' (position {position})")
        placed.append(kwargs[names[position]])
    return tuple(placed)


def _check_marks(ctx: Any, outputs: tuple[Any, ...]) -> None:
    """Refuse marks on what is no tensor, and written inputs that were not returned."""
    for t in ctx.non_differentiable or ():
        if not isinstance(t, Tensor):
            raise RuntimeError("mark_non_differentiable only accepts variable arguments, but got")
    for t in ctx.dirty_tensors or ():
        if not isinstance(t, Tensor):
            raise RuntimeError("mark_dirty can only accept variables, but argument")
        if not any(t is o for o in outputs):
            raise RuntimeError(
                "Some elements marked as dirty during the forward method were not returned as output. The inputs that "
                "are modified inplace must all be outputs of the Function."
            )


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

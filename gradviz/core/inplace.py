"""Writing into a tensor's memory: what is forbidden is refused before anything is written.

The in-place twin of an operation computes its result aside, checks it, writes it into the old memory and takes over its
place in the graph (views.py tells what becomes of views):

    y.mul_(w)      before:  y -> made by N            after:  y -> made by Mul(N, w), same memory, next version
"""

from __future__ import annotations

from typing import Any

from . import errors, events
from .clock import tick, wrote
from .dtype import from_numpy
from .errors import noted
from .inference import refuse_write
from .mode import current_module, grad_mode
from .node import Scalar
from .op import OPS, camel
from .saved import apart, own_copy
from .views import check_types, check_view, look_again, set_history


def check_write(tensor: Any, name: str = "an in-place operation", *, repeats: bool = False) -> None:
    """Raise PyTorch's error if writing into this tensor would break a graph, or would write one place twice."""
    base = tensor._base
    if tensor._inference:
        refuse_write(tensor)
    if not grad_mode.get():
        pass
    elif base is not None and (tensor._needs or base._needs):
        check_view(tensor)
        if tensor._edge is None:
            raise noted(RuntimeError(errors.leaf_view_inplace(tensor)))
    elif tensor._needs and tensor._edge is None:
        raise noted(RuntimeError(errors.leaf_inplace(tensor)))
    if tensor._needs and grad_mode.get():
        check_types(tensor)
    array = tensor._array
    if 0 not in array.strides or not array.size:
        return
    if not repeats and any(step == 0 and n > 1 for step, n in zip(array.strides, array.shape, strict=True)):
        raise noted(RuntimeError(errors.OVERLAP))
    if not getattr(array.flags, "writeable", True):
        array.flags.writeable = True  # NumPy locks what it expands


def check_overlap(target: Any, others: tuple[Any, ...], *, exact: bool = True) -> None:
    """Raise PyTorch's error if something that is read lies partly where the write goes; `exact`: the same is fine."""
    base = target._base
    for other in others:
        if (exact and other is target) or not hasattr(other, "_array"):
            continue
        owner = other._base
        if (base is None and owner is not target and other is not target) or (
            base is not None and owner is not base and other is not base
        ):
            continue
        a, b = target._array, other._array
        if not (_dense(a) and _dense(b)):
            continue
        if exact and _layout(a) == _layout(b) and _start(target) == _start(other):
            continue
        first, second = _start(target), _start(other)
        if first < second + b.nbytes and second < first + a.nbytes:
            raise noted(RuntimeError(errors.PARTIAL_OVERLAP))


def _start(tensor: Any) -> int:
    return int(tensor.device.address(tensor._array))


def _layout(array: Any) -> list[tuple[int, int]]:
    """Steps and sizes of the dimensions that have more than one element."""
    return [(s, n) for s, n in zip(array.strides, array.shape, strict=True) if n != 1]


def _dense(array: Any) -> bool:
    """Whether the elements fill a stretch of memory without gaps or repeats, in some order of dimensions."""
    expected = array.dtype.itemsize
    for step, n in sorted(_layout(array)):
        if step != expected:
            return False
        expected *= n
    return bool(array.size)


def adopt(target: Any, result: Any, name: str, inputs: tuple[Any, ...], op: Any, settings: dict[str, Any]) -> Any:
    """Write `result` into `target`'s memory and give `target` the result's place in the graph."""
    out = result._array
    if out.shape != target._array.shape:
        raise noted(
            RuntimeError(
                f"output with shape {list(target._array.shape)} doesn't match the broadcast shape {list(out.shape)}\n"
                f"{name} writes into its tensor, which cannot grow. Use the version without the underscore."
            )
        )
    have, want = from_numpy(out.dtype), target.dtype
    if have.category > want.category:
        raise noted(
            RuntimeError(
                f"result type {errors.scalar_type(have)} can't be cast to the desired output type "
                f"{errors.scalar_type(want)}\n"
                f"{name} writes into a {want!r} tensor. Use the version without the underscore, or convert the tensor "
                "first."
            )
        )
    edge = result._edge
    recording = grad_mode.get()
    if edge is not None and recording:
        check_types(target)
        if target._base is not None:
            check_view(target)
    target._array[...] = out
    wrote(target)
    if edge is not None and edge.node.op is not None:  # what it kept of its result is what is in memory now
        edge.node.saved = tuple(target._array if value is out else value for value in edge.node.saved)
    event: Any = None
    if events.watching:
        event = events.Inplace(op, target, inputs, settings, result)
        if edge is None and (target._needs or have is not want):  # its values alone are taken over
            event = events.Inplace(OPS["copy"], target, (target, result), {})
    if recording and edge is not None:
        old: Any = inputs[0] if inputs else None
        set_history(target, edge, old._edge if hasattr(old, "_edge") else None, event)
        return target
    forget(target, name, event=event)
    return target


def forget(target: Any, name: str, number: int = 0, event: Any = None) -> None:
    """Say that what was just written into a tensor depends on nothing: what made it before gets zeros as gradients.

    As in PyTorch it still requires grad, and its node is named after what wrote: `UniformBackward0` for `uniform_`
    (`number` tells apart the operations of one name). `event` says so to observers.
    """
    if not grad_mode.get():
        look_again(target)
    if not target._needs or not grad_mode.get():
        if event is not None:
            events.emit(event)
        return
    zero = OPS["zero"]
    node = zero.named_node(f"{camel(name.rstrip('_'))}Backward{number}")()
    node.parents, node.saved, node.device = (target._edge,), (), target.device
    node.shape, node.dtype = target._array.shape, target._array.dtype
    node.push = zero.push if node.dtype.kind != "c" else None
    node.extra, node.path = None, current_module.get()
    if event is not None and event.result is None:
        node.seq = tick()
        made = target._made(target._array, target.device, node)
        given = (target._alias(), *event.inputs[1:])
        events.emit(events.Forward(event.op, given, made, event.settings))
        event = event._replace(result=made)
    set_history(target, node, target._edge, event)


def overwrote(
    target: Any,
    name: str,
    inputs: tuple[Any, ...] = (),
    settings: dict[str, Any] | None = None,
    number: int = 0,
    op: Any = None,
) -> Any:
    """What follows a write of values that depend on nothing, by library code that wrote them itself.

    `op`, where there is one, makes the same of `inputs` and `settings` out of place.
    """
    wrote(target)
    event = events.Inplace(op or events.Written(name), target, inputs, settings or {}) if events.watching else None
    forget(target, name, number, event)
    return target


def make_inplace(name: str, call: Any, op: Any = None, *, repeats: bool = False) -> Any:
    """The in-place twin of a function whose first argument is the tensor to write into."""

    def inplace(self: Any, *args: Any, **settings: Any) -> Any:
        check_write(self, name, repeats=repeats)
        check_overlap(self, args)
        old = self._alias()
        if op is None and grad_mode.get():  # of several operations, any may keep a view of it
            apart(old)
        elif events.watching:
            own_copy(old)
        note_old(self, old)
        result = call(old, *args, **settings)
        keep_original(result, old)
        return adopt(self, result, name, (old, *args), op, settings)

    inplace.__name__ = inplace.__qualname__ = name
    inplace.__doc__ = f"`{name.rstrip('_')}`, written into this tensor's own memory."
    return inplace


def note_old(target: Any, old: Any) -> Any:
    """Tell observers that `old` stands for a tensor that is about to be written."""
    if events.watching:
        events.emit(events.Aside(target, old))
    return old


def keep_original(result: Any, old: Any) -> None:
    """If the node kept the tensor that is about to be overwritten, let it keep a copy."""
    edge = result._edge
    if edge is None or not isinstance(edge.node.saved, tuple):
        return
    if any(value is old for value in edge.node.saved if not isinstance(value, Scalar)):
        apart(old)

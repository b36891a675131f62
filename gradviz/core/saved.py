"""Saved-tensor hooks: what the graph keeps for backward goes through the user's functions on its way in and out.

    with saved_tensors_hooks(pack, unpack):
        y = x * x            the node keeps pack(x); backward computes with unpack(pack(x))

Nothing of this is known to the calls of operations: while hooks are on, the library's own listener hears of every
operation and replaces what its node has just kept.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from . import events
from .mode import grad_mode
from .node import AccumulateGrad, Freed, Node, Output, edge_of
from .tensor import Tensor

_hooks: ContextVar[tuple[tuple[Any, Any], ...]] = ContextVar("saved_tensors_hooks", default=())
_refusal: ContextVar[str | None] = ContextVar("saved_tensors_refusal", default=None)


class Packed:
    """Stands where a kept tensor was: what `pack` made of it, and the tensor's place in the graph.

    A node must not hold its own output, or it would hold itself: if `pack` gave that back, its memory is kept instead,
    and `own` is the number of the output.
    """

    __slots__ = ("content", "edge", "own", "raw", "unpack")
    # No write can make it stale: the memory is the user's affair.
    _base = None
    _cell = None

    def __init__(self, content: Any, unpack: Any, edge: Any, raw: bool, own: int | None) -> None:
        self.content, self.unpack, self.edge, self.raw, self.own = content, unpack, edge, raw, own

    def open(self, node: Node) -> Any:
        """What `unpack` gives back, where the tensor stood in the graph: an array where an array was kept."""
        content = self.content
        if self.own is not None:
            array = content._array
            edge = node if node.shape is not None else Output(node, self.own, array.shape, array.dtype)
            content = Tensor._made(array, content.device, edge)
        found = self.unpack(content)
        if not isinstance(found, Tensor):
            raise TypeError(
                "Output of saved tensor unpack_hook expected to be a Tensor but got result of type "
                f"{type(found).__name__}"
            )
        if self.raw:
            return found._array
        if self.edge is None and not found._needs:
            return found
        made = Tensor._made(found._array, found.device, self.edge)
        if self.edge.__class__ is AccumulateGrad:
            made._edge, made._accumulator = None, weakref.ref(self.edge)
        return made


class Defaults:
    """The hooks of the innermost `with` block."""

    @staticmethod
    def get() -> tuple[Any, Any] | None:
        found = _hooks.get()
        return found[-1] if found else None


class saved_tensors_hooks:
    """Inside, tensors kept for backward are replaced by `pack_hook(tensor)`; backward sees `unpack_hook(packed)`.

    https://docs.pytorch.org/docs/2.13/autograd.html#torch.autograd.graph.saved_tensors_hooks
    """

    def __init__(self, pack_hook: Callable[[Any], Any], unpack_hook: Callable[[Any], Any]) -> None:
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook

    def __enter__(self) -> None:
        refused = _refusal.get()
        if refused is not None:
            raise RuntimeError(refused)
        _hooks.set((*_hooks.get(), (self.pack_hook, self.unpack_hook)))
        events.listen(keep_packed)

    def __exit__(self, *exc: object) -> None:
        _hooks.set(_hooks.get()[:-1])
        events.unlisten(keep_packed)


def own_copy(old: Any) -> None:
    """Before a write, while hooks are on: what stands for the tensor's old value gets memory of its own."""
    if _hooks.get():
        apart(old)


def apart(old: Any) -> None:
    """Memory of its own for what stands for a tensor as it was before a write."""
    old.device.enter()
    old._array = old._array.copy()
    old.__dict__.pop("_base", None)
    old.__dict__.pop("_cell", None)


class disable_saved_tensors_hooks:
    """Inside, saved-tensor hooks may not be used: trying to raises RuntimeError with this text."""

    def __init__(self, error_message: str) -> None:
        self.error_message = error_message

    def __enter__(self) -> None:
        if _hooks.get():
            raise RuntimeError(self.error_message)
        self._token = _refusal.set(self.error_message)

    def __exit__(self, *exc: object) -> None:
        _refusal.reset(self._token)

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        import functools

        @functools.wraps(function)
        def inner(*args: Any, **kwargs: Any) -> Any:
            with disable_saved_tensors_hooks(self.error_message):
                return function(*args, **kwargs)

        return inner


def keep_packed(event: Any) -> None:
    """Listener: pack what the node of the operation just performed has kept."""
    if event.__class__ is not events.Forward or not _hooks.get():
        return
    output = event.output[0] if isinstance(event.output, (tuple, list)) and event.output else event.output
    edge = output._edge if isinstance(output, Tensor) else None
    if edge is None or edge.node.op is None or edge.node.saved.__class__ is Freed:
        return
    node: Node = edge.node
    if not node.op.kept_tensors or (node.extra is not None and node.extra.packed):
        return
    node.saved = tuple(
        _packed(kind, value, event.output, node.device)
        for (kind, _), value in zip(node.op.kept, node.saved, strict=True)
    )
    node.more().packed = True


def _packed(kind: str, value: Any, output: Any, device: Any) -> Any:
    """One kept value, packed if it is a tensor, or several."""
    if value is None or kind not in ("input", "out", "aux"):
        return value
    if isinstance(value, Tensor):
        return pack(value)
    if kind == "out":
        if isinstance(value, tuple):
            return tuple(pack(o, raw=True, own=i) for i, o in enumerate(output))
        return pack(output, raw=True, own=0)
    if isinstance(value, (tuple, list)):
        return tuple(_packed(kind, v, output, device) for v in value)
    return pack(Tensor._of(value, device), raw=True) if isinstance(value, device.array_type) else value


def pack(tensor: Tensor, *, raw: bool = False, own: int | None = None) -> Packed:
    """A tensor through the innermost pack hook; `own`: it is this output of the node itself."""
    found = Defaults.get()
    assert found is not None
    return pack_with(found, tensor, raw=raw, own=own)


def pack_with(hooks: tuple[Any, Any], tensor: Tensor, *, raw: bool, own: int | None) -> Packed:
    """A tensor through these hooks."""
    before = 0 if tensor._inference else tensor._version
    token = grad_mode.set(False)
    try:
        content = hooks[0](tensor)
    finally:
        grad_mode.reset(token)
    if not tensor._inference and tensor._version != before:
        raise RuntimeError(
            "A saved tensor pack hook is modifying its input in place. Tensors provided as input to pack hook cannot "
            "be modified by in-place operations as this can lead to unexpected side-effects. Please open an issue if "
            "you need to perform in-place operations on the input to a pack hook."
        )
    edge = None if own is not None else edge_of(tensor)
    if own is not None and content is tensor:
        return Packed(tensor.detach(), hooks[1], edge, raw, own)
    return Packed(content, hooks[1], edge, raw, None)


def unpacked(node: Node) -> tuple[Any, ...]:
    """What a node kept, everything packed opened."""
    return tuple(_unpacked(value, node) for value in node.saved)


def _unpacked(value: Any, node: Node) -> Any:
    if isinstance(value, Packed):
        return value.open(node)
    if isinstance(value, tuple) and any(isinstance(v, Packed) for v in value):
        return tuple(_unpacked(v, node) for v in value)
    return value


def save_on_cpu(pin_memory: bool = False, device_type: str = "cuda") -> saved_tensors_hooks:
    """Hooks that keep what backward needs in the CPU's memory and bring it back when it is used.

    `pin_memory`: in memory that a GPU reads by itself, for what comes from one.
    """

    def keep(tensor: Any) -> tuple[Any, Any]:
        kept = tensor.cpu()
        return tensor.device, kept.pin_memory() if pin_memory and tensor.device.type == device_type else kept

    def bring_back(packed: tuple[Any, Any]) -> Any:
        device, tensor = packed
        return tensor.to(device, non_blocking=pin_memory)

    return saved_tensors_hooks(keep, bring_back)

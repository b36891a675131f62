"""Views and the history of the memory they share.

A view knows its base, the tensor that owns the memory, and a base knows its living views. A write through any of them
is a write into the base, so the base gets a new place in the graph, and every view is seen anew from there:

    b = a * 1; v = b[0]; v.mul_(w)        before:  b -> Mul        v -> Select(Mul)
                                          after:   b -> CopySlices(Mul, w)     v -> AsStrided(CopySlices(Mul, w))

CopySlices sends the part of the gradient that was written through the operation that wrote it (`inner`, here the
multiplication), and the rest past it.
"""

from __future__ import annotations

import weakref
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from . import errors, events
from .clock import cell_of, tick
from .errors import noted
from .messages import fit
from .mode import current_module
from .node import Folding, Node
from .op import OPS, RECORDED
from .rules import products

PRUNE = 32


def note_view(base: Any, view: Any) -> None:
    """Let the owner of the memory know of a view, as long as the view lives."""
    views = base._views
    if views is None:
        base._views = [weakref.ref(view)]
        return
    views.append(weakref.ref(view))
    if len(views) >= PRUNE and len(views) & (len(views) - 1) == 0:
        base._views = [reference for reference in views if reference() is not None]


class Place:
    """Where in a base's memory the elements of a view lie. Counted in elements, first dimension first."""

    def __init__(self, base: Any, view: Any) -> None:
        array, part, self.device = base._array, view._array, base.device
        size = array.dtype.itemsize
        self.shape, self.base_shape = part.shape, array.shape
        self.steps, self.base_steps = (tuple(s // size for s in a.strides) for a in (part, array))
        self.offset = (self.device.address(part) - self.device.address(array)) // size
        self.contiguous = bool(array.flags.c_contiguous)

    def __repr__(self) -> str:
        return f"Place(size={self.shape}, stride={self.steps}, storage_offset={self.offset})"

    @cached_property
    def at(self) -> Any:
        """For each element of the view its number among the base's, counted along the rows."""
        found = self.offset + _positions(self.shape, self.steps)
        if not self.contiguous:
            owned = _positions(self.base_shape, self.base_steps)
            first = int(owned.min(initial=0))
            number = np.zeros(int(owned.max(initial=0)) - first + 1, np.int64)
            number[owned.reshape(-1) - first] = np.arange(owned.size)
            found = number[found - first]
        return self.device.wrap(found)


def _positions(shape: tuple[int, ...], steps: tuple[int, ...]) -> Any:
    """Where each element lies, counted from the first."""
    found = np.zeros(shape, np.int64)
    for dim, (n, step) in enumerate(zip(shape, steps, strict=True)):
        found += (np.arange(n) * step).reshape((n,) + (1,) * (len(shape) - dim - 1))
    return found


class CopySlices(Node):
    """The node of a base that was written through a view: `inner` is what wrote, None where it was another graph."""

    __slots__ = ("place", "written")
    function: ClassVar[Any] = None  # the op that does the same out of place, for those who replay a graph

    def __init__(self, base: Any, place: Place, edge: Any, inner: Any) -> None:
        self.place = place
        self.saved = inner  # what it keeps is the node that wrote, with all that that node kept
        if inner is None:
            self.parents, self.written = (base._edge, edge), ((edge.node, edge.nr),)
        else:
            self.parents, self.written = (base._edge, *inner.parents[1:]), inner.next_functions[1:]
        self.device, self.shape, self.dtype = base.device, base._array.shape, base._array.dtype
        self.extra, self.path, self.seq = None, current_module.get(), tick()

    @property
    def keeps_tensors(self) -> bool:
        return isinstance(self.saved, Node) and bool(self.saved.keeps_tensors)

    @property
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        if Folding.ever:
            from .fold import open_below

            open_below(self)
        first = self.parents[0]
        return ((None, 0) if first is None else (first.node, first.nr), *self.written)

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        return tuple(self.saved.saved_tensors) if isinstance(self.saved, Node) else ()

    def input_name(self, position: int) -> str:
        return "x" if position == 0 else str(self.saved.input_name(position)) if self.keeps_tensors else "value"

    def apply(self, g: Any, create_graph: bool) -> list[Any]:
        """The gradients of the base as it was before, and of the other inputs of what was written."""
        F = RECORDED if create_graph else self.device.F
        part = F.as_strided_view(g, place=self.place)
        own: Any = None
        others: Any = [part]
        if self.saved is not None:
            self.saved.check_stale()
            own, *others = products(self.saved, part, create_graph)
        if self.parents[0] is None:
            return [None, *others]
        if own is None:
            return [F.zero_slices(g, place=self.place), *others]
        own = fit(F, own, self.place.shape, self.dtype)
        return [F.copy_slices(g, own, place=self.place), *others]


def set_history(target: Any, edge: Any, old_edge: Any, event: Any = None) -> None:
    """Give a tensor that was just written in place its new place in the graph, and all that shares its memory.

    `edge` leads to what was written, `old_edge` is where the tensor stood before; `event` says so to observers.
    """
    base = target._base
    node = edge.node
    if not _keeps_memory_of(node, target):
        node.seq = tick()  # newer than the write; otherwise older, so that what it kept is known to be overwritten
    node.keep_cell(cell_of(target))
    if base is None:
        move(target, edge)
        if event is not None:
            events.emit(event)
        refresh(target)
        return
    if event is not None:
        events.emit(event)
    before = base._alias() if events.watching else None
    inner = node if edge is node and node.parents and node.parents[0] is old_edge else None
    made = CopySlices(base, Place(base, target), edge, inner)
    made.keep_cell(cell_of(base))
    move(base, made)
    if before is not None:
        written = target if event is None or event.result is None else event.result
        events.emit(events.Rebased(OPS["copy_slices"], before, written, base, {"place": made.place}))
    refresh(base)


def _keeps_memory_of(node: Any, target: Any) -> bool:
    """Whether a node kept a tensor in the memory that was written, as `x.mul_(x)` does: PyTorch calls that stale."""
    if node.op is None:
        return False
    owner = target if target._base is None else target._base
    return any(
        kind == "input" and (value is owner or getattr(value, "_base", None) is owner)
        for (kind, _), value in zip(node.op.kept, node.saved, strict=True)
    )


def refresh(base: Any) -> None:
    """See every living view of a base anew: its gradient goes to where the base stands now."""
    for reference in base._views or ():
        view = reference()
        if view is None or view._array.dtype != base._array.dtype:  # of another type: only unrecorded writes come here
            continue
        settings = {"place": Place(base, view)}
        seen = OPS["as_strided_view"]
        node = seen.node_type(settings)()
        node.parents, node.saved = (base._edge,), seen.saver(1)(base, view._array, settings, None)
        node.device, node.shape, node.dtype = base.device, view._array.shape, view._array.dtype
        node.push = seen.push if node.dtype.kind != "c" else None
        node.extra, node.path, node.seq = None, current_module.get(), tick()
        move(view, node)
        if events.watching:
            events.emit(events.Rebased(seen, base, None, view, settings))


def look_again(target: Any) -> None:
    """After a write that was not recorded: views of a computed tensor are seen anew, as PyTorch shows them."""
    base = target._base if target._base is not None else target
    if base._edge is not None and base._views:
        refresh(base)


def move(tensor: Any, edge: Any) -> None:
    """Another place in the graph; a wish for `.grad` goes with the tensor."""
    if tensor._retains and tensor._edge is not None:
        old = tensor._edge
        if old.node.extra is not None:
            old.node.extra.retained.pop(old.nr, None)
        edge.node.more().retained[edge.nr] = weakref.ref(tensor)
    tensor._edge, tensor._needs = edge, True


def check_types(tensor: Any) -> None:
    """Refuse a recorded write into memory that is seen as two types, such as a complex tensor and its real part."""
    base = tensor if tensor._base is None else tensor._base
    for view in (tensor, *(reference() for reference in base._views or ())):
        if view is not None and view._array.dtype != base._array.dtype:
            raise noted(
                NotImplementedError(
                    "writing in place into memory that has a view of another dtype is not supported where gradients "
                    f"are recorded\nThe view is {view.dtype!r}, its memory {base.dtype!r}. "
                    "Write into a copy: x = x.clone()."
                )
            )


def check_view(tensor: Any) -> None:
    """Raise PyTorch's error if recording a write through this view would be ambiguous."""
    base = tensor._base
    if tensor._multi:
        raise noted(RuntimeError(errors.multi_view(tensor)))
    if base._needs and not tensor._needs:
        raise noted(RuntimeError(errors.NO_GRAD_VIEW))
    if base._needs and base._edge is None:
        raise noted(RuntimeError(errors.leaf_view_inplace(tensor)))

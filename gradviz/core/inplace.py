"""Writing into a tensor's memory: what is forbidden is refused before anything is written.

The in-place twin of an operation computes its result aside, checks it, writes it into the old memory and takes over its
place in the graph:

    y.mul_(w)      before:  y -> made by N            after:  y -> made by Mul(N, w), same memory, next version
"""

from __future__ import annotations

from typing import Any

from gradviz.core.errors import noted

from . import errors, events
from .clock import cell_of, tick, wrote
from .dtype import from_numpy
from .mode import grad_mode
from .node import Scalar


def check_write(tensor: Any, name: str = "an in-place operation") -> None:
    """Raise PyTorch's error if writing into this tensor would break a graph, or would write one place twice."""
    array = tensor._array
    pairs = zip(array.strides, array.shape, strict=True)
    if 0 in array.strides and array.size and any(step == 0 and n > 1 for step, n in pairs):
        raise noted(RuntimeError(errors.OVERLAP))
    if not grad_mode.get():
        return
    base = tensor._base
    if tensor._needs and tensor._edge is None:
        raise noted(RuntimeError(errors.leaf_inplace(tensor)))
    if base is not None and base._needs:
        if base._edge is None:
            raise noted(RuntimeError(errors.leaf_view_inplace(tensor)))
        raise noted(NotImplementedError(errors.view_inplace(tensor, name)))


def adopt(target: Any, result: Any, name: str, inputs: tuple[Any, ...], op: Any, settings: dict[str, Any]) -> Any:
    """Write `result` into `target`'s memory and give `target` the result's place in the graph."""
    out = result._array
    if out.shape != target._array.shape:
        raise RuntimeError(
            f"output with shape {list(target._array.shape)} doesn't match the broadcast shape {list(out.shape)}\n"
            f"{name} writes into its tensor, which cannot grow. Use the version without the underscore."
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
    if result._edge is not None and target._base is not None and not target._base._needs:
        raise noted(NotImplementedError(errors.view_inplace(target, name)))
    target._array[...] = out
    wrote(target)
    edge = result._edge
    if edge is not None:
        edge.node.seq = tick()
        edge.node.keep_cell(cell_of(target))
        target._edge, target._needs = edge, True
    elif grad_mode.get():
        target._edge, target._needs = None, False
    if events.watching:
        events.emit(events.Inplace(op, target, inputs, settings, result))
    return target


def make_inplace(name: str, call: Any, op: Any = None) -> Any:
    """The in-place twin of a function whose first argument is the tensor to write into."""

    def inplace(self: Any, *args: Any, **settings: Any) -> Any:
        check_write(self, name)
        old = self._alias()
        result = call(old, *args, **settings)
        keep_original(result, old)
        return adopt(self, result, name, (old, *args), op, settings)

    inplace.__name__ = inplace.__qualname__ = name
    return inplace


def keep_original(result: Any, old: Any) -> None:
    """If the node kept the tensor that is about to be overwritten, let it keep a copy."""
    edge = result._edge
    if edge is None or not isinstance(edge.node.saved, tuple):
        return
    if any(value is old for value in edge.node.saved if not isinstance(value, Scalar)):
        old._array = old._array.copy()
        old.__dict__.pop("_base", None)
        old.__dict__.pop("_cell", None)

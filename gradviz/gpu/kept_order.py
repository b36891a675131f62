"""Results that lie in memory as their inputs do, on a cuda device: transposed, or with channels last, as in PyTorch.

CuPy's functions of elements and its `concatenate` return rows, whatever they are given. Seen with its dimensions in the
order in which they lie, an array is one of rows: that is what the functions are given, and their result is seen back.
Rules of gradients that are written with operators alone do not come by here: their gradients lie in rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core.device import Device
from ..core.op import OPS, override
from .layouts import channels_last

BESIDES = ("relu_input", "where")  # functions of elements that are not declared as such


def register(device: Device) -> None:
    """Let a device's functions of elements keep the order of dimensions in memory."""
    for name in (*(name for name, op in OPS.items() if op.elementwise), *BESIDES):
        override(device, name, _keeping(device, device.forwards[name + "!"]))
    override(device, "cat", _joined(device.xp, device.forwards["cat!"]))


def _keeping(device: Device, plain: Callable[..., Any]) -> Callable[..., Any]:
    kind: Any = device.array_type

    def keep(*arrays: Any, **settings: Any) -> Any:
        for a in arrays:
            if type(a) is kind and not a.flags.c_contiguous:
                order = _order([a for a in arrays if type(a) is kind])
                if order is not None:
                    turned = (_turned(a, order) if type(a) is kind else a for a in arrays)
                    return plain(*turned, **settings).transpose(sorted(range(len(order)), key=order.__getitem__))
                break
        return plain(*arrays, **settings)

    return keep


def _order(arrays: list[Any]) -> tuple[int, ...] | None:
    """The order in which the dimensions of the largest arrays lie, if it is one, and not that of rows."""
    dims, size = max(a.ndim for a in arrays), max(a.size for a in arrays)
    orders = {_lying(a) for a in arrays if (a.ndim, a.size) == (dims, size)} - {None}
    order = orders.pop() if len(orders) == 1 else None
    return None if order == tuple(range(dims)) else order


def _lying(a: Any) -> tuple[int, ...] | None:
    """An array's dimensions in the order in which they lie; None for one that repeats numbers, in no order."""
    return None if 0 in a.strides else tuple(sorted(range(a.ndim), key=a.strides.__getitem__, reverse=True))


def _turned(a: Any, order: tuple[int, ...]) -> Any:
    return a.reshape((1,) * (len(order) - a.ndim) + a.shape).transpose(order) if a.ndim else a


def _joined(xp: Any, plain: Callable[..., Any]) -> Callable[..., Any]:
    def cat(*arrays: Any, dim: int) -> Any:
        if not all(channels_last(a) for a in arrays):
            return plain(*arrays, dim=dim)
        last = arrays[0].ndim - 1
        made = plain(*(xp.moveaxis(a, 1, -1) for a in arrays), dim=(0, last, *range(1, last))[dim])
        return xp.moveaxis(made, -1, 1)

    return cat

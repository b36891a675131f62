"""Writing at indices and under masks on a cuda device, without waiting for it.

CuPy asks the device how many truths a mask has before it writes under it, and copies a number to be written at indices
over from the host. One value under a mask needs no count: it is chosen place by place. And a number is made where it is
used. So attention masks, dropped entries and `x[x < 0] = 0` can be part of a CUDA graph, as in PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core.device import Device
from ..core.op import override

# The operations that write a value at indices.
WRITING = ("index_put_values", "index_put", "index_fill")


def register(device: Device) -> None:
    """Let a device's writes take numbers and masks as they are."""
    for name in WRITING:
        override(device, name, _writing(device, device.forwards[name + "!"]))
    override(device, "scatter", _scatter(device, device.forwards["scatter!"]))
    override(device, "index_zero", _index_zero(device))
    override(device, "masked_fill", lambda x, mask, value: _chosen(device.xp, x, mask, value))


def _writing(device: Device, plain: Callable[..., Any]) -> Callable[..., Any]:
    def write(x: Any, value: Any, *, index: Any) -> Any:
        mask = index[0] if isinstance(index, tuple) and len(index) == 1 else index
        alone = not hasattr(value, "ndim") or not value.ndim
        if alone and getattr(getattr(mask, "dtype", None), "kind", "") == "b" and x.ndim:
            return _chosen(device.xp, x, mask.reshape(*mask.shape, *(1,) * (x.ndim - mask.ndim)), value)
        if not hasattr(value, "ndim"):
            value = device.xp.full((), value, dtype=x.dtype)
        return plain(x, value, index=index)

    return write


def _scatter(device: Device, plain: Callable[..., Any]) -> Callable[..., Any]:
    def scatter(x: Any, src: Any, *, index: Any, dim: int) -> Any:
        if not hasattr(src, "ndim"):
            src = device.xp.full(index.shape, src, dtype=x.dtype)
        return plain(x, src, index=index, dim=dim)

    return scatter


def _index_zero(device: Device) -> Callable[..., Any]:
    def index_zero(x: Any, *, index: Any) -> Any:
        return device.forwards["index_put_values"](x, 0, index=index)

    return index_zero


def _chosen(xp: Any, x: Any, mask: Any, value: Any) -> Any:
    """x with one value where the mask holds: a number, or an array of one element."""
    if not hasattr(value, "ndim"):
        value = xp.full((), value, dtype=x.dtype)
    return xp.where(mask, value.astype(x.dtype, copy=False), x)

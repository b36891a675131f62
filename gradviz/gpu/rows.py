"""Rows added up where their numbers say, on a cuda device: the gradient of an embedding (kernels/rows.cu).

CuPy's own way adds with atomics, in an order that changes from run to run.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.device import Device
from ..core.op import override
from .compiled import blocks_for, ints, launch, named, types_of, whole


def register(device: Device) -> None:
    """Let a device's embeddings learn by the kernel where it is for their numbers."""
    override(device, "index_add_zeros", _add_rows(device, device.forwards["index_add_zeros!"]))


def _add_rows(device: Device, plain: Any) -> Any:
    def add_rows(x: Any, *, shape: tuple[int, ...], index: Any) -> Any:
        xp = device.xp
        only: Any = index[0] if isinstance(index, tuple) and len(index) == 1 else None
        fits = getattr(getattr(only, "dtype", None), "kind", "") == "i" and named(x.dtype) in types_of("rows")
        if not fits or not x.size or x.shape != (*only.shape, *shape[1:]):
            return plain(x, shape=shape, index=index)
        numbers = only.reshape(-1).astype(xp.int64, copy=False)
        numbers = xp.where(numbers < 0, numbers + shape[0], numbers)
        order = xp.argsort(numbers, kind="stable")
        out, width = xp.empty(shape, dtype=x.dtype), math.prod(shape[1:])
        args = (whole(xp, x), numbers[order], order, out, np.int64(shape[0]), np.int64(order.size), *ints(width))
        launch(device, "rows", "add_rows", x.dtype, blocks_for(out.size), args)
        return out

    return add_rows

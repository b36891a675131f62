"""Max pooling on a cuda device: one kernel forward, one back (kernels/pool.cu)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.device import Device
from ..core.op import OPS, override
from ..core.ops.layers.pool_max import scattered
from ..core.ops.layers.sliding_windows import Dims, pooled_sizes
from .compiled import blocks_for, ints, launch, types_of, whole


def register(device: Device) -> None:
    """Let a device's max pooling run by the kernels where they are for its numbers."""
    for name in ("max_pool2d", "max_pool3d"):
        override(device, name, _pool(device, device.forwards[name + "!"]))
    for name in [name for name, op in OPS.items() if op.forward is scattered]:
        override(device, name, _scatter(device, device.forwards[name + "!"]))


def _pool(device: Device, plain: Any) -> Any:
    def max_pool(
        x: Any, *, kernel_size: Dims, stride: Dims, padding: Dims, dilation: Dims, ceil_mode: bool
    ) -> Any:  # fmt: skip
        settings = (kernel_size, stride, padding, dilation)
        if x.dtype.name not in types_of("pool"):
            names = ("kernel_size", "stride", "padding", "dilation")
            return plain(x, **dict(zip(names, settings, strict=True)), ceil_mode=ceil_mode)
        xp, dims = device.xp, len(kernel_size)
        sizes = pooled_sizes(x.shape, *settings, ceil_mode)
        x, shape = whole(xp, x), (*x.shape[:-dims], *sizes)
        out, indices = xp.empty(shape, dtype=x.dtype), xp.empty(shape, dtype=xp.int64)
        each = (x.shape[-dims:], kernel_size, sizes, stride, padding, dilation)
        full = (v for line, one in zip(each, (1, 1, 1, 1, 0, 1), strict=True) for v in ((one,) * (3 - dims) + line))
        args = (x, out, indices, np.int64(out.size), *ints(*full))
        launch(device, "pool", "max_pool", x.dtype, blocks_for(out.size), args)
        return out, {"indices": indices}

    return max_pool


def _scatter(device: Device, plain: Any) -> Any:
    def scatter(y: Any, indices: Any, *, shape: Dims, dims: int, overlap: bool) -> Any:
        if y.dtype.name not in types_of("pool") or not y.size:
            return plain(y, indices, shape=shape, dims=dims, overlap=overlap)
        xp, each, volume = device.xp, math.prod(y.shape[-dims:]), math.prod(shape[-dims:])
        out = (xp.empty if overlap else xp.zeros)(shape, dtype=y.dtype)
        arrays = (whole(xp, y), whole(xp, indices), out)
        if overlap:
            launch(device, "pool", "put_together", y.dtype, y.size // each, (*arrays, *ints(each, volume)))
        else:
            args = (*arrays, np.int64(y.size), *ints(each, volume))
            launch(device, "pool", "put", y.dtype, blocks_for(y.size), args)
        return out

    return scatter

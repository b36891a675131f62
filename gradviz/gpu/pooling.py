"""Max and average pooling on a cuda device: one kernel forward, one back (kernels/pool.cu).

    kernels   ours, for all real numbers, in order or channels last
    naive     the op table's own forward and rules, over CuPy's functions

There is no cuDNN engine, as there is none in PyTorch, whose aten/src/ATen/native/cuda/DilatedMaxPool2d.cu and
AveragePool2d.cu are kernels like these. cudnnPoolingForward does not tell where the largest number was, which
`return_indices`, max_unpool and the gradient of a gradient need; it leaves open which of equal numbers gets the
gradient; and it knows no dilation, no windows that reach out (`ceil_mode`) and no divisor of one's own.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.device import Device
from ..core.op import OPS, override
from ..core.ops.layers.pool_avg import _check_volume
from ..core.ops.layers.pool_max import scattered
from ..core.ops.layers.sliding_windows import Dims, check_windows, pooled_sizes
from .compiled import blocks_for, ints, launch, named, types_of, whole
from .engines import Engines
from .layouts import blank, channels_last, laid_out

FILE = "pool"


class _Kernels:
    """The engine of our kernels; a problem is the type of the numbers."""

    @staticmethod
    def why_not(dtype: str) -> str:
        return "" if dtype in types_of(FILE) else f"its kernels are not for {dtype}"


ENGINES = Engines("pooling", {"kernels": _Kernels, "naive": None})
use, why = ENGINES.use, ENGINES.why


def register(device: Device) -> None:
    """Let a device's pooling run by the kernels where they are for its numbers."""
    made = {"max_pool{}d": _max_pool, "avg_pool{}d": _avg_pool, "avg_pool{}d_input": _avg_pool_input}
    for dims in (2, 3):
        for name, make in ((name.format(dims), make) for name, make in made.items()):
            override(device, name, make(device, device.forwards[name + "!"]))
        OPS[f"max_pool{dims}d"].together(_max_pool_gradient(device), device)
    for name in [name for name, op in OPS.items() if op.forward is scattered]:
        override(device, name, _scatter(device, device.forwards[name + "!"]))


def _is_ours(x: Any) -> bool:
    return ENGINES.chosen(named(x.dtype)) is not None


def _sizes(last: bool, shape: Dims, sizes: Dims, kernel: Dims, stride: Dims, padding: Dims, dilation: Dims) -> Any:
    """What the kernels call SIZES. A picture is a volume of depth 1."""
    dims = len(kernel)
    lines = (shape[-dims:], kernel, sizes, stride, padding, dilation)
    full = (v for line, one in zip(lines, (1, 1, 1, 1, 0, 1), strict=True) for v in ((one,) * (3 - dims) + tuple(line)))
    return ints(shape[1] if last else 1, *full)


def _like(xp: Any, x: Any, sizes: Dims, dtype: Any, last: bool) -> Any:
    """Memory for as many volumes or pictures as x has, of other sizes."""
    return blank(xp, (*x.shape[: -len(sizes)], *sizes), dtype, last)


# -- max ---------------------------------------------------------------------------------------------------------------
def _max_pool(device: Device, plain: Any) -> Any:
    def max_pool(
        x: Any, *, kernel_size: Dims, stride: Dims, padding: Dims, dilation: Dims, ceil_mode: bool
    ) -> Any:  # fmt: skip
        windows = (kernel_size, stride, padding, dilation)
        if not _is_ours(x):
            names = ("kernel_size", "stride", "padding", "dilation")
            return plain(x, **dict(zip(names, windows, strict=True)), ceil_mode=ceil_mode)
        xp, last = device.xp, channels_last(x)
        sizes = pooled_sizes(x.shape, *windows, ceil_mode)
        out, indices = (_like(xp, x, sizes, dtype, last) for dtype in (x.dtype, xp.int64))
        args = (laid_out(xp, x, last), out, indices, np.int64(out.size))
        shape = _sizes(last, x.shape, sizes, *windows)
        launch(device, FILE, "max_pool", x.dtype, blocks_for(out.size), (*args, *shape))
        return out, {"indices": indices}

    return max_pool


def _max_pool_gradient(device: Device) -> Any:
    def gradient(
        g: Any, wants: tuple[bool, ...], indices: Any, x_shape: Dims, kernel_size: Dims, stride: Dims, dilation: Dims
    ) -> Any:  # fmt: skip
        if not _is_ours(g):
            return NotImplemented
        xp, last, dims = device.xp, channels_last(indices), len(kernel_size)
        dx = blank(xp, x_shape, g.dtype, last)
        args = (laid_out(xp, g, last), laid_out(xp, indices, last), dx, np.int64(dx.size))
        shape = _sizes(last, x_shape, g.shape[-dims:], kernel_size, stride, (0,) * dims, dilation)
        launch(device, FILE, "max_pool_input", g.dtype, blocks_for(dx.size), (*args, *shape))
        return (dx,)

    return gradient


def _scatter(device: Device, plain: Any) -> Any:
    """What adaptive and fractional pooling send back, and gradients of gradients: by indices alone."""

    def scatter(y: Any, indices: Any, *, shape: Dims, dims: int, overlap: bool) -> Any:
        if not _is_ours(y) or not y.size:
            return plain(y, indices, shape=shape, dims=dims, overlap=overlap)
        xp, each, volume = device.xp, math.prod(y.shape[-dims:]), math.prod(shape[-dims:])
        out = (xp.empty if overlap else xp.zeros)(shape, dtype=y.dtype)
        arrays = (whole(xp, y), whole(xp, indices), out)
        if overlap:
            launch(device, FILE, "put_together", y.dtype, y.size // each, (*arrays, *ints(each, volume)))
        else:
            args = (*arrays, np.int64(y.size), *ints(each, volume))
            launch(device, FILE, "put", y.dtype, blocks_for(y.size), args)
        return out

    return scatter


# -- average -----------------------------------------------------------------------------------------------------------
def _avg_pool(device: Device, plain: Any) -> Any:
    def avg_pool(
        x: Any, *, kernel_size: Dims, stride: Dims, padding: Dims, ceil_mode: bool, count_include_pad: bool,
        divisor_override: int | None,
    ) -> Any:  # fmt: skip
        ones, dims = (1,) * len(kernel_size), len(kernel_size)
        if not _is_ours(x) or divisor_override == 0:
            return plain(
                x, kernel_size=kernel_size, stride=stride, padding=padding, ceil_mode=ceil_mode,
                count_include_pad=count_include_pad, divisor_override=divisor_override,
            )  # fmt: skip
        if dims == 3:
            check_windows(kernel_size, stride, padding, ones)
            _check_volume(x.shape, kernel_size)
        xp, last = device.xp, dims == 2 and channels_last(x)  # volumes come out in order, as PyTorch's do
        sizes = pooled_sizes(x.shape, kernel_size, stride, padding, ones, ceil_mode)
        out = _like(xp, x, sizes, x.dtype, last)
        args = (laid_out(xp, x, last), out, np.int64(out.size))
        shape = _sizes(last, x.shape, sizes, kernel_size, stride, padding, ones)
        by = np.bool_(count_include_pad), np.int32(divisor_override or 0)
        launch(device, FILE, "avg_pool", x.dtype, blocks_for(out.size), (*args, *shape, *by))
        return out

    return avg_pool


def _avg_pool_input(device: Device, plain: Any) -> Any:
    def avg_pool_input(
        y: Any, *, shape: Dims, kernel_size: Dims, stride: Dims, padding: Dims, ceil_mode: bool,
        count_include_pad: bool, divisor_override: int | None,
    ) -> Any:  # fmt: skip
        if not _is_ours(y):
            return plain(
                y, shape=shape, kernel_size=kernel_size, stride=stride, padding=padding, ceil_mode=ceil_mode,
                count_include_pad=count_include_pad, divisor_override=divisor_override,
            )  # fmt: skip
        xp, dims = device.xp, len(kernel_size)
        last = dims == 2 and channels_last(y)
        out = blank(xp, shape, y.dtype, last)
        args = (laid_out(xp, y, last), out, np.int64(out.size))
        sizes = _sizes(last, shape, y.shape[-dims:], kernel_size, stride, padding, (1,) * dims)
        by = np.bool_(count_include_pad), np.int32(divisor_override or 0)
        launch(device, FILE, "avg_pool_input", y.dtype, blocks_for(out.size), (*args, *sizes, *by))
        return out

    return avg_pool_input

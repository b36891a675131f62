"""Convolution as a product of matrices: our kernels write out what each position sees, cuBLAS multiplies.

It needs nothing but CuPy. Pictures become columns (C * kernel, N * places), and the weights (O, C * kernel) times them
are the result, channel by channel. Products of 16-bit floats are added up in 32 bits, by cuBLAS and by our kernels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from ..core.device import Device
from ..core.ops.linalg.products import wide_matmul
from .compiled import TYPES, blocks_for, ints, launch, whole
from .problem import Problem
from .products import obeying

NAME = "gemm"
_multiply = obeying(wide_matmul)
# Bytes that the columns may take: a larger batch is done in parts.
LIMIT = 2**28


def why_not(problem: Problem) -> str:
    """Why this engine cannot do it; an empty string if it can."""
    return "" if problem.dtype in TYPES else f"its kernels are not for {problem.dtype}"


def forward(device: Device, p: Problem, x: Any, w: Any, bias: Any) -> Any:
    """x (N, C, sizes), w (O, C / groups, kernel), bias (O) or None -> (N, O, sizes of the output)."""
    xp = device.xp
    x, groups = whole(xp, x), p.groups
    out = xp.empty(p.y_shape, dtype=x.dtype)
    rows = w.reshape(groups, p.w_shape[0] // groups, -1)
    for part in _parts(p, x.itemsize):
        columns = _columns(device, p, x[part])
        made = _product(device, rows, columns).reshape(p.w_shape[0], -1, p.places).transpose(1, 0, 2)
        into = out[part].reshape(-1, p.w_shape[0], p.places)
        if bias is None:
            into[...] = made
        else:
            xp.add(made, bias.reshape(-1, 1), out=into)
    return out


def backward_data(device: Device, p: Problem, y: Any, w: Any) -> Any:
    """The adjoint for the picture: y (N, O, sizes of the output) with w -> (N, C, sizes)."""
    xp = device.xp
    out = xp.empty(p.x_shape, dtype=y.dtype)
    rows = w.reshape(p.groups, p.w_shape[0] // p.groups, -1).swapaxes(1, 2)
    for part in _parts(p, y.itemsize):
        columns = whole(xp, _product(device, rows, _by_channel(p, y[part])).astype(y.dtype, copy=False))
        into = out[part]
        n = into.shape[0]
        launch(device, "conv", "col2im", y.dtype, blocks_for(into.size), (columns, into, *ints(n, *p.sizes)))
    return out


def backward_filter(device: Device, p: Problem, y: Any, x: Any) -> Any:
    """The adjoint for the weights: y (N, O, sizes of the output), x (N, C, sizes) -> (O, C / groups, kernel)."""
    xp = device.xp
    x, total = whole(xp, x), None
    for part in _parts(p, x.itemsize):
        columns = _columns(device, p, x[part])
        made = _product(device, _by_channel(p, y[part]), columns.swapaxes(1, 2))
        if x.dtype.itemsize == 2 and p.x_shape[0] > part.stop - part.start:
            made = made.astype(xp.float32)  # several parts are added up before they are rounded
        total = made if total is None else total + made
    if total is None:
        return xp.zeros(p.w_shape, dtype=y.dtype)
    return total.reshape(p.w_shape).astype(y.dtype, copy=False)


def _parts(p: Problem, itemsize: int) -> Iterator[slice]:
    """The samples whose columns fit into LIMIT, a few at a time."""
    each = p.x_shape[1] * math.prod(p.w_shape[2:]) * p.places * itemsize
    step = max(1, LIMIT // max(each, 1))
    for start in range(0, p.x_shape[0], step):
        yield slice(start, min(start + step, p.x_shape[0]))


def _columns(device: Device, p: Problem, x: Any) -> Any:
    """(n, C, sizes) -> (groups, C / groups * kernel, n * places)."""
    n, c = x.shape[:2]
    reach = math.prod(p.w_shape[2:])
    columns = device.xp.empty((p.groups, c // p.groups * reach, n * p.places), dtype=x.dtype)
    launch(device, "conv", "im2col", x.dtype, blocks_for(c * n * p.places), (x, columns, *ints(n, *p.sizes)))
    return columns


def _by_channel(p: Problem, y: Any) -> Any:
    """(n, O, sizes of the output) -> (groups, O / groups, n * places)."""
    return y.reshape(-1, p.w_shape[0], p.places).transpose(1, 0, 2).reshape(p.groups, p.w_shape[0] // p.groups, -1)


def _product(device: Device, a: Any, b: Any) -> Any:
    """Group by group; a single one as a plain product of two matrices. cuBLAS obeys `torch.backends.cuda.matmul`."""
    return _multiply(device.xp, a, b) if a.shape[0] > 1 else _multiply(device.xp, a[0], b[0])[None]

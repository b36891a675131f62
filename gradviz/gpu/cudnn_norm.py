"""Batch norm by cuDNN: the engine that is used where PyTorch uses it.

That is for float32 and float64, and for float16 with float32 weights; in training and in evaluation, but for the
gradient only in training; with a weight and a bias; for (N, C, L) and more dimensions, in order or channels last.
What else there is our kernels do (normalise.cu). The cases are those of `_select_batch_norm_backend` in PyTorch's
aten/src/ATen/native/Normalization.cpp, and the calls those of its aten/src/ATen/native/cudnn/BatchNorm.cpp.

The running statistics are moved by who asked for the batch norm, as for every engine. cuDNN does not tell the batch's
variance, only 1 / sqrt(variance + eps), out of which a small variance cannot be had again. So it is given running
statistics that forget all they were before (factor 1): they come back as the batch's own, unbiased.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from ctypes import byref, c_double, c_float, c_size_t
from typing import Any, NamedTuple

from ..core.device import Device
from . import switches
from .compiled import whole
from .cudnn_library import (
    BATCH_NORM_ONLY,
    DOUBLE,
    FLOAT,
    HALF,
    SPATIAL,
    SPATIAL_PERSISTENT,
    Descriptor,
    Library,
    array,
    ready,
    unusable_here,
    workspace,
)  # fmt: skip
from .layouts import blank, laid_out, strides
from .problem import Dims, Normed

TYPES = {"float32": FLOAT, "float64": DOUBLE, "float16": HALF}
MIN_EPSILON = 0.0  # CUDNN_BN_MIN_EPSILON
# Samples from which cuDNN's kernels fail, in training and in evaluation; numbers that some of them still count.
MOST_TRAINING, MOST_EVALUATION, MOST_NUMBERS = 880801, 65535, 2**31 - 1

EVEN = 64  # numbers between two beginnings: at least 256 bytes, as memory is given


class Plan(NamedTuple):
    """Descriptors of the numbers and of one number per channel, how cuDNN is to do it, bytes of memory it needs."""

    x: Descriptor
    channels: Descriptor
    mode: int
    workspace: int
    reserve: int
    one: Any
    zero: Any


def why_not(p: Normed) -> str:
    """Why this engine cannot do it; an empty string if it can."""
    if not switches.cudnn.enabled:
        return "torch.backends.cudnn.enabled is False"
    return _cannot(p) or unusable_here()


@functools.lru_cache(maxsize=1024)
def _cannot(p: Normed) -> str:
    """Why cuDNN cannot do it anywhere."""
    kind = "float64" if p.dtype == "float64" else "float32"
    if p.dtype not in TYPES:
        return f"PyTorch does not use cuDNN for the batch norm of {p.dtype}"
    if set(p.given) != {kind}:
        return f"it takes a weight and a bias of {kind}"
    if not 3 <= len(p.shape) <= 5:
        return f"it takes 3 to 5 dimensions, not {len(p.shape)}"
    if 0 in p.shape:
        return "an array has no elements"
    if p.shape[0] > (MOST_TRAINING if p.training else MOST_EVALUATION) or math.prod(p.shape) >= MOST_NUMBERS:
        return "there are too many numbers"
    if p.eps < MIN_EPSILON:
        return f"eps is less than {MIN_EPSILON}"
    if p.training and p.each == 1:
        return "one number has no variance"
    if p.reserved is not None and not p.training:
        return "its gradient is that of a training step"
    if p.reserved is False:
        return "the forward was not done by it"
    return ""


def forward(
    device: Device, p: Normed, x: Any, w: Any, b: Any, running_mean: Any, running_var: Any
) -> tuple[Any, dict[str, Any]]:
    """x (N, C, ...) -> the same shape, and what the batch was: mean, variance and inverse deviation, each (C).

    In evaluation nothing is told: what it was normalised by is known.
    """
    xp, index = device.xp, device.index or 0
    device.enter()
    library, thread = ready(index)
    plan = _plan(library, index, p.shape, p.dtype, p.last, p.training, False)
    x, w, b = laid_out(xp, x, p.last), whole(xp, w), whole(xp, b)
    out = blank(xp, p.shape, x.dtype, p.last)
    scales = byref(plan.one), byref(plan.zero)
    ends = plan.x.pointer, x.data.ptr
    made = plan.x.pointer, out.data.ptr
    learned = plan.channels.pointer, w.data.ptr, b.data.ptr
    if not p.training:
        mean, var = whole(xp, running_mean), whole(xp, running_var)
        library.cudnnBatchNormalizationForwardInference(
            thread, plan.mode, *scales, *ends, *made, *learned, mean.data.ptr, var.data.ptr, p.eps
        )
        return out, {}
    # Zeros, as what is forgotten must be a number.
    mean, unbiased = _pair(xp.zeros, p.shape[1], w.dtype)
    saved, inverse = _pair(xp.empty, p.shape[1], w.dtype)
    space, reserve = workspace(xp, plan.workspace), xp.empty(plan.reserve, dtype=xp.uint8)
    library.cudnnBatchNormalizationForwardTrainingEx(
        thread, plan.mode, BATCH_NORM_ONLY, *scales, *ends, None, None, *made, *learned, 1.0, mean.data.ptr,
        unbiased.data.ptr, p.eps, saved.data.ptr, inverse.data.ptr, None, space and space.ptr, plan.workspace,
        reserve.data.ptr, plan.reserve,
    )  # fmt: skip
    var = unbiased * ((p.each - 1) / p.each)
    return out, {"mean": saved, "var": var, "inverse": inverse, "reserve": reserve}


def backward(
    device: Device, p: Normed, g: Any, x: Any, w: Any, mean: Any, inverse: Any, reserve: Any, wants: tuple[bool, ...]
) -> tuple[Any, Any, Any]:
    """The gradients of x (N, C, ...), the weight (C) and the bias (C): all three, whichever are wanted."""
    xp, index = device.xp, device.index or 0
    device.enter()
    library, thread = ready(index)
    plan = _plan(library, index, p.shape, p.dtype, p.last, True, True)
    x, g = laid_out(xp, x, p.last), laid_out(xp, g.astype(x.dtype, copy=False), p.last)
    w, mean, inverse = (whole(xp, v) for v in (w, mean, inverse))
    dx, (dw, db) = blank(xp, p.shape, x.dtype, p.last), _pair(xp.empty, p.shape[1], w.dtype)
    space = workspace(xp, plan.workspace)
    scales = byref(plan.one), byref(plan.zero)
    numbers = plan.x.pointer
    library.cudnnBatchNormalizationBackwardEx(
        thread, plan.mode, BATCH_NORM_ONLY, *scales, *scales, numbers, x.data.ptr, None, None, numbers, g.data.ptr,
        None, None, numbers, dx.data.ptr, plan.channels.pointer, w.data.ptr, None, dw.data.ptr, db.data.ptr, p.eps,
        mean.data.ptr, inverse.data.ptr, None, space and space.ptr, plan.workspace, reserve.data.ptr, reserve.size,
    )  # fmt: skip
    return dx, dw, db


def _pair(make: Callable[..., Any], channels: int, dtype: Any) -> tuple[Any, Any]:
    """Two arrays of one number per channel, each of which begins as evenly in memory as a new one would."""
    made = make((2, -(-channels // EVEN) * EVEN), dtype=dtype)
    return made[0, :channels], made[1, :channels]


@functools.lru_cache(maxsize=1024)
def _plan(
    library: Library, index: int, shape: Dims, dtype: str, last: bool, training: bool, gradient: bool
) -> Plan:  # fmt: skip
    """Made once for each shape, layout, type and direction."""
    kind = TYPES[dtype]
    x, channels = library.descriptor("Tensor"), library.descriptor("Tensor")
    sizes = (*shape, *(1,) * (4 - len(shape)))  # a line is a picture of width 1: there are at least four dimensions
    ones = (1, shape[1], *(1,) * (len(sizes) - 2))
    for descriptor, of, what, order in ((x, sizes, kind, last), (channels, ones, _learned(kind), False)):
        library.cudnnSetTensorNdDescriptor(descriptor.pointer, what, len(of), array(of), array(strides(of, order)))
    mode = SPATIAL_PERSISTENT if last and training else SPATIAL
    number = c_double if kind == DOUBLE else c_float
    workspace = reserve = 0
    if training:
        workspace, reserve = _memory(library, index, mode, x.pointer, channels.pointer, gradient)
    return Plan(x, channels, mode, workspace, reserve, number(1), number(0))


def _learned(kind: int) -> int:
    """The type of weights, biases and statistics for numbers of a type."""
    return DOUBLE if kind == DOUBLE else FLOAT


def _memory(
    library: Library, index: int, mode: int, x: Any, channels: Any, gradient: bool
) -> tuple[int, int]:  # fmt: skip
    """Bytes that cuDNN needs while it computes, and that it hands from the forward to the gradient."""
    thread, workspace, reserve = ready(index)[1], c_size_t(), c_size_t()
    of = thread, mode, BATCH_NORM_ONLY
    if gradient:
        library.cudnnGetBatchNormalizationBackwardExWorkspaceSize(
            *of, x, x, x, None, x, channels, None, byref(workspace)
        )
    else:
        library.cudnnGetBatchNormalizationForwardTrainingExWorkspaceSize(*of, x, x, x, channels, None, byref(workspace))
        library.cudnnGetBatchNormalizationTrainingExReserveSpaceSize(*of, None, x, byref(reserve))
    return workspace.value, reserve.value

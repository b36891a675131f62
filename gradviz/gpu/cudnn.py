"""Convolution by cuDNN: the engine that is used where the library is installed.

Descriptors belong to a problem and are kept; so is the algorithm that cuDNN advises, or that was fastest when all were
tried (`torch.backends.cudnn.benchmark`). 16-bit floats are added up in 32 bits. TF32, which rounds the factors of a
float32 product to 11 bits, is allowed or forbidden by `torch.backends.cudnn.allow_tf32` and never left to a default.
"""

from __future__ import annotations

import functools
from ctypes import byref, c_double, c_float, c_int, c_void_p
from typing import Any, NamedTuple

from ..core.device import Device
from ..core.precision import Allowed
from . import switches
from .cudnn_library import (
    BFLOAT16,
    CROSS_CORRELATION,
    DEFAULT_MATH,
    DOUBLE,
    FLOAT,
    FMA_MATH,
    HALF,
    NCHW,
    NHWC,
    TENSOR_OP_MATH,
    AlgorithmPerf,
    CudnnError,
    Descriptor,
    Library,
    array,
    handle,
    ready,
    unusable_here,
    workspace,
)  # fmt: skip
from .layouts import blank, laid_out, strides
from .problem import Dims, Problem, out_shape

NAME = "cudnn"
TYPES = {"float32": FLOAT, "float64": DOUBLE, "float16": HALF, "bfloat16": BFLOAT16}
MANY = 10  # algorithms that cuDNN is asked for: it has fewer


class Plan(NamedTuple):
    """What one direction of one problem needs: descriptors of the arrays, of the convolution, and how to compute it.

    `last`: the arrays are to lie with their channels last.
    """

    x: Descriptor
    w: Descriptor
    y: Descriptor
    convolution: Descriptor
    algorithm: int
    workspace: int
    last: bool
    one: Any
    zero: Any


def why_not(p: Problem) -> str:
    """Why this engine cannot do it; an empty string if it can."""
    if not switches.cudnn.enabled:
        return "torch.backends.cudnn.enabled is False"
    return _cannot(p) or unusable_here()


@functools.lru_cache(maxsize=1024)
def _cannot(p: Problem) -> str:
    """Why cuDNN cannot do it anywhere."""
    if p.dtype not in TYPES:
        return f"cuDNN has no {p.dtype}"
    if 0 in (*p.x_shape, *p.y_shape):
        return "an array has no elements"
    if p.y_shape != out_shape(p.x_shape, p.w_shape, p.stride, p.padding, p.dilation):
        return "the result is not of the usual size"
    return ""


def forward(device: Device, p: Problem, x: Any, w: Any, bias: Any) -> Any:
    """x (N, C, sizes), w (O, C / groups, kernel), bias (O) or None -> (N, O, sizes of the output)."""
    y = _run(device, p, "Forward", x, w, p.y_shape)
    if bias is not None:
        y += bias.reshape(-1, *(1,) * (y.ndim - 2))
    return y


def backward_data(device: Device, p: Problem, y: Any, w: Any) -> Any:
    """The adjoint for the picture: y (N, O, sizes of the output) with w -> (N, C, sizes)."""
    return _run(device, p, "BackwardData", w, y, p.x_shape)


def backward_filter(device: Device, p: Problem, y: Any, x: Any) -> Any:
    """The adjoint for the weights: y (N, O, sizes of the output), x (N, C, sizes) -> (O, C / groups, kernel)."""
    return _run(device, p, "BackwardFilter", x, y, p.w_shape)


def _run(device: Device, p: Problem, way: str, a: Any, b: Any, shape: Dims) -> Any:
    xp, index, flags = device.xp, device.index or 0, switches.cudnn
    device.enter()
    library, thread = ready(index)
    plan = _plan(library, index, p, way, bool(flags.benchmark), bool(flags.deterministic), Allowed.conv)
    a, b = laid_out(xp, a, plan.last), laid_out(xp, b, plan.last)
    out, space = blank(xp, shape, a.dtype, plan.last), workspace(xp, plan.workspace)
    first, second, made = _operands(plan, way)
    getattr(library, f"cudnnConvolution{way}")(
        thread, byref(plan.one), first, a.data.ptr, second, b.data.ptr, plan.convolution.pointer,
        plan.algorithm, space and space.ptr, plan.workspace, byref(plan.zero), made, out.data.ptr,
    )  # fmt: skip
    return out


def _operands(plan: Plan, way: str) -> tuple[c_void_p, c_void_p, c_void_p]:
    """The descriptors of the two factors and of the result, in the order cuDNN takes them."""
    x, w, y = plan.x.pointer, plan.w.pointer, plan.y.pointer
    return {"Forward": (x, w, y), "BackwardData": (w, y, x), "BackwardFilter": (x, y, w)}[way]


@functools.lru_cache(maxsize=1024)
def _plan(
    library: Library, index: int, p: Problem, way: str, benchmark: bool, deterministic: bool, tf32: bool
) -> Plan:  # fmt: skip
    """Made once for each problem, direction and position of the switches; in order if it cannot be channels last."""
    try:
        return _made(library, index, p, way, benchmark, deterministic, tf32)
    except CudnnError:
        if not p.last:
            raise
        return _made(library, index, p._replace(last=False), way, benchmark, deterministic, tf32)


def _made(
    library: Library, index: int, p: Problem, way: str, benchmark: bool, deterministic: bool, tf32: bool
) -> Plan:  # fmt: skip
    kind = TYPES[p.dtype]
    x, w, y = (library.descriptor(name) for name in ("Tensor", "Filter", "Tensor"))
    for descriptor, shape in ((x, p.x_shape), (y, p.y_shape)):
        sizes = _planar(shape)
        library.cudnnSetTensorNdDescriptor(
            descriptor.pointer, kind, len(sizes), array(sizes), array(strides(sizes, p.last))
        )
    sizes = _planar(p.w_shape)
    library.cudnnSetFilterNdDescriptor(w.pointer, kind, NHWC if p.last else NCHW, len(sizes), array(sizes))
    convolution = library.descriptor("Convolution")
    line = len(p.stride) == 1
    settings = [((fill,) if line else ()) + v for v, fill in ((p.padding, 0), (p.stride, 1), (p.dilation, 1))]
    library.cudnnSetConvolutionNdDescriptor(
        convolution.pointer, len(settings[0]), *(array(v) for v in settings), CROSS_CORRELATION,
        DOUBLE if kind == DOUBLE else FLOAT,
    )  # fmt: skip
    library.cudnnSetConvolutionGroupCount(convolution.pointer, p.groups)
    half = kind in (HALF, BFLOAT16)
    math = TENSOR_OP_MATH if half else DEFAULT_MATH if tf32 else FMA_MATH
    library.cudnnSetConvolutionMathType(convolution.pointer, math)
    number = c_double if kind == DOUBLE else c_float
    plan = Plan(x, w, y, convolution, 0, 0, p.last, number(1), number(0))
    chosen = _algorithm(library, index, plan, way, benchmark, deterministic)
    # The advice may come with a kind of arithmetic of its own; what was forbidden stays forbidden.
    library.cudnnSetConvolutionMathType(convolution.pointer, math if math == FMA_MATH else chosen.math_type)
    return plan._replace(algorithm=chosen.algo, workspace=chosen.memory)


def _algorithm(
    library: Library, index: int, plan: Plan, way: str, benchmark: bool, deterministic: bool
) -> AlgorithmPerf:  # fmt: skip
    """The best that can run: by cuDNN's advice, or by trying all of them; only repeatable ones if asked."""
    found, count = (AlgorithmPerf * MANY)(), c_int()
    ask = getattr(
        library, f"cudnnFindConvolution{way}Algorithm" if benchmark else f"cudnnGetConvolution{way}Algorithm_v7"
    )
    first, second, made = _operands(plan, way)
    ask(handle(library, index), first, second, plan.convolution.pointer, made, MANY, byref(count), found)
    for perf in found[: count.value]:
        if perf.status == 0 and (perf.determinism or not deterministic):
            return perf
    raise CudnnError(f"cuDNN has no {'deterministic ' if deterministic else ''}algorithm for this convolution ({way})")


def _planar(shape: Dims) -> Dims:
    """A line is a picture of height 1: cuDNN has no fewer than four dimensions."""
    return (*shape[:2], 1, shape[2]) if len(shape) == 3 else shape

"""cuDNN's C interface, called through ctypes: finding the library, handles, descriptors, errors.

The functions are those that cuDNN 9 calls its legacy interface: each is one operation, none needs a build, and what
does not compute works without a GPU. https://docs.nvidia.com/deeplearning/cudnn/backend/latest/api/cudnn-cnn-library.html

It is looked for where GRADVIZ_CUDNN_LIB says, where NVIDIA's pathfinder (part of CuPy) finds it, in the wheel
nvidia-cudnn-cu12 or -cu13, and where the system keeps libraries, in this order.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.metadata
import os
import threading
import weakref
from collections.abc import Callable, Iterator
from ctypes import POINTER, Structure, byref, c_double, c_float, c_int, c_size_t, c_void_p
from typing import Any

from . import graphs
from .backend import cupy, found_by_pathfinder

MAJOR = 9
VARIABLE = "GRADVIZ_CUDNN_LIB"
FLOAT, DOUBLE, HALF, BFLOAT16 = 0, 1, 2, 9  # cudnnDataType_t
NCHW, NHWC = 0, 1  # cudnnTensorFormat_t: how filters lie
CROSS_CORRELATION = 1
DEFAULT_MATH, TENSOR_OP_MATH, FMA_MATH = 0, 1, 3  # cudnnMathType_t; FMA_MATH forbids TF32
SPATIAL, SPATIAL_PERSISTENT = 1, 2  # cudnnBatchNormMode_t
BATCH_NORM_ONLY = 0  # cudnnBatchNormOps_t: no activation after it
_of_thread = threading.local()
_unusable: dict[int, str] = {}  # what was found out of each device


class AlgorithmPerf(Structure):
    """cudnnConvolutionFwdAlgoPerf_t and its two likes: what cuDNN says of one algorithm."""

    _fields_ = [
        ("algo", c_int), ("status", c_int), ("time", c_float), ("memory", c_size_t), ("determinism", c_int),
        ("math_type", c_int), ("reserved", c_int * 3),
    ]  # fmt: skip


_ints, _pointer, _space = POINTER(c_int), c_void_p, (c_void_p, c_size_t)
_choice = (*(_pointer,) * 5, c_int, _ints, POINTER(AlgorithmPerf))
_compute = (*(_pointer,) * 7, c_int, *_space, *(_pointer,) * 3)
# Each function's parameters; all return a status. They are held against cuDNN's headers (tests/gpu/cudnn.json).
SIGNATURES: dict[str, tuple[Any, ...]] = {
    "cudnnCreate": (POINTER(c_void_p),),
    "cudnnSetStream": (_pointer, _pointer),
    "cudnnSetTensorNdDescriptor": (_pointer, c_int, c_int, _ints, _ints),
    "cudnnSetFilterNdDescriptor": (_pointer, c_int, c_int, c_int, _ints),
    "cudnnSetConvolutionNdDescriptor": (_pointer, c_int, _ints, _ints, _ints, c_int, c_int),
    "cudnnSetConvolutionGroupCount": (_pointer, c_int),
    "cudnnSetConvolutionMathType": (_pointer, c_int),
    "cudnnConvolutionForward": _compute,
    "cudnnConvolutionBackwardData": _compute,
    "cudnnConvolutionBackwardFilter": _compute,
    **{f"cudnnCreate{kind}Descriptor": (POINTER(c_void_p),) for kind in ("Tensor", "Filter", "Convolution")},
    **{f"cudnnDestroy{kind}Descriptor": (_pointer,) for kind in ("Tensor", "Filter", "Convolution")},
    **{f"cudnnGetConvolution{way}Algorithm_v7": _choice for way in ("Forward", "BackwardData", "BackwardFilter")},
    **{f"cudnnFindConvolution{way}Algorithm": _choice for way in ("Forward", "BackwardData", "BackwardFilter")},
    "cudnnBatchNormalizationForwardTrainingEx": (
        _pointer, c_int, c_int, *(_pointer,) * 11, c_double, _pointer, _pointer, c_double, *(_pointer,) * 3, *_space,
        *_space,
    ),
    "cudnnBatchNormalizationForwardInference": (_pointer, c_int, *(_pointer,) * 11, c_double),
    "cudnnBatchNormalizationBackwardEx": (
        _pointer, c_int, c_int, *(_pointer,) * 19, c_double, *(_pointer,) * 3, *_space, *_space,
    ),
    "cudnnGetBatchNormalizationForwardTrainingExWorkspaceSize": (
        _pointer, c_int, c_int, *(_pointer,) * 5, POINTER(c_size_t),
    ),
    "cudnnGetBatchNormalizationBackwardExWorkspaceSize": (
        _pointer, c_int, c_int, *(_pointer,) * 7, POINTER(c_size_t),
    ),
    "cudnnGetBatchNormalizationTrainingExReserveSpaceSize": (
        _pointer, c_int, c_int, _pointer, _pointer, POINTER(c_size_t),
    ),
}  # fmt: skip


class CudnnError(RuntimeError):
    """A status of cuDNN that is not success."""


class Library:
    """libcudnn with its functions typed; a status other than success is raised as CudnnError."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._loaded = loaded = ctypes.CDLL(path)
        loaded.cudnnGetVersion.restype = c_size_t
        loaded.cudnnGetErrorString.restype = ctypes.c_char_p
        self.version = int(loaded.cudnnGetVersion())
        for name, parameters in SIGNATURES.items():
            function = getattr(loaded, name)
            function.argtypes, function.restype = parameters, c_int
            setattr(self, name, self._checked(name, function))

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"{name} is not among the functions of cuDNN that are used here")

    def _checked(self, name: str, function: Any) -> Callable[..., None]:
        def call(*args: Any) -> None:
            status = function(*args)
            if status:
                text = self._loaded.cudnnGetErrorString(status).decode()
                raise CudnnError(f"{name}: {text} ({status})")

        return call

    def descriptor(self, kind: str) -> Descriptor:
        """A new descriptor: "Tensor", "Filter" or "Convolution"."""
        return Descriptor(self, kind)


class Descriptor:
    """A descriptor, destroyed when nothing refers to it."""

    def __init__(self, library: Library, kind: str) -> None:
        pointer = c_void_p()
        getattr(library, f"cudnnCreate{kind}Descriptor")(byref(pointer))
        self.pointer = pointer
        weakref.finalize(self, getattr(library, f"cudnnDestroy{kind}Descriptor"), pointer).atexit = False


def array(values: Any) -> Any:
    """Numbers as an array of C's int."""
    return (c_int * len(values))(*values)


def workspace(xp: Any, size: int) -> Any:
    """Memory for one call, where its `ptr` is; None if it needs none."""
    return xp.empty(size, dtype=xp.uint8).data if size else None


def _candidates() -> Iterator[str]:
    given = os.environ.get(VARIABLE)
    if given:
        yield given
        return
    yield from found_by_pathfinder("cudnn")
    for package in ("nvidia-cudnn-cu13", "nvidia-cudnn-cu12"):
        try:
            files = importlib.metadata.files(package) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        yield from (str(file.locate()) for file in files if file.name == f"libcudnn.so.{MAJOR}")
    yield f"libcudnn.so.{MAJOR}"


@functools.cache
def find() -> tuple[Library | None, str]:
    """The library, and why there is none."""
    tried = []
    for path in _candidates():
        try:
            library = Library(path)
        except (OSError, AttributeError) as error:
            tried.append(str(error))
            continue
        if library.version // 10000 == MAJOR:
            return library, ""
        tried.append(f"{path} is version {library.version}, not {MAJOR}")
    return None, f"cuDNN {MAJOR} is not found: {'; '.join(tried)}"


def unusable(index: int) -> str:
    """Why cuDNN cannot be used on a device; an empty string if it can.

    It is found out once; but that a handle cannot be made while a graph is captured says nothing of later.
    """
    if index not in _unusable:
        library, reason = find()
        try:
            if library is not None:
                handle(library, index)
        except CudnnError as error:
            reason = str(error)
            if graphs.capturing():
                return f"{reason} (while a graph is captured: run the step once before)"
        _unusable[index] = reason
    return _unusable[index]


def unusable_here() -> str:
    """Why cuDNN cannot be used on CuPy's current device; an empty string if it can."""
    return unusable(int(cupy().cuda.runtime.getDevice()))


def ready(index: int) -> tuple[Library, Any]:
    """The library and the handle of this thread on a device; RuntimeError where there is none."""
    library, reason = find()
    if library is None:
        raise RuntimeError(reason)
    return library, handle(library, index)


def handle(library: Library, index: int) -> Any:
    """The handle of this thread on a device, working on CuPy's current stream."""
    made = _of_thread.__dict__.setdefault("handles", {})
    key = library.path, index
    if key not in made:
        pointer = c_void_p()
        library.cudnnCreate(byref(pointer))
        made[key] = [pointer, None]
    entry = made[key]
    stream = int(cupy().cuda.get_current_stream().ptr)
    if entry[1] != stream:
        library.cudnnSetStream(entry[0], c_void_p(stream))
        entry[1] = stream
    return entry[0]

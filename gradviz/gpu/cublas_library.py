"""cuBLAS's C interface, called through ctypes: CuPy's own way to it refuses while a stream is captured.

Each thread has a handle for each device. It works on CuPy's current stream, with workspace of its own for each stream
and for each graph, as in PyTorch: else cuBLAS would take memory while a graph is captured.
https://docs.nvidia.com/cuda/cublas/#cuda-graphs-support
"""

from __future__ import annotations

import ctypes
import functools
import sys
import threading
from collections.abc import Iterator
from ctypes import byref, c_int, c_longlong, c_size_t, c_void_p
from typing import Any

from . import capture_mode, graphs
from .backend import cupy, found_by_pathfinder

MIB = 2**20
HOPPER = 90  # from this compute capability on cuBLAS asks for more workspace
_matrix = (c_void_p, c_int, c_int, c_longlong)  # where, cudaDataType_t, leading dimension, from one to the next
# Each function's parameters; all return a status.
SIGNATURES: dict[str, tuple[Any, ...]] = {
    "cublasCreate_v2": (c_void_p,),
    "cublasSetStream_v2": (c_void_p, c_void_p),
    "cublasSetWorkspace_v2": (c_void_p, c_void_p, c_size_t),
    "cublasSetMathMode": (c_void_p, c_int),
    "cublasGemmStridedBatchedEx": (
        c_void_p, *(c_int,) * 5, c_void_p, *_matrix, *_matrix, c_void_p, *_matrix, c_int, c_int, c_int,
    ),
}  # fmt: skip


class CublasError(RuntimeError):
    """A status of cuBLAS that is not success."""


class Library:
    """libcublas with its functions typed; a status other than success is raised as CublasError."""

    def __init__(self, path: str) -> None:
        loaded = ctypes.CDLL(path)
        loaded.cublasGetStatusString.restype = ctypes.c_char_p
        self._said = loaded.cublasGetStatusString
        for name, parameters in SIGNATURES.items():
            function = getattr(loaded, name)
            function.argtypes, function.restype = parameters, c_int
            setattr(self, name, functools.partial(self._checked, name, function))

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"{name} is not among the functions of cuBLAS that are used here")

    def _checked(self, name: str, function: Any, *args: Any) -> None:
        status = function(*args)
        if status:
            raise CublasError(f"{name}: {self._said(status).decode()} ({status})")


def _candidates() -> Iterator[str]:
    """Where it may be: CuPy has loaded it from one of these places."""
    yield from found_by_pathfinder("cublas")
    major = int(cupy().cuda.runtime.runtimeGetVersion()) // 1000
    yield f"cublas64_{major}.dll" if sys.platform == "win32" else f"libcublas.so.{major}"


@functools.cache
def find() -> Library | None:
    """The library; None where it is not found, and CuPy does what it can."""
    for path in _candidates():
        try:
            return Library(path)
        except (OSError, AttributeError):
            continue
    return None


class _Handle:
    """A handle and what it has been told."""

    __slots__ = ("mode", "pointer", "space", "spaces", "stream")

    def __init__(self, library: Any) -> None:
        pointer = c_void_p()
        # It takes memory, which a capture would not allow.
        capture_mode.relaxed(library.cublasCreate_v2)(byref(pointer))
        self.pointer, self.mode, self.stream, self.space = pointer, 0, -1, None
        self.spaces: dict[int, Any] = {}  # by streams


class _Handles(threading.local):
    """The handles of a thread, by library and device."""

    def __init__(self) -> None:
        self.made: dict[tuple[Any, int], _Handle] = {}


_here = _Handles()


def handle(library: Any, index: int, capability: int, mode: int) -> Any:
    """The handle of this thread on a device, working on CuPy's current stream in a mode (cublasMath_t)."""
    made = _here.made.get((library, index))
    if made is None:
        made = _here.made[library, index] = _Handle(library)
    stream = int(cupy().cuda.get_current_stream().ptr)
    owners, owner = (graphs.being_captured().spaces, index) if graphs.capturing() else (made.spaces, stream)
    space = owners.get(owner)
    if space is None:
        space = owners[owner] = cupy().empty((32 if capability >= HOPPER else 8) * MIB, dtype="uint8")
    if made.stream != stream or made.space is not space:
        library.cublasSetStream_v2(made.pointer, stream)  # which takes the workspace away
        library.cublasSetWorkspace_v2(made.pointer, space.data.ptr, space.nbytes)
        made.stream, made.space = stream, space
    if made.mode != mode:
        library.cublasSetMathMode(made.pointer, mode)
        made.mode = mode
    return made.pointer

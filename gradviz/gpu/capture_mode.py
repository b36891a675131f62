"""How strict the driver is while a stream is captured, and the leave that a pool of memory needs.

A capture in the mode "global" or "thread_local" forbids calls that might disturb it, and taking memory from the driver
is one. A pool that has none left must, so for that moment its thread is told to be relaxed, as PyTorch's allocator
does (cuThreadExchangeStreamCaptureMode). CuPy does not reach that function; the driver's library, which is there
wherever a GPU is, does.
https://docs.nvidia.com/cuda/cuda-driver-api/group__CUDA__STREAM.html
"""

from __future__ import annotations

import ctypes
import functools
import sys
from collections.abc import Callable
from typing import Any

# PyTorch's names, and CuPy's.
MODES = {"global": "Global", "thread_local": "ThreadLocal", "relaxed": "Relaxed"}
RELAXED = 2  # CU_STREAM_CAPTURE_MODE_RELAXED
LIBRARY = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"


@functools.cache
def exchange() -> Callable[[int], int] | None:
    """Sets this thread's mode and returns the one before; None where the driver's library is not found."""
    try:
        function = ctypes.CDLL(LIBRARY).cuThreadExchangeStreamCaptureMode
    except (OSError, AttributeError):
        return None
    function.argtypes, function.restype = (ctypes.POINTER(ctypes.c_int),), ctypes.c_int

    def set_mode(mode: int) -> int:
        number = ctypes.c_int(mode)
        status = function(ctypes.byref(number))
        if status:
            raise RuntimeError(f"cuThreadExchangeStreamCaptureMode: CUDA driver error {status}")
        return number.value

    return set_mode


def possible(mode: str) -> str:
    """CuPy's name for a capture mode; the relaxed one where a pool could not take memory in another."""
    return MODES[mode if exchange() is not None else "relaxed"]


def relaxed(malloc: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """An allocator (or what else takes memory from the driver) that may do so while a stream is captured."""

    def allocate(size: Any) -> Any:
        set_mode = exchange()
        if set_mode is None:
            return malloc(size)
        before = set_mode(RELAXED)
        try:
            return malloc(size)
        finally:
            set_mode(before)

    return allocate

"""A machine on which cuDNN is found: a stand-in library, compiled by g++ (cudnn_on_cpu.cpp). No GPU code is executed.

What it computes is counted as a launch, and written down instead of done while a stream is captured.
"""

from __future__ import annotations

import ctypes
import functools
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gradviz.gpu import cudnn, cudnn_library, cudnn_norm
from tests.strict_machine import here

from .stand_in import two_gpus

SOURCES = [Path(__file__).with_name(name) for name in ("cudnn_on_cpu.cpp", "cudnn_norm_on_cpu.cpp")]
COMPUTES = "cudnnConvolution", "cudnnBatchNormalization"
CACHES = (cudnn_library.find, cudnn._plan, cudnn_norm._plan)


@functools.cache
def library() -> str:
    """The path of the stand-in."""
    made = Path(tempfile.mkdtemp()) / "libcudnn_on_cpu.so.9"
    options = ["-std=c++17", "-O1", "-shared", "-fPIC"]
    subprocess.run(["g++", *options, *map(str, SOURCES), "-o", str(made)], check=True)
    return str(made)


def log(name: str, count: int) -> Any:
    """An array of 64-bit numbers in which the stand-in notes what it was asked."""
    return (ctypes.c_longlong * count).in_dll(ctypes.CDLL(library()), name)


def forget() -> None:
    """Nothing is known of a library any more."""
    for cache in CACHES:
        cache.cache_clear()
    cudnn_library._of_thread.__dict__.clear()
    cudnn_library._unusable.clear()


def _computed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what computes go by way of the stand-in machine. What a capture makes is kept, as by a graph's own pool."""
    checked, launch, kept = cudnn_library.Library._checked, here.launch, []

    def routed(self: Any, name: str, function: Any) -> Any:
        call = checked(self, name, function)
        if not name.startswith(COMPUTES):
            return call
        call.kernel = True  # type: ignore[attr-defined]
        return lambda *args: here.launch(name, call, args, {})

    def keeping(name: str, function: Any, args: Any, kwargs: Any) -> Any:
        result = launch(name, function, args, kwargs)
        if here.capture is not None:
            kept.append((args, result))
        return result

    monkeypatch.setattr(cudnn_library.Library, "_checked", routed)
    monkeypatch.setattr(here, "launch", keeping)


@contextmanager
def found(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A `with` block with two GPUs and the stand-in for cuDNN."""
    monkeypatch.setenv(cudnn_library.VARIABLE, library())
    _computed(monkeypatch)
    forget()
    with two_gpus() as cupy:
        yield cupy
    forget()

"""Compile the text of a CUDA kernel with NVIDIA's own compiler, which needs neither a GPU nor a driver.

    pip install nvidia-cuda-nvrtc        # 56 MB; part of gradviz[test]

https://docs.nvidia.com/cuda/nvrtc
"""

from __future__ import annotations

import ctypes
import functools
import importlib.metadata
from typing import Any


@functools.cache
def library() -> Any:
    """libnvrtc of the installed wheel, or None."""
    for package in ("nvidia-cuda-nvrtc", "nvidia-cuda-nvrtc-cu12"):
        try:
            files = importlib.metadata.files(package) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        for file in sorted(files, key=str):
            if file.name.startswith("libnvrtc.so"):
                return ctypes.CDLL(str(file.locate()))
    return None


def compile(text: str, arch: str, options: tuple[str, ...] = ()) -> bytes:
    """The machine code for a GPU such as "sm_90"; RuntimeError with the compiler's messages."""
    nvrtc = library()
    program = ctypes.c_void_p()
    assert nvrtc.nvrtcCreateProgram(ctypes.byref(program), text.encode(), b"kernel.cu", 0, None, None) == 0
    try:
        flags = [f"--gpu-architecture={arch}".encode(), *(o.encode() for o in options)]
        result = nvrtc.nvrtcCompileProgram(program, len(flags), (ctypes.c_char_p * len(flags))(*flags))
        if result:
            raise RuntimeError(_fetch(nvrtc, "ProgramLog", program).decode(errors="replace"))
        return _fetch(nvrtc, "CUBIN", program)
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))


def _fetch(nvrtc: Any, what: str, program: Any) -> bytes:
    size = ctypes.c_size_t()
    assert getattr(nvrtc, f"nvrtcGet{what}Size")(program, ctypes.byref(size)) == 0
    made = ctypes.create_string_buffer(size.value)
    assert getattr(nvrtc, f"nvrtcGet{what}")(program, made) == 0
    return made.raw

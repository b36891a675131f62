"""Run the text of a CUDA kernel on the CPU: g++ compiles it, and its blocks and threads run in a shuffled order.

Threads may wait for one another (cuda_on_cpu.h). Arithmetic is rounded operation by operation, as
under -fmad=false.
"""

from __future__ import annotations

import ctypes
import functools
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.gpu import fibers

KINDS = {
    "double": ctypes.c_double, "float": ctypes.c_float, "int": ctypes.c_int, "u32": ctypes.c_uint32,
    "unsigned int": ctypes.c_uint32, "u64": ctypes.c_uint64, "unsigned long long": ctypes.c_uint64,
    "long long": ctypes.c_int64, "unsigned char": ctypes.c_uint8, "bool": ctypes.c_bool,
}  # fmt: skip

# The NumPy types that have the bytes of a type of C.
NUMPYS: dict[str, tuple[str, ...]] = {
    "double": ("float64",), "float": ("float32",), "int": ("int32",), "u32": ("uint32",), "unsigned int": ("uint32",),
    "u64": ("uint64",), "unsigned long long": ("uint64",), "long long": ("int64",), "unsigned char": ("uint8", "bool"),
    "bool": ("bool",), "float16": ("float16",), "bfloat16": ("bfloat16",), "complex<float>": ("complex64",),
    "complex<double>": ("complex128",),
}  # fmt: skip


def compiler() -> str | None:
    """The path of g++, or None."""
    return shutil.which("g++")


needs_compiler = pytest.mark.skipif(
    compiler() is None, reason="g++, which runs the kernels here, is not installed"
)  # fmt: skip


@functools.cache
def compiled(text: str) -> tuple[Any, dict[str, list[str]]]:
    """The kernels of a text as functions of a library, with the types of their parameters."""
    folder = Path(tempfile.mkdtemp())
    source, expanded = folder / "kernel.cpp", folder / "expanded.cpp"
    source.write_text(f'#include "{fibers.HEADER}"\n{text}')
    subprocess.run(["g++", "-E", "-P", "-D__global__=__kernel__", str(source), "-o", str(expanded)], check=True)
    code = expanded.read_text()
    kernels, drivers = {}, []
    for name, inside in re.findall(r"__kernel__\s+void\s+(\w+)\s*\(([^)]*)\)", code):
        parameters = [" ".join(p.replace("*", " * ").split()) for p in inside.split(",")]
        names = [p.split(" ")[-1] for p in parameters]
        kernels[name] = [p[: p.rindex(" ")] for p in parameters]
        drivers.append(fibers.driver(text, name, parameters, names))
    expanded.write_text(code.replace("__kernel__", "") + "\n".join(drivers))
    library = folder / "kernel.so"
    subprocess.run(["g++", *fibers.OPTIONS, str(expanded), "-o", str(library)], check=True)
    return ctypes.CDLL(str(library)), kernels


def check_arguments(text: str, name: str, args: tuple[Any, ...]) -> None:
    """TypeError unless each argument is of its parameter's type: CuPy copies bytes, and asks nothing.

    A Python number, or one of another size, would be read as something else; so would an array of another type.
    """
    kinds = compiled(text)[1][name]
    if len(args) != len(kinds):
        raise TypeError(f"{name} takes {len(kinds)} arguments, got {len(args)}")
    meant = {new: old for old, new in re.findall(r"typedef ([\w<> ]+?) (\w+);", text)}
    for n, (kind, value) in enumerate(zip(kinds, args, strict=True)):
        plain = kind.replace("const", "").replace("*", "").strip()
        want = NUMPYS.get(meant.get(plain, plain)) or NUMPYS[plain]
        null = isinstance(value, np.uint64) and value == 0
        if isinstance(value, np.generic) == ("*" in kind) and not ("*" in kind and null):
            raise TypeError(f"{name}, argument {n}: {kind} is not {type(value).__name__}")
        if not null and value.dtype.name not in want:
            raise TypeError(f"{name}, argument {n}: {kind} is not {value.dtype.name}")


def launch(
    text: str, name: str, grid: tuple[int, ...], block: tuple[int, ...], args: tuple[Any, ...], seed: int | None = None
) -> None:
    """Run a kernel; arrays among its arguments are given as their addresses.

    `seed`: the order of blocks and threads, another one each time if there is none.
    """
    library, kernels = compiled(text)
    if name not in kernels:
        raise KeyError(f"no kernel {name!r}: there are {', '.join(kernels)}")
    kinds = kernels[name]
    assert len(args) == len(kinds), f"{name} takes {len(kinds)} arguments, got {len(args)}"
    three = [(ctypes.c_uint * 3)(*(*size, 1, 1)[:3]) for size in (grid, block)]
    values = [
        ctypes.c_void_p(int(value)) if "*" in kind else KINDS[kind.removeprefix("const ").strip()](value.item())
        for kind, value in zip(kinds, args, strict=True)
    ]
    fibers.check(name, getattr(library, f"drive_{name}")(*three, next(fibers.seeds) if seed is None else seed, *values))

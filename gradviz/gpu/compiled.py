"""The kernels that are text (kernels/*.cu), compiled for a type of numbers and a device when first used."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np

from ..core.device import Device
from .backend import cupy

FOLDER = Path(__file__).with_name("kernels")
# What a text calls the type of an array's numbers, and the type of its sums.
TYPES = {
    "float16": ("float16", "float"),
    "bfloat16": ("bfloat16", "float"),
    "float32": ("float", "float"),
    "float64": ("double", "double"),
    "complex64": ("complex<float>", "complex<float>"),
    "complex128": ("complex<double>", "complex<double>"),
}
# Files whose kernels are not for all of these.
_REAL = ("float16", "bfloat16", "float32", "float64")
ONLY: dict[str, tuple[str, ...]] = {
    "pool": _REAL,
    "softmax": _REAL,
    "pointwise": _REAL,
    "elements": _REAL,
    "dropout": _REAL,
    "nll_loss": _REAL,
    "steps": _REAL,
    "rules": _REAL,
    "norms": _REAL,
    "normalise": _REAL,
}
# Texts that a file of kernels needs besides numbers.cuh.
NEEDS: dict[str, tuple[str, ...]] = {
    "steps": ("table.cuh", "updates.cuh"), "rules": ("table.cuh", "updates.cuh"),
    "norms": ("table.cuh", "together.cuh"), "softmax": ("together.cuh",),
    "philox": ("philox.cuh",), "dropout": ("philox.cuh",),
}  # fmt: skip
# Files whose kernels are not made for a type of numbers.
PLAIN = ("checks", "philox")
OPTIONS = ("--std=c++17",)
# Without fused multiply-adds every operation is rounded by itself, as NumPy's are.
OPTIONS_OF = dict.fromkeys(("philox", "dropout", "elements"), (*OPTIONS, "-fmad=false"))
THREADS = 256


def types_of(name: str) -> tuple[str, ...]:
    """The types of numbers that a file of kernels is for; one without a name where it is not made for any."""
    return ("",) if name in PLAIN else ONLY.get(name, tuple(TYPES))


def options_of(name: str) -> tuple[str, ...]:
    """What a file of kernels is compiled with."""
    return OPTIONS_OF.get(name, OPTIONS)


@functools.cache
def named(dtype: Any) -> str:
    """The name of a type of numbers, which NumPy puts together anew each time."""
    return str(dtype.name)


@functools.lru_cache(maxsize=256)
def source(name: str, dtype: str) -> str:
    """The text of a file of kernels for arrays of this type."""
    numbers, *texts = (
        (FOLDER / file).read_text(encoding="utf-8") for file in ("numbers.cuh", *NEEDS.get(name, ()), f"{name}.cu")
    )
    if name in PLAIN:
        return "\n".join(texts)
    kind, sums = TYPES[dtype]
    return "\n".join([numbers, f"typedef {kind} T;", f"typedef {sums} A;", *texts])


@functools.lru_cache(maxsize=1024)
def function(cp: Any, index: int, file: str, name: str, dtype: str) -> Any:
    """One kernel on one device. `cp` is the CuPy module."""
    return _module(cp, index, file, dtype).get_function(name)


@functools.lru_cache(maxsize=256)
def _module(cp: Any, index: int, file: str, dtype: str) -> Any:
    return cp.RawModule(code=source(file, dtype), options=options_of(file))


def launch(
    device: Device, file: str, name: str, dtype: Any, blocks: int | tuple[int, ...], args: tuple[Any, ...],
    threads: int = THREADS,
) -> None:  # fmt: skip
    """Run a kernel with its device current; nothing for no blocks. Numbers among `args` are NumPy's scalars."""
    if blocks:
        device.enter()
        function(cupy(), device.index or 0, file, name, "" if dtype is None else named(dtype))(
            (blocks,) if type(blocks) is int else blocks, (threads,), args
        )


def blocks_for(count: int) -> int:
    """How many blocks have a thread for each of `count` things."""
    return -(-count // THREADS)


def whole(xp: Any, array: Any) -> Any:
    """The array in one piece of memory, row by row: itself if it is."""
    return array if array.flags.c_contiguous else xp.ascontiguousarray(array)


@functools.lru_cache(maxsize=1024)
def ints(*values: int) -> tuple[Any, ...]:
    """Whole numbers as a kernel takes them."""
    return tuple(np.int32(v) for v in values)

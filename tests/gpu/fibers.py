"""What run_kernel.py compiles a kernel's text with, and the errors that come of it; see cuda_on_cpu.h.

`guarded` gives memory that ends at a page nobody may touch, so that a kernel which reads or writes beyond its arrays is
stopped.
"""

from __future__ import annotations

import ctypes
import itertools
import mmap
import re
import signal
from pathlib import Path
from typing import Any

import numpy as np

HEADER = Path(__file__).with_name("cuda_on_cpu.h")
# Undefined behaviour (an index beyond an array, an overflowing sum) traps; numbers are rounded as NumPy rounds them.
OPTIONS = (
    "-std=c++17", "-O1", "-ffp-contract=off", "-shared", "-fPIC", "-fsanitize=undefined",
    "-fsanitize-undefined-trap-on-error",
)  # fmt: skip
seeds = itertools.count(1)


class KernelError(RuntimeError):
    """A kernel did what a GPU forbids or leaves undefined."""


def driver(text: str, name: str, parameters: list[str], names: list[str]) -> str:
    """A function of C that runs one kernel of a text: (grid, block, seed, its parameters) -> 0 or what went wrong."""
    together = "true" if "__syncthreads" in text or "__shared__" in text else "false"
    taken = ", ".join(("const unsigned* grid_", "const unsigned* block_", "unsigned seed_", *parameters))
    sizes = "{grid_[0], grid_[1], grid_[2]}, {block_[0], block_[1], block_[2]}"
    call = f"cuda_on_cpu::launch({together}, {sizes}, seed_, [=] {{ {name}({', '.join(names)}); }})"
    return f'extern "C" int drive_{name}({taken}) {{ return {call}; }}\n'


def check(name: str, result: int) -> None:
    """Raise KernelError unless a driver returned 0."""
    if result == 1:
        raise KernelError(f"{name}: some threads of a block wait at a barrier that others never reach")
    if result == signal.SIGILL:
        raise KernelError(f"{name}: undefined behaviour, such as an index beyond an array's end")
    if result:
        raise KernelError(f"{name}: memory that is not its own was touched ({signal.Signals(result).name})")


def without_barrier(text: str) -> list[str]:
    """The text as often as it has barriers, each time with another one left out."""
    places = [m.span() for m in re.finditer(r"__syncthreads\(\);", text)]
    return [text[:a] + ";" + text[b:] for a, b in places]


def guarded(array: np.ndarray, at_end: bool = True) -> np.ndarray:
    """A copy in memory of its own, between two pages that may not be touched; it ends (or begins) right beside one."""
    page = mmap.PAGESIZE
    inside = -(-max(array.nbytes, 1) // page) * page
    memory = mmap.mmap(-1, inside + 2 * page)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    protect = ctypes.CDLL(None, use_errno=True).mprotect
    protect.argtypes = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
    for place in (start, start + page + inside):
        if protect(place, page, 0):
            raise OSError(ctypes.get_errno(), "mprotect")
    offset = page + (inside - array.nbytes if at_end else 0)
    made: Any = np.frombuffer(memory, array.dtype, array.size, offset).reshape(array.shape)
    made[...] = array
    return made

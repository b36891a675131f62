"""Matrix products of cuda devices: the arithmetic that cuBLAS may use is said around each, and taken back after it.

CuPy holds it in two places, and both are set: a type of sums for all of the program (`set_compute_type`, which it
heeds for two matrices), and the mode of a thread's cuBLAS handle. Left alone they would be whatever CUPY_TF32 or a
user's own code says; changed for good they would change the results of that code. Batches say it themselves
(batched.py).

    float32    TF32 where `torch.backends.cuda.matmul` allows it and the GPU has it, else all 24 bits
    16 bits    multiplied as they are, with sums of 32 bits; parts of a sum are rounded to 16 bits only if allowed
    vectors    always exactly, as in PyTorch: TF32 would gain nothing there; so are solvers and decompositions
"""

from __future__ import annotations

import functools
import importlib
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.device import Device
from ..core.op import OPS, override
from ..core.ops.linalg.products import BATCHES, NARROW
from ..core.precision import Allowed
from . import batched, switches
from .backend import cupy

# cublasMath_t, https://docs.nvidia.com/cuda/cublas/#cublasmath-t
DEFAULT_MATH, TF32_MATH, WHOLE_SUMS = 0, 3, 16
FLOAT32 = np.dtype(np.float32)
# What PyTorch's switch calls a 16-bit type, and the compute capability from which cuBLAS multiplies it.
SIXTEEN = {"float16": ("fp16", 70), "bfloat16": ("bf16", 80)}
AMPERE = 80  # the first with TF32
# The operations that the switch for float32 is about. All others that multiply do so exactly.
OBEYING = {"mm", "bmm", "addmm", "baddbmm", "addbmm", "trilinear", "attention", "attention_product"}
OBEYING |= {f"conv{n}d{which}" for n in (1, 2, 3) for which in ("", "_input", "_weight")}
# The files whose operations multiply matrices or vectors.
FILES = ("linalg.", "layers.attention", "layers.convolve", "layers.embedding_bag", "layers.grid_sample", "losses.ctc")
# The files of `linalg` that solve or decompose, which may fail.
SOLVING = {
    f"linalg.{name}" for name in ("cholesky", "det", "eig", "ldl", "lstsq", "lu", "matrix_exp", "qr", "solve", "svd")
}
Held = tuple[int, int]
# One thread at a time changes what CuPy holds for all of them.
_changing = threading.RLock()


class Cublas:
    """What CuPy holds for a device's products: read and set by functions that are looked up once."""

    __slots__ = ("capability", "exact", "gemm", "get_math", "get_type", "handle", "set_math", "set_type", "tf32")

    def __init__(self, cp: Any, index: int) -> None:
        types = cp._core._routines_linalg
        self.get_type, self.set_type = cp._core.get_compute_type, cp._core.set_compute_type
        self.get_math, self.set_math = cp.cuda.cublas.getMathMode, cp.cuda.cublas.setMathMode
        self.handle, self.gemm = cp.cuda.get_cublas_handle, cp.cuda.cublas.gemmStridedBatchedEx
        self.capability = int(cp.cuda.Device(index).compute_capability)  # 80 for 8.0
        self.exact: Held = (types.COMPUTE_TYPE_DEFAULT, DEFAULT_MATH)
        self.tf32: Held = (types.COMPUTE_TYPE_TF32, TF32_MATH) if self.capability >= AMPERE else self.exact

    def held(self) -> Held:
        """The type of sums of float32, and the mode of this thread's handle."""
        return self.get_type(FLOAT32), self.get_math(self.handle())

    def hold(self, now: Held, then: Held) -> None:
        """Go from one to the other."""
        if now[0] != then[0]:
            self.set_type(FLOAT32, then[0])
        if now[1] != then[1]:
            self.set_math(self.handle(), then[1])


@functools.lru_cache(maxsize=64)
def cublas(cp: Any, index: int) -> Cublas:
    """That of a device. `cp` is the CuPy module."""
    return Cublas(cp, index)


def register(device: Device) -> None:
    """Let every operation of a device that multiplies say how exactly, and those that solve tell of a failure."""
    for name, made in OPS.items():
        file = str(made.forward.__module__).rpartition("core.ops.")[2]
        if file.startswith(FILES):
            forward = device.forwards[name + "!"]
            forward = raising(forward) if file in SOLVING else forward
            override(device, name, saying(device, forward, name in OBEYING))
    NARROW[device.xp] = functools.partial(_narrow, device)
    BATCHES[id(device.xp)] = functools.partial(_batches, device, cublas(cupy(), device.index or 0))


def raising(forward: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, with LinAlgError where there is no solution, as NumPy has it: CuPy goes on with nonsense."""
    errstate = importlib.import_module("cupyx").errstate

    def told(*args: Any, **settings: Any) -> Any:
        with errstate(linalg="raise"):
            return forward(*args, **settings)

    return told


def saying(device: Device, forward: Callable[..., Any], obeys: bool = True) -> Callable[..., Any]:
    """The same function, with cuBLAS told before and after; `obeys`: the switch for float32, not always exact."""
    by = cublas(cupy(), device.index or 0)

    def told(*args: Any, **settings: Any) -> Any:
        device.enter()
        wanted = by.tf32 if obeys and Allowed.matmul else by.exact
        if args[0].dtype.itemsize == 2 and _whole_sums(args[0].dtype):
            wanted = (wanted[0], wanted[1] | WHOLE_SUMS)
        if by.held() == wanted and not Allowed.matmul:  # no thread of ours changes it
            return forward(*args, **settings)
        with _changing:
            held = by.held()
            try:
                by.hold(held, wanted)
                return forward(*args, **settings)
            finally:
                by.hold(wanted, held)

    return told


def _whole_sums(dtype: Any) -> bool:
    """Whether no part of a sum may be rounded to this 16-bit type."""
    return dtype.name in SIXTEEN and not switches.reduced[SIXTEEN[dtype.name][0]]


def _narrow(device: Device, a: Any, b: Any) -> Any:
    """`a @ b` of 16-bit floats by tensor cores, without a copy in 32 bits; None where CuPy would round on the way.

    That is where the result is one number, which CuPy adds up by itself, and where the GPU is too old.
    """
    if cublas(cupy(), device.index or 0).capability < SIXTEEN[a.dtype.name][1]:
        return None
    rows = 1 if a.ndim == 1 else a.shape[-2]
    columns = 1 if b.ndim == 1 else b.shape[-1]
    return None if rows == columns == 1 else a @ b


def _batches(device: Device, by: Cublas, a: Any, b: Any) -> Any:
    """`a @ b` of batches that lie in memory in any way, without copies of them; None for what CuPy has to do.

    It is called by operations that have said how exactly (`saying`).
    """
    lead = a.shape[:-2]
    if a.ndim < 3 or lead != b.shape[:-2] or not a.size or not b.size:
        return None
    if by.capability < SIXTEEN.get(a.dtype.name, ("", 0))[1]:
        return None
    a, b = (x if x.ndim == 3 else x.reshape(-1, *x.shape[-2:]) for x in (a, b))
    made = batched.multiply(device, by, a, b, by.tf32 is not by.exact and by.get_type(FLOAT32) == by.tf32[0])
    return made if made is None or made.ndim == len(lead) + 2 else made.reshape(*lead, *made.shape[1:])

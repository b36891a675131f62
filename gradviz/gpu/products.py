"""Matrix products of cuda devices, and how exactly they are made.

    float32    TF32 where `torch.backends.cuda.matmul` allows it and the GPU has it, else all 24 bits
    16 bits    multiplied as they are, with sums of 32 bits; parts of a sum are rounded to 16 bits only if allowed
    vectors    always exactly, as in PyTorch: TF32 would gain nothing there; so are solvers and decompositions

cuBLAS is called directly (batched.py, cublas_library.py), and told each time. What is left to CuPy's functions
(solvers, einsum) is multiplied as CuPy's settings say, which are said around each such operation and taken back: a type
of sums for all of the program (`set_compute_type`), and the mode of a thread's cuBLAS handle. Left alone they would be
whatever CUPY_TF32 or a user's own code says; changed for good they would change the results of that code.
"""

from __future__ import annotations

import functools
import importlib
import threading
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np

from ..core.device import Device
from ..core.op import OPS, override
from ..core.ops.linalg.products import OWN
from ..core.precision import Allowed
from . import batched, cublas_library, switches
from .backend import cupy

# cublasMath_t, https://docs.nvidia.com/cuda/cublas/#cublasmath-t
DEFAULT_MATH, TF32_MATH, WHOLE_SUMS = 0, 3, 16
FLOAT32 = np.dtype(np.float32)
# What PyTorch's switch calls a 16-bit type, and the compute capability from which cuBLAS multiplies it.
SIXTEEN = {np.dtype(np.float16): ("fp16", 70), np.dtype(ml_dtypes.bfloat16): ("bf16", 80)}
AMPERE = 80  # the first with TF32
# The operations that the switch for float32 is about. All others that multiply do so exactly.
OBEYING = {"mm", "bmm", "addmm", "baddbmm", "addbmm", "trilinear", "attention", "attention_product"}
OBEYING |= {f"conv{n}d{which}" for n in (1, 2, 3) for which in ("", "_input", "_weight")}
# The files whose operations multiply matrices or vectors: by `wide_matmul` alone, and by CuPy's functions.
DIRECT = (
    "linalg.products", "linalg.addmm", "linalg.matrices", "layers.attention", "layers.embedding_bag",
    "layers.grid_sample", "losses.ctc",
)  # fmt: skip
FILES = ("linalg.", "layers.convolve")
# The files of `linalg` that solve or decompose, which may fail.
SOLVING = {
    f"linalg.{name}" for name in ("cholesky", "det", "eig", "ldl", "lstsq", "lu", "matrix_exp", "qr", "solve", "svd")
}
Held = tuple[int, int]
# One thread at a time changes what CuPy holds for all of them.
_changing = threading.RLock()


class _Here(threading.local):
    """Whether the operation that runs in this thread obeys the switch for float32."""

    obeys = False


_here = _Here()


class Cublas:
    """What CuPy holds for a device's products: read and set by functions that are looked up once."""

    __slots__ = ("capability", "exact", "get_math", "get_type", "handle", "set_math", "set_type", "tf32")

    def __init__(self, cp: Any, index: int) -> None:
        types = cp._core._routines_linalg
        self.get_type, self.set_type = cp._core.get_compute_type, cp._core.set_compute_type
        self.get_math, self.set_math = cp.cuda.cublas.getMathMode, cp.cuda.cublas.setMathMode
        self.handle = cp.cuda.get_cublas_handle
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
        forward = device.forwards[name + "!"]
        if file.startswith(DIRECT):
            if name in OBEYING:
                override(device, name, obeying(forward))
        elif file.startswith(FILES):
            forward = raising(forward) if file in SOLVING else forward
            override(device, name, saying(device, forward, name in OBEYING))
    OWN[id(device.xp)] = functools.partial(multiplied, device, cublas(cupy(), device.index or 0))


def raising(forward: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, with LinAlgError where there is no solution, as NumPy has it: CuPy goes on with nonsense."""
    errstate = importlib.import_module("cupyx").errstate

    def told(*args: Any, **settings: Any) -> Any:
        with errstate(linalg="raise"):
            return forward(*args, **settings)

    return told


def obeying(forward: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, whose products obey the switch for float32."""

    def told(*args: Any, **settings: Any) -> Any:
        _here.obeys = True
        try:
            return forward(*args, **settings)
        finally:
            _here.obeys = False

    return told


def saying(device: Device, forward: Callable[..., Any], obeys: bool) -> Callable[..., Any]:
    """The same function, with CuPy told before and after; `obeys`: the switch for float32, not always exact."""
    by = cublas(cupy(), device.index or 0)
    forward = obeying(forward) if obeys else forward

    def told(*args: Any, **settings: Any) -> Any:
        device.enter()
        return _exactly(by, obeys and Allowed.matmul, args[0].dtype, lambda: forward(*args, **settings))

    return told


def _exactly(by: Cublas, tf32: bool, dtype: Any, multiply: Callable[[], Any]) -> Any:
    """What CuPy's functions multiply, as exactly as it is to be."""
    wanted = by.tf32 if tf32 else by.exact
    wanted = wanted[0], wanted[1] | _mode(dtype)
    if by.held() == wanted and not Allowed.matmul:  # no thread of ours changes it
        return multiply()
    with _changing:
        held = by.held()
        try:
            by.hold(held, wanted)
            return multiply()
        finally:
            by.hold(wanted, held)


def _mode(dtype: Any) -> int:
    """What cuBLAS is told of sums: that no part may be rounded to 16 bits, where that is not allowed."""
    return WHOLE_SUMS if dtype in SIXTEEN and not switches.reduced[SIXTEEN[dtype][0]] else DEFAULT_MATH


def multiplied(device: Device, by: Cublas, a: Any, b: Any) -> Any:
    """`a @ b`, as exactly as the operation that runs is to be; None for whole numbers and what cuBLAS does not know."""
    dtype = a.dtype
    if dtype not in batched.KINDS or b.dtype != dtype:
        return None
    if dtype in SIXTEEN and by.capability < SIXTEEN[dtype][1]:
        return None
    device.enter()
    library, tf32 = cublas_library.find(), _here.obeys and Allowed.matmul and by.capability >= AMPERE
    if library is not None:
        handle = cublas_library.handle(library, device.index or 0, by.capability, _mode(dtype))
        made = batched.multiply(device, library.cublasGemmStridedBatchedEx, handle, a, b, tf32)
        if made is not None:
            return made
    if dtype in SIXTEEN and a.shape[-2:-1] in ((), (1,)) and b.shape[1:][-1:] in ((), (1,)):
        return None  # CuPy adds up a single number by itself, in 16 bits
    return _exactly(by, tf32, dtype, lambda: a @ b)

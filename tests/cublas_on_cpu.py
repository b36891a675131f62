"""What cuBLAS and CuPy make of a matrix product, on the CPU, for the stand-in of a GPU. No GPU code is executed.

Factors of float32 are rounded to TF32's 11 bits where CuPy's settings say so: its type of sums for two matrices, the
mode of the cuBLAS handle for batches of them. Sums of 16-bit floats are kept in float32, but CuPy's own, of a single
number, are not. Each product is noted with the settings it was made under.
"""

from __future__ import annotations

import ctypes
from typing import Any, NamedTuple

import numpy as np

DEFAULT, TF32 = 1, 7  # CuPy's COMPUTE_TYPE_DEFAULT and COMPUTE_TYPE_TF32
TF32_MATH = 3  # CUBLAS_TF32_TENSOR_OP_MATH
PRODUCTS = {"matmul", "dot", "inner", "vdot", "tensordot", "einsum"}


class Product(NamedTuple):
    name: str
    dtype: str
    dims: int  # 2 where the type of sums is heeded: batches that say it themselves among them
    vector: bool  # whether a factor is one
    compute: int
    math: int

    @property
    def tf32(self) -> bool:
        """Whether its factors were rounded."""
        heeded = self.compute == TF32 if self.dims < 3 else self.math & 15 == TF32_MATH
        return self.dtype in ("float32", "complex64") and heeded


class Arithmetic:
    """What CuPy holds, and the products there were."""

    def __init__(self) -> None:
        self.compute, self.math = DEFAULT, 0
        self.direct = 0  # the mode of the handles with which it is called directly
        self.products: list[Product] = []

    def reset(self) -> None:
        """As a program finds it."""
        self.__init__()  # type: ignore[misc]

    def of(self, name: str, function: Any) -> Any:
        """A function that multiplies, as the device does it."""

        def run(*args: Any, **kwargs: Any) -> Any:
            arrays = [a for a in args if isinstance(a, np.ndarray)]
            dims = [a.ndim for a in arrays]
            made = Product(name, arrays[0].dtype.name, max(dims), min(dims) < 2, self.compute, self.math)
            self.products.append(made)
            if made.tf32:
                args = tuple(rounded(a) if isinstance(a, np.ndarray) else a for a in args)
            elif made.dtype in ("float16", "bfloat16"):
                wide = function(*(a.astype("f4") if isinstance(a, np.ndarray) else a for a in args), **kwargs)
                return wide.astype(made.dtype) if np.size(wide) != 1 else coarse(arrays, wide)
            return function(*args, **kwargs)

        run.__name__ = name
        return run


def coarse(arrays: list[Any], wide: Any) -> Any:
    """One number, added up in 16 bits."""
    total = np.zeros((), arrays[0].dtype)
    for a, b in zip(*(a.ravel() for a in arrays), strict=True):
        total = total + a * b
    return np.full(np.shape(wide), total, arrays[0].dtype)[()]


def rounded(array: Any) -> Any:
    """The nearest numbers with 11 bits, ties away from zero as the hardware has them."""
    if array.dtype == np.complex64:
        return rounded(np.ascontiguousarray(array)[..., None].view(np.float32)).view(np.complex64)[..., 0]
    if array.dtype != np.float32:
        return array
    bits = np.ascontiguousarray(array).view(np.uint32)
    return np.where(np.isfinite(array), ((bits + np.uint32(0x1000)) & np.uint32(0xFFFFE000)).view(np.float32), array)


cublas = Arithmetic()


# -- cublasGemmStridedBatchedEx ----------------------------------------------------------------------------------------
TYPES = {2: "float16", 14: "bfloat16", 0: "float32", 1: "float64", 4: "complex64", 5: "complex128"}
SUMS = {68: "float32", 77: "float32", 70: "float64"}


def columns(array: Any, kind: str, rows: int, count: int, leading: int, stride: int, batch: int) -> Any:
    """A batch of matrices that lie column by column: (batch, rows, count). They must be inside the array's memory."""
    size = np.dtype(kind).itemsize
    end = ((batch - 1) * stride + (count - 1) * leading + rows) * size
    owner, start = array, array.ctypes.data
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    assert owner.ctypes.data <= start, "before the array"
    assert start + end <= owner.ctypes.data + owner.nbytes, "behind the array"
    assert leading >= max(rows, 1), f"a leading dimension of {leading} for {rows} rows"
    memory = np.ctypeslib.as_array((ctypes.c_ubyte * end).from_address(start)).view(kind)
    return np.lib.stride_tricks.as_strided(memory, (batch, rows, count), (stride * size, size, leading * size))


def strided_batched(
    A: Any, B: Any, C: Any, *, transa: int, transb: int, m: int, n: int, k: int, alpha: int, Atype: int, lda: int,
    strideA: int, Btype: int, ldb: int, strideB: int, beta: int, Ctype: int, ldc: int, strideC: int, batchCount: int,
    computeType: int, algo: int,
) -> None:  # fmt: skip
    """C = alpha op(A) op(B) + beta C, as NVIDIA's documentation has it."""
    kind = TYPES[Atype]
    assert Atype == Btype == Ctype
    assert algo == -1
    sums = np.dtype(SUMS[computeType])
    factor = np.dtype(kind) if np.dtype(kind).kind == "c" else sums
    assert factor.itemsize == sums.itemsize * (2 if factor.kind == "c" else 1)
    one, zero = (np.frombuffer((ctypes.c_ubyte * factor.itemsize).from_address(p), factor)[0] for p in (alpha, beta))
    a = columns(A, kind, *((k, m) if transa else (m, k)), lda, strideA, batchCount)
    b = columns(B, kind, *((n, k) if transb else (k, n)), ldb, strideB, batchCount)
    c = columns(C, kind, m, n, ldc, strideC, batchCount)
    a, b = (np.swapaxes(x, 1, 2) if turned else x for x, turned in ((a, transa), (b, transb)))
    compute = TF32 if computeType == 77 else DEFAULT
    cublas.products.append(Product("gemmStridedBatchedEx", kind, 2, 1 in (m, n), compute, cublas.direct))
    a, b = ((rounded(x) if compute == TF32 else x.astype(factor)) for x in (a, b))
    c[...] = (one * (a @ b) + (zero * c.astype(factor) if zero else 0)).astype(kind)


strided_batched.kernel = True  # type: ignore[attr-defined]

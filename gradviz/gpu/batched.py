"""Products of vectors, matrices and batches of them by cuBLAS itself, as they lie in memory.

CuPy would copy transposed factors of batches first, leaves TF32 to a mode, and refuses while a graph is captured.

cuBLAS counts along columns. Rows of C = A B are columns of C^T = B^T A^T, so it is given b first, then a; a factor
whose columns lie in one piece instead of its rows is what it calls transposed.
https://docs.nvidia.com/cuda/cublas/#cublasgemmstridedbatchedex
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np

from ..core.device import Device

LARGEST = 2**31 - 1
AS_IT_IS, TRANSPOSED = 0, 1  # cublasOperation_t
DEFAULT_ALGORITHM = -1  # CUBLAS_GEMM_DEFAULT


class Kind(NamedTuple):
    """cudaDataType_t of the numbers, cublasComputeType_t of sums, exactly and with TF32, and of 1 and 0."""

    data: int
    sums: int
    tf32: int
    factor: Any


KINDS = {
    np.dtype(np.float16): Kind(2, 68, 68, np.float32),
    np.dtype(ml_dtypes.bfloat16): Kind(14, 68, 68, np.float32),
    np.dtype(np.float32): Kind(0, 68, 77, np.float32),
    np.dtype(np.float64): Kind(1, 70, 70, np.float64),
    np.dtype(np.complex64): Kind(4, 68, 77, np.complex64),
    np.dtype(np.complex128): Kind(5, 70, 70, np.complex128),
}
# Where the numbers 1 and 0 are on the host: read when a product is launched.
_NUMBERS = {kind.factor: (np.ones(1, kind.factor), np.zeros(1, kind.factor)) for kind in KINDS.values()}
_PLACES = {factor: (one.ctypes.data, zero.ctypes.data) for factor, (one, zero) in _NUMBERS.items()}


class Factor(NamedTuple):
    """A batch of matrices as cuBLAS takes them: whether transposed, from column to column, from matrix to matrix."""

    array: Any
    way: int
    leading: int
    stride: int


def factor(xp: Any, x: Any, upright: bool = False) -> Factor:
    """(rows, columns) or a batch of such in any memory, copied only where neither rows nor columns lie in one piece.

    A vector is one row, or one column if `upright`.
    """
    size = x.itemsize
    if x.ndim == 1:
        (count,), (step,) = x.shape, (s // size for s in x.strides)
        rows, columns, every, row, column = (count, 1, 0, step, 1) if upright else (1, count, 0, count, step)
    else:
        rows, columns = x.shape[-2:]
        every, row, column = (0, *(s // size for s in x.strides))[-3:]
    if every < 0:
        return factor(xp, xp.ascontiguousarray(x))
    if (column == 1 or columns == 1) and (row >= columns or rows == 1):
        return Factor(x, AS_IT_IS, max(row, columns, 1) if rows > 1 else max(columns, 1), every)
    if (row == 1 or rows == 1) and (column >= rows or columns == 1):
        return Factor(x, TRANSPOSED, max(column, rows, 1) if columns > 1 else max(rows, 1), every)
    return Factor(xp.ascontiguousarray(x), AS_IT_IS, max(columns, 1), rows * columns)


def multiply(device: Device, gemm: Any, handle: Any, a: Any, b: Any, tf32: bool) -> Any:
    """`a @ b` of vectors, matrices and equally many, or one, of them; None where cuBLAS cannot.

    gemm, handle: cublasGemmStridedBatchedEx and what it works with.
    """
    kind, lead = KINDS[a.dtype], a.shape[:-2] or b.shape[:-2]
    if {a.shape[:-2], b.shape[:-2]} - {lead, ()}:
        return None
    xp = device.xp
    n, k = a.shape[-2:] if a.ndim > 1 else (1, a.shape[0])
    m = b.shape[-1] if b.ndim > 1 else 1
    shape = (*lead, *((n,) if a.ndim > 1 else ()), *((m,) if b.ndim > 1 else ()))
    if not k:
        return xp.zeros(shape, dtype=a.dtype)
    out = xp.empty(shape, dtype=a.dtype)
    if not out.size:
        return out
    a, b = (x.reshape(-1, *x.shape[-2:]) if x.ndim > 3 else x for x in (a, b))
    count = math.prod(lead)
    first, second = factor(xp, b, True), factor(xp, a)
    if max(count, n, k, m, first.leading, second.leading) > LARGEST:
        return None
    one, zero = _PLACES[kind.factor]
    gemm(
        handle, first.way, second.way, m, n, k, one,
        first.array.data.ptr, kind.data, first.leading, first.stride,
        second.array.data.ptr, kind.data, second.leading, second.stride, zero,
        out.data.ptr, kind.data, m, n * m, count, kind.tf32 if tf32 else kind.sums, DEFAULT_ALGORITHM,
    )  # fmt: skip
    return out

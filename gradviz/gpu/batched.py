"""Batches of matrix products by cuBLAS itself: CuPy's would copy transposed factors first, and leaves TF32 to a mode.

cuBLAS counts along columns. Rows of C = A B are columns of C^T = B^T A^T, so it is given b first, then a; a factor
whose columns lie in one piece instead of its rows is what it calls transposed.
https://docs.nvidia.com/cuda/cublas/#cublasgemmstridedbatchedex
"""

from __future__ import annotations

from typing import Any, NamedTuple

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
    "float16": Kind(2, 68, 68, np.float32),
    "bfloat16": Kind(14, 68, 68, np.float32),
    "float32": Kind(0, 68, 77, np.float32),
    "float64": Kind(1, 70, 70, np.float64),
    "complex64": Kind(4, 68, 77, np.complex64),
    "complex128": Kind(5, 70, 70, np.complex128),
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


def factor(xp: Any, x: Any) -> Factor:
    """(count, rows, columns) in any memory, copied only where neither rows nor columns lie in one piece."""
    _, rows, columns = x.shape
    every, row, column = (s // x.itemsize for s in x.strides)
    if every < 0:
        return factor(xp, xp.ascontiguousarray(x))
    if (column == 1 or columns == 1) and (row >= columns or rows == 1):
        return Factor(x, AS_IT_IS, max(row, columns, 1) if rows > 1 else max(columns, 1), every)
    if (row == 1 or rows == 1) and (column >= rows or columns == 1):
        return Factor(x, TRANSPOSED, max(column, rows, 1) if columns > 1 else max(rows, 1), every)
    return Factor(xp.ascontiguousarray(x), AS_IT_IS, max(columns, 1), rows * columns)


def multiply(device: Device, library: Any, a: Any, b: Any, tf32: bool) -> Any:
    """(count, n, k) and (count, k, m) -> (count, n, m), or None where cuBLAS cannot. `library`: CuPy's cuBLAS."""
    kind = KINDS.get(a.dtype.name)
    (count, n, k), m = a.shape, b.shape[2]
    if kind is None or a.dtype != b.dtype or max(count, n, k, m) > LARGEST:
        return None
    xp = device.xp
    if not k:
        return xp.zeros((count, n, m), dtype=a.dtype)
    out = xp.empty((count, n, m), dtype=a.dtype)
    if not out.size:
        return out
    first, second = factor(xp, b), factor(xp, a)
    if max(first.leading, second.leading) > LARGEST:
        return None
    one, zero = _PLACES[kind.factor]
    library.gemm(
        library.handle(), first.way, second.way, m, n, k, one,
        first.array.data.ptr, kind.data, first.leading, first.stride,
        second.array.data.ptr, kind.data, second.leading, second.stride, zero,
        out.data.ptr, kind.data, m, n * m, count, kind.tf32 if tf32 else kind.sums, DEFAULT_ALGORITHM,
    )  # fmt: skip
    return out

"""Diagonals and triangles of matrices."""

from __future__ import annotations

from typing import Any

from ...op import function, op
from ...tensor import Tensor
from ..helpers import one_dim
from .reshape import reshape
from .views import _diag_back, _diag_copy

_tril = op("tril", lambda xp, x, *, diagonal: xp.tril(x, diagonal),
           x=lambda F, g, *, diagonal: F.tril(g, diagonal=diagonal), public=False)  # fmt: skip
_triu = op("triu", lambda xp, x, *, diagonal: xp.triu(x, diagonal),
           x=lambda F, g, *, diagonal: F.triu(g, diagonal=diagonal), public=False)  # fmt: skip


def _matrices(name: str, x: Tensor) -> Any:
    if x.ndim < 2:
        raise RuntimeError(f"{name}: input tensor must have at least 2 dimensions")
    return x


@function(inplace=True)
def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """The lower triangle, zero elsewhere."""
    return _tril.call(_matrices("tril", input), diagonal=diagonal)


@function(inplace=True)
def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """The upper triangle, zero elsewhere."""
    return _triu.call(_matrices("triu", input), diagonal=diagonal)


@function
def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """The diagonal of a matrix, or the matrix with this diagonal."""
    if input.ndim == 2:
        return _diag_copy.call(input, offset=diagonal)
    if input.ndim != 1:
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {input.ndim}D")
    return diag_embed(input, diagonal)


@function
def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """The matrix with all elements of `input` on a diagonal."""
    return diag_embed(reshape(input, -1), offset)


@function
def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Matrices, in two new dimensions, with the last dimension of `input` on a diagonal."""
    first, second = one_dim(dim1, input.ndim + 1), one_dim(dim2, input.ndim + 1)
    if first == second:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    n = (input._array.shape[-1] if input.ndim else 1) + abs(offset)
    shape = list(input._array.shape[:-1])
    for dim in sorted((first, second)):
        shape.insert(dim, n)
    return _diag_back.call(input, shape=tuple(shape), offset=offset, dim1=first, dim2=second)

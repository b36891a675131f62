"""Vectors: cross and dot products along a dimension, tables of powers, diagonals."""

from __future__ import annotations

from typing import Any

from ... import errors
from ...op import FUNCTIONS, RECORDED, function, op
from ...tensor import Tensor
from ..helpers import one_dim
from .products import wrong


# -- cross and dot -------------------------------------------------------------------------------------------------
def _cross(xp: Any, a: Any, b: Any, *, dim: int) -> Any:
    """Element i is a[i + 1] b[i + 2] - a[i + 2] b[i + 1], counted around the circle of three."""
    return xp.roll(a, -1, dim) * xp.roll(b, -2, dim) - xp.roll(a, -2, dim) * xp.roll(b, -1, dim)


_cross_op = op("linalg_cross", _cross, public=False, promote="binary",
               a=lambda F, g, b, *, dim: F.linalg_cross(b, g, dim=dim),
               b=lambda F, g, a, *, dim: F.linalg_cross(g, a, dim=dim))  # fmt: skip


def _linalg_cross(input: Tensor, other: Tensor, *, dim: int = -1) -> Tensor:
    """The vector at right angles to two vectors of length 3, which lie along `dim`."""
    if input.ndim != other.ndim:
        raise wrong("linalg.cross: inputs must have the same number of dimensions.")
    at = one_dim(dim, input.ndim)
    if input.shape[at] != 3 or other.shape[at] != 3:
        raise wrong(
            f"linalg.cross: inputs dimension {dim} must have length 3. Got {input.shape[at]} and {other.shape[at]}"
        )
    return _cross_op.call(input, other, dim=at - input.ndim)


function(space="linalg", name="cross")(_linalg_cross)


@function
def cross(input: Tensor, other: Tensor, dim: int | None = None) -> Tensor:
    """The cross product along `dim`, or along the first dimension of size 3."""
    if dim is None:
        at = next((i for i, n in enumerate(input.shape) if n == 3), None)
        if at is None:
            raise wrong("no dimension of size 3 in input")
        dim = at
    return _linalg_cross(input, other, dim=dim)


@function(space="linalg")
def vecdot(x: Tensor, y: Tensor, *, dim: int = -1) -> Tensor:
    """Sums of `conj(x) * y` along one dimension."""
    if x.dtype != y.dtype:
        raise wrong(
            f"linalg.vecdot: Expected x and y to have the same dtype, but found x of type "
            f"{errors.scalar_type(x.dtype)} and y of type {errors.scalar_type(y.dtype)} instead"
        )
    if x.ndim == y.ndim == 1:
        return FUNCTIONS["vdot"](x, y)  # type: ignore[no-any-return]
    return ((RECORDED.conj_physical(x) if x.is_complex() else x) * y).sum(dim)  # type: ignore[no-any-return]


# -- powers --------------------------------------------------------------------------------------------------------
def _linalg_vander(x: Tensor, *, N: int | None = None) -> Tensor:
    """Rows 1, x, x^2, ... for every element: (*, n) gives (*, n, N)."""
    count = x.shape[-1] if N is None and x.ndim else N
    if count is None or count <= 1:
        raise wrong("N must be greater than 1.")
    x = x if x.ndim else x.unsqueeze(0)
    powers = x.unsqueeze(-1).expand(*x.shape, count - 1).cumprod(-1)
    ones = FUNCTIONS["ones"](*x.shape, 1, dtype=powers.dtype, device=x.device)
    return FUNCTIONS["cat"]((ones, powers), -1)  # type: ignore[no-any-return]


function(space="linalg", name="vander")(_linalg_vander)


def _linalg_diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """The diagonals of the last two dimensions, as a view."""
    return FUNCTIONS["diagonal"](A, offset, dim1, dim2)  # type: ignore[no-any-return]


function(space="linalg", name="diagonal")(_linalg_diagonal)

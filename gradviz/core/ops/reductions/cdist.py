"""All pairs: distances between every two points, combinations of elements."""

from __future__ import annotations

import itertools
from typing import Any

from ... import errors
from ...dtype import bool_
from ...errors import no_kernel, noted
from ...op import FUNCTIONS, function, op
from ...tensor import Tensor
from .norms import norm_of, norm_rule


def _differences(F: Any, a: Any, b: Any) -> Any:
    """Every row of `a` minus every row of `b`: (..., P, M) and (..., R, M) give (..., P, R, M)."""
    return F.unsqueeze(a, dim=len(a.shape) - 1) - F.unsqueeze(b, dim=len(b.shape) - 2)


def _length(xp: Any, d: Any, p: float) -> Any:
    """The norm of the last dimension, 0 if it is empty."""
    return norm_of(xp, d, p, -1, False) if d.shape[-1] else xp.zeros(d.shape[:-1], dtype=d.dtype)


def _cdist_rule(F: Any, g: Any, a: Any, b: Any, out: Any, p: float) -> Any:
    last = len(g.shape)
    wide, length = (F.unsqueeze(t, dim=last) for t in (g, out))
    return norm_rule(F, wide, _differences(F, a, b), length, p, (last,), share=False)


_cdist = op("cdist", lambda xp, F, a, b, *, p: _length(xp, _differences(F, a, b), p), public=False,
            a=lambda F, g, a, b, out, *, p:
                F.sum(_cdist_rule(F, g, a, b, out, p), dim=(len(g.shape) - 1,), keepdim=False),
            b=lambda F, g, a, b, out, *, p:
                -F.sum(_cdist_rule(F, g, a, b, out, p), dim=(len(g.shape) - 2,), keepdim=False))  # fmt: skip
_pdist = op("pdist", lambda xp, x, *, p, first, second: _length(xp, x[first] - x[second], p), public=False,
            x=lambda F, g, x, out, *, p, first, second: _pdist_rule(F, g, x, out, p, first, second))  # fmt: skip


def _pdist_rule(F: Any, g: Any, x: Any, out: Any, p: float, first: Any, second: Any) -> Any:
    wide, length = (F.unsqueeze(t, dim=1) for t in (g, out))
    difference = F.index(x, index=(first,)) - F.index(x, index=(second,))
    each = norm_rule(F, wide, difference, length, p, (1,), share=False)
    shape = tuple(x.shape)
    return F.index_add_zeros(each, shape=shape, index=(first,)) - F.index_add_zeros(each, shape=shape, index=(second,))


# -- the public functions ------------------------------------------------------------------------------------------
_MODES = ("use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist")


@function(method=False)
def cdist(x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: str | None = _MODES[0]) -> Tensor:
    """The p-norm distance of every row of `x1` to every row of `x2`: (..., P, M), (..., R, M) to (..., P, R).

    `compute_mode` chooses between two ways of computing in PyTorch; the numbers are the same.
    """
    if compute_mode not in (None, *_MODES):
        raise ValueError(f"{compute_mode} is not a valid value for compute_mode")
    named = (("X1", x1), ("X2", x2))
    for name, x in named:
        if x.ndim < 2:
            raise RuntimeError(f"cdist only supports at least 2D tensors, {name} got: {x.ndim}D")
    if x1.shape[-1] != x2.shape[-1]:
        raise RuntimeError(f"X1 and X2 must have the same number of columns. X1: {x1.shape[-1]} X2: {x2.shape[-1]}")
    for name, x in named:
        if x.dtype.category != 2:
            kind = errors.scalar_type(x.dtype)
            raise noted(
                RuntimeError(
                    f"cdist only supports floating-point dtypes, {name} got: {kind}\nConvert it: x = x.float()."
                )
            )
    if p < 0:
        raise RuntimeError("cdist only supports non-negative p values")
    if x1.dtype is not x2.dtype:
        first, second = (errors.scalar_type(x.dtype) for x in (x1, x2))
        raise RuntimeError(f"expected scalar type {first} but found {second}")
    if x1.dtype.itemsize < 4:
        raise no_kernel("cdist", x1)
    return _cdist.call(x1, x2, p=float(p))


@function(method=False)
def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """The p-norm distance of every two rows, as one vector: rows 0 and 1, 0 and 2, ..., 1 and 2, ..."""
    if input.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input.ndim}D")
    if input.dtype.category != 2:
        raise noted(RuntimeError("pdist only supports floating-point dtypes\nConvert it first: x = x.float()."))
    if p < 0:
        raise RuntimeError("pdist only supports non-negative p values")
    if input.dtype.itemsize < 4:
        raise no_kernel("pdist", input)
    xp, n = input.device.xp, input._array.shape[0]
    first, second = xp.nonzero(xp.triu(xp.ones((n, n), dtype=xp.int64), 1))
    return _pdist.call(input, p=float(p), first=first, second=second)


@function(method=False)
def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All choices of r elements of a 1-D tensor, one a row."""
    if input.ndim != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(input.shape)}")
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    if r == 0:
        nothing: Tensor = FUNCTIONS["empty"](0, dtype=input.dtype, device=input.device)
        return nothing
    n = input.shape[0]
    grids = FUNCTIONS["meshgrid"](*[input] * r, indexing="ij")
    places = FUNCTIONS["meshgrid"](*[FUNCTIONS["arange"](n, device=input.device)] * r, indexing="ij")
    mask = FUNCTIONS["ones"]((n,) * r, dtype=bool_, device=input.device)
    for a, b in itertools.pairwise(places):
        mask = mask & ((a <= b) if with_replacement else (a < b))
    chosen: Tensor = FUNCTIONS["stack"]([FUNCTIONS["masked_select"](grid, mask) for grid in grids], 1)
    return chosen

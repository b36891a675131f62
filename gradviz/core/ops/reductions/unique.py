"""Distinct elements: of all, or of neighbours; whole slices where a dim is given; and which are in a set.

Sorted, equal elements are neighbours. Where a run of equal ones begins, a new distinct element does:

    x       1 1 2 2 2 5        begins  1 0 1 0 0 1        which one (running sum - 1)  0 0 1 1 1 2
"""

from __future__ import annotations

import math
from typing import Any

from ... import errors
from ...errors import noted
from ...op import function, op
from ...tensor import Tensor
from ..helpers import one_dim
from ..kinds import no_derivative
from .dims import refuse_complex
from .sort import order_of

_AUX = {"public": False, "aux": ("inverse", "counts")}
_unique = op("unique2", lambda xp, x: _distinct(xp, x.reshape(-1), x.shape, True), x=no_derivative("_unique2"), **_AUX)
_consecutive = op("unique_consecutive", lambda xp, x, *, dim:
                      _distinct_slices(xp, x, dim, False) if dim is not None else
                      _distinct(xp, x.reshape(-1), x.shape, False),
                  x=no_derivative("unique_consecutive"), **_AUX)  # fmt: skip
_unique_dim = op("unique_dim", lambda xp, x, *, dim: _distinct_slices(xp, x, dim, True),
                 x=no_derivative("unique_dim"), **_AUX)  # fmt: skip
_isin = op("isin", lambda xp, a, b, *, assume_unique, invert: xp.isin(a, b, assume_unique, invert), public=False,
           promote="binary")  # fmt: skip


def _distinct(xp: Any, flat: Any, shape: tuple[int, ...], sort: bool) -> Any:
    """Distinct elements, which of them every element is (in `shape`), how many there are of each."""
    order = order_of(xp, flat, 0) if sort else None
    values = flat if order is None else flat[order]
    begins = xp.ones(values.shape, dtype=xp.bool_)
    begins[1:] = values[1:] != values[:-1]
    inverse, counts = _runs(xp, begins, order)
    return values[begins], {"inverse": inverse.reshape(shape), "counts": counts}


def _distinct_slices(xp: Any, x: Any, dim: int, sort: bool) -> Any:
    """The same for slices along `dim`, ordered by their first elements, then their second, ..."""
    front = xp.moveaxis(x, dim, 0)
    rows = front.reshape(front.shape[0], math.prod(front.shape[1:]))
    order = None
    if sort:
        order = xp.arange(rows.shape[0])
        for column in range(rows.shape[1] - 1, -1, -1):
            order = order[order_of(xp, rows[order, column], 0)]
        rows, front = rows[order], front[order]
    begins = xp.ones(rows.shape[:1], dtype=xp.bool_)
    begins[1:] = xp.any(rows[1:] != rows[:-1], axis=1)
    inverse, counts = _runs(xp, begins, order)
    return xp.moveaxis(front[begins], 0, dim).copy(), {"inverse": inverse, "counts": counts}


def _runs(xp: Any, begins: Any, order: Any) -> tuple[Any, Any]:
    which = xp.cumsum(begins, dtype=xp.int64) - 1
    counts = xp.bincount(which) if which.size else which
    if order is None:
        return which, counts
    inverse = xp.empty_like(which)
    inverse[order] = which
    return inverse, counts


# -- the public functions ------------------------------------------------------------------------------------------
def _answer(the_op: Any, input: Tensor, return_inverse: bool, return_counts: bool, **settings: Any) -> Any:
    """The distinct elements alone, or with what else was asked for."""
    refuse_complex(input, "unique")
    values, aux = the_op.with_aux(input, **settings)
    more = [aux[name] for name, asked in (("inverse", return_inverse), ("counts", return_counts)) if asked]
    return (values, *more) if more else values


def _along(input: Tensor, dim: int) -> int:
    if not input.ndim:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    at = one_dim(dim, input.ndim)
    sizes = input._array.shape
    if 0 in sizes[:at] + sizes[at + 1 :]:
        raise RuntimeError("There are 0 sized dimensions, and they aren't selected, so unique cannot be applied")
    return at


@function
def unique(
    input: Tensor, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: Any = None
) -> Any:
    """The distinct elements in order, or the distinct slices along `dim`; with them, if asked, which one each is."""
    if dim is None:
        return _answer(_unique, input, return_inverse, return_counts)
    return _answer(_unique_dim, input, return_inverse, return_counts, dim=_along(input, dim))


@function
def unique_consecutive(
    input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: Any = None
) -> Any:
    """The elements, or the slices along `dim`, without those equal to the one before."""
    at = None if dim is None else _along(input, dim)
    return _answer(_consecutive, input, return_inverse, return_counts, dim=at)


@function(method=False)
def isin(elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Which elements are among `test_elements` (or, with `invert`, are not)."""
    tensors = [x for x in (elements, test_elements) if isinstance(x, Tensor)]
    if not tensors:
        kinds = ", ".join(type(x).__name__ for x in (elements, test_elements))
        raise noted(
            TypeError(f"isin() received an invalid combination of arguments - got ({kinds})\nOne must be a tensor.")
        )
    for x in tensors:
        if x.dtype.category in (0, 3):
            raise RuntimeError(f"Unsupported input type encountered for isin(): {errors.scalar_type(x.dtype)}")
    return _isin.call(elements, test_elements, assume_unique=assume_unique, invert=invert)

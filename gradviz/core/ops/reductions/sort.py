"""Elements in order along one dimension: sorting, the k largest. NaN counts as larger than any number."""

from __future__ import annotations

from typing import Any

from ...errors import noted
from ...op import function, op
from ...tensor import Tensor
from ..helpers import along, one_dim, size_along
from ..named import named
from .dims import refuse_complex, spelled

# Where each element was is known only in the forward.
_sort = op("sort", lambda xp, x, *, dim, descending, stable: _sorted(xp, x, dim, descending),
           node=lambda stable: "SortBackward0" if stable is None else "SortBackward1", public=False, aux=("indices",),
           x=lambda F, g, indices, *, x_shape, dim: put_back(F, g, indices, x_shape, dim))  # fmt: skip
_topk = op("topk", lambda xp, x, *, k, dim, largest: _top(xp, x, k, dim, largest),
           public=False, aux=("indices",),
           x=lambda F, g, indices, *, x_shape, dim: put_back(F, g, indices, x_shape, dim))  # fmt: skip


def put_back(F: Any, g: Any, indices: Any, shape: tuple[int, ...], dim: int) -> Any:
    """The adjoint of taking elements along `dim`: each gradient in the place where its element was."""
    return F.scatter_zeros(g, indices, shape=shape, dim=dim) if shape else g


def order_of(xp: Any, x: Any, dim: int, descending: bool = False) -> Any:
    """The indices that sort `x`; equal elements stay in their order."""
    if x.dtype.kind not in "biuf":  # bfloat16, which NumPy's sort does not know
        x = x.astype(xp.float32)
    if not descending:
        return xp.argsort(x, axis=dim, kind="stable")
    return x.shape[dim] - 1 - xp.flip(xp.argsort(xp.flip(x, dim), axis=dim, kind="stable"), dim)


def _sorted(xp: Any, x: Any, dim: int, descending: bool) -> Any:
    if x.ndim == 0:
        return x.copy(), {"indices": xp.zeros((), dtype=xp.int64)}
    order = order_of(xp, x, dim, descending)
    return xp.take_along_axis(x, order, axis=dim), {"indices": order}


def _top(xp: Any, x: Any, k: int, dim: int, largest: bool) -> Any:
    if x.ndim == 0:
        values, aux = _top(xp, x.reshape(1), k, 0, largest)
        return values.reshape(x.shape if k else 0), {"indices": aux["indices"].reshape(x.shape if k else 0)}
    first = along(dim, slice(k))
    order = order_of(xp, x, dim, largest)[first]
    return xp.take_along_axis(x, order, axis=dim), {"indices": order}


# -- the public functions ------------------------------------------------------------------------------------------
@function
@spelled
def sort(input: Tensor, dim: int = -1, descending: bool = False, *, stable: bool | None = None) -> Any:
    """Elements in order along `dim`, and where they were; equal ones keep their order, stable or not."""
    refuse_complex(input, " Sort does not support complex dtypes on CPU")
    values, aux = _sort.with_aux(input, dim=one_dim(dim, input.ndim), descending=bool(descending), stable=stable)
    return named("sort", ("values", "indices"))((values, aux["indices"]))


@function
@spelled
def argsort(input: Tensor, dim: int = -1, descending: bool = False, *, stable: bool = False) -> Tensor:
    """The indices that sort `input` along `dim`."""
    made: Tensor = sort(input.detach(), dim, descending)[1]
    return made


@function
def msort(input: Tensor) -> Tensor:
    """Elements in order along the first dimension."""
    made: Tensor = sort(input, 0)[0]
    return made


@function
@spelled
def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    """The k largest (or smallest) elements along `dim` in order, and where they were."""
    at, k = one_dim(dim, input.ndim), int(k)
    size = size_along(input, at)
    if not 0 <= k <= size:
        raise noted(RuntimeError(f"selected index k out of range\nk is {k}, and dim {dim} has {size} elements."))
    if input.dtype.name == "bool":
        raise noted(RuntimeError("topk does not support bool dtypes on CPU\nConvert it first: x = x.int()."))
    refuse_complex(input, " topk does not support complex dtypes on CPU")
    values, aux = _topk.with_aux(input, k=k, dim=at, largest=largest)
    return named("topk", ("values", "indices"))((values, aux["indices"]))

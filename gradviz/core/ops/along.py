"""Along one dimension: gathering and scattering by a tensor of indices, sorting, the k largest."""

from __future__ import annotations

from typing import Any

from ..op import function, op
from ..tensor import Tensor
from .helpers import one_dim
from .index import indices_of
from .named import named

# -- an index tensor of the input's rank points along one dimension ------------------------------------------------
_gather = op("gather", lambda xp, x, index, *, dim: _gathered(xp, x, index, dim), public=False,
             x=lambda F, g, index, *, x_shape, dim: F.scatter_zeros(g, index, shape=x_shape, dim=dim))  # fmt: skip
_scatter_zeros = op("scatter_zeros", lambda xp, x, index, *, shape, dim: _scattered(xp, x, index, shape, dim),
                    public=False, x=lambda F, g, index, *, dim: F.gather(g, index, dim=dim))  # fmt: skip
_scatter = op("scatter", lambda xp, x, src, *, index, dim: _replaced(xp, x, src, index, dim),
              number_node="ScatterBackward1", public=False,
              x=lambda F, g, *, index, dim: F.scatter(g, 0.0, index=index, dim=dim),
              src=lambda F, g, *, index, dim: F.pick_grid(g, index=index, dim=dim))  # fmt: skip
_pick_grid = op("pick_grid", lambda xp, x, *, index, dim: x[_grid(xp, index, dim)], public=False,
                x=lambda F, g, *, x_shape, index, dim:
                    F.grid_zeros(g, shape=x_shape, index=index, dim=dim))  # fmt: skip
_grid_zeros = op("grid_zeros", lambda xp, x, *, shape, index, dim: _scattered(xp, x, index, shape, dim), public=False,
                 x=lambda F, g, *, index, dim: F.pick_grid(g, index=index, dim=dim))  # fmt: skip
_scatter_add = op("scatter_add",
                  lambda xp, x, src, *, index, dim: x + _scattered(xp, src, index, x.shape, dim),
                  public=False, x=lambda g: g,
                  src=lambda F, g, *, index, dim: F.pick_grid(g, index=index, dim=dim))  # fmt: skip

# -- in order; where each element was is known only in the forward -------------------------------------------------
_sort = op("sort", lambda xp, x, *, dim, descending, stable: _sorted(xp, x, dim, descending),
           public=False, aux=("indices",),
           x=lambda F, g, indices, *, x_shape, dim: F.scatter_zeros(g, indices, shape=x_shape, dim=dim))  # fmt: skip
_topk = op("topk", lambda xp, x, *, k, dim, largest: _top(xp, x, k, dim, largest),
           public=False, aux=("indices",),
           x=lambda F, g, indices, *, x_shape, dim: F.scatter_zeros(g, indices, shape=x_shape, dim=dim))  # fmt: skip


def _grid(xp: Any, index: Any, dim: int) -> tuple[Any, ...]:
    """Indices of every element that an index tensor of the same rank points to along `dim`."""
    at = []
    for i, n in enumerate(index.shape):
        at.append(index if i == dim else xp.arange(n).reshape((1,) * i + (n,) + (1,) * (index.ndim - i - 1)))
    return tuple(at)


def _gathered(xp: Any, x: Any, index: Any, dim: int) -> Any:
    """The elements pointed to; where the other sizes differ too, only as many as `index` has."""
    if index.shape[:dim] + index.shape[dim + 1 :] == x.shape[:dim] + x.shape[dim + 1 :]:
        return xp.take_along_axis(x, index, axis=dim)
    return x[_grid(xp, index, dim)]


def _scattered(xp: Any, x: Any, index: Any, shape: tuple[int, ...], dim: int) -> Any:
    out = xp.zeros(shape, dtype=x.dtype)
    part = x if x.shape == index.shape else x[tuple(slice(n) for n in index.shape)]
    xp.add.at(out, _grid(xp, index, dim), part)
    return out


def _replaced(xp: Any, x: Any, src: Any, index: Any, dim: int) -> Any:
    out = x.copy()
    part = src[tuple(slice(n) for n in index.shape)] if getattr(src, "ndim", 0) else src
    out[_grid(xp, index, dim)] = part
    return out


def _sorted(xp: Any, x: Any, dim: int, descending: bool) -> Any:
    if descending:
        flipped = xp.flip(x, dim)
        order = x.shape[dim] - 1 - xp.flip(xp.argsort(flipped, axis=dim, kind="stable"), dim)
    else:
        order = xp.argsort(x, axis=dim, kind="stable")
    return xp.take_along_axis(x, order, axis=dim), {"indices": order}


def _top(xp: Any, x: Any, k: int, dim: int, largest: bool) -> Any:
    values, aux = _sorted(xp, x, dim, largest)
    first = (slice(None),) * dim + (slice(k),)
    return values[first], {"indices": aux["indices"][first]}


# -- the public functions ------------------------------------------------------------------------------------------
def _within(index: Any, size: int, name: str, dim: int) -> None:
    if index.size and (int(index.min()) < 0 or int(index.max()) >= size):
        bad = int(index.max()) if int(index.max()) >= size else int(index.min())
        raise RuntimeError(f"index {bad} is out of bounds for dimension {dim} with size {size}")


@function
def gather(input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Tensor:
    """The elements of `input` that `index` points to along `dim`."""
    at = one_dim(dim, input.ndim)
    if index.ndim != input.ndim:
        raise RuntimeError("Index tensor must have the same number of dimensions as input tensor")
    _within(indices_of(index, "gather"), input._array.shape[at] if input.ndim else 1, "gather", at)
    return _gather.call(input, index, dim=at)


@function(inplace=True)
def scatter(
    input: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None, reduce: Any = None
) -> Tensor:
    """`input` with elements of `src`, or one number, put where `index` points along `dim`."""
    if reduce is not None:
        raise NotImplementedError("scatter(): argument 'reduce' is not supported; use scatter_add for sums")
    at = one_dim(dim, input.ndim)
    _within(indices_of(index, "scatter"), input._array.shape[at] if input.ndim else 1, "scatter", at)
    return _scatter.call(input, value if src is None else src, index=index._array, dim=at)


@function(inplace=True)
def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """`input` plus the elements of `src` where `index` points along `dim`."""
    at = one_dim(dim, input.ndim)
    _within(indices_of(index, "scatter"), input._array.shape[at] if input.ndim else 1, "scatter_add", at)
    return _scatter_add.call(input, src, index=index._array, dim=at)


@function
def sort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    """Elements in order along `dim`, and where they were."""
    values, aux = _sort.with_aux(input, dim=one_dim(dim, input.ndim), descending=descending, stable=stable)
    return named("sort", ("values", "indices"))((values, aux["indices"]))


@function
def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    """The indices that sort `input` along `dim`."""
    made: Tensor = sort(input, dim, descending, stable)[1]
    return made


@function
def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    """The k largest (or smallest) elements along `dim` in order, and where they were."""
    at = one_dim(dim, input.ndim)
    if input.ndim == 0:
        values, indices = topk(input.reshape(1), k, 0, largest)
        return named("topk", ("values", "indices"))((values.reshape(()), indices.reshape(())))
    if k > input._array.shape[at]:
        raise RuntimeError("selected index k out of range")
    values, aux = _topk.with_aux(input, k=k, dim=at, largest=largest)
    return named("topk", ("values", "indices"))((values, aux["indices"]))

"""Along one dimension: gathering and scattering by a tensor of indices of the input's rank."""

from __future__ import annotations

from typing import Any

from ... import errors
from ...checks import within
from ...op import function, op
from ...tensor import Tensor
from ..helpers import one_dim, size_along
from ..shapes.broadcast import broadcast_shapes
from ..shapes.reshape import expand, reshape
from .getitem import out_of_bounds
from .take import beside, indices_of

_gather = op("gather", lambda xp, x, index, *, dim: _gathered(xp, x, index, dim), public=False,
             x=lambda F, g, index, *, x_shape, dim: F.scatter_zeros(g, index, shape=x_shape, dim=dim))  # fmt: skip
_scatter_zeros = op("scatter_zeros", lambda xp, x, index, *, shape, dim: _scattered(xp, x, index, shape, dim),
                    public=False, x=lambda F, g, index, *, dim: F.gather(g, index, dim=dim))  # fmt: skip
_scatter = op("scatter", lambda xp, x, src, *, index, dim: _replaced(xp, x, src, index, dim),
              number_node="ScatterBackward1", public=False,
              x=lambda F, g, *, index, dim: F.scatter(g, 0.0, index=index, dim=dim),
              src=lambda F, g, *, src_shape, index, dim: picked(F, g, src_shape, index, dim))  # fmt: skip
_scatter_add = op("scatter_add", lambda xp, x, src, *, index, dim: _added(xp, x, src, index, dim), public=False,
                  x=lambda g: g,
                  src=lambda F, g, *, src_shape, index, dim: picked(F, g, src_shape, index, dim))  # fmt: skip
# The same with the indices as a setting: what the rules of scattering are made of.
_pick_grid = op("pick_grid", lambda xp, x, *, index, dim: _gathered(xp, x, index, dim), public=False,
                x=lambda F, g, *, x_shape, index, dim:
                    F.grid_zeros(g, shape=x_shape, index=index, dim=dim))  # fmt: skip
_grid_zeros = op("grid_zeros", lambda xp, x, *, shape, index, dim: _scattered(xp, x, index, shape, dim), public=False,
                 x=lambda F, g, *, index, dim: F.pick_grid(g, index=index, dim=dim))  # fmt: skip


def grid(xp: Any, index: Any, dim: int) -> tuple[Any, ...]:
    """Indices of every element that an index tensor of the same rank points to along `dim`."""
    at = []
    for i, n in enumerate(index.shape):
        at.append(index if i == dim else xp.arange(n).reshape((1,) * i + (n,) + (1,) * (index.ndim - i - 1)))
    return tuple(at)


def lined(array: Any) -> Any:
    """A number as a line of one element: here they are interchangeable."""
    return array if array.ndim else array.reshape(1)


def first_of(x: Any, shape: tuple[int, ...]) -> Any:
    """The first elements of each dimension, as many as another shape has."""
    return x if x.shape == shape else x[tuple(slice(n) for n in shape)]


def picked(F: Any, g: Any, shape: tuple[int, ...], index: Any, dim: int) -> Any:
    """The gradient of what was scattered: the elements at the indices, zeros where the source had more."""
    found = F.pick_grid(g, index=index, dim=dim)
    if tuple(index.shape) == tuple(shape) or not shape:
        return found
    return F.embed(found, shape=shape, index=tuple(slice(n) for n in index.shape))


def _gathered(xp: Any, x: Any, index: Any, dim: int) -> Any:
    """The elements pointed to; where the other sizes differ too, only as many as `index` has."""
    if not index.size:
        return xp.zeros(index.shape, dtype=x.dtype)
    line, at = lined(x), lined(index)
    if at.shape[:dim] + at.shape[dim + 1 :] == line.shape[:dim] + line.shape[dim + 1 :]:
        return xp.take_along_axis(line, at, axis=dim).reshape(index.shape)
    return line[grid(xp, at, dim)].reshape(index.shape)


def _scattered(xp: Any, x: Any, index: Any, shape: tuple[int, ...], dim: int) -> Any:
    out = xp.zeros(shape, dtype=x.dtype)
    if index.size:
        at, into = lined(index), lined(out)
        src, places = first_of(lined(x), at.shape), grid(xp, at, dim)
        if at.shape[dim] == 1:  # one on each line: none is met twice
            into[places] = src
        else:
            xp.add.at(into, places, src)
    return out


def _added(xp: Any, x: Any, src: Any, index: Any, dim: int) -> Any:
    out = xp.array(x)
    if index.size:
        at = lined(index)
        xp.add.at(lined(out), grid(xp, at, dim), first_of(lined(src), at.shape))
    return out


def _replaced(xp: Any, x: Any, src: Any, index: Any, dim: int) -> Any:
    out = xp.array(x)
    if index.size:
        at = lined(index)
        lined(out)[grid(xp, at, dim)] = first_of(lined(src), at.shape) if hasattr(src, "ndim") else src
    return out


# -- the public functions ------------------------------------------------------------------------------------------
def _rank(x: Any) -> int:
    rank: int = max(x.ndim, 1)
    return rank


def _within(x: Tensor, index: Any, dim: int) -> Any:
    within(x.device.xp, index, 0, size_along(x, dim), out_of_bounds(dim, size_along(x, dim)))
    return index


@function
def gather(input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Tensor:
    """The elements of `input` that `index` points to along `dim`."""
    at = one_dim(dim, input.ndim)
    if not index._array.size:
        return _gather.call(input, index.long(), dim=at)
    raw = indices_of(index, "gather", of=input)
    if _rank(raw) != _rank(input):
        raise RuntimeError("Index tensor must have the same number of dimensions as input tensor")
    mine, other = lined(input._array).shape, lined(raw).shape
    for d, (n, most) in enumerate(zip(other, mine, strict=True)):
        if d != at and n > most:
            raise RuntimeError(
                f"Size does not match at dimension {d} expected index {list(raw.shape)} to be no larger than self "
                f"{list(input._array.shape)} apart from dimension {at}"
            )
    _within(input, raw, at)
    return _gather.call(input, index, dim=at)


@function
def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """The elements of `input` at `indices` along `dim`, both broadcast to one shape in the other dimensions."""
    if indices.dtype.name != "int64":
        kind = errors.scalar_type(indices.dtype)
        raise RuntimeError(f"torch.take_along_dim(): dtype of indices should be Long but got {kind}")
    beside(indices, "take_along_dim", input)
    if dim is None:
        return gather(reshape(input, -1), 0, _wrapped(reshape(indices, -1), input._array.size))
    if input.ndim != indices.ndim:
        raise RuntimeError(
            "torch.take_along_dim(): input and indices should have the same number of dimensions, but got "
            f"{input.ndim} dimensions for input, and {indices.ndim} dimensions for indices"
        )
    at = one_dim(dim, input.ndim)
    mine, other = list(input._array.shape), list(indices._array.shape)
    size, count = mine[at], other[at]
    mine[at] = other[at] = 1
    common = list(broadcast_shapes(mine, other))
    wide = expand(input, *common[:at], size, *common[at + 1 :])
    at_indices = expand(_wrapped(indices, size), *common[:at], count, *common[at + 1 :])
    return gather(wide, at, at_indices)


def _wrapped(indices: Tensor, size: int) -> Tensor:
    """Indices counted from the front; those outside come round."""
    raw = indices._array
    if not size or not raw.size or (int(raw.min()) >= 0 and int(raw.max()) < size):
        return indices
    return Tensor._of(raw % size, indices.device)


def scatter_to(x: Tensor, dim: int, index: Tensor, src: Any) -> tuple[int, Any]:
    """The dim and the raw indices of a scattering, once everything is seen to fit."""
    at = one_dim(dim, x.ndim)
    raw = index._array if not index._array.size else indices_of(index, "scatter", of=x)
    if isinstance(src, Tensor) and src.dtype is not x.dtype:
        raise RuntimeError("scatter(): Expected self.dtype to be equal to src.dtype")
    if not raw.size:  # of any type then
        return at, raw.astype("int64")
    if _rank(raw) != _rank(x):
        raise RuntimeError("Index tensor must have the same number of dimensions as self tensor")
    if isinstance(src, Tensor) and _rank(raw) != _rank(src):
        raise RuntimeError("Index tensor must have the same number of dimensions as src tensor")
    mine, other = lined(x._array).shape, lined(raw).shape
    most = lined(src._array).shape if isinstance(src, Tensor) else other
    if any((d != at and n > mine[d]) or n > most[d] for d, n in enumerate(other)):
        room = f" and to be no larger size than src {list(src._array.shape)}" if isinstance(src, Tensor) else ""
        raise RuntimeError(
            f"Expected index {list(raw.shape)} to be no larger than self {list(x._array.shape)} apart from dimension "
            f"{at}{room}"
        )
    return at, _within(x, raw, at)


@function(inplace=True)
def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """`input` plus the elements of `src` where `index` points along `dim`."""
    at, raw = scatter_to(input, dim, index, src)
    return _scatter_add.call(input, src, index=raw, dim=at)

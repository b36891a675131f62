"""Parts of a tensor along one or two dimensions, as views; and copies with such a part replaced."""

from __future__ import annotations

from typing import Any

from ...errors import noted
from ...op import function, method, op
from ...tensor import Tensor
from ..helpers import along, one_dim, size_along
from .views import _diagonal, _select, _slice, _unfold

# -- copies with a part replaced: `x` outside it, `src` inside -----------------------------------------------------
_select_scatter = op("select_scatter", lambda xp, x, src, *, dim, index: _with_part(
                         xp, x, src, along(dim, index)), public=False,
                     x=lambda F, g, *, src_shape, dim, index: F.select_scatter(
                         g, F.blank(g, shape=src_shape), dim=dim, index=index),
                     src=lambda F, g, *, dim, index: F.select(g, dim=dim, index=index))  # fmt: skip
_slice_scatter = op("slice_scatter", lambda xp, x, src, *, dim, start, stop, step: _with_part(
                        xp, x, src, along(dim, slice(start, stop, step))), public=False,
                    x=lambda F, g, *, src_shape, dim, start, stop, step: F.slice_scatter(
                        g, F.blank(g, shape=src_shape), dim=dim, start=start, stop=stop, step=step),
                    src=lambda F, g, *, dim, start, stop, step: F.slice(
                        g, dim=dim, start=start, stop=stop, step=step))  # fmt: skip
_diagonal_scatter = op("diagonal_scatter", lambda xp, x, src, *, offset, dim1, dim2: _with_diagonal(
                           xp, x, src, offset, dim1, dim2), public=False,
                       x=lambda F, g, *, src_shape, offset, dim1, dim2: F.diagonal_scatter(
                           g, F.blank(g, shape=src_shape), offset=offset, dim1=dim1, dim2=dim2),
                       src=lambda F, g, *, offset, dim1, dim2: F.diagonal(
                           g, offset=offset, dim1=dim1, dim2=dim2))  # fmt: skip
_narrow_copy = op("narrow_copy", lambda x, *, dim, start, length: x[
                      along(dim, slice(start, start + length))].copy(), public=False,
                  x=lambda F, g, *, x_shape, dim, start, length: F.embed(
                      g, shape=x_shape, index=along(dim, slice(start, start + length))))  # fmt: skip


def _with_part(xp: Any, x: Any, src: Any, index: Any) -> Any:
    out = xp.array(x)
    out[index] = src
    return out


def _with_diagonal(xp: Any, x: Any, src: Any, offset: int, dim1: int, dim2: int) -> Any:
    out = x.copy()
    front = xp.moveaxis(out, (dim1, dim2), (-2, -1))
    rows = xp.arange(src.shape[-1]) + (-offset if offset < 0 else 0)
    front[..., rows, rows + offset] = src
    return out


# -- one dimension -------------------------------------------------------------------------------------------------
def _selected(x: Tensor, dim: int, index: Any) -> tuple[int, int]:
    """A dim and an index in it, both counted from the front."""
    if not x.ndim:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    at, i = one_dim(dim, x.ndim), int(index)
    size = x._array.shape[at]
    if not -size <= i < size:
        raise IndexError(
            f"select(): index {i} out of range for tensor of size {list(x._array.shape)} at dimension {at}"
        )
    return at, i % size


@function
def select(input: Tensor, dim: int, index: int) -> Tensor:
    """One index along one dimension."""
    at, i = _selected(input, dim, index)
    return _select.call(input, dim=at, index=i)


@function
def select_scatter(input: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    """A copy of `input` whose slice at one index of one dimension is `src`."""
    at, i = _selected(input, dim, index)
    shape = input._array.shape
    return _select_scatter.call(input, _fitting(input, src, shape[:at] + shape[at + 1 :]), dim=at, index=i)


@function
def slice_scatter(
    input: Tensor, src: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Tensor:
    """A copy of `input` whose indices from `start` to `end` along one dimension are `src`."""
    at = one_dim(dim, input.ndim)
    if step <= 0:
        raise RuntimeError("slice step must be positive")
    shape = input._array.shape
    begin, stop, _ = slice(start, end, step).indices(shape[at])
    stop = max(begin, stop)
    size = -(-(stop - begin) // step)
    fitting = _fitting(input, src, (*shape[:at], size, *shape[at + 1 :]))
    return _slice_scatter.call(input, fitting, dim=at, start=begin, stop=stop, step=step)


def _fitting(x: Tensor, src: Tensor, size: tuple[int, ...]) -> Tensor:
    """`src` as it can be written into a part of `x` of this size."""
    if src._array.shape != size:
        raise noted(
            RuntimeError(
                "expected src to have a size equal to the slice of self. "
                f"src size = {list(src._array.shape)}, slice size = {list(size)}"
            )
        )
    return src if src.dtype is x.dtype else src.to(x.dtype)


def _narrowed(x: Tensor, dim: int, start: Any, length: int) -> tuple[int, int]:
    """The dim and the first index of `narrow`, both counted from the front."""
    if not x.ndim:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    if isinstance(start, Tensor):
        if start.ndim or start.dtype.category != 1:
            raise RuntimeError("start must be an 0-dim integral Tensor.")
        start = int(start)
    at = one_dim(dim, x.ndim)
    size = x._array.shape[at]
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    if not -size <= start <= size:
        raise IndexError(f"start out of range (expected to be in range of [-{size}, {size}], but got {start})")
    begin = start + size if start < 0 else int(start)
    if begin + length > size:
        raise RuntimeError(f"start ({begin}) + length ({length}) exceeds dimension size ({size}).")
    return at, begin


@function
def narrow(input: Tensor, dim: int, start: Any, length: int) -> Tensor:
    """`length` indices of one dimension from `start` on."""
    at, begin = _narrowed(input, dim, start, length)
    return _slice.call(input, dim=at, start=begin, stop=begin + length, step=1)


@function
def narrow_copy(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """A copy of `length` indices of one dimension from `start` on."""
    if dim >= input.ndim > 0:
        raise RuntimeError(
            "Expected dim < static_cast<int64_t>(self_sizes.size()) to be true, but got false.  (Could this error "
            "message be improved?  If so, please report an enhancement request to PyTorch.)"
        )
    at, begin = _narrowed(input, dim, start, length)
    return _narrow_copy.call(input, dim=at, start=begin, length=length)


@method
def unfold(self: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """Every window of `size` indices along one dimension, `step` apart, as a view with the window as last dimension."""
    at = one_dim(dimension, self.ndim)
    most = size_along(self, at)
    if size < 0:
        raise RuntimeError(f"size is {size} but must be >= 0")
    if size > most:
        raise RuntimeError(f"maximum size for tensor at dimension {at} is {most} but size is {size}")
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    return _unfold.call(self, dim=at, size=size, step=step)


# -- two dimensions ------------------------------------------------------------------------------------------------
def _plane(x: Tensor, dim1: int, dim2: int) -> tuple[int, int]:
    first, second = one_dim(dim1, x.ndim), one_dim(dim2, x.ndim)
    if first == second:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return first, second


@function
def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """The diagonal of two dimensions, as a view."""
    first, second = _plane(input, dim1, dim2)
    return _diagonal.call(input, offset=offset, dim1=first, dim2=second)


@function
def diagonal_scatter(input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A copy of `input` whose diagonal of two dimensions is `src`."""
    first, second = _plane(input, dim1, dim2)
    shape = input._array.shape
    length = max(0, min(shape[first] + min(offset, 0), shape[second] - max(offset, 0)))
    rest = tuple(n for i, n in enumerate(shape) if i not in (first, second))
    return _diagonal_scatter.call(input, _fitting(input, src, (*rest, length)), offset=offset, dim1=first, dim2=second)

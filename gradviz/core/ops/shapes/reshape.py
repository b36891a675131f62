"""Shapes: the same elements with other sizes, without copying where possible."""

from __future__ import annotations

import functools
import math
from typing import Any

from ... import errors
from ...dtype import dtype as dtype_class
from ...errors import noted
from ...memory_format import CONTIGUOUS, arranged, of_format
from ...op import function, method, op
from ...storage import owner, storage_offset, strides_of
from ...tensor import Tensor
from ..helpers import all_dims, one_dim, sizes, spread
from .views import (
    _as_dtype,
    _expand,
    _reshape_alias,
    _squeeze,
    _squeeze_dims,
    _unsqueeze,
    _view,
)

_clone = op("clone", lambda xp, x, *, memory_format=None: arranged(xp, x, memory_format), x=lambda g: g, public=False)
_unsafe_view = op("unsafe_view", lambda x, *, shape: x.reshape(shape), public=False,
                  x=lambda F, g, *, x_shape: F.reshape(g, shape=x_shape))  # fmt: skip


@functools.lru_cache(maxsize=1024)
def filled(shape: tuple[int, ...], count: int) -> tuple[int, ...]:
    """A shape with its -1 worked out; RuntimeError where the numbers of elements differ."""
    known = math.prod(shape)
    if known == count and (not shape or min(shape) >= 0):
        return shape
    if known < 0 and count % known == 0 and min(shape) == -1 and shape.count(-1) == 1:
        at = shape.index(-1)
        return (*shape[:at], count // -known, *shape[at + 1 :])
    known = math.prod([n for n in shape if n != -1])
    if shape.count(-1) > 1:
        raise RuntimeError("only one dimension can be inferred")
    if min(shape, default=0) < -1:
        raise RuntimeError(f"invalid shape dimension {min(shape)}")
    if -1 in shape and not known and count == 0:
        raise RuntimeError(
            f"cannot reshape tensor of 0 elements into shape {list(shape)} because the unspecified dimension size -1 "
            "can be any value and is ambiguous"
        )
    if known != count or -1 in shape:
        raise noted(
            RuntimeError(
                f"shape '{list(shape)}' is invalid for input of size {count}\n"
                f"The tensor has {count} elements, the new shape {'a multiple of ' if -1 in shape else ''}{known}. "
                "Use -1 for one size to have it worked out."
            )
        )
    return shape


@method
@spread("size")
def view(self: Tensor, *shape: Any, dtype: Any = None) -> Tensor:
    """The same memory in another shape, or its bytes read as another dtype."""
    if dtype is not None or (len(shape) == 1 and isinstance(shape[0], dtype_class)):
        return _bytes_as(self, shape[0] if dtype is None else dtype)
    array = self._array
    full = filled(_whole("view", shape), array.size)
    out = _view.call(self, shape=full)
    if not array.flags.c_contiguous and not _shares(out, self):
        raise noted(
            RuntimeError(
                "view size is not compatible with input tensor's size and stride (at least one dimension spans across "
                "two contiguous subspaces). Use .reshape(...) instead.\n"
                f"The tensor of shape {tuple(self._array.shape)} is not contiguous: reshape copies where it must."
            )
        )
    return out


def _whole(name: str, given: tuple[Any, ...]) -> tuple[int, ...]:
    """Sizes, which must be whole numbers."""
    try:
        return sizes(given)
    except TypeError:
        kinds = ", ".join(type(n).__name__ for n in given)
        raise TypeError(
            f"{name}() received an invalid combination of arguments - got ({kinds}), but expected one of:\n"
            "a size, such as (2, 3), or a dtype."
        ) from None


def _shares(out: Tensor, source: Tensor) -> bool:
    return out._array.size == 0 or owner(out._array) is owner(source._array)


def _bytes_as(x: Tensor, kind: Any) -> Tensor:
    """The memory of `x` as elements of another type; RuntimeError where they do not fit."""
    have, want = x.element_size(), kind.itemsize
    if have != want:
        pair = f"{errors.scalar_type(x.dtype)} as {errors.scalar_type(kind)} (different element sizes)"
        strides = strides_of(x._array)
        if x.ndim == 0:
            raise RuntimeError(f"self.dim() cannot be 0 to view {pair}")
        if want > have:
            n = want // have
            start = storage_offset(x._array)
            if x._array.shape[-1] % n:
                raise RuntimeError(
                    f"self.size(-1) must be divisible by {n} to view {pair}, but got {x._array.shape[-1]}"
                )
            if start % n:
                raise RuntimeError(f"self.storage_offset() must be divisible by {n} to view {pair}, but got {start}")
        if strides[-1] != 1:
            raise RuntimeError(f"self.stride(-1) must be 1 to view {pair}, but got {strides[-1]}")
        for i, step in enumerate(strides[:-1] if want > have else ()):
            if step % (want // have):
                n = want // have
                raise RuntimeError(f"self.stride({i}) must be divisible by {n} to view {pair}, but got {step}")
    return _as_dtype.call(x, dtype=kind.numpy)


@function
def clone(input: Tensor, *, memory_format: Any = None) -> Tensor:
    """A copy with its own memory, still in the graph."""
    if memory_format is None:
        return _clone.call(input)
    return _clone.call(input, memory_format=of_format(memory_format, input))


@method
def contiguous(self: Tensor, memory_format: Any = CONTIGUOUS) -> Tensor:
    """Itself if its elements lie in order, else a copy that does."""
    if self.is_contiguous(memory_format):
        return self
    return clone(self, memory_format=memory_format)


@function
@spread("shape")
def reshape(input: Tensor, *shape: Any) -> Tensor:
    """The same elements in another shape: a view where possible, else a copy."""
    array = input._array
    full = filled(_whole("reshape", shape), array.size)
    if not array.flags.c_contiguous:
        probe = array.reshape(full)
        if probe.size and owner(probe) is not owner(array):
            return _unsafe_view.call(clone(input, memory_format=CONTIGUOUS), shape=full)
        return _reshape_alias.call(input, shape=full)
    return _view.call(input, shape=full)


@method
def view_as(self: Tensor, other: Tensor) -> Tensor:
    """`self.view(other.size())`."""
    return view(self, *other._array.shape)


@method
def reshape_as(self: Tensor, other: Tensor) -> Tensor:
    """`self.reshape(other.size())`."""
    return reshape(self, *other._array.shape)


@function
def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Dimensions from `start_dim` to `end_dim` made one."""
    shape = input._array.shape
    a, b = one_dim(start_dim, len(shape)), one_dim(end_dim, len(shape))
    if not shape:
        return reshape(input, 1)
    if a > b:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if a == b:
        return input
    return reshape(input, *shape[:a], math.prod(shape[a : b + 1]), *shape[b + 1 :])


@function
def ravel(input: Tensor) -> Tensor:
    """All elements in one dimension."""
    return reshape(contiguous(input), -1)


@function
def unflatten(input: Tensor, dim: int, sizes: Any) -> Tensor:
    """One dimension split into several."""
    at = one_dim(dim, input.ndim)
    shape, parts = input._array.shape, tuple(int(n) for n in sizes)
    if not parts:
        raise RuntimeError("unflatten: sizes must be non-empty")
    if not shape or parts.count(-1) > 1:
        why = "Dimension specified as 0 but tensor has no dimensions" if not shape else "only one -1 can be worked out"
        raise noted(RuntimeError(f"unflatten got an unexpected error:\n{why}"))
    size = shape[at]
    product = math.prod(n for n in parts if n != -1)
    if size % product if -1 in parts and product else product != size:
        raise RuntimeError(
            f"unflatten: Provided sizes {list(parts)} don't multiply up to the size of dim {at} ({size}) in the input "
            "tensor"
        )
    return view(input, *shape[:at], *filled(parts, size), *shape[at + 1 :])


@method
@spread("size")
def expand(self: Tensor, *size: Any, implicit: bool = False) -> Tensor:
    """Dimensions of size 1 repeated without copying; -1 keeps a size."""
    wanted, have = sizes(size), self._array.shape
    lead = len(wanted) - len(have)
    full = tuple(have[i - lead] if n == -1 and i >= lead else n for i, n in enumerate(wanted))
    if text := errors.cannot_expand(self, full):
        raise RuntimeError(text)
    for i, n in enumerate(full[: max(lead, 0)]):
        if n < 0:
            raise RuntimeError(
                f"The expanded size of the tensor ({n}) isn't allowed in a leading, non-existing dimension {i}"
            )
    return _expand.call(self, shape=full)


@method
def expand_as(self: Tensor, other: Tensor) -> Tensor:
    """`self.expand(other.size())`."""
    return expand(self, *other._array.shape)


@function
@spread("size")
def broadcast_to(input: Tensor, *size: Any) -> Tensor:
    """`input.expand(size)`."""
    return expand(input, *size)


@function
def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    """Without its dimensions of size 1, or without those of `dim` that have size 1."""
    the_op = _squeeze_dims if isinstance(dim, (tuple, list)) else _squeeze
    return the_op.call(input, dim=all_dims(dim, input.ndim))


@function
def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """With a new dimension of size 1 at `dim`."""
    return _unsqueeze.call(input, dim=one_dim(dim, input.ndim + 1))


def _at_least(ndim: int, grow: Any) -> Any:
    def call(*tensors: Any) -> Any:
        found = tensors[0] if len(tensors) == 1 else tensors
        if isinstance(found, Tensor):
            return grow(found)
        return tuple(call(x) for x in found)

    call.__name__ = call.__qualname__ = f"atleast_{ndim}d"
    call.__doc__ = f"The tensors, with dimensions of size 1 added where they have fewer than {ndim}."
    return function(method=False)(call)


atleast_1d = _at_least(1, lambda x: x if x.ndim else reshape(x, 1))
atleast_2d = _at_least(2, lambda x: x if x.ndim > 1 else unsqueeze(x, 0) if x.ndim else reshape(x, 1, 1))
atleast_3d = _at_least(3, lambda x: _deep(x))


def _deep(x: Tensor) -> Tensor:
    if not x.ndim:
        return reshape(x, 1, 1, 1)
    return x if x.ndim > 2 else unsqueeze(unsqueeze(x, 0) if x.ndim == 1 else x, -1)

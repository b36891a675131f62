"""Shapes: views that share memory first, then rearrangements that copy."""

from __future__ import annotations

from typing import Any

from gradviz.core.errors import noted

from .. import errors
from ..op import composite, function, method, op
from ..tensor import Tensor
from .helpers import all_dims, one_dim, sizes, spread

VIEW = {"view": True, "public": False}

# -- views ---------------------------------------------------------------------------------------------------------
_view = op("view", lambda x, *, shape: x.reshape(shape), x=lambda F, g, *, x_shape: F.reshape(g, shape=x_shape), **VIEW)
_permute = op("permute", lambda xp, x, *, dims: xp.transpose(x, dims),
              x=lambda F, g, *, dims: F.permute(g, dims=_inverse(dims)), **VIEW)  # fmt: skip
_transpose = op("transpose", lambda xp, x, *, dim0, dim1: xp.swapaxes(x, dim0, dim1),
                x=lambda F, g, *, dim0, dim1: F.transpose(g, dim0=dim0, dim1=dim1), **VIEW)  # fmt: skip
_t = op("t", lambda x: x.T, x=lambda F, g: F.t(g), **VIEW)
_expand = op("expand", lambda xp, x, *, shape: xp.broadcast_to(x, shape), x=lambda g: g, **VIEW)
_squeeze = op("squeeze", lambda x, *, dim: x.reshape(_without(x.shape, dim)),
              node=lambda dim: "SqueezeBackward0" if dim is None else f"SqueezeBackward{min(len(dim), 2)}",
              x=lambda F, g, *, x_shape: F.reshape(g, shape=x_shape), **VIEW)  # fmt: skip
_unsqueeze = op("unsqueeze", lambda xp, x, *, dim: xp.expand_dims(x, dim),
                x=lambda F, g, *, x_shape: F.reshape(g, shape=x_shape), **VIEW)  # fmt: skip
_select = op("select", lambda x, *, dim, index: x[(slice(None),) * dim + (index,)],
             x=lambda F, g, *, x_shape, dim, index:
                 F.embed(g, shape=x_shape, index=(slice(None),) * dim + (index,)), **VIEW)  # fmt: skip
_slice = op("slice", lambda x, *, dim, start, stop, step: x[(slice(None),) * dim + (slice(start, stop, step),)],
            x=lambda F, g, *, x_shape, dim, start, stop, step:
                F.embed(g, shape=x_shape, index=(slice(None),) * dim + (slice(start, stop, step),)),
            **VIEW)  # fmt: skip
_unbind = op("unbind", lambda x, *, dim: tuple(x[(slice(None),) * dim + (i,)] for i in range(x.shape[dim])),
             outputs=True, x=lambda F, g, *, x_shape, dim: _stacked(F, g, x_shape, dim), **VIEW)  # fmt: skip
_split = op("split", lambda x, *, sections, dim: _pieces(x, sections, dim), outputs=True,
            node=lambda sections: "SplitBackward0" if len(set(sections[:-1])) <= 1 and
            (len(sections) < 2 or sections[-1] <= sections[0]) else "SplitWithSizesBackward0",
            x=lambda F, g, *, x_shape, sections, dim: _joined(F, g, x_shape, sections, dim), **VIEW)  # fmt: skip
_diagonal = op("diagonal", lambda xp, x, *, offset, dim1, dim2: xp.diagonal(x, offset, dim1, dim2),
               x=lambda F, g, *, x_shape, offset, dim1, dim2:
                   F.diagonal_backward(g, shape=x_shape, offset=offset, dim1=dim1, dim2=dim2), **VIEW)  # fmt: skip
_detached = op("alias", lambda x: x, x=lambda g: g, **VIEW)

# -- what views' gradients need: the input's zeros with the gradient in its place ----------------------------------
_embed = op("embed", lambda xp, x, *, shape, index: _embedded(xp, x, shape, index), public=False,
            x=lambda F, g, *, index: F.pick(g, index=index))  # fmt: skip
_pick = op("pick", lambda x, *, index: x[index], public=False,
           x=lambda F, g, *, x_shape, index: F.embed(g, shape=x_shape, index=index))  # fmt: skip
_diag_copy = op("diagonal_copy", lambda xp, x, *, offset: xp.diagonal(x, offset).copy(), node="DiagonalBackward0_copy",
                x=lambda F, g, *, x_shape, offset: F.diagonal_backward(g, shape=x_shape, offset=offset, dim1=0, dim2=1),
                public=False)  # fmt: skip
_diag_back = op("diagonal_backward",
                lambda xp, x, *, shape, offset, dim1, dim2: _on_diagonal(xp, x, shape, offset, dim1, dim2),
                node="DiagEmbedBackward0", public=False,
                x=lambda F, g, *, offset, dim1, dim2: F.diagonal(g, offset=offset, dim1=dim1, dim2=dim2))  # fmt: skip

# -- copies, for what cannot be a view -----------------------------------------------------------------------------
_clone = op("clone", lambda x: x.copy(), x=lambda g: g, public=False)
_reshape_alias = op("reshape_alias", lambda x, *, shape: x.reshape(shape),
                    x=lambda F, g, *, x_shape: F.reshape(g, shape=x_shape), **VIEW)  # fmt: skip
_unsafe_view = op("unsafe_view", lambda x, *, shape: x.reshape(shape), public=False,
                  x=lambda F, g, *, x_shape: F.reshape(g, shape=x_shape))  # fmt: skip


def _inverse(dims: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(range(len(dims)), key=dims.__getitem__))


def _without(shape: tuple[int, ...], dim: tuple[int, ...] | None) -> tuple[int, ...]:
    return tuple(n for i, n in enumerate(shape) if n != 1 or (dim is not None and i not in dim))


def _pieces(x: Any, sections: tuple[int, ...], dim: int) -> tuple[Any, ...]:
    made, start = [], 0
    for n in sections:
        made.append(x[(slice(None),) * dim + (slice(start, start + n),)])
        start += n
    return tuple(made)


def _gaps(F: Any, g: tuple[Any, ...], shapes: list[tuple[int, ...]]) -> list[Any]:
    """The gradients of all outputs, zeros where none arrived."""
    some = next(x for x in g if x is not None)
    zero = F.sum(some, dim=None, keepdim=False) * 0.0
    return [F.expand(zero, shape=shape) if x is None else x for x, shape in zip(g, shapes, strict=True)]


def _stacked(F: Any, g: tuple[Any, ...], shape: tuple[int, ...], dim: int) -> Any:
    rest = shape[:dim] + shape[dim + 1 :]
    return F.stack(*_gaps(F, g, [rest] * len(g)), dim=dim)


def _joined(F: Any, g: tuple[Any, ...], shape: tuple[int, ...], sections: tuple[int, ...], dim: int) -> Any:
    shapes = [(*shape[:dim], n, *shape[dim + 1 :]) for n in sections]
    return F.cat(*_gaps(F, g, shapes), dim=dim)


def _embedded(xp: Any, x: Any, shape: tuple[int, ...], index: Any) -> Any:
    out = xp.zeros(shape, dtype=x.dtype)
    out[index] = x
    return out


def _on_diagonal(xp: Any, x: Any, shape: tuple[int, ...], offset: int, dim1: int, dim2: int) -> Any:
    out = xp.zeros(shape, dtype=x.dtype)
    front = xp.moveaxis(out, (dim1, dim2), (-2, -1))
    rows = xp.arange(x.shape[-1]) + (-offset if offset < 0 else 0)
    front[..., rows, rows + offset] = x
    return out


@composite("reshape")
def _reshape_in(F: Any, x: Any, *, shape: tuple[int, ...]) -> Any:
    return F.view(x, shape=shape)


@composite("narrow")
def _narrow_in(F: Any, x: Any, *, dim: int, start: int, length: int) -> Any:
    return F.slice(x, dim=dim, start=start, stop=start + length, step=None)


# -- the public functions ------------------------------------------------------------------------------------------
def _filled(shape: tuple[int, ...], count: int) -> tuple[int, ...]:
    """A shape with its -1 worked out; RuntimeError where the numbers of elements differ."""
    known = 1
    for n in shape:
        known *= 1 if n == -1 else n
    if shape.count(-1) > 1:
        raise RuntimeError("only one dimension can be inferred")
    if any(n < -1 for n in shape):
        raise RuntimeError(f"invalid shape dimension {min(shape)}")
    if -1 in shape and known and count % known == 0:
        return tuple(count // known if n == -1 else n for n in shape)
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
    """The same memory in another shape."""
    if dtype is not None or (len(shape) == 1 and not isinstance(shape[0], (int, tuple, list, Tensor))):
        raise NotImplementedError("view(): argument 'dtype' is not supported; use x.to(dtype) for converted values")
    filled = _filled(sizes(shape), int(self._array.size))
    out = _view.call(self, shape=filled)
    if not _shares(out, self):
        raise noted(
            RuntimeError(
                "view size is not compatible with input tensor's size and stride (at least one dimension spans across "
                "two contiguous subspaces). Use .reshape(...) instead.\n"
                f"The tensor of shape {tuple(self._array.shape)} is not contiguous: reshape copies where it must."
            )
        )
    return out


def _shares(out: Tensor, source: Tensor) -> bool:
    if out._array.size == 0:
        return True
    owner = source._array if source._array.base is None else source._array.base
    return out._array is source._array or out._array.base is owner or out._array.base is source._array


@function
def clone(input: Tensor, *, memory_format: Any = None) -> Tensor:
    """A copy with its own memory, still in the graph."""
    return _clone.call(input)


@method
def contiguous(self: Tensor, memory_format: Any = None) -> Tensor:
    """Itself if its elements lie in order, else a copy that does."""
    return self if self._array.flags.c_contiguous else clone(self)


@function
@spread("shape")
def reshape(input: Tensor, *shape: Any) -> Tensor:
    """The same elements in another shape: a view where possible, else a copy."""
    given = shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape
    filled = _filled(sizes(given), int(input._array.size))
    array = input._array
    if not array.flags.c_contiguous:
        probe = array.reshape(filled)
        owner = array if array.base is None else array.base
        if probe.size and probe.base is not owner and probe.base is not array:
            return _unsafe_view.call(clone(input), shape=filled)
        return _reshape_alias.call(input, shape=filled)
    return _view.call(input, shape=filled)


@method
def view_as(self: Tensor, other: Tensor) -> Tensor:
    return view(self, *other._array.shape)


@method
def reshape_as(self: Tensor, other: Tensor) -> Tensor:
    return reshape(self, *other._array.shape)


@function
def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Dimensions from `start_dim` to `end_dim` made one."""
    shape = input._array.shape
    if not shape:
        return reshape(input, 1)
    a, b = one_dim(start_dim, len(shape)), one_dim(end_dim, len(shape))
    if a > b:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if a == b:
        return input
    size = 1
    for n in shape[a : b + 1]:
        size *= n
    return reshape(input, *shape[:a], size, *shape[b + 1 :])


@function
def ravel(input: Tensor) -> Tensor:
    """All elements in one dimension."""
    return reshape(input, -1)


@function
def unflatten(input: Tensor, dim: int, sizes: Any) -> Tensor:
    """One dimension split into several."""
    at = one_dim(dim, input.ndim)
    shape = input._array.shape
    return view(input, *shape[:at], *_filled(tuple(sizes), shape[at]), *shape[at + 1 :])


@function
@spread("dims")
def permute(input: Tensor, *dims: Any) -> Tensor:
    """Dimensions in another order."""
    order = tuple(one_dim(d, input.ndim) for d in sizes(dims))
    if len(order) != input.ndim:
        raise RuntimeError(
            "permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired "
            f"ordering of dimensions i.e. input.dim() = {input.ndim} is not equal to len(dims) = {len(order)}"
        )
    if len(set(order)) != len(order):
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    return _permute.call(input, dims=order)


@function(aliases=("swapaxes", "swapdims"))
def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Two dimensions exchanged."""
    if input.ndim == 0:
        one_dim(dim0, 0), one_dim(dim1, 0)
        return _detached.call(input)
    return _transpose.call(input, dim0=one_dim(dim0, input.ndim), dim1=one_dim(dim1, input.ndim))


@function
def t(input: Tensor) -> Tensor:
    """A matrix transposed."""
    if input.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    return _t.call(input)


@function(aliases=("moveaxis",))
def movedim(input: Tensor, source: Any, destination: Any) -> Tensor:
    """Dimensions moved from `source` to `destination`, the others keeping their order."""
    src, dst = (all_dims(d, input.ndim) or () for d in (source, destination))
    rest = iter(i for i in range(input.ndim) if i not in src)
    placed = dict(zip(dst, src, strict=True))
    return permute(input, *(placed[i] if i in placed else next(rest) for i in range(input.ndim)))


@method
@spread("size")
def expand(self: Tensor, *size: Any) -> Tensor:
    """Dimensions of size 1 repeated without copying; -1 keeps a size."""
    wanted, have = sizes(size), self._array.shape
    lead = len(wanted) - len(have)
    if lead < 0:
        raise noted(
            RuntimeError(
                f"expand({errors._type_name(self, self._array)}{{{list(have)}}}, size={list(wanted)}): the number of "
                f"sizes provided ({len(wanted)}) must be greater or equal to the number of dimensions in the tensor "
                f"({len(have)})"
            )
        )
    full = tuple(have[i - lead] if n == -1 and i >= lead else n for i, n in enumerate(wanted))
    for i, n in enumerate(full):
        if i >= lead and have[i - lead] not in (1, n):
            raise RuntimeError(
                f"The expanded size of the tensor ({n}) must match the existing size ({have[i - lead]}) at "
                f"non-singleton dimension {i}.  Target sizes: {list(wanted)}.  Tensor sizes: {list(have)}"
            )
    return _expand.call(self, shape=full)


@method
def expand_as(self: Tensor, other: Tensor) -> Tensor:
    return expand(self, *other._array.shape)


@function
def broadcast_to(input: Tensor, size: Any) -> Tensor:
    """`input.expand(size)`."""
    return expand(input, *size)


@function
def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    """Without its dimensions of size 1, or without those of `dim` that have size 1."""
    return _squeeze.call(input, dim=all_dims(dim, input.ndim))


@function
def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """With a new dimension of size 1 at `dim`."""
    return _unsqueeze.call(input, dim=one_dim(dim, input.ndim + 1))


@function
def select(input: Tensor, dim: int, index: int) -> Tensor:
    """One index along one dimension."""
    at = one_dim(dim, input.ndim)
    size = input._array.shape[at]
    if not -size <= index < size:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(input._array.shape)} at dimension {at}"
        )
    return _select.call(input, dim=at, index=int(index) % size)


@function
def narrow(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """`length` indices of one dimension from `start` on."""
    at = one_dim(dim, input.ndim)
    size = input._array.shape[at]
    begin = start + size if start < 0 else int(start)
    if not 0 <= begin <= size or begin + length > size:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({size}).")
    return _slice.call(input, dim=at, start=begin, stop=begin + length, step=None)


@function
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """The slices along one dimension, which is removed."""
    made: Any = _unbind.call(input, dim=one_dim(dim, input.ndim))
    return tuple(made)


@function
def split(tensor: Tensor, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Pieces along one dimension: of one size, the last perhaps smaller, or of given sizes."""
    at = one_dim(dim, tensor.ndim)
    size = tensor._array.shape[at]
    if isinstance(split_size_or_sections, int):
        n = split_size_or_sections
        if n < 0 or (n == 0 and size):
            raise RuntimeError(f"split expects split_size be non-negative, but got split_size={n}")
        sections = tuple(min(n, size - i) for i in range(0, size, n)) if size else (0,)
    else:
        sections = tuple(int(n) for n in split_size_or_sections)
        if sum(sections) != size:
            raise RuntimeError(
                f"split_with_sizes expects split_sizes to sum exactly to {size} (input tensor's size at dimension "
                f"{at}), but got split_sizes={list(sections)}"
            )
    made: Any = _split.call(tensor, sections=sections, dim=at)
    return tuple(made)


@function
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most `chunks` pieces along one dimension, of equal size except perhaps the last."""
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    size = input._array.shape[one_dim(dim, input.ndim)]
    return split(input, max(1, -(-size // chunks)), dim)


@function
def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """The diagonal of two dimensions, as a view."""
    return _diagonal.call(input, offset=offset, dim1=one_dim(dim1, input.ndim), dim2=one_dim(dim2, input.ndim))

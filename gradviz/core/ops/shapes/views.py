"""The operations behind views: results that show their input's memory in another shape, and their gradients."""

from __future__ import annotations

from typing import Any

from ...op import composite, op, spelled
from ...storage import contiguous_strides

VIEW = {"view": True, "public": False}

# -- the same elements in another shape or order -------------------------------------------------------------------
_view = op("view", lambda x, *, shape: x.reshape(shape), x=lambda F, g, *, x_shape: F.reshape(g, shape=x_shape), **VIEW)
_permute = op("permute", lambda x, *, dims: x.transpose(dims),
              x=lambda F, g, *, dims: F.permute(g, dims=_inverse(dims)), **VIEW)  # fmt: skip
_transpose = op("transpose", lambda x, *, dim0, dim1: x.swapaxes(dim0, dim1) if x.ndim else x,
                x=lambda F, g, *, dim0, dim1: F.transpose(g, dim0=dim0, dim1=dim1), **VIEW)  # fmt: skip
_t = op("t", lambda x: x.T, x=lambda F, g: F.t(g), **VIEW)
_expand = op("expand", lambda xp, x, *, shape: xp.broadcast_to(x, shape), x=lambda g: g, **VIEW)
_squeeze = op("squeeze", lambda x, *, dim: x.reshape(_without(x.shape, dim)),
              node=lambda dim: "SqueezeBackward0" if dim is None else "SqueezeBackward1",
              x=lambda F, g, *, x_shape: F.reshape(g, shape=x_shape), **VIEW)  # fmt: skip
_squeeze_dims = op("squeeze_dims", lambda x, *, dim: x.reshape(_without(x.shape, dim)), node="SqueezeBackward2",
                   x=lambda F, g, *, x_shape: F.reshape(g, shape=x_shape), **VIEW)  # fmt: skip
_unsqueeze = op("unsqueeze", lambda x, *, dim: x.reshape(_with_one(x.shape, dim)),
                x=lambda F, g, *, x_shape: F.reshape(g, shape=x_shape), **VIEW)  # fmt: skip
_reshape_alias = op("reshape_alias", lambda x, *, shape: x.reshape(shape),
                    x=lambda F, g, *, x_shape: F.reshape(g, shape=x_shape), **VIEW)  # fmt: skip
_detached = op("alias", lambda x: x, x=lambda g: g, **VIEW)
# The bytes of the elements read as another type; no gradient goes through it.
_as_dtype = op("view_dtype", lambda x, *, dtype: x.view(dtype), **VIEW)

# -- a part of the elements ----------------------------------------------------------------------------------------
_select = op("select", lambda x, *, dim, index: x[(slice(None),) * dim + (index, ...)],
             x=lambda F, g, *, x_shape, dim, index:
                 F.embed(g, shape=x_shape, index=(slice(None),) * dim + (index,)), **VIEW)  # fmt: skip
_slice = op("slice", lambda x, *, dim, start, stop, step: x[(slice(None),) * dim + (slice(start, stop, step),)],
            x=lambda F, g, *, x_shape, dim, start, stop, step:
                F.embed(g, shape=x_shape, index=(slice(None),) * dim + (slice(start, stop, step),)),
            **VIEW)  # fmt: skip
_diagonal = op("diagonal", lambda xp, x, *, offset, dim1, dim2: _writable_diagonal(xp, x, offset, dim1, dim2),
               x=lambda F, g, *, x_shape, offset, dim1, dim2:
                   F.diagonal_backward(g, shape=x_shape, offset=offset, dim1=dim1, dim2=dim2), **VIEW)  # fmt: skip
_unbind = op("unbind", lambda x, *, dim: tuple(x[(slice(None),) * dim + (i, ...)] for i in range(x.shape[dim])),
             outputs=True, x=lambda F, g, *, x_shape, dim: _stacked(F, g, x_shape, dim), **VIEW)  # fmt: skip
_split = op("split", lambda x, *, sections, dim: _pieces(x, sections, dim), outputs=True, node="SplitBackward0",
            x=lambda F, g, *, x_shape, sections, dim: _joined(F, g, x_shape, sections, dim), **VIEW)  # fmt: skip
_split_sizes = op("split_with_sizes", lambda x, *, sections, dim: _pieces(x, sections, dim), outputs=True,
                  x=lambda F, g, *, x_shape, sections, dim: _joined(F, g, x_shape, sections, dim), **VIEW)  # fmt: skip
_unfold = op("unfold_dim", lambda xp, x, *, dim, size, step: _windows(xp, x, dim, size, step), node="UnfoldBackward0",
             x=lambda F, g, *, x_shape, dim, size, step: _unfolded(F, g, x_shape, dim, size, step), **VIEW)  # fmt: skip

# Zeros of another shape, of the same type: a constant for rules.
_blank = op("blank", lambda xp, x, *, shape: xp.zeros(shape, dtype=x.dtype), public=False)

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


def _inverse(dims: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(range(len(dims)), key=dims.__getitem__))


def _with_one(shape: tuple[int, ...], dim: int) -> tuple[int, ...]:
    """A shape with a new dimension of size 1 at `dim`, which may be counted from the end."""
    at = dim if dim >= 0 else len(shape) + 1 + dim
    return (*shape[:at], 1, *shape[at:])


def _without(shape: tuple[int, ...], dim: tuple[int, ...] | None) -> tuple[int, ...]:
    if dim is None:
        return tuple([n for n in shape if n != 1])
    return tuple([n for i, n in enumerate(shape) if n != 1 or i not in dim])


def _pieces(x: Any, sections: tuple[int, ...], dim: int) -> tuple[Any, ...]:
    made, start = [], 0
    for n in sections:
        made.append(x[(slice(None),) * dim + (slice(start, start + n),)])
        start += n
    return tuple(made)


def _gaps(F: Any, g: tuple[Any, ...], shapes: list[tuple[int, ...]]) -> list[Any]:
    """The gradients of all outputs, zeros where none arrived."""
    some = next(x for x in g if x is not None)
    return [F.blank(some, shape=shape) if x is None else x for x, shape in zip(g, shapes, strict=True)]


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


def _writable_diagonal(xp: Any, x: Any, offset: int, dim1: int, dim2: int) -> Any:
    """NumPy's own diagonal is read-only; this one is a view like the others."""
    seen = xp.diagonal(x, offset, dim1, dim2)
    if not seen.size:
        return seen
    start: list[Any] = [slice(None)] * x.ndim
    start[dim2 if offset >= 0 else dim1] = slice(offset if offset >= 0 else -offset, None)
    return xp.lib.stride_tricks.as_strided(x[tuple(start)], seen.shape, seen.strides)


def _on_diagonal(xp: Any, x: Any, shape: tuple[int, ...], offset: int, dim1: int, dim2: int) -> Any:
    out = xp.zeros(shape, dtype=x.dtype)
    front = xp.moveaxis(out, (dim1, dim2), (-2, -1))
    rows = xp.arange(x.shape[-1]) + (-offset if offset < 0 else 0)
    front[..., rows, rows + offset] = x
    return out


def _unfolding(shape: tuple[int, ...], strides: tuple[int, ...], dim: int, size: int, step: int) -> Any:
    """Sizes and strides of every window of `size` along one dimension, the window as a last dimension."""
    if not shape:
        return (size,), (1,)
    count = (shape[dim] - size) // step + 1
    return (
        (*shape[:dim], count, *shape[dim + 1 :], size),
        (*strides[:dim], strides[dim] * step, *strides[dim + 1 :], strides[dim]),
    )


def _windows(xp: Any, x: Any, dim: int, size: int, step: int) -> Any:
    made = _unfolding(x.shape, x.strides, dim, size, step)
    if 0 in made[0]:
        return xp.empty(made[0], dtype=x.dtype)
    return xp.lib.stride_tricks.as_strided(x, *made) if x.ndim else x.reshape(1)


def _unfolded(F: Any, g: Any, shape: tuple[int, ...], dim: int, size: int, step: int) -> Any:
    whole = (shape, contiguous_strides(shape), 0)
    return F.restride(g, source=(*_unfolding(*whole[:2], dim, size, step), 0), target=whole, shared=whole)


spelled("reshape", "view")


@composite("narrow")
def _narrow_in(F: Any, x: Any, *, dim: int, start: int, length: int) -> Any:
    return F.slice(x, dim=dim, start=start, stop=start + length, step=None)

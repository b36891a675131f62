"""One tensor as several: pieces along a dimension, views except where the name says `unsafe`."""

from __future__ import annotations

import itertools
from typing import Any

from ... import errors
from ...errors import noted
from ...op import function, op
from ...tensor import Tensor
from ..helpers import one_dim
from .views import _joined, _pieces, _slice, _split, _split_sizes, _unbind

# The same memory, but no views in the eyes of the graph: writing into a piece leaves the history of the whole alone.
_unsafe_split = op("unsafe_split", lambda x, *, sections, dim: _pieces(x, sections, dim), outputs=True, public=False,
                   x=lambda F, g, *, x_shape, sections, dim: _joined(F, g, x_shape, sections, dim))  # fmt: skip
_unsafe_sizes = op("unsafe_split_with_sizes", lambda x, *, sections, dim: _pieces(x, sections, dim), outputs=True,
                   public=False,
                   x=lambda F, g, *, x_shape, sections, dim: _joined(F, g, x_shape, sections, dim))  # fmt: skip


@function
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """The slices along one dimension, which is removed."""
    if not input.ndim:
        one_dim(dim, 0)
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    if not input._array.shape[one_dim(dim, input.ndim)]:
        return ()
    made: Any = _unbind.call(input, dim=one_dim(dim, input.ndim))
    return tuple(made)


def _size(x: Tensor, dim: int, name: str) -> tuple[int, int]:
    """A dim counted from the front and its size."""
    if not x.ndim and name == "tensor_split":
        raise RuntimeError("tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims")
    if not x.ndim:
        raise RuntimeError(f"{name} expects at least a 1-dimensional tensor")
    at = one_dim(dim, x.ndim)
    return at, x._array.shape[at]


@function
def split(tensor: Tensor, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Pieces along one dimension: of one size, the last perhaps smaller, or of given sizes."""
    if isinstance(split_size_or_sections, (tuple, list)):
        return split_with_sizes(tensor, split_size_or_sections, dim)
    return _of_one_size(_split, tensor, int(split_size_or_sections), dim)


def _of_one_size(form: Any, tensor: Tensor, n: int, dim: int) -> tuple[Tensor, ...]:
    at, size = _size(tensor, dim, "split")
    if n < 0:
        raise RuntimeError(f"split expects split_size be non-negative, but got split_size={n}")
    if n == 0 and size:
        raise RuntimeError(f"split_size can only be 0 if dimension size is 0, but got dimension size of {size}")
    sections = tuple(min(n, size - i) for i in range(0, size, n)) if size else (0,)
    return tuple(form.call(tensor, sections=sections, dim=at))


@function
def split_with_sizes(input: Tensor, split_sizes: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Pieces of the given sizes along one dimension."""
    return _of_sizes(_split_sizes, input, split_sizes, dim)


def _of_sizes(form: Any, input: Tensor, split_sizes: Any, dim: int) -> tuple[Tensor, ...]:
    at, size = _size(input, dim, "split")
    sections = tuple(int(n) for n in split_sizes)
    if any(n < 0 for n in sections):
        raise RuntimeError(
            f"split_with_sizes expects split_sizes have only non-negative entries, but got split_sizes={list(sections)}"
        )
    if sum(sections) != size:
        raise RuntimeError(
            f"split_with_sizes expects split_sizes to sum exactly to {size} (input tensor's size at dimension "
            f"{dim}), but got split_sizes={list(sections)}"
        )
    return tuple(form.call(input, sections=sections, dim=at)) if sections else ()


@function
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most `chunks` pieces along one dimension, of equal size except perhaps the last."""
    return _in_chunks((_split, _split_sizes), input, chunks, dim)


def _in_chunks(forms: tuple[Any, Any], input: Tensor, chunks: int, dim: int) -> tuple[Tensor, ...]:
    _, size = _size(input, dim, "chunk")
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    if not size:  # as many empty pieces as asked for
        return _of_sizes(forms[1], input, (0,) * chunks, dim)
    return _of_one_size(forms[0], input, -(-size // chunks), dim)


@function
def unsafe_split(input: Tensor, split_size: int, dim: int = 0) -> tuple[Tensor, ...]:
    """`split` whose pieces are no views."""
    return _of_one_size(_unsafe_split, input, int(split_size), dim)


@function
def unsafe_split_with_sizes(input: Tensor, split_sizes: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """`split_with_sizes` whose pieces are no views."""
    return _of_sizes(_unsafe_sizes, input, split_sizes, dim)


@function
def unsafe_chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """`chunk` whose pieces are no views."""
    return _in_chunks((_unsafe_split, _unsafe_sizes), input, chunks, dim)


@function
def tensor_split(input: Tensor, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """So many pieces of nearly equal size along one dimension, or the pieces between the given indices."""
    at, size = _size(input, dim, "tensor_split")
    given = indices_or_sections
    if isinstance(given, Tensor):
        if given.dtype.name != "int64":
            raise RuntimeError(
                "tensor_split expected tensor_indices_or_sections to have dtype of long, but got "
                + errors.scalar_type(given.dtype)
            )
        if given.ndim > 1:
            raise RuntimeError(
                "tensor_split expected tensor_indices_or_sections to be a zero-dimensional or one-dimensional tensor, "
                f"but got a tensor with {given.ndim} dims"
            )
        given = given.tolist()
    if isinstance(given, (tuple, list)):
        cuts = [0, *(int(i) for i in given), size]
    else:
        n = int(given)
        if n <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {n}")
        small, extra = divmod(size, n)
        cuts = [i * small + min(i, extra) for i in range(n + 1)]
    made = []
    for a, b in itertools.pairwise(cuts):
        start, stop, _ = slice(a, b).indices(size)
        made.append(_slice.call(input, dim=at, start=start, stop=max(start, stop), step=1))
    return tuple(made)


def _splitter(name: str, least: int, where: str, doc: str) -> Any:
    """`hsplit`, `vsplit` or `dsplit`: `tensor_split` along one dimension, into equal pieces."""

    def call(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
        if input.ndim < least:
            raise RuntimeError(
                f"torch.{name} requires a tensor with at least {least} dimension, but got a tensor with {input.ndim} "
                "dimensions!"
            )
        if not isinstance(indices_or_sections, (int, tuple, list)):
            raise noted(
                TypeError(
                    f"{name}() received an invalid combination of arguments\n"
                    f"Give a number of pieces or a tuple of indices, not {type(indices_or_sections).__name__}."
                )
            )
        dim = {"last": 0 if input.ndim == 1 else 1, "first": 0, "depth": 2}[where]
        size = input._array.shape[dim]
        n = indices_or_sections
        if isinstance(n, int) and (n == 0 or size % n):
            raise RuntimeError(
                f"torch.{name} attempted to split along dimension {dim}, but the size of the dimension {size} is not "
                f"divisible by the split_size {n}!"
            )
        return tensor_split(input, n, dim)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = doc
    return function(call)


hsplit = _splitter("hsplit", 1, "last", "Equal pieces, or pieces between indices, along the columns.")
vsplit = _splitter("vsplit", 2, "first", "Equal pieces, or pieces between indices, along the rows.")
dsplit = _splitter("dsplit", 3, "depth", "Equal pieces, or pieces between indices, along the third dimension.")

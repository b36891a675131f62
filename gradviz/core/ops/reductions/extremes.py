"""The largest and the smallest: their values, their places, and both at once."""

from __future__ import annotations

from typing import Any, NamedTuple

from ... import errors
from ...checks import at_hand
from ...errors import noted
from ...op import RECORDED, composite, function, op
from ...tensor import Tensor
from ..helpers import count_up, one_dim, unreduce
from ..indexing.gather import grid
from ..named import named
from .dims import largest, reduced, refuse_complex, some, spelled

MANY = 256  # elements from which on it may pay to ask how they lie


class Order(NamedTuple):
    """Which elements are the extreme ones: NumPy's names for finding one, taking it of two, and comparing."""

    find: str
    of_two: str
    not_worse: str


LARGEST, SMALLEST = Order("argmax", "maximum", "greater_equal"), Order("argmin", "minimum", "less_equal")


# -- the gradient is shared among equal ones -----------------------------------------------------------------------
_amax = op("amax", lambda xp, x, *, dim, keepdim: xp.max(x, axis=dim, keepdims=keepdim), public=False,
           x=lambda F, g, x, out, *, x_shape, dim, keepdim: evenly(F, g, x, out, x_shape, dim, keepdim))  # fmt: skip
_amin = op("amin", lambda xp, x, *, dim, keepdim: xp.min(x, axis=dim, keepdims=keepdim), public=False,
           x=lambda F, g, x, out, *, x_shape, dim, keepdim: evenly(F, g, x, out, x_shape, dim, keepdim))  # fmt: skip
_max_all = op("max_all", lambda x: largest(x), public=False, node="MaxBackward1",
              x=lambda F, g, x, out, *, x_shape: shared(F, g, x, out, x_shape, None, False))  # fmt: skip
_min_all = op("min_all", lambda xp, x: xp.min(x), public=False, node="MinBackward1",
              x=lambda F, g, x, out, *, x_shape: shared(F, g, x, out, x_shape, None, False))  # fmt: skip
_aminmax = op("aminmax", lambda xp, x, *, dim, keepdim: (xp.min(x, axis=dim, keepdims=keepdim),
                                                         xp.max(x, axis=dim, keepdims=keepdim)),
              public=False, outputs=True,
              x=lambda F, g, x, out, *, x_shape, dim, keepdim: _both(F, g, x, out, x_shape, dim, keepdim))  # fmt: skip

# -- picking one element: the index is known only in the forward ---------------------------------------------------
_max_dim = op("max_dim", lambda xp, x, *, dim, keepdim: _picked(xp, x, dim, keepdim, LARGEST),
              node="MaxBackward0", public=False, aux=("indices",),
              x=lambda F, g, indices, *, x_shape, dim, keepdim:
                  F.put_back(g, indices, shape=x_shape, dim=dim, keepdim=keepdim))  # fmt: skip
_min_dim = op("min_dim", lambda xp, x, *, dim, keepdim: _picked(xp, x, dim, keepdim, SMALLEST),
              node="MinBackward0", public=False, aux=("indices",),
              x=lambda F, g, indices, *, x_shape, dim, keepdim:
                  F.put_back(g, indices, shape=x_shape, dim=dim, keepdim=keepdim))  # fmt: skip
_argmax = op("argmax", lambda xp, x, *, dim, keepdim: _arg(xp, LARGEST, x, dim, keepdim), public=False)
_argmin = op("argmin", lambda xp, x, *, dim, keepdim: _arg(xp, SMALLEST, x, dim, keepdim), public=False)


def shared(F: Any, g: Any, x: Any, out: Any, shape: Any, dim: Any, keepdim: bool) -> Any:
    """The gradient shared equally among the elements equal to the one picked."""
    top = unreduce(F, out, shape, dim, keepdim)
    hit = (x == top) | ((x != x) & (top != top))  # a NaN is the extreme one, and equals no other
    many = F.sum(hit, dim=dim, keepdim=True)
    return F.where(hit, unreduce(F, g, shape, dim, keepdim) / many, 0.0)


def evenly(F: Any, g: Any, x: Any, out: Any, shape: Any, dim: Any, keepdim: bool) -> Any:
    """The same where the extreme one is a number; NaN, which equals nothing, gives NaN to its whole group."""
    hit = x == unreduce(F, out, shape, dim, keepdim)
    return unreduce(F, g, shape, dim, keepdim) * hit / F.sum(hit, dim=dim, keepdim=True)


def _both(F: Any, g: Any, x: Any, out: Any, shape: Any, dim: Any, keepdim: bool) -> Any:
    parts = [evenly(F, a, x, o, shape, dim, keepdim) for a, o in zip(g, out, strict=True) if a is not None]
    return parts[0] if len(parts) == 1 else parts[0] + parts[1]


def _picked(xp: Any, x: Any, dim: int, keepdim: bool, order: Order) -> Any:
    """The extreme elements along one dimension and where they are, the first of equal ones; NaN is more extreme."""
    if x.size < MANY or not _few_and_long(xp, x, dim):
        along = dim if x.ndim else None  # CuPy's have no dimension of a single number
        return pick(xp, x, x.argmax(along) if order is LARGEST else x.argmin(along), dim, keepdim)
    values, indices = _one_after_another(xp, x, dim, order)
    if keepdim:
        values, indices = xp.expand_dims(values, dim), xp.expand_dims(indices, dim)
    return values, {"indices": indices}


def _few_and_long(xp: Any, x: Any, dim: int) -> bool:
    """Whether slices are compared faster as wholes than NumPy looks along each short line.

    That costs some 12 ns a line; a slice some 2 µs and, for each element, 0.6 ns.
    """
    if dim >= x.ndim - 1 or x.dtype.kind != "f" or not at_hand(xp):
        return False
    few = x.shape[dim]
    return bool(1 < few < 20 and x.size * (20 - few) > 3000 * few * (few - 1))


def _one_after_another(xp: Any, x: Any, dim: int, order: Order) -> tuple[Any, Any]:
    of_two, not_worse = getattr(xp, order.of_two), getattr(xp, order.not_worse)
    slices = xp.moveaxis(x, dim, 0)
    best, at = slices[0], xp.zeros(slices.shape[1:], xp.uint8)
    for i in range(1, len(slices)):
        worse = xp.logical_not(not_worse(best, slices[i]))
        worse &= best == best  # after NaN nothing is more extreme
        best = of_two(best, slices[i])
        xp.maximum(at, worse.view(xp.uint8) * xp.uint8(i), out=at)
    return best, at.astype(xp.int64)


def pick(xp: Any, x: Any, indices: Any, dim: int, keepdim: bool) -> Any:
    """The element at one index along `dim`; the indices have no such dimension."""
    if x.ndim == 0:
        return x.copy(), {"indices": indices}
    if x.ndim == 2 and not keepdim and at_hand(xp):
        rest = count_up(indices.size)
        return x[(rest, indices) if dim else (indices, rest)], {"indices": indices}
    wide = indices.reshape((*x.shape[:dim], 1, *x.shape[dim + 1 :]))
    values = x[grid(xp, wide, dim)] if at_hand(xp) else xp.take_along_axis(x, wide, axis=dim)
    if keepdim:
        return values, {"indices": wide}
    return values.reshape(indices.shape), {"indices": indices}


@composite("put_back")
def _put_back(F: Any, g: Any, indices: Any, *, shape: Any, dim: int, keepdim: bool) -> Any:
    """The adjoint of `pick`: the gradient in the place of the element that was picked."""
    if not shape:
        return g
    if not keepdim:
        wide = (*shape[:dim], 1, *shape[dim + 1 :])
        g, indices = F.reshape(g, shape=wide), F.reshape(indices, shape=wide)
    return F.scatter_zeros(g, indices, shape=shape, dim=dim)


def _arg(xp: Any, order: Order, x: Any, dim: int | None, keepdim: bool) -> Any:
    if dim is not None and x.size >= MANY and _few_and_long(xp, x, dim):
        out = _one_after_another(xp, x, dim, order)[1]
    else:
        out = getattr(xp, order.find)(x, axis=dim if x.ndim else None)
    if keepdim and x.ndim:
        out = xp.expand_dims(out, dim) if dim is not None else xp.reshape(out, (1,) * x.ndim)
    return out


# -- the public functions ------------------------------------------------------------------------------------------
def _over_dims(the_op: Any, text: str, kernel: str) -> Any:
    name = the_op.name

    def call(input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
        dims = reduced(dim, input)
        refuse_complex(input, kernel)
        some(f"{name}()", input, dim)
        made: Tensor = the_op.call(input, dim=dims, keepdim=keepdim)
        return made

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"The {text} elements over `dim`; the gradient is shared among equal ones."
    return function(spelled(call))


amax = _over_dims(_amax, "largest", "max_values_cpu")
amin = _over_dims(_amin, "smallest", "min_values_cpu")


@function
@spelled
def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> Any:
    """The smallest and the largest element of all, or over `dim`."""
    refuse_complex(input, "aminmax_cpu")
    if dim is not None:
        some("aminmax", input, dim)
    elif not input._array.size:
        raise noted(
            RuntimeError(
                "aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity.\n"
                f"The shape is {tuple(input._array.shape)}."
            )
        )
    return named("aminmax", ("min", "max"))(_aminmax.call(input, dim=reduced(dim, input), keepdim=keepdim))


def _extreme(name: str, whole: Any, along: Any, pairwise: str) -> Any:
    kind = named(name, ("values", "indices"))
    texts = f"{name}_all", f"{name}(): does not support complex input"

    def call(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
        if not isinstance(input, Tensor):
            raise noted(TypeError(errors.bad_combination(name, (input, dim if other is None else other))))
        if other is not None or isinstance(dim, Tensor):
            return getattr(RECORDED, pairwise)(input, dim if other is None else other)
        array = input._array
        if not array.size:
            some(f"{name}()", input, dim)
        if array.dtype.kind == "c":
            refuse_complex(input, texts[dim is not None])
        if dim is None:
            return whole.call(input)
        values, aux = along.call_with_aux(input, dim=one_dim(dim, array.ndim), keepdim=keepdim)
        return kind((values, aux["indices"]))

    call.__name__ = call.__qualname__ = name
    call.__doc__ = (
        f"The {name}imum of all elements; over `dim`, with its indices; with a second tensor, element by element."
    )
    return function(spelled(call))


max = _extreme("max", _max_all, _max_dim, "maximum")
min = _extreme("min", _min_all, _min_dim, "minimum")


def _place_of(the_op: Any, text: str) -> Any:
    name = the_op.name

    def call(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
        if input.dtype.name == "bool":
            raise noted(RuntimeError(f"{name}(): does not support bool input\nConvert it first: x = x.int()."))
        refuse_complex(input, f"{name}(): does not support complex input")
        some(f"{name}()", input, dim, whole=IndexError)
        made: Tensor = the_op.call(input, dim=None if dim is None else one_dim(dim, input.ndim), keepdim=keepdim)
        return made

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"The index of the {text} element of all, or along `dim`."
    return function(spelled(call))


argmax, argmin = _place_of(_argmax, "largest"), _place_of(_argmin, "smallest")

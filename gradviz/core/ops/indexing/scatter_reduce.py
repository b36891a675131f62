"""Reductions into a tensor: many elements of a source to one place, which an index names.

`scatter_reduce` has an index for every element, `index_reduce` one for every slice along a dimension. Both come down to
`at`: for every element of the source, its place in the flattened tensor.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...checks import within
from ...op import function, op
from ...tensor import Tensor
from ..helpers import size_along
from ..kinds import underived
from .gather import _scatter, grid, lined, scatter_to
from .index_put import source_along


# -- forward -------------------------------------------------------------------------------------------------------
def _start(reduce: str, kind: Any) -> Any:
    """What a reduction without the tensor itself starts from."""
    if reduce in ("sum", "mean", "prod"):
        return 1 if reduce == "prod" else 0
    if kind.kind == "b":
        return reduce == "amin"
    if kind.kind in "iu":
        return np.iinfo(kind).min if reduce == "amax" else np.iinfo(kind).max
    return -math.inf if reduce == "amax" else math.inf


def _reduced(xp: Any, reduce: str, x: Any, src: Any, at: Any, rounds: Any, include_self: bool) -> Any:
    out = xp.array(x).reshape(-1)
    if not at.size:
        return out.reshape(x.shape)
    if not include_self:
        out[at] = xp.full((), _start(reduce, x.dtype), dtype=x.dtype)
    if reduce == "prod":
        places, factors = at.reshape(-1), src.reshape(-1)
        for chosen in rounds:
            out[places[chosen]] *= factors[chosen]
    else:
        combine = {"amax": xp.maximum, "amin": xp.minimum}.get(reduce, xp.add)
        combine.at(out, at, src.reshape(at.shape))
    if reduce == "mean":
        times = xp.bincount(at.reshape(-1), minlength=out.size) + int(include_self)
        times = xp.where(times == 0, 1, times).astype(out.dtype)
        out = out // times if out.dtype.kind in "iu" else out / times
    return out.reshape(x.shape)


def _rounds(at: Any) -> tuple[Any, ...]:
    """Elements of the source in groups, none of which names a place twice; on the host."""
    places = at.reshape(-1)
    order = np.argsort(places, kind="stable")
    ordered = places[order]
    fresh = np.concatenate([[True], ordered[1:] != ordered[:-1]])[: places.size]
    first = np.maximum.accumulate(np.where(fresh, np.arange(places.size), 0))
    rank = np.empty(places.size, np.int64)
    rank[order] = np.arange(places.size) - first
    return tuple(np.nonzero(rank == r)[0] for r in range(int(rank.max(initial=-1)) + 1))


# -- rules ---------------------------------------------------------------------------------------------------------
def _spread(F: Any, values: Any, at: Any, shape: tuple[int, ...]) -> Any:
    """Zeros of a shape with values added in at their places."""
    return F.reshape(F.index_add_zeros(values, shape=(math.prod(shape),), index=(at,)), shape=shape)


def _kept(F: Any, g: Any, at: Any, shape: tuple[int, ...], include_self: bool) -> Any:
    """The gradient of the tensor itself: none where it did not take part."""
    if include_self:
        return g
    return F.reshape(F.index_zero(F.reshape(g, shape=(-1,)), index=(at,)), shape=shape)


def _ones(F: Any, like: Any, shape: tuple[int, ...]) -> Any:
    return F.blank(like, shape=tuple(shape)) + 1.0


def _shares(F: Any, g: Any, at: Any, shape: tuple[int, ...], include_self: bool) -> Any:
    """A mean's gradient per element: divided by how many there were."""
    times = _spread(F, _ones(F, g, at.shape), at, shape) + (1.0 if include_self else 0.0)
    return g / F.where(times == 0, _ones(F, g, shape), times)


def _equals(F: Any, g: Any, x: Any, src: Any, out: Any, at: Any, shape: tuple[int, ...]) -> Any:
    """The gradient shared among the elements that are the largest or smallest, and where the source's ones are."""
    best = src == F.take(out, index=at)
    times = F.where(x == out, _ones(F, g, shape), 0.0) + _spread(
        F, F.where(best, _ones(F, g, at.shape), 0.0), at, shape
    )
    return g / times, best


def _without_zeros(F: Any, x: Any, shape: tuple[int, ...]) -> Any:
    return F.where(x == 0, _ones(F, x, shape), x)


def _factor(F: Any, g: Any, x: Any, src: Any, out: Any, shape: Any, settings: dict[str, Any]) -> Any:
    """A product's gradient for its factors; the only zero among them gets the product of the others."""
    at = settings["at"]
    zero = src == 0
    zeros = F.take(_spread(F, F.where(zero, _ones(F, g, at.shape), 0.0), at, shape), index=at)
    single = zero & (zeros == 1)
    others = F.reduce_at_prod(x, F.where(single, _ones(F, g, at.shape), src), **settings)
    plain = F.take(g * out, index=at) / F.where(zero, _ones(F, g, at.shape), src)
    return F.where(single, F.take(g * others, index=at), plain)


_RULES: dict[str, dict[str, Any]] = {
    "sum": {
        "x": lambda F, g, *, x_shape, at, include_self: _kept(F, g, at, x_shape, include_self),
        "src": lambda F, g, *, at: F.take(g, index=at),
    },
    "mean": {
        "x": lambda F, g, *, x_shape, at, include_self: _kept(
            F, _shares(F, g, at, x_shape, include_self), at, x_shape, include_self
        ),
        "src": lambda F, g, *, x_shape, at, include_self: F.take(_shares(F, g, at, x_shape, include_self), index=at),
    },
    "amax": {
        "x": lambda F, g, x, src, out, *, x_shape, at, include_self: _kept(
            F, F.where(x == out, _equals(F, g, x, src, out, at, x_shape)[0], 0.0), at, x_shape, include_self
        ),
        "src": lambda F, g, x, src, out, *, x_shape, at: _best(F, _equals(F, g, x, src, out, at, x_shape), at),
    },
    "prod": {
        "x": lambda F, g, x, src, *, x_shape, at, rounds, include_self, name: _kept(
            F,
            g
            * F.reduce_at_prod(
                _without_zeros(F, x, x_shape), src, at=at, rounds=rounds, include_self=include_self, name=name
            )
            / _without_zeros(F, x, x_shape),
            at,
            x_shape,
            include_self,
        ),
        "src": lambda F, g, x, src, out, *, x_shape, at, rounds, include_self, name: _factor(
            F, g, x, src, out, x_shape, {"at": at, "rounds": rounds, "include_self": include_self, "name": name}
        ),
    },
}
_RULES["amin"] = _RULES["amax"]


def _best(F: Any, found: tuple[Any, Any], at: Any) -> Any:
    shared, best = found
    return F.where(best, F.take(shared, index=at), 0.0)


def _op(reduce: str) -> Any:
    def forward(xp: Any, x: Any, src: Any, *, at: Any, rounds: Any, include_self: bool, name: str) -> Any:
        return _reduced(xp, reduce, x, src, at, rounds, include_self)

    return op(f"reduce_at_{reduce}", forward, node=lambda name: f"{name}Backward0", public=False, **_RULES[reduce])


_OPS = {reduce: _op(reduce) for reduce in _RULES}


def _call(reduce: str, x: Tensor, src: Tensor, places: Any, include_self: bool, name: str) -> Tensor:
    """`places` are raw indices per dimension of the source's shape."""
    device, shape = x.device, lined(x._array).shape
    at = device.xp.zeros((1,) * len(shape), dtype=device.xp.int64)
    for index, n in zip(places, shape, strict=True):
        at = at * n + index
    at = at.reshape(src._array.shape)
    rounds = ()
    if reduce == "prod":
        rounds = tuple(device.wrap(chosen) for chosen in _rounds(device.to_numpy(at)))
    made: Tensor = _OPS[reduce].call(x, src, at=at, rounds=rounds, include_self=include_self, name=name)
    return made


# -- the public functions ------------------------------------------------------------------------------------------
@function(inplace=True)
def scatter_reduce(
    input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """`input` with the elements of `src` where `index` points along `dim`, combined by "sum", "prod", "mean", "amax" or
    "amin"."""
    if reduce not in _OPS:
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}")
    at, raw = scatter_to(input, dim, index, src)
    line = lined(raw)
    if src._array.shape != raw.shape:
        src = src.reshape(line.shape) if not (src.ndim and raw.ndim) else src[tuple(slice(n) for n in raw.shape)]
    places = grid(input.device.xp, line, at)
    return _call(reduce, input, src, places, include_self, "ScatterReduce")


@function(inplace=True)
def index_reduce(
    input: Tensor, dim: int, index: Tensor, source: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """`input` with the slices of `source` at these indices along `dim`, combined by "prod", "mean", "amax", "amin"."""
    if reduce not in _OPS or reduce == "sum":
        raise RuntimeError(f"index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got {reduce}.")
    at, raw = source_along(input, dim, index, source, "index_reduce_")
    size = size_along(input, at)
    within(input.device.xp, raw, 0, size, lambda bad: IndexError("index out of range in self"))
    shape = source._array.shape or (1,)
    xp = input.device.xp
    row = raw.reshape((1,) * at + (-1,) + (1,) * (len(shape) - at - 1))
    return _call(reduce, input, source, grid(xp, xp.broadcast_to(row, shape), at), include_self, "IndexReduce")


# PyTorch has no derivative for `scatter(reduce=...)`; nor is there one here, so that nothing depends on it.
_NO_RULE = underived(
    "the derivative for 'aten::scatter' is not implemented.\nUse scatter_add or scatter_reduce, which have one."
)
_scatter_with = op("scatter_with", lambda xp, x, src, *, at, rounds, reduce: _reduced(
                       xp, reduce, x, src, at, rounds, True), public=False, node="NotImplemented",
                   x=_NO_RULE, src=_NO_RULE)  # fmt: skip


@function(inplace=True)
def scatter(
    input: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None, reduce: Any = None
) -> Tensor:
    """`input` with elements of `src`, or one number, put where `index` points along `dim`; or added, or multiplied."""
    given = value if src is None else src
    if given is None:
        raise TypeError(
            "scatter() received an invalid combination of arguments - got (int, Tensor), but expected one of:\n"
            "scatter(dim, index, src) or scatter(dim, index, value)."
        )
    at, raw = scatter_to(input, dim, index, given)
    if reduce is None:
        if isinstance(given, complex) and not input.is_complex():
            raise RuntimeError("value cannot be converted to type float without overflow")
        return _scatter.call(input, given, index=raw, dim=at)
    if reduce not in ("add", "multiply"):
        raise RuntimeError("reduce argument must be either add or multiply.")
    if not isinstance(given, Tensor):
        given = input.new_full(raw.shape, given)
    places = grid(input.device.xp, lined(raw), at)
    return _combined(input, given, places, "sum" if reduce == "add" else "prod")


def _combined(x: Tensor, src: Tensor, places: Any, reduce: str) -> Tensor:
    device = x.device
    flat = device.xp.zeros((1,) * len(places), dtype=device.xp.int64)
    for index, n in zip(places, lined(x._array).shape, strict=True):
        flat = flat * n + index
    rounds = tuple(device.wrap(chosen) for chosen in _rounds(device.to_numpy(flat)))
    return _scatter_with.call(x, src[tuple(slice(n) for n in flat.shape)] if src.ndim else src.reshape(1), at=flat,
                              rounds=rounds, reduce=reduce)  # fmt: skip

"""Counting: how often each number occurs, how many values fall between every two edges."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ... import errors
from ...errors import no_kernel
from ...op import FUNCTIONS, function, op
from ...tensor import Tensor
from ..kinds import underived
from ..named import named

_bincount = op("bincount", lambda xp, x, weights, *, minlength: _counts(xp, x, weights, minlength), public=False)
_histc = op("histc", lambda xp, x, *, bins, low, high: _even_counts(xp, x, bins, low, high), public=False)


def _boxes(name: str, aten: str) -> Any:
    """Counts in boxes: PyTorch records them, and cannot differentiate them."""
    rule = underived(f"derivative for aten::{aten} is not implemented")
    return op(
        name, lambda xp, x, weight, *, edges, density: _box_counts(xp, x, weight, edges, density), public=False,
        node="NotImplemented", x=rule, weight=rule,
    )  # fmt: skip


_histogram = _boxes("histogram", "histogram")
_histogramdd = _boxes("histogramdd", "_histogramdd_from_bin_cts")


def _counts(xp: Any, index: Any, weights: Any, length: int) -> Any:
    """How many times, or with what total weight, each index occurs, for at least `length` indices."""
    if not index.size:
        return xp.zeros(length, dtype=xp.int64)
    index = index.astype(xp.int64)
    if weights is None:
        return xp.bincount(index, minlength=length)
    total = xp.bincount(index, weights=weights.astype(xp.float64), minlength=length)
    return total.astype(weights.dtype) if weights.dtype == xp.float32 else total


def _even_counts(xp: Any, x: Any, bins: int, low: float, high: float) -> Any:
    """Counts in bins of one width; what lies outside is not counted, `high` itself is in the last."""
    flat = x.reshape(-1)
    flat = flat[(flat >= low) & (flat <= high)]
    kind = flat.dtype.type
    place = ((flat - kind(low)) * kind(bins) / kind(high - low)).astype(xp.int64)
    return _counts(xp, xp.minimum(place, bins - 1), None, bins).astype(x.dtype)


def _box_counts(xp: Any, x: Any, weight: Any, edges: tuple[Any, ...], density: bool) -> Any:
    """Counts of points in the boxes between edges; a box has its lower edges, the last also its upper one."""
    x = x.reshape(-1, len(edges))
    flat = xp.zeros(x.shape[:1], dtype=xp.int64)
    inside = xp.ones(x.shape[:1], dtype=xp.bool_)
    for i, edge in enumerate(edges):
        column, bins = x[:, i], edge.shape[0] - 1
        place = xp.searchsorted(edge, column, side="right") - 1
        inside = inside & (column >= edge[0]) & (column <= edge[-1])
        flat = flat * bins + xp.minimum(place, bins - 1)
    shape = tuple(edge.shape[0] - 1 for edge in edges)
    weights = None if weight is None else weight.reshape(-1)[inside]
    counts = _counts(xp, flat[inside], weights, math.prod(shape)).astype(x.dtype).reshape(shape)
    if density:
        counts = counts / counts.sum()
        for i, edge in enumerate(edges):
            counts = counts / (edge[1:] - edge[:-1]).reshape(-1, *(1,) * (len(edges) - 1 - i))
    return counts


# -- the public functions ------------------------------------------------------------------------------------------
@function
def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often 0, 1, 2, ... occur in a 1-D tensor of non-negative integers, or the total weight of each."""
    if input.dtype.category != 1:
        raise no_kernel("bincount_cpu", input, "Convert it first: x = x.long().")
    if minlength < 0:
        raise RuntimeError("minlength should be >= 0")
    if input.ndim != 1 or (input._array.size and bool((input < 0).any())):
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    if weights is not None and weights.shape != input.shape:
        raise RuntimeError("weights should be 1-d and have the same length as input")
    if weights is not None and weights.dtype.name != "float32":
        weights = weights.double()
    return _bincount.call(input, weights, minlength=int(minlength))


def _range(name: str, x: Tensor, low: float, high: float, margin: float) -> tuple[float, float]:
    """The range to count in: what is given or, if that is empty, from the smallest to the largest element."""
    if low == high and x._array.size:
        low, high = float(x.min().item()), float(x.max().item())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise RuntimeError(f"{name} [{low:g}, {high:g}] is not finite")
    return (low - margin, high + margin) if low == high else (low, high)


@function
def histc(input: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """How many elements fall into each of `bins` bins between min and max, or over all if these are equal."""
    if input.dtype.category != 2:
        raise no_kernel("histogram_cpu", input)
    if bins <= 0:
        raise RuntimeError(f"torch.histogram(): bins must be > 0, but got {bins} for dimension 0")
    if min > max:
        raise RuntimeError("torch.histc: max must be larger than min")
    low, high = _range("torch.histc: range of", input.detach(), float(min), float(max), 1.0)
    return _histc.call(input.detach(), bins=int(bins), low=low, high=high)


def _edges(x: Tensor, bins: Any, d: int, given: Any) -> Tensor:
    """The edges of one dimension: those given, or so many bins between two numbers."""
    if isinstance(bins, Tensor):
        if bins.ndim != 1:
            raise RuntimeError(
                f"torch.histogramdd: bins tensor should have one dimension, but got {bins.ndim} dimensions in the bins "
                f"tensor for dimension {d}"
            )
        if not bins._array.size:
            raise RuntimeError(
                "torch.histogramdd: bins tensor should have at least 1 element, but got 0 elements in the bins tensor "
                f"for dimension {d}"
            )
        if bins.dtype is not x.dtype:
            names = [errors.c_name(t.dtype) for t in (x, bins)]
            raise RuntimeError(
                "torch.histogramdd: input tensor and bins tensors should have the same dtype, but got input with dtype "
                f"{names[0]} and bins for dimension {d} with dtype {names[1]}"
            )
    count = bins.shape[0] - 1 if isinstance(bins, Tensor) else int(bins)
    if count <= 0:
        raise RuntimeError(f"torch.histogram(): bins must be > 0, but got {count} for dimension {d}")
    if isinstance(bins, Tensor):
        copy: Tensor = bins.detach().clone()
        return copy
    low, high = (0.0, 0.0) if given is None else given
    if low > high:
        raise RuntimeError(
            f"torch.histogramdd: min should not exceed max, but got min {low:g} max {high:g} for dimension {d}"
        )
    if given is None and not x._array.size:
        low, high = 0.0, 1.0
    if given is None:
        low, high = _range(f"torch.histogramdd: dimension {d}'s range", x[:, d], low, high, 0.5)
    elif low == high:
        low, high = low - 0.5, high + 0.5
    made: Tensor = FUNCTIONS["linspace"](low, high, count + 1, dtype=x.dtype, device=x.device)
    return made


def _check_weight(points: Tensor, weight: Tensor) -> None:
    if weight.shape != points.shape[:-1]:
        raise RuntimeError(
            "torch.histogramdd: if weight tensor is provided it should have the same shape as the input tensor "
            f"excluding its innermost dimension, but got input with shape {list(points.shape)} and weight with shape "
            f"{list(weight.shape)}"
        )
    if weight.dtype is not points.dtype:
        names = [errors.c_name(t.dtype) for t in (points, weight)]
        raise RuntimeError(
            "torch.histogramdd: if weight tensor is provided, input tensor and weight tensor should have the same "
            f"dtype, but got input({names[0]}), and weight({names[1]})"
        )


def _histogram_of(
    the_op: Any, input: Tensor, points: Tensor, bins: Sequence[Any], range: Any, weight: Tensor | None, density: bool
) -> Any:
    """Counts of points, the last dimension of the input, and the edges of every dimension."""
    if points.dtype.name not in ("float32", "float64"):
        raise no_kernel("histogramdd", points)
    n = points.shape[-1]
    if weight is not None:
        _check_weight(points, weight if the_op is _histogramdd else weight.detach().reshape(-1))
    limits = None if range is None else [float(v) for v in range]
    if limits is not None and len(limits) != 2 * n:
        raise RuntimeError(
            f"torch.histogramdd: for a {n}-dimensional histogram range should have {2 * n} elements, but got "
            f"{len(limits)}"
        )
    x = points.detach().reshape(-1, n)
    edges = tuple(_edges(x, b, d, None if limits is None else limits[2 * d : 2 * d + 2]) for d, b in enumerate(bins))
    return the_op.call(input, weight, edges=tuple(e._array for e in edges), density=density), edges


@function
def histogram(input: Tensor, bins: Any, *, range: Any = None, weight: Tensor | None = None,
              density: bool = False) -> Any:  # fmt: skip
    """How many elements fall between every two edges, and the edges: `bins` of them are made, or they are given."""
    if isinstance(bins, (list, tuple)):
        raise TypeError(
            f"histogram() received an invalid combination of arguments - got (Tensor, {type(bins).__name__})"
        )
    hist, edges = _histogram_of(_histogram, input, input.detach().reshape(-1, 1), [bins], range, weight, density)
    return named("histogram", ("hist", "bin_edges"))((hist, edges[0]))


@function(method=False)
def histogramdd(
    input: Tensor, bins: Any, range: Any = None, weight: Tensor | None = None, density: bool = False
) -> Any:
    """How many points (the last dimension of the input) fall into every box between the edges, and the edges."""
    if input.ndim < 2:
        raise RuntimeError("torch.histogramdd: input tensor should have at least 2 dimensions")
    n = input.shape[-1]
    each = list(bins) if isinstance(bins, (list, tuple)) else [bins] * n
    if len(each) != n and isinstance(each[0], Tensor):
        raise RuntimeError(
            f"torch.histogramdd: expected {n} sequences of bin edges for a {n}-dimensional histogram but got "
            f"{len(each)}"
        )
    if len(each) != n:
        raise RuntimeError("histogramdd: The size of bins must be equal to the innermost dimension of the input.")
    found = _histogram_of(_histogramdd, input, input.detach(), each, range, weight, density)
    return named("histogramdd", ("hist", "bin_edges"))(found)

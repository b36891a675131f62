"""Differences, slopes and areas of numbers along a dimension, put together as PyTorch does."""

from __future__ import annotations

from typing import Any

from ...op import FUNCTIONS, function
from ...tensor import Tensor
from ..elements.with_numbers import div_scalar, mul_scalar
from ..helpers import all_dims, along, is_number, one_dim
from .cumulative import cumsum
from .sums import sum as sum_


def _cut(x: Tensor, dim: int, start: int, stop: int | None) -> Tensor:
    """`x[start:stop]` along one dimension, counted from its end where negative."""
    made: Tensor = x[along(dim, slice(start, stop))]
    return made


def _over(x: Tensor, number: float) -> Tensor:
    made: Tensor = div_scalar.call(x, number)
    return made


# -- differences -----------------------------------------------------------------------------------------------------
@function
def diff(
    input: Tensor, n: int = 1, dim: int = -1, prepend: Tensor | None = None, append: Tensor | None = None
) -> Tensor:
    """Each element minus the one before it along `dim`, n times; of booleans, whether they differ."""
    if not input.ndim:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    at = one_dim(dim, input.ndim)
    if n == 0:
        made: Tensor = FUNCTIONS["zeros_like"](input).copy_(input)
        return made
    parts = [x for x in (prepend, input, append) if x is not None]
    for x in parts:
        _fits(input, x, at)
    out: Tensor = input if len(parts) == 1 else FUNCTIONS["cat"](parts, at)
    minus = FUNCTIONS["logical_xor" if out.dtype.name == "bool" else "sub"]
    for _ in range(min(n, out.shape[at])):
        out = minus(_cut(out, at, 1, None), _cut(out, at, 0, -1))
    return out


def _fits(input: Tensor, x: Tensor, at: int) -> None:
    if x.ndim != input.ndim:
        raise RuntimeError("diff expects prepend or append to be the same dimension as input")
    for i, (n, m) in enumerate(zip(input.shape, x.shape, strict=True)):
        if i != at and n != m:
            raise RuntimeError(
                "diff expects the shape of tensor to prepend or append to match that of input except along the "
                f"differencing dimension; input.size({i}) = {n}, but got tensor.size({i}) = {m}"
            )


# -- slopes ----------------------------------------------------------------------------------------------------------
@function(method=False)
def gradient(input: Tensor, *, spacing: Any = None, dim: Any = None, edge_order: int = 1) -> tuple[Tensor, ...]:
    """Slopes along every dimension (or those of `dim`) by central differences, by one-sided ones at both ends.

    `spacing` is one step for all (1 if it is not given), one for each dimension, or the coordinates of the points of
    each dimension.
    """
    if input.dtype.name == "uint8":
        raise RuntimeError("torch.gradient does not support uint8 input.")
    dims = tuple(range(input.ndim)) if dim is None else all_dims(dim, input.ndim) or ()
    steps = _steps(input, spacing, dim, dims)
    if edge_order not in (1, 2):
        raise RuntimeError("torch.gradient only supports edge_order=1 and edge_order=2.")
    if [d for d in dims if input.shape[d] < edge_order + 1]:
        raise RuntimeError("torch.gradient expected each dimension size to be at least edge_order+1")
    return tuple(
        (_by_coordinates if isinstance(step, Tensor) else _by_step)(input, d, step, edge_order)
        for d, step in zip(dims, steps, strict=True)
    )


def _steps(input: Tensor, spacing: Any, dim: Any, dims: tuple[int, ...]) -> list[Any]:
    """One step, or one tensor of coordinates, per dimension."""
    if isinstance(spacing, Tensor):
        raise TypeError("gradient() received an invalid combination of arguments - got (Tensor, spacing=Tensor)")
    if spacing is None or is_number(spacing):
        return [1 if spacing is None else spacing] * len(dims)
    found = list(spacing)
    if len(found) != len(dims) and dim is None:
        raise RuntimeError(
            "torch.gradient expected spacing to be unspecified, a scalar, or a list of length equal to "
            f"'self.dim() = {input.ndim}', since dim argument was not given, but got a list of length {len(found)}"
        )
    if len(found) != len(dims):
        raise RuntimeError(
            "torch.gradient expected spacing to be unspecified, a scalar or it's spacing and dim arguments to have the "
            f"same length, but got a spacing argument of length {len(found)} and a dim argument of length {len(dims)}."
        )
    for s in found:
        if isinstance(s, Tensor) and s.ndim != 1:
            raise RuntimeError(
                "torch.gradient expected each element of spacing to have one dimension, but got an element with "
                f"{s.ndim} dimensions!"
            )
    return found


def _by_step(x: Tensor, dim: int, step: Any, edge_order: int) -> Tensor:
    over = step * 1.0
    inner = _over(_over(_cut(x, dim, 2, None) - _cut(x, dim, 0, -2), over), 2.0)
    if edge_order == 1:
        first = _over(_cut(x, dim, 1, 2) - _cut(x, dim, 0, 1), over)
        last = _over(_cut(x, dim, -1, None) - _cut(x, dim, -2, -1), over)
    else:
        a, b, c = (_cut(x, dim, i, i + 1) for i in range(3))
        first = _over(a * -1.5 + b * 2 - c * 0.5, over)
        c, b, a = (_cut(x, dim, x.shape[dim] - 1 - i, x.shape[dim] - i) for i in (2, 1, 0))
        last = _over(a * 1.5 - b * 2 + c * 0.5, over)
    made: Tensor = FUNCTIONS["cat"]([first, inner, last], dim)
    return made


def _by_coordinates(x: Tensor, dim: int, points: Tensor, edge_order: int) -> Tensor:
    """Slopes of parabolas through three neighbours, or of lines at the ends if edge_order is 1."""
    gaps = diff(points).reshape(-1, *(1,) * (x.ndim - dim - 1))
    before, after = _cut(gaps, 0, 0, -1), _cut(gaps, 0, 1, None)
    both = before + after
    a, b, c = _cut(x, dim, 0, -2), _cut(x, dim, 1, -1), _cut(x, dim, 2, None)
    inner = -after / (before * both) * a + (after - before) / (before * after) * b + before / (after * both) * c
    if edge_order == 1:
        first = (_cut(x, dim, 1, 2) - _cut(x, dim, 0, 1)) / _cut(gaps, 0, 0, 1)
        last = (_cut(x, dim, -1, None) - _cut(x, dim, -2, -1)) / _cut(gaps, 0, -1, None)
    else:
        first = _end([_cut(x, dim, i, i + 1) for i in range(3)], [_cut(gaps, 0, i, i + 1) for i in range(2)])
        n, m = x.shape[dim], gaps.shape[0]
        last = -_end(
            [_cut(x, dim, n - 1 - i, n - i) for i in range(3)], [_cut(gaps, 0, m - 1 - i, m - i) for i in range(2)]
        )
    made: Tensor = FUNCTIONS["cat"]([first, inner, last], dim)
    return made


def _end(x: list[Tensor], gap: list[Tensor]) -> Tensor:
    """The slope, at the first of three points, of the parabola through them."""
    both = gap[0] + gap[1]
    made: Tensor = (
        -(gap[0] + both) / (gap[0] * both) * x[0] + both / (gap[0] * gap[1]) * x[1] - gap[0] / (gap[1] * both) * x[2]
    )
    return made


# -- areas -----------------------------------------------------------------------------------------------------------
def _prepared(name: str, y: Tensor, x: Tensor | None, dx: Any, dim: int) -> tuple[int, Tensor | None]:
    """The dim counted from the front, and the distances between the points if they are given."""
    if "bool" in (y.dtype.name, None if x is None else x.dtype.name):
        which = "`y`" if x is None else "`x` or `y`"
        raise RuntimeError(f"{name}: received a bool input for {which}, but bool is not supported")
    if isinstance(dx, Tensor) or (x is not None and dx is not None):
        raise TypeError(f"{name}() received an invalid combination of arguments - x and dx exclude one another")
    at = one_dim(dim, y.ndim)
    if not y.ndim:
        zero_dim = f"Dimension specified as {dim} but tensor has no dimensions"
        raise IndexError(zero_dim if name == "trapezoid" else "slice() cannot be applied to a 0-dim tensor.")
    if x is None:
        return at, None
    if x.ndim == 1 and y.ndim > 1:
        if x.shape[0] != y.shape[at]:
            raise RuntimeError(f"{name}: There must be one `x` value for each sample point")
        x = x.reshape(*(x.shape[0] if i == at else 1 for i in range(y.ndim)))
    elif x.ndim < y.ndim:
        x = x.reshape(*(1,) * (y.ndim - x.ndim), *x.shape)
    return at, _cut(x, at, 1, None) - _cut(x, at, 0, -1)


@function(method=False, aliases=("trapz",))
def trapezoid(y: Tensor, x: Tensor | None = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """The area under the points `y`, which lie at `x` or `dx` apart, by the trapezoidal rule."""
    at, gaps = _prepared("trapezoid", y, x, dx, dim)
    if y.shape[at] == 0:
        made: Tensor = FUNCTIONS["zeros"](*y.shape[:at], *y.shape[at + 1 :], dtype=y.dtype, device=y.device)
        return made
    if gaps is not None:
        return _over(sum_((_cut(y, at, 0, -1) + _cut(y, at, 1, None)) * gaps, at), 2.0)
    ends = y.select(at, 0) + y.select(at, -1)
    return mul_scalar.call(sum_(y, at) - mul_scalar.call(ends, 0.5), 1 if dx is None else dx)


@function(method=False)
def cumulative_trapezoid(y: Tensor, x: Tensor | None = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """The areas under the points up to each of them but the first."""
    at, gaps = _prepared("cumulative_trapezoid", y, x, dx, dim)
    pairs = _cut(y, at, 0, -1) + _cut(y, at, 1, None)
    if gaps is not None:
        return _over(cumsum(pairs * gaps, at), 2.0)
    return cumsum(mul_scalar.call(pairs, (1 if dx is None else dx) / 2.0), at)

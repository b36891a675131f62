"""Reading a picture at any places: grid_sample, and the grids of affine maps.

What is read at place `at` is a weighted sum of the places around it, its taps, with one weight per dimension:

    out = sum over taps of  w(at_y - tap_y) * w(at_x - tap_x) * picture[tap_y, tap_x]

The weights are polynomials in the distance, so the derivative by a coordinate is the same sum with the derivative of
that dimension's polynomial. `orders` says how often each was differentiated; with it two operations, reading and its
adjoint, are enough for gradients of all orders.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

from ...op import op
from ..elements.rational import polynomial
from ..helpers import wider
from ..linalg.products import wide_matmul

Orders = tuple[int, ...]
_A = -0.75  # of the cubic
# For each tap, how far it is from the first, and its weight as a polynomial in the distance from the first.
TAPS: dict[str, tuple[tuple[int, tuple[float, ...]], ...]] = {
    "nearest": ((0, (1.0,)),),
    "bilinear": ((0, (1.0, -1.0)), (1, (0.0, 1.0))),
    "bicubic": (
        (-1, (0.0, _A, -2 * _A, _A)), (0, (1.0, 0.0, -(_A + 3), _A + 2)), (1, (0.0, -_A, 2 * _A + 3, -(_A + 2))),
        (2, (0.0, 0.0, _A, -_A)),
    ),
}  # fmt: skip


def _derivative(coefficients: tuple[float, ...], order: int) -> tuple[float, ...]:
    for _ in range(order):
        coefficients = tuple(i * c for i, c in enumerate(coefficients))[1:]
    return coefficients


# -- places outside the picture ------------------------------------------------------------------------------------
def _clipped(xp: Any, at: Any, size: int) -> tuple[Any, Any]:
    """Places moved to the border, and how they change as the place does."""
    inside = (at > 0) & (at < size - 1)
    return xp.minimum(xp.maximum(at, 0), size - 1), inside


def _reflected(xp: Any, at: Any, size: int, align: bool) -> tuple[Any, Any]:
    """Places mirrored at the border (its pixels' middles, or their outer edges) until they lie inside."""
    low, span = (0.0, float(size - 1)) if align else (-0.5, float(size))
    if span == 0:
        return at * 0, at * 0
    away = xp.abs(at - low)
    turns = xp.floor(away / span)
    rest = away - turns * span
    odd = turns % 2 == 1
    made, inside = _clipped(xp, xp.where(odd, span - rest, rest) + low, size)
    return made, xp.where((at < low) != odd, -1.0, 1.0) * inside


def _placed(xp: Any, at: Any, size: int, padding: str, align: bool) -> tuple[Any, Any]:
    if padding == "zeros":
        return at, 1.0
    return _clipped(xp, at, size) if padding == "border" else _reflected(xp, at, size, align)


def _line(xp: Any, at: Any, size: int, mode: str, padding: str, align: bool, order: int) -> list[tuple[Any, Any]]:
    """(index, weight) of each tap along one dimension; `at` goes from -1 to 1 across the picture."""
    slope: Any = (size - 1) / 2 if align else size / 2
    at = (at + 1) * slope if align else (at + 1) * slope - 0.5
    if mode != "bicubic":  # a cubic's taps are moved inside one by one
        at, change = _placed(xp, at, size, padding, align)
        slope = slope * change
    first = xp.rint(at) if mode == "nearest" else xp.floor(at)
    taps = []
    for offset, coefficients in TAPS[mode]:
        coefficients = _derivative(coefficients, order)
        if not any(coefficients):
            continue
        weight = polynomial(at - first, coefficients[::-1]) * slope**order
        index = first + offset
        if mode == "bicubic":
            index, _ = _placed(xp, index, size, padding, align)
        inside = (index >= 0) & (index < size)
        taps.append((xp.where(inside, index, 0).astype(xp.int64), xp.where(inside, weight, 0)))
    return taps


def _taps(xp: Any, grid: Any, there: tuple[int, ...], settings: dict[str, Any], orders: Orders) -> Any:
    """For each tap of all dimensions: its index in the pictures laid end to end, and its weight, (N * P, 1)."""
    n, dims = grid.shape[0], len(there)
    points = wider(xp, grid).reshape(n, -1, dims)
    lines = [
        _line(xp, points[..., dims - 1 - d], there[d], order=orders[d], **settings) for d in range(dims)
    ]  # a point is (x, y, z), a picture (z, y, x)
    start = (xp.arange(n) * math.prod(there))[:, None]
    for taps in itertools.product(*lines):
        index: Any = start
        weight: Any = None
        for d, (at, w) in enumerate(taps):
            index = index + at * math.prod(there[d + 1 :])
            weight = w if weight is None else weight * w
        yield index.reshape(-1), weight.reshape(-1, 1)


def _rows(xp: Any, x: Any) -> Any:
    """(N, C, sizes) -> (N * places, C)."""
    return xp.ascontiguousarray(xp.moveaxis(x, 1, -1)).reshape(-1, x.shape[1])


def _from_rows(xp: Any, rows: Any, n: int, c: int, sizes: tuple[int, ...], dtype: Any) -> Any:
    return xp.ascontiguousarray(xp.moveaxis(rows.reshape(n, *sizes, c), -1, 1)).astype(dtype, copy=False)


def _sample(xp: Any, x: Any, grid: Any, *, mode: str, padding: str, align: bool, orders: Orders) -> Any:
    """(N, C, sizes) read at (N, places, dims) -> (N, C, places)."""
    settings = {"mode": mode, "padding": padding, "align": align}
    rows = _rows(xp, wider(xp, x))
    out = xp.zeros((math.prod(grid.shape[:-1]), x.shape[1]), dtype=rows.dtype)
    for index, weight in _taps(xp, grid, x.shape[2:], settings, orders):
        out += xp.take(rows, index, axis=0) * weight
    return _from_rows(xp, out, x.shape[0], x.shape[1], grid.shape[1:-1], x.dtype)


def _spread(
    xp: Any, y: Any, grid: Any, *, shape: tuple[int, ...], mode: str, padding: str, align: bool, orders: Orders
) -> Any:
    """The adjoint: (N, C, places) added into a picture of `shape` where it was read."""
    settings = {"mode": mode, "padding": padding, "align": align}
    n, c, *there = shape
    rows = _rows(xp, wider(xp, y))
    out = xp.zeros(n * math.prod(there) * c, dtype=rows.dtype)
    channels = xp.arange(c)
    for index, weight in _taps(xp, grid, tuple(there), settings, orders):
        xp.add.at(out, (index[:, None] * c + channels).reshape(-1), (rows * weight).reshape(-1))
    return _from_rows(xp, out, n, c, tuple(there), y.dtype)


# -- the operations ------------------------------------------------------------------------------------------------
def _by_place(F: Any, g: Any, x: Any, grid: Any, dims: int, orders: Orders, settings: dict[str, Any]) -> Any:
    """The gradient of the grid: along each dimension how the reading changes, over all channels."""
    if settings["mode"] == "nearest":
        return grid * 0.0  # a step to the side reads the same pixel
    parts = []
    for d in reversed(range(dims)):
        higher = tuple(o + (i == d) for i, o in enumerate(orders))
        change = getattr(F, f"grid_sampler_{dims}d")(x, grid, orders=higher, **settings)
        parts.append(F.sum(g * change, dim=(1,), keepdim=False))
    return F.stack(*parts, dim=dims + 1)


def _declare(dims: int) -> None:
    name = f"grid_sampler_{dims}d"
    back = f"{name}_back"
    node = f"GridSampler{dims}DBackward"

    def spread(F: Any, g: Any, grid: Any, shape: Any, **settings: Any) -> Any:
        return getattr(F, back)(g, grid, shape=shape, **settings)

    def sample(F: Any, g: Any, grid: Any, **settings: Any) -> Any:
        return getattr(F, name)(g, grid, **settings)

    def by_place(F: Any, g: Any, x: Any, grid: Any, orders: Orders, **settings: Any) -> Any:
        return _by_place(F, g, x, grid, dims, orders, settings)

    op(
        name, _sample, public=False, node=lambda orders: f"{node}Backward0" if any(orders) else f"{node}0",
        saved_names={"x": "input"},
        x=lambda F, g, grid, *, x_shape, mode, padding, align, orders: spread(
            F, g, grid, x_shape, mode=mode, padding=padding, align=align, orders=orders),
        grid=lambda F, g, x, grid, *, mode, padding, align, orders: by_place(
            F, g, x, grid, orders, mode=mode, padding=padding, align=align),
    )  # fmt: skip
    op(
        back, _spread, public=False, node=f"{node}Backward0",
        y=lambda F, g, grid, *, mode, padding, align, orders: sample(
            F, g, grid, mode=mode, padding=padding, align=align, orders=orders),
        grid=lambda F, g, y, grid, *, mode, padding, align, orders: by_place(
            F, y, g, grid, orders, mode=mode, padding=padding, align=align),
    )  # fmt: skip


for _dims in (2, 3):
    _declare(_dims)


# -- grids of affine maps ------------------------------------------------------------------------------------------
def _corners(xp: Any, sizes: tuple[int, ...], align: bool, dtype: Any) -> Any:
    """Every place of a picture as (x, y, ..., 1), from -1 to 1: (places, dims + 1)."""
    lines = []
    for n in sizes:
        line = xp.linspace(-1, 1, n, dtype=dtype) if n > 1 else xp.zeros(n, dtype=dtype)
        lines.append(line if align else line * ((n - 1) / n))
    dims = len(sizes)
    grids = [
        xp.broadcast_to(line.reshape((1,) * i + (-1,) + (1,) * (dims - 1 - i)), sizes) for i, line in enumerate(lines)
    ]
    return xp.stack([*(g.reshape(-1) for g in reversed(grids)), xp.ones(math.prod(sizes), dtype=dtype)], axis=-1)


def _affine(xp: Any, theta: Any, *, sizes: tuple[int, ...], align: bool) -> Any:
    """theta (N, dims, dims + 1) -> where it takes every place: (N, sizes, dims)."""
    wide = wider(xp, theta)
    made = wide_matmul(xp, _corners(xp, sizes, align, wide.dtype), xp.swapaxes(wide, 1, 2))
    return made.reshape(theta.shape[0], *sizes, theta.shape[1]).astype(theta.dtype, copy=False)


def _affine_back(xp: Any, y: Any, *, sizes: tuple[int, ...], align: bool) -> Any:
    """The adjoint: (N, sizes, dims) -> (N, dims, dims + 1)."""
    wide = wider(xp, y).reshape(y.shape[0], -1, y.shape[-1])
    corners = _corners(xp, sizes, align, wide.dtype)
    return wide_matmul(xp, xp.swapaxes(wide, 1, 2), corners).astype(y.dtype, copy=False)


affine_grid_generator = op(
    "affine_grid_generator", _affine, public=False,
    theta=lambda F, g, *, sizes, align: F.affine_grid_back(g, sizes=sizes, align=align),
)  # fmt: skip
op("affine_grid_back", _affine_back, public=False, node="AffineGridGeneratorBackwardBackward0",
   y=lambda F, g, *, sizes, align: F.affine_grid_generator(g, sizes=sizes, align=align))  # fmt: skip

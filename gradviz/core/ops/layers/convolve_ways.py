"""Which way a convolution of pictures is computed: by a table of conditions, looked up once for shapes and settings.

Every way gives the product and its two adjoints. A way may answer None, and then the next that fits is tried; the last,
in convolve_parts.py, does everything on every device.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

from ...checks import at_hand
from . import convolve_parts, convolve_pointwise, convolve_winograd
from .convolve_rows import out_size

Pair = tuple[int, int]
Shape = tuple[int, ...]


class Problem(NamedTuple):
    """A convolution: shapes of pictures (N, C, H, W), weights (O, C / groups, kh, kw), letter of the type, settings."""

    x: Shape
    w: Shape
    kind: str
    stride: Pair
    padding: Pair
    dilation: Pair
    groups: int

    @property
    def out(self) -> Pair:
        return out_size(self.x[2:], self.w[2:], self.stride, self.padding, self.dilation)  # type: ignore[arg-type]


class Way(NamedTuple):
    """`fits(problem)`; then the result of pictures, weights and bias, and of the two adjoints, or None."""

    fits: Callable[[Problem], bool]
    convolve: Callable[[Problem, Any, Any, Any], Any]
    spread: Callable[[Problem, Any, Any], Any]
    correlate: Callable[[Problem, Any, Any], Any]


def _simple(p: Problem) -> bool:
    """One number each, of a type that BLAS computes with, and nothing skipped."""
    return p.kind in ("f", "d") and p.stride == p.dilation == (1, 1) and p.groups == 1 and p.x[0] > 0


def _is_pointwise(p: Problem) -> bool:
    return _simple(p) and p.w[2:] == (1, 1) and p.padding == (0, 0)


def _pays_winograd(p: Problem) -> bool:
    """3 x 3, with so many channels that the products outweigh the transforms, and results that fill their tiles."""
    n, c = p.x[:2]
    o, tile = p.w[0], convolve_winograd.TILE
    if not (_simple(p) and p.w[2:] == (3, 3) and max(p.padding) <= 2 and min(c, o) >= 24 and c * o >= 900):
        return False
    tiles = n
    for size in p.out:
        tiles *= -(-size // tile)
    return tiles >= 16 and tiles * tile * tile <= 2 * n * p.out[0] * p.out[1]


WAYS = (
    Way(
        _is_pointwise,
        lambda p, x, w, bias: convolve_pointwise.convolve(x, w, bias),
        lambda p, y, w: convolve_pointwise.spread(y, w),
        lambda p, y, x: convolve_pointwise.correlate(y, x),
    ),
    Way(
        _pays_winograd,
        lambda p, x, w, bias: convolve_winograd.convolve(x, w, bias, p.out, p.padding),
        lambda p, y, w: convolve_winograd.spread(y, w, (p.x[2], p.x[3]), p.padding),
        lambda p, y, x: convolve_winograd.correlate(y, x, p.padding),
    ),
)


class Settled(NamedTuple):
    """What is worked out once for shapes and settings: the problem, the ways that fit it on the CPU, its parts."""

    problem: Problem
    ways: tuple[Way, ...]
    parts: convolve_parts.Parts


@functools.lru_cache(maxsize=512)
def _settled(here: bool, dtype: Any, x: Shape, w: Shape, out: Pair | None, *settings: Any) -> Settled:
    """`here`: on the CPU. `out`: rows and columns of the results, where they are not what `x` and `w` give."""
    problem = Problem(x, w, dtype.char, *settings)
    ways = tuple(way for way in WAYS if way.fits(problem)) if here else ()
    parts = convolve_parts.cut_up(not here, max(dtype.itemsize, 4), x, w, out or problem.out, *settings)
    return Settled(problem, ways, parts)


def convolve_2d(
    xp: Any, x: Any, w: Any, bias: Any, *, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> tuple[Any, Any]:
    """x (N, C, H, W), w (O, C / groups, kh, kw), bias (O) or None -> (N, O, Ho, Wo), and what to keep of x or None."""
    found = _settled(at_hand(xp), x.dtype, x.shape, w.shape, None, stride, padding, dilation, groups)
    for way in found.ways:
        out = way.convolve(found.problem, x, w, bias)
        if out is not None:
            return out, None
    return convolve_parts.convolve_2d(xp, found.parts, x, w, bias)


def spread_2d(
    xp: Any, y: Any, w: Any, *, shape: Shape, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Any:
    """The adjoint for the picture: y (N, O, Ho, Wo) with w -> a picture of the given shape (N, C, H, W)."""
    found = _settled(at_hand(xp), y.dtype, shape, w.shape, y.shape[2:], stride, padding, dilation, groups)
    for way in found.ways:
        out = way.spread(found.problem, y, w)
        if out is not None:
            return out
    return convolve_parts.spread_2d(xp, found.parts, y, w, shape)


def correlate_2d(
    xp: Any, y: Any, x: Any, kept: Any, *, shape: Shape, x_shape: Shape, stride: Pair, padding: Pair, dilation: Pair,
    groups: int,
) -> Any:  # fmt: skip
    """The adjoint for the weights: y (N, O, Ho, Wo), x (N, C, H, W), or what was kept of it -> weights of `shape`."""
    found = _settled(at_hand(xp), y.dtype, x_shape, shape, y.shape[2:], stride, padding, dilation, groups)
    for way in found.ways if kept is None else ():
        out = way.correlate(found.problem, y, x)
        if out is not None:
            return out
    return convolve_parts.correlate_2d(xp, found.parts, y, x, kept)

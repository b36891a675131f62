"""Which dimensions of a tensor run down, which across, and which are picked; and a slice of it as rows and columns.

A grid may show more than two dimensions: with rows [0, 2] and columns [1, 3] a weight of shape (8, 4, 3, 3) is 8 rows
and 4 columns of 3 by 3 tiles, as in treescope (Johnson 2024, https://treescope.readthedocs.io).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

DOWN, ACROSS = 96, 128  # cells to which outer dimensions may make the grid grow
SMALLEST_IMAGE = 5  # pixels


class Axes(NamedTuple):
    """Dimensions that run down and across, outermost first; the others are picked by an index."""

    rows: list[int]
    columns: list[int]


def axes_of(counts: Sequence[int], pooled: bool) -> Axes:
    """The grid a tensor is first shown as; `counts` are its sizes, or those of its blocks."""
    n = len(counts)
    if n < 2:
        return Axes([], list(range(n)))
    if pooled:
        longest = sorted(sorted(range(n), key=lambda i: (-counts[i], -i))[:2])
        return Axes([longest[0]], [longest[1]])
    rows, columns = [n - 2], [n - 1]
    for turn, dim in enumerate(range(n - 3, -1, -1)):
        tall, wide = (math.prod(counts[i] for i in part) for part in (rows, columns))
        choices = [(columns, wide, ACROSS), (rows, tall, DOWN)]
        for part, now, most in choices if turn % 2 == 0 else reversed(choices):
            if now * counts[dim] <= most:
                part.insert(0, dim)
                break
        else:
            break
    return Axes(rows, columns)


def grid(array: Any, axes: Axes) -> Any:
    """The numbers of the first slice, rows by columns; one long dimension is wrapped, its end filled with zeros."""
    picked = tuple(slice(None) if i in axes.rows or i in axes.columns else 0 for i in range(array.ndim))
    kept = [i for i in range(array.ndim) if i in axes.rows or i in axes.columns]
    order = [kept.index(i) for i in (*axes.rows, *axes.columns)]
    tall = math.prod(array.shape[i] for i in axes.rows)
    wide = math.prod(array.shape[i] for i in axes.columns)
    flat = array[picked].transpose(order).reshape(tall, wide)
    wrap = wrap_at(wide)
    if array.ndim != 1 or wide == wrap:
        return flat
    rows = -(-wide // wrap)
    out = np.zeros(rows * wrap)
    out[:wide] = flat[0]
    return out.reshape(rows, wrap)


def wrap_at(count: int) -> int:
    """How many numbers of one long dimension stand in a row."""
    return count if count <= 48 else 50 if count <= 1000 else 100 if count <= 10_000 else 200


def image_of(shape: Sequence[int], wanted: bool | None) -> str | None:
    """How a tensor is an image: "chw" (the last three dimensions), "hwc" or "hw"; None if it is not one.

    `wanted` True asks for an image, None takes what looks like one, False does not.
    """
    if wanted is False or len(shape) < 2:
        return None
    if len(shape) >= 3:
        first, second, third = shape[-3:]
        if first in (1, 3) and min(second, third) >= (1 if wanted else SMALLEST_IMAGE):
            return "chw"
        if third in (1, 3) and min(first, second) >= (1 if wanted else 2 * SMALLEST_IMAGE):
            return "hwc"
    return "hw" if wanted and len(shape) == 2 else None


IMAGE = 64  # pixels of the static picture, at most, down and across


def range_of(low: float, high: float, whole: bool) -> tuple[float, float]:
    """The numbers that are black and white: 0 and 255 of bytes, 0 and 1 where all lie between, else the two ends."""
    if whole and low >= 0 and 1 < high <= 255:
        return 0.0, 255.0
    return (0.0, 1.0) if low >= 0 and high <= 1 else (low, high if high > low else low + 1)


def pixels(array: Any, kind: str, ends: tuple[float, float]) -> Any:
    """The first image in an array as (rows, columns, 3) bytes, thinned out to 64 pixels a side."""
    first = array[(0,) * (array.ndim - (2 if kind == "hw" else 3))].astype(np.float64)
    planes = {"chw": lambda: first.transpose(1, 2, 0), "hwc": lambda: first, "hw": lambda: first[..., None]}[kind]()
    step = max(1, -(-max(planes.shape[:2]) // IMAGE))
    part = np.nan_to_num((planes[::step, ::step] - ends[0]) / (ends[1] - ends[0]))
    return np.broadcast_to(np.rint(np.clip(part, 0, 1) * 255), (*part.shape[:2], 3)).astype(np.uint8)

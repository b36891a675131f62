"""Arrays in one piece of memory: in order, or with their channels last (torch.channels_last, channels_last_3d)."""

from __future__ import annotations

from typing import Any

from ..core.memory_format import LAST, arranged, is_laid_out, suggested
from .compiled import whole


def channels_last(x: Any) -> bool:
    """Whether an array's strides suggest that its channels lie last; one that may be read either way lies in order."""
    return suggested(x) is not None


def laid_out(xp: Any, x: Any, last: bool) -> Any:
    """The array in order or with channels last: itself if it is."""
    if not last:
        return whole(xp, x)
    return x if is_laid_out(x, LAST[x.ndim]) else arranged(xp, x, LAST[x.ndim])


def strides(sizes: tuple[int, ...], last: bool) -> tuple[int, ...]:
    """Steps along each dimension, counted in elements."""
    order = (0, *range(2, len(sizes)), 1) if last else range(len(sizes))
    found, step = [0] * len(sizes), 1
    for dim in reversed(order):
        found[dim] = step
        step *= sizes[dim]
    return tuple(found)


def blank(xp: Any, shape: tuple[int, ...], dtype: Any, last: bool) -> Any:
    """Memory for an array (N, C, ...), in order or with channels last."""
    if not last:
        return xp.empty(shape, dtype=dtype)
    made = xp.empty((shape[0], *shape[2:], shape[1]), dtype=dtype)
    return xp.moveaxis(made, -1, 1)

"""Adaptive pooling: as many windows as asked for, which cover the picture as evenly as whole numbers allow.

Window i of `count` over `size` places begins at floor(i * size / count) and ends before ceil((i + 1) * size / count).
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from ...memory_format import as_suggested
from .pool_max import declare_choice, largest
from .resample import Table, declare
from .sliding_windows import Dims


def _spans(size: int, count: int) -> tuple[Any, Any]:
    """Where each window begins and ends."""
    at = np.arange(count, dtype=np.int64)
    return at * size // max(count, 1), -(-(at + 1) * size // max(count, 1))


@functools.lru_cache(maxsize=256)
def mean_table(size: int, count: int) -> Table:
    """The mean of each window."""
    start, stop = _spans(size, count)
    reach = np.arange(max(int((stop - start).max(initial=1)), 1))[:, None]
    seen = reach < stop - start
    return Table(np.where(seen, start + reach, start), seen / (stop - start), size)


for _dims in (2, 3):
    declare(f"adaptive_avg_pool{_dims}d", f"AdaptiveAvgPool{_dims}DBackward0", formats=_dims == 2)


# -- the largest of each window ------------------------------------------------------------------------------------
def _adaptive_max(xp: Any, x: Any, *, sizes: Dims) -> Any:
    """The largest number of each window, and its index in the picture counted row by row.

    Columns first: the largest of each row of a window, then the largest of those; of equal ones the first by rows.
    """
    dims = len(sizes)
    there, made, indices = x.shape[-dims:], x, None
    for i in reversed(range(dims)):
        axis, after = x.ndim - dims + i, (1,) * (dims - 1 - i)
        start, stop = _spans(there[i], sizes[i])
        reach = np.arange(max(int((stop - start).max(initial=1)), 1))[:, None]
        lines = np.minimum(start + reach, stop - 1)  # a short window sees its last place again
        made, which = largest(xp, [xp.take(made, xp.asarray(line), axis=axis) for line in lines])
        first, last = (xp.asarray(v).reshape(-1, *after) for v in (start, stop - 1))
        at = xp.minimum(which + first, last)
        by = math.prod(there[i + 1 :])
        indices = at * by if indices is None else xp.take_along_axis(indices, at, axis=axis) + at * by
    if dims == 2:
        made, indices = as_suggested(xp, made, x), as_suggested(xp, indices, x)
    return made, {"indices": indices}


for _dims in (2, 3):
    declare_choice(
        f"adaptive_max_pool{_dims}d", _adaptive_max, node=f"AdaptiveMaxPool{_dims}DBackward0", dims=_dims, overlap=True
    )

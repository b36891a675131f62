"""Long series of numbers: how they are kept, thinned out for a picture without losing a peak, and smoothed.

NOTE [Thinning]

A picture some hundred pixels wide cannot show a million points. Of all points whose steps fall into one column this
keeps four: the first, the lowest, the highest and the last, so that a line through them covers exactly the pixels that
a line through all would cover, and every spike is there with its true value at its true step. (U. Jugel, Z. Jerzak,
G. Hackenbroich, V. Markl: M4: a visualization-oriented time series data aggregation. VLDB 2014.) Columns are a power
of two wide and start at a multiple of their width, so thinning what was thinned is the same as thinning all.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = Any
COLUMNS = 1024  # of one series; it keeps up to four points in each


class Series:
    """Values by step, growing. Steps may come in any order; they are kept sorted, equal ones in the order they came."""

    def __init__(self) -> None:
        self._steps, self._values = np.empty(64), np.empty(64)
        self._count = 0
        self.in_order = True

    def __len__(self) -> int:
        return self._count

    def add(self, step: float, value: float) -> None:
        """One more point."""
        n = self._count
        if n == len(self._steps):
            self._room(2 * n)
        if n and step < self._steps[n - 1]:
            self.in_order = False
        self._steps[n], self._values[n] = step, value
        self._count = n + 1  # last: who reads on another thread sees whole points only

    def extend(self, steps: Any, values: Any) -> None:
        """Many more points."""
        steps, values = np.asarray(steps, dtype=np.float64), np.asarray(values, dtype=np.float64)
        n, more = self._count, len(steps)
        if n + more > len(self._steps):
            self._room(max(2 * n, n + more))
        self._steps[n : n + more], self._values[n : n + more] = steps, values
        self._count = n + more
        self.in_order = self.in_order and bool(np.all(np.diff(self._steps[max(0, n - 1) : n + more]) >= 0))

    def _room(self, size: int) -> None:
        steps, values, n = np.empty(size), np.empty(size), self._count
        steps[:n], values[:n] = self._steps[:n], self._values[:n]
        self._steps, self._values = steps, values

    def arrays(self) -> tuple[Array, Array]:
        """Steps and values, sorted by step; views of what is kept, not copies."""
        n = self._count
        if not self.in_order:
            order = np.argsort(self._steps[:n], kind="stable")
            self._steps[:n], self._values[:n] = self._steps[:n][order], self._values[:n][order]
            self.in_order = True
        return self._steps[:n], self._values[:n]


def column_width(steps: Array, columns: int) -> float:
    """The width of a column, a power of two, such that `columns` of them or fewer hold all steps."""
    span = float(steps[-1] - steps[0])
    if not span > 0 or not math.isfinite(span):
        return 1.0
    width = 2.0 ** math.ceil(math.log2(span / columns))
    while math.floor(steps[-1] / width) - math.floor(steps[0] / width) >= columns:
        width *= 2
    return width


def decimate(steps: Array, values: Array, columns: int = COLUMNS) -> Array:
    """Which points to keep, as indices in order; all of them where there are no more than four a column.

    Args:
        steps: sorted, finite.
        values: of the same length; NaN and infinite ones do not count as lowest or highest, but the first of each
            column is kept, so that a picture can mark it.
        columns: how many columns there are at most.
    """
    n = len(steps)
    if n <= 4 * columns:
        return np.arange(n)
    column = np.floor(steps / column_width(steps, columns))
    starts = np.flatnonzero(np.concatenate(([True], column[1:] != column[:-1])))
    lengths = np.diff(np.append(starts, n))
    fine = np.isfinite(values)
    keep = [starts, starts + lengths - 1]
    for extreme, away in ((np.minimum, np.inf), (np.maximum, -np.inf)):
        found = np.where(fine, values, away)
        best = np.repeat(extreme.reduceat(found, starts), lengths)
        keep.append(_first_of_each((found == best) & fine, starts, lengths))
    if not fine.all():
        keep.append(_first_of_each(~fine, starts, lengths))
    return np.unique(np.concatenate(keep))


def _first_of_each(mask: Array, starts: Array, lengths: Array) -> Array:
    """The first index in each segment where the mask holds."""
    where = np.flatnonzero(mask)
    segment = np.repeat(np.arange(len(starts)), lengths)[where]
    return where[np.concatenate(([True], segment[1:] != segment[:-1]))] if len(where) else where


def column_means(steps: Array, values: Array, columns: int = COLUMNS) -> tuple[Array, Array, Array]:
    """Of each column the last step, the mean of its finite values, and how many these are."""
    column = np.floor(steps / column_width(steps, columns))
    starts = np.flatnonzero(np.concatenate(([True], column[1:] != column[:-1])))
    ends = np.append(starts[1:], len(steps)) - 1
    fine = np.isfinite(values)
    counts = np.add.reduceat(fine.astype(np.float64), starts)
    sums = np.add.reduceat(np.where(fine, values, 0.0), starts)
    some = counts > 0
    return steps[ends][some], sums[some] / counts[some], counts[some]


def smooth(values: Array, weight: float) -> Array:
    """TensorBoard's smoothing: an exponential moving average without its bias towards zero at the start.

    s[k] = weight s[k-1] + (1 - weight) v[k], s[-1] = 0, shown is s[k] / (1 - weight^(k+1)). NaN and infinite values
    stay as they are and do not count. (TensorBoard, webapp/widgets/line_chart_v2/data_transformer.ts, classicSmoothing;
    the division is Adam's: Kingma and Ba 2015, section 3.)
    """
    from scipy.signal import lfilter

    values = np.asarray(values, dtype=np.float64)
    if not weight:
        return values.copy()
    out = values.copy()
    fine = np.isfinite(values)
    count = np.arange(1, int(fine.sum()) + 1)
    with np.errstate(over="ignore", invalid="ignore"):
        out[fine] = lfilter([1 - weight], [1, -weight], values[fine]) / (1 - weight**count)
    return out

"""Resampling: along each dimension every output is a weighted sum of a few inputs.

Padding by reflection, nearest and smooth interpolation and adaptive averages are all of this shape. What differs is
only which inputs an output sees and how much of each, and that is a Table, made once per (kind, size, size):

    out[o] = sum over k of  weight[k, o] * x[index[k, o]]

Dimensions are independent, so a picture is resampled along one after the other. The adjoint is a resampling too, by
the turned table, in which every input lists the outputs that saw it.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from ...memory_format import as_suggested
from ...op import op
from ..helpers import wider


class Table:
    """Which inputs each output of one dimension sees, and with what weights; None: one input each, as it is.

    `index` and `weight` are (K, outputs); where an output sees fewer than K inputs the rest have weight 0.
    """

    def __init__(self, index: Any, weight: Any, size: int) -> None:
        self.index, self.weight, self.size = index, weight, size
        self._on: dict[Any, Any] = {}

    def __repr__(self) -> str:
        return f"Table({self.size} -> {self.index.shape[1]})"

    def on(self, xp: Any, dtype: Any) -> list[tuple[Any, Any]]:
        """(index, weight) for each k as the device's arrays; kept, since a table serves many calls."""
        key = (xp, str(dtype))
        if key not in self._on:
            indices = [xp.asarray(i) for i in self.index]
            weights = (
                [None] * len(indices) if self.weight is None else [xp.asarray(w.astype(dtype)) for w in self.weight]
            )
            self._on[key] = list(zip(indices, weights, strict=True))
        made: list[tuple[Any, Any]] = self._on[key]
        return made

    @cached_property
    def turned(self) -> Table:
        """The adjoint's table: for every input, the outputs that saw it."""
        weight = np.ones(self.index.shape) if self.weight is None else self.weight
        _, outputs = np.nonzero(weight)
        inputs, values = self.index[weight != 0], weight[weight != 0]
        order = np.argsort(inputs, kind="stable")
        inputs, outputs, values = inputs[order], outputs[order], values[order]
        counts = np.bincount(inputs, minlength=self.size)
        place = np.arange(inputs.size) - (np.cumsum(counts) - counts)[inputs]
        most = max(int(counts.max(initial=0)), 1)
        turned = Table(np.zeros((most, self.size), np.int64), np.zeros((most, self.size)), self.index.shape[1])
        turned.index[place, inputs], turned.weight[place, inputs] = outputs, values
        return turned

    @property
    def same(self) -> bool:
        """Whether nothing changes."""
        return self.weight is None and np.array_equal(self.index[0], np.arange(self.size))


Tables = tuple[Table, ...]


def resample(xp: Any, x: Any, tables: Tables) -> Any:
    """Resample the last `len(tables)` dimensions of x, the one that shrinks most first."""
    made, dtype = wider(xp, x), x.dtype
    if dtype.kind in "biu" and any(t.weight is not None for t in tables):
        made = made.astype(xp.float64)
    order = sorted(range(len(tables)), key=lambda i: tables[i].index.shape[1] / max(tables[i].size, 1))
    for i in order:
        if not tables[i].same:
            made = _along(xp, made, tables[i], x.ndim - len(tables) + i)
    if made.dtype == dtype:
        return made.copy() if made is x else made
    if dtype.kind in "biu" and made.dtype.kind == "f":
        made = xp.clip(xp.floor(made + 0.5), xp.iinfo(dtype).min, xp.iinfo(dtype).max)
    return made.astype(dtype)


def _along(xp: Any, x: Any, table: Table, dim: int) -> Any:
    if not x.shape[dim]:
        return xp.zeros((*x.shape[:dim], table.index.shape[1], *x.shape[dim + 1 :]), dtype=x.dtype)
    shape = (-1,) + (1,) * (x.ndim - dim - 1)
    total = None
    real = xp.float64 if x.dtype.itemsize >= 8 and x.dtype.name != "complex64" else xp.float32
    for index, weight in table.on(xp, real):
        part = xp.take(x, index, axis=dim)
        if weight is not None:
            part = part * weight.reshape(shape)
        total = part if total is None else total + part
    return total


def turned(tables: Tables) -> Tables:
    """The tables of the adjoint."""
    return tuple(t.turned for t in tables)


def declare(name: str, node: str, *, formats: bool = True) -> None:
    """A resampling under its own name, and its adjoint; `formats`: whether channels that come last stay there."""
    back = f"{name}_back"
    plain = lambda xp, x, *, tables: resample(xp, x, tables)  # noqa: E731
    laid_out = lambda xp, x, *, tables: as_suggested(xp, resample(xp, x, tables), x)  # noqa: E731
    op(name, laid_out if formats else plain, node=node, public=False,
       x=lambda F, g, *, tables: getattr(F, back)(g, tables=tables))  # fmt: skip
    op(back, lambda xp, y, *, tables: resample(xp, y, turned(tables)), node=node.removesuffix("0") + "Backward0",
       public=False, y=lambda F, g, *, tables: getattr(F, name)(g, tables=tables))  # fmt: skip

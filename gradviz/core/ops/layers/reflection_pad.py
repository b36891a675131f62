"""Padding that repeats what is there: reflected at the border, or the edge again and again."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ...autocast import hooked
from ...op import OPS
from .resample import Table, declare

# Which place of the picture stands at place `at` of the grown one; places may be negative, or beyond the size.
PLACES = {
    "reflect": lambda at, n: n - 1 - np.abs(n - 1 - np.abs(at)),
    "replicate": lambda at, n: np.clip(at, 0, n - 1),
}
_NAMES = {
    "reflect": ("reflection_pad{}d", "ReflectionPad{}DBackward0"),
    "replicate": ("replication_pad{}d", "ReplicationPad{}DBackward0"),
}
for _name, _node in _NAMES.values():
    for _dims in (1, 2, 3):
        declare(_name.format(_dims), _node.format(_dims))
_CALLS = {
    name: hooked(name, OPS[name].call, "input, *, tables")
    for name in (each.format(dims) for each, _ in _NAMES.values() for dims in (1, 2, 3))
}


@functools.lru_cache(maxsize=256)
def pad_table(mode: str, size: int, before: int, after: int) -> Table:
    """The table of one dimension with `before` and `after` places more, or fewer where negative."""
    at = np.arange(-before, size + after, dtype=np.int64)
    return Table(PLACES[mode](at, size)[None], None, size)


def padded(input: Any, mode: str, ends: tuple[tuple[int, int], ...]) -> Any:
    """Pad the last `len(ends)` dimensions of a Tensor."""
    dims = len(ends)
    there = input.shape[-dims:]
    tables = tuple(pad_table(mode, n, *each) for n, each in zip(there, ends, strict=True))
    return _CALLS[_NAMES[mode][0].format(dims)](input, tables=tables)

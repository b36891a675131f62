"""Many arrays as one kernel takes them: a table on the device of where they are and how large (kernels/table.cuh).

What a kernel is told by its arguments is limited to a few kilobytes; a table is not, so one launch does any number of
arrays. Parameters and their state stay where they are, and gradients often come to lie where they lay a step before:
tables are kept, by all that is written in them, and copied to the device only when they are new.

While a graph is captured nothing can be copied from the host, and gradients may lie where only the graph knows. Its
tables are filled when the capture has ended, and belong to the graph.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from itertools import accumulate
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np

from ..core.device import Device
from . import graphs
from .backend import cupy
from .memory import pinned
from .streams import Stream, hold

CHUNK = 2048  # numbers that a block does, as in the text
KEPT = 64
Arrays = Sequence[Any]
_address, _size = attrgetter("data.ptr"), attrgetter("size")
_kept: OrderedDict[tuple[int, int, bytes], Any] = OrderedDict()


class Table(NamedTuple):
    """The table, how many arrays each of its columns has, and how many blocks they take."""

    array: Any
    arrays: int
    blocks: int

    @property
    def args(self) -> tuple[Any, Any]:
        """The first two arguments of its kernels."""
        return self.array, np.int32(self.arrays)


def table(device: Device, *columns: Arrays | None) -> Table:
    """The table of these columns, whose arrays are alike in size from one to the other; None for a column of none."""
    first = columns[0] or ()
    count, sizes = len(first), list(map(_size, first))
    begins = [0, *accumulate(-(-size // CHUNK) for size in sizes)]
    nothing = [0] * count
    numbers: list[int] = []
    for column in columns:
        numbers += nothing if column is None else map(_address, column)
    host = np.array([*numbers, *sizes, *begins[:-1]], dtype=np.int64)
    return Table(_on_device(device, host), count, begins[-1])


def _on_device(device: Device, host: Any) -> Any:
    cp = cupy()
    device.enter()
    if graphs.capturing():
        return graphs.filled_afterwards(host)
    stream = cp.cuda.get_current_stream()
    key = device.index or 0, int(stream.ptr), host.tobytes()  # another stream would have to wait for the copy
    made = _kept.get(key)
    if made is None:
        source = pinned(host)
        made = _kept[key] = cp.empty(host.size, dtype=host.dtype)
        made.set(source, stream=stream)
        hold(source, Stream.of(stream, device))
        if len(_kept) > KEPT:
            _kept.popitem(last=False)
    else:
        _kept.move_to_end(key)
    return made

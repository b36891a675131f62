"""One clock for the whole library: it numbers graph nodes and stamps in-place writes.

A node takes the next number when it is made; a write to memory stamps the memory's cell with the next number. A value
that a node kept is stale exactly when its cell's stamp is newer than the node. Keeping a value records nothing.
"""

from __future__ import annotations

import functools
import itertools
import sys
from collections import deque
from collections.abc import Iterable
from typing import Any

clock = itertools.count(1)
tick = clock.__next__
KEPT_WRITES = 16


class Last:
    """The newest in-place write anywhere: when it is older than a node, nothing the node kept can be stale."""

    write = 0


class Cell:
    """The write history of one piece of memory, shared by a tensor and all views of it."""

    __slots__ = ("recent", "stamp", "version")

    def __init__(self) -> None:
        self.stamp = 0
        self.version = 0
        self.recent: deque[tuple[int, str]] = deque(maxlen=KEPT_WRITES)

    def version_at(self, seq: int) -> int:
        """The version this memory had when node `seq` was made."""
        return self.version - sum(stamp > seq for stamp, _ in self.recent)

    def write_after(self, seq: int) -> str:
        """Where the first write after node `seq` came from, as `file:line`, or an empty string."""
        return next((where for stamp, where in self.recent if stamp > seq), "")


def cell_of(tensor: Any) -> Cell:
    """The cell of a tensor's memory, made when first asked for and shared with the tensor it is a view of."""
    base = tensor._base if tensor._base is not None else tensor
    cell: Cell | None = base._cell
    if cell is None:
        cell = base._cell = Cell()
        node = base._edge
        if node is not None:
            node.keep_cell(cell)
    return cell


def wrote(tensor: Any, where: str | None = None) -> None:
    """Say that a tensor's memory was just written in place. Library code calls this after every such write."""
    cell = cell_of(tensor)
    cell.stamp = Last.write = tick()
    cell.version += 1
    cell.recent.append((cell.stamp, user_line() if where is None else where))


def wrote_all(tensors: Iterable[Any], where: str) -> None:
    """Say so of several tensors that were written by one call, and so have one stamp."""
    stamp = Last.write = tick()
    for tensor in tensors:
        cell = tensor._cell
        if cell is None or tensor._base is not None:
            cell = cell_of(tensor)
        cell.stamp = stamp
        cell.version += 1
        cell.recent.append((stamp, where))


def user_line() -> str:
    """The innermost line that is not gradviz's own, as `file:line`."""
    return shown_line(user_frame())


def shown_line(found: tuple[str, int] | None) -> str:
    """A place in the user's code as `file:line`."""
    return f"{short_name(found[0])}:{found[1]}" if found else ""


@functools.lru_cache(maxsize=256)
def short_name(filename: str) -> str:
    """A file by its name alone, never its folder; a notebook's cell as `<cell>`."""
    if "ipykernel" in filename or filename.startswith("<ipython"):
        return "<cell>"
    return filename.replace("\\", "/").rpartition("/")[2]


_ours: dict[int, Any] = {}  # the library's own code, by its address; kept, so that no other code can have that


def is_ours(frame: Any) -> bool:
    """Whether a frame runs code of this library."""
    code = frame.f_code
    if id(code) in _ours:
        return True
    if not str(frame.f_globals.get("__name__", "")).startswith("gradviz"):
        return False
    _ours[id(code)] = code
    return True


def outside(inner: int = 1) -> Any:
    """The innermost frame outside the package, from the `inner`-th on, or None."""
    frame: Any = sys._getframe(inner)
    while frame is not None and (id(frame.f_code) in _ours or is_ours(frame)):
        frame = frame.f_back
    return frame


def user_frame(inner: int = 1) -> tuple[str, int] | None:
    """File name and line number of the innermost frame outside the package, from the `inner`-th on."""
    frame = outside(inner + 1)
    return None if frame is None else (frame.f_code.co_filename, frame.f_lineno)

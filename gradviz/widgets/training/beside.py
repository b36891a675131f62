"""What a thread of its own needs beside a notebook: a random stream, a cell to print under, word of a cell's end."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

from gradviz.core import random as own


class Stream:
    """The random stream of a thread.

    It starts as a copy of the default one, and the default one goes on from its end, unless somebody has drawn from it
    meanwhile; so a run gives the same numbers beside the notebook as in it, and so does what is drawn afterwards.
    """

    def __init__(self) -> None:
        self._own: Any = None
        self._before = b""
        self._left: bytes | None = None  # the default stream as this one left it

    def begin(self) -> None:
        """Called by who starts the thread, before anybody can draw."""
        self._before = own.default_generator.state_bytes()
        if self._own is None:
            self._own = own.Generator()
        if self._left is None or self._left != self._before:  # the first time, or somebody seeded or drew since
            self._own.load_bytes(self._before)

    def enter(self) -> None:
        """Called in the thread: draw from here."""
        own.use_generator(self._own)

    def leave(self) -> None:
        """Called in the thread at its end."""
        if own.default_generator.state_bytes() == self._before:
            own.default_generator.load_bytes(self._own.state_bytes())
        self._left = own.default_generator.state_bytes()


def _shell() -> Any:
    return sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None


def cell_of_prints() -> Any:
    """Where prints go now: the cell that is running; None outside a kernel."""
    kernel = getattr(_shell(), "kernel", None)
    return kernel.get_parent() if kernel is not None and hasattr(kernel, "get_parent") else None


def print_there(cell: Any) -> None:
    """Let what this thread prints appear under that cell; under the latest where the kernel cannot do that."""
    for stream in (sys.stdout, sys.stderr):
        if cell is not None and hasattr(stream, "set_thread_parent"):
            stream.set_thread_parent(cell)


def after_cell(tell: Callable[[], None]) -> None:
    """Call `tell` when the cell that is running ends, by an error too."""
    shell = _shell()
    if shell is None or threading.current_thread() is not threading.main_thread():
        return

    def once(*_: Any) -> None:
        shell.events.unregister("post_run_cell", once)
        tell()

    shell.events.register("post_run_cell", once)

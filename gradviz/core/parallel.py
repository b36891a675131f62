"""Work on arrays shared among threads, which run side by side because NumPy lets go of Python's lock while it computes.

OpenBLAS shares a large product of matrices among threads of its own. What lies between products (copies, sums, small
products) runs on one thread unless the work is cut into pieces, as here. Work with products inside its pieces should be
`alone`, so that the two kinds of threads do not wait for one another: threads.py.

Whoever has time takes the next piece. To wake a thread takes some 20 microseconds, and on a busy machine any time: the
caller begins at once and never waits for a thread that has not begun. Calls of NumPy in a piece should take 20
microseconds or more each, since between two of them a thread needs Python's lock.
"""

from __future__ import annotations

import functools
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from . import threads

if TYPE_CHECKING:
    from queue import SimpleQueue

# How many sums over pieces are kept apart, whatever the number of threads, so that the result does not depend on it.
LANES = 4

Work = Callable[[Iterable[int]], Any]


def share(work: Work, count: int, *, worth: bool = True, alone: bool = False) -> None:
    """Call `work` with numbers of pieces, together range(count), on as many threads as a product may use.

    `worth`: whether there is so much to do, 200 microseconds or more, that asking other threads pays.
    `alone`: the pieces multiply, and each of their products is to be computed on one thread.
    """
    many = min(threads.get(), count) if worth and count > 1 else 1
    if many < 2:
        work(range(count))
        return
    if alone:
        threads.take()
    job = _Job(work, count)
    _pool().ask(job, many - 1)
    try:
        work(job.pieces())
    finally:
        job.finish()
    if job.errors:
        raise job.errors[0]


def summed(work: Callable[[range], Any], count: int, *, worth: bool = True, alone: bool = False) -> Any:
    """The sum of what `work` returns for ranges that together are range(count), always added in the same order."""
    lanes = [range(i, count, LANES) for i in range(min(count, LANES))]
    parts: list[Any] = [None] * len(lanes)

    def some(mine: Iterable[int]) -> None:
        for i in mine:
            parts[i] = work(lanes[i])

    share(some, len(lanes), worth=worth, alone=alone)
    total = parts[0]
    for part in parts[1:]:
        total += part
    return total


class _Job:
    """The pieces of one call of `share` that nobody has taken, and the threads that have begun to help."""

    __slots__ = ("errors", "helping", "left", "work")

    def __init__(self, work: Work, count: int) -> None:
        self.work: Work | None = work
        self.left = deque(range(count))
        self.helping: list[threading.Lock] = []
        self.errors: list[BaseException] = []

    def pieces(self) -> Iterator[int]:
        """Pieces, until all are taken."""
        while True:
            try:
                i = self.left.popleft()
            except IndexError:
                return
            yield i

    def help(self) -> None:
        """Take part, on another thread, if anything is left."""
        busy = threading.Lock()
        busy.acquire()
        self.helping.append(busy)  # before a piece is taken: whoever finds none left knows of all who took one
        try:
            if self.left and (work := self.work) is not None:
                work(self.pieces())
        except BaseException as error:
            self.errors.append(error)
            self.left.clear()
        finally:
            busy.release()

    def finish(self) -> None:
        """Wait for those who have begun, and let go of the arrays that the work names."""
        self.left.clear()
        for busy in self.helping:
            busy.acquire()
        self.work = None


class _Pool:
    """The threads beside the caller's; they are started when there is work for them, and kept."""

    def __init__(self) -> None:
        from queue import SimpleQueue  # not at the top: an import of gradviz should be quick

        self.most = max((os.cpu_count() or 2) - 1, 1)
        self.jobs: SimpleQueue[Any] = SimpleQueue()
        self.threads: list[threading.Thread] = []
        self.starting = threading.Lock()

    def ask(self, job: _Job, helpers: int) -> None:
        """Tell so many threads, or all there may be, of a job; they see what the caller's context holds."""
        helpers = min(helpers, self.most)
        if len(self.threads) < helpers:
            with self.starting:
                while len(self.threads) < helpers:
                    name = f"gradviz_{len(self.threads)}"
                    self.threads.append(threading.Thread(target=self._serve, name=name, daemon=True))
                    self.threads[-1].start()
        for _ in range(helpers):
            self.jobs.put(functools.partial(copy_context().run, job.help))

    def _serve(self) -> None:
        from queue import Empty

        while True:
            left = threads.give_back()
            try:
                begin = self.jobs.get(timeout=left or None)
            except Empty:
                continue
            begin()
            del begin  # it would keep arrays until there is another


@functools.cache
def _pool() -> _Pool:
    return _Pool()


def _in_child() -> None:
    """A child process has none of its parent's threads."""
    _pool.cache_clear()
    threads.in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)

"""Work on arrays shared among threads, which run side by side because NumPy lets go of Python's lock while it computes.

OpenBLAS shares a large product of matrices among threads of its own. What lies between products (copies, sums, small
products) runs on one thread unless the work is cut into pieces, as here. Products inside a piece should be below
`ALONE`, so that the two kinds of threads do not wait for one another.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

# OpenBLAS computes a product (m, k) @ (k, n) on one thread if m * k * n is smaller (interface/gemm.c).
ALONE = 2 * 4 * 65536
# How many sums over pieces are kept apart, whatever the number of threads, so that the result does not depend on it.
LANES = 4


def share(work: Callable[[range], Any], count: int, *, worth: bool = True) -> None:
    """Call `work` with the numbers of pieces, range(count), divided among as many threads as a product may use.

    `worth`: whether there is so much to do that starting threads, about 50 microseconds, pays.
    """
    threads = min(_threads(), count) if worth and count > 1 else 1
    if threads < 2:
        work(range(count))
        return
    others = [_pool().submit(copy_context().run, work, range(i, count, threads)) for i in range(1, threads)]
    try:
        work(range(0, count, threads))
    finally:
        errors = [error for other in others if (error := other.exception()) is not None]
    if errors:
        raise errors[0]


def summed(work: Callable[[range], Any], count: int, *, worth: bool = True) -> Any:
    """The sum of what `work` returns for ranges that together are range(count), always added in the same order."""
    lanes = [range(i, count, LANES) for i in range(min(count, LANES))]
    parts: list[Any] = [None] * len(lanes)

    def some(mine: range) -> None:
        for i in mine:
            parts[i] = work(lanes[i])

    share(some, len(lanes), worth=worth)
    total = parts[0]
    for part in parts[1:]:
        total += part
    return total


def _threads() -> int:
    """As many as torch.get_num_threads() says."""
    from .settings import get_num_threads

    return get_num_threads()


@functools.cache
def _pool() -> ThreadPoolExecutor:
    """The threads beside the caller's; they are started when there is work for them, and kept."""
    from concurrent.futures import ThreadPoolExecutor  # not at the top: an import of gradviz should be quick

    return ThreadPoolExecutor(max((os.cpu_count() or 2) - 1, 1), thread_name_prefix="gradviz")


# A child process has none of its parent's threads.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)

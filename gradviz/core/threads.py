"""How many threads there are to compute on, and who has them: OpenBLAS, or the pieces of work of parallel.py.

NOTE [Two kinds of threads]

OpenBLAS' threads go on spinning for a tenth of a second after a product, in case there is another. On two cores pieces
of work that follow then share one core with a thread that does nothing. So where pieces pay more than threads in
products do, in convolutions, OpenBLAS is told to use one thread, until no such work has come for a while.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any

from . import blas

WHILE = 0.2  # seconds


def _blas() -> tuple[Callable[[], int], Callable[[int], Any]] | None:
    """The two functions of NumPy's OpenBLAS that tell and set how many threads a matrix product uses."""
    tell, put = blas.function("get_num_threads"), blas.function("set_num_threads")
    return None if tell is None or put is None else (tell, put)


class _Taken:
    """OpenBLAS' threads, while pieces of work have them."""

    lock = threading.Lock()
    number = 0  # how many OpenBLAS had; 0: it has them
    since = 0.0


def get() -> int:
    """How many threads there are to compute on."""
    found = _blas()
    return _Taken.number or (found[0]() if found is not None else os.cpu_count() or 1)


def put(n: int) -> bool:
    """Set how many; False where NumPy's matrix library does not let that be set."""
    found = _blas()
    if found is None:
        return False
    with _Taken.lock:
        _Taken.number = 0
        found[1](n)
    return True


def take() -> None:
    """Pieces of work are to have all threads from now on."""
    _Taken.since = time.monotonic()
    if _Taken.number or (found := _blas()) is None:
        return
    with _Taken.lock:
        if not _Taken.number:
            _Taken.number = found[0]()
            found[1](1)


def give_back(after: float = WHILE) -> float:
    """Let OpenBLAS have its threads if nobody took them for so long (s); the time left till then, 0 if it has them."""
    if not _Taken.number:
        return 0.0
    left = _Taken.since + after - time.monotonic()
    if left > 0:
        return left
    found = _blas()
    with _Taken.lock:
        if _Taken.number and found is not None:
            found[1](_Taken.number)
            _Taken.number = 0
    return 0.0


def in_child() -> None:
    """After a fork: there is nobody who would give the threads back, and whoever held the lock is not here."""
    _Taken.lock = threading.Lock()
    give_back(0)

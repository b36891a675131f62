"""How time grows with size: the ratio of two times in one process, which a busy machine changes little."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

TURNS = 3


def growth(work: Callable[[int], Any], small: int, large: int) -> float:
    """How many times as long `work(large)` takes as `work(small)`; each the shortest of a few turns."""
    least = dict.fromkeys((small, large), float("inf"))
    for _ in range(TURNS):
        for size in least:
            start = time.process_time()
            work(size)
            least[size] = min(least[size], time.process_time() - start)
    return least[large] / least[small]

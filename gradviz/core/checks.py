"""Checks of values that live on a device, where looking at them makes the host wait for all work before them.

On the CPU a check raises at once. On a GPU what went wrong is asked for when the host waits anyway (`.item()`,
`.cpu()`, `synchronize`), as with CUDA's own errors; with CUDA_LAUNCH_BLOCKING=1 at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class Later(NamedTuple):
    """How a device's values are checked without waiting: truths of which none may hold, indices and their bounds."""

    refuse: Callable[[Any, Callable[[], Exception]], None]
    within: Callable[[Any, int, int, Callable[[int], Exception]], None]


_later: dict[int, Later] = {}  # by array library


def at_hand(xp: Any) -> bool:
    """Whether values can be looked at without waiting: whether they are in the host's memory."""
    return xp is np


def defer(xp: Any, later: Later) -> None:
    """Let checks of this array library's values be asked later."""
    _later[id(xp)] = later


def refuse(xp: Any, bad: Any, error: Callable[[], Exception]) -> None:
    """Raise `error()` if any element of `bad` is True, or see to it that it is raised later."""
    later = _later.get(id(xp))
    if later is not None:
        later.refuse(bad, error)
    elif bool(bad.any()):
        raise error()


def within(xp: Any, index: Any, low: int, high: int, error: Callable[[int], Exception]) -> None:
    """Raise `error(i)` for the first of these integers i not in [low, high), or see to it that it is raised later.

    Which of several is told later is not said.
    """
    if not index.size:
        return
    later = None if type(index) is np.ndarray else _later.get(id(xp))
    if later is not None:
        later.within(index, low, high, error)
    elif int(index.min()) < low or int(index.max()) >= high:
        raise error(int(index[(index < low) | (index >= high)].reshape(-1)[0]))

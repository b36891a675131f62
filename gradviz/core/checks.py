"""Checks of values that live on a device, where looking at them makes the host wait for all work before them.

On the CPU a check raises at once. On a GPU what went wrong is asked for when the host waits anyway (`.item()`,
`.cpu()`, `synchronize`), as with CUDA's own errors; with CUDA_LAUNCH_BLOCKING=1 at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

# By array library: what takes a flag, an array of one element, and makes the error if it turns out to be set.
_later: dict[int, Callable[[Any, Callable[[], Exception]], None]] = {}


def at_hand(xp: Any) -> bool:
    """Whether values can be looked at without waiting: whether they are in the host's memory."""
    return xp is np


def defer(xp: Any, later: Callable[[Any, Callable[[], Exception]], None]) -> None:
    """Let checks of this array library's values be asked later."""
    _later[id(xp)] = later


def refuse(xp: Any, bad: Any, error: Callable[[], Exception]) -> None:
    """Raise `error()` if any element of `bad` is True, or see to it that it is raised later."""
    later = _later.get(id(xp))
    if later is not None:
        later(bad.any(), error)
    elif bool(bad.any()):
        raise error()

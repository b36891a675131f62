"""A plugin of pytest: `-p tests.gpu.on_stand_in` runs the tests of a GPU on the stand-ins for CuPy and cuDNN.

That shows that the tests themselves can run, not what a GPU does: two of each are enough. No GPU code is executed.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from typing import Any

import pytest

from . import cudnn_on_cpu

# What the stand-ins do not have.
WITHOUT = {
    "test_dlpack_both_ways": "memory that both see",
    "test_no_more_memory": "an end of memory before the host's",
}
_here = contextlib.ExitStack()


def pytest_configure() -> None:
    patch = _here.enter_context(pytest.MonkeyPatch.context())
    _here.enter_context(cudnn_on_cpu.found(patch))


def pytest_unconfigure() -> None:
    _here.close()


def pytest_collection_modifyitems(items: list[Any]) -> None:
    seen: Counter[str] = Counter()
    kept = []
    for item in items:
        seen[item.originalname] += 1
        if seen[item.originalname] <= 2 and item.originalname not in WITHOUT:
            kept.append(item)
    items[:] = kept

"""What the tests of worker processes share: a dataset that makes trouble, and a look at what is left behind."""

from __future__ import annotations

import gc
import multiprocessing
import multiprocessing.forkserver
import multiprocessing.resource_tracker
import os
import signal
import time
from pathlib import Path

import pytest

import gradviz
import gradviz.utils.data as data

FORK = {"num_workers": 2, "multiprocessing_context": "fork"}
MARKS = [
    pytest.mark.timeout(60),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
]


def handles() -> int:
    return len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").exists() else 0


@pytest.fixture(scope="module", autouse=True)
def helpers():
    """Python's own helper processes, started before handles are counted."""
    multiprocessing.resource_tracker.ensure_running()
    multiprocessing.forkserver.ensure_running()
    yield
    multiprocessing.forkserver._forkserver._stop()


@pytest.fixture(autouse=True)
def nothing_is_left():
    before = handles()
    yield
    if multiprocessing.active_children() or handles() > before:
        gc.collect()
    assert multiprocessing.active_children() == [], "a worker outlived its loader"
    assert handles() <= before, "a handle was left open"


class Rows(data.Dataset):
    """Rows of numbers, and what an index is told to do instead."""

    def __init__(self, n: int = 24, size: int = 3, **trouble: int) -> None:
        self.n, self.size, self.trouble = n, size, trouble

    def __len__(self):
        return self.n

    def __getitem__(self, index):
        if self.trouble.get("raises") == index:
            raise KeyError("no such image")
        if self.trouble.get("killed") == index:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.trouble.get("leaves") == index:
            os._exit(3)
        if self.trouble.get("sleeps") == index:
            time.sleep(30)
        return gradviz.full((self.size,), float(index)), index

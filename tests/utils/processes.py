"""What the tests of worker processes share: a dataset that makes trouble, and a look at what is left behind."""

from __future__ import annotations

import contextlib
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
from tests.waiting import until

FORK = {"num_workers": 2, "multiprocessing_context": "fork"}
MARKS = [
    pytest.mark.timeout(60),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
]


def handles() -> dict[str, str]:
    """What this process has open, by number; empty where the system does not tell."""
    found = {}
    for fd in Path("/proc/self/fd").iterdir() if Path("/proc/self/fd").exists() else ():
        with contextlib.suppress(OSError):  # the one that lists them is closed by now
            found[fd.name] = str(fd.readlink())
    return found


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
    if multiprocessing.active_children() or len(handles()) > len(before):
        gc.collect()
        with contextlib.suppress(AssertionError):  # PyTorch's queues are closed by threads of theirs, a moment later
            until(lambda: len(handles()) <= len(before), seconds=5)
    assert multiprocessing.active_children() == [], "a worker outlived its loader"
    after = handles()
    left = [at for fd, at in after.items() if fd not in before]
    assert len(after) <= len(before), f"handles were left open, among {left}"


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

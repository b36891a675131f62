"""Work shared among threads: every piece is done once, and nobody waits for a thread that did not come."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

import gradviz
from gradviz.core import parallel
from tests.waiting import until


def test_every_piece_is_done_once_and_errors_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel.threads, "get", lambda: 3)
    done: list[int] = []
    names: set[str] = set()
    meet = threading.Barrier(3, timeout=30)

    def work(mine: Iterable[int]) -> None:
        names.add(threading.current_thread().name)
        if parallel._pool().most >= 2:
            meet.wait()
        done.extend(mine)

    parallel.share(work, 10)
    assert sorted(done) == list(range(10))
    assert len(names) == 3 or parallel._pool().most < 2

    def fails(mine: Iterable[int]) -> None:
        if 1 in mine:
            raise ValueError("piece 1")

    with pytest.raises(ValueError, match="piece 1"):
        parallel.share(fails, 3)
    parallel.share(done.extend, 0)
    assert len(done) == 10


def test_a_thread_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks does all of it, and what the late one then finds holds no arrays."""
    jobs: list[Any] = []
    monkeypatch.setattr(parallel.threads, "get", lambda: 2)
    monkeypatch.setattr(parallel._pool(), "ask", lambda job, helpers: jobs.append(job))
    done: list[int] = []
    parallel.share(done.extend, 5)
    assert done == [0, 1, 2, 3, 4]
    assert jobs[0].work is None
    jobs[0].help()
    assert done == [0, 1, 2, 3, 4]


def test_an_error_of_another_thread_is_raised_when_all_have_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel.threads, "get", lambda: 2)
    begun, left = threading.Event(), threading.Event()

    def work(mine: Iterable[int]) -> None:
        if threading.current_thread() is threading.main_thread():
            begun.wait(30)
            assert left.wait(30)
        else:
            begun.set()
            next(iter(mine))
            left.set()
            raise ValueError("of another thread")

    with pytest.raises(ValueError, match="of another thread"):
        parallel.share(work, 4)


def test_sums_are_added_in_one_order(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = np.random.default_rng(0).standard_normal(50, np.float32) * np.float32(1e4)

    def total(mine: range) -> Any:
        made = np.zeros((), np.float32)
        for i in mine:
            made = made + numbers[i]
        return made

    found = []
    for threads in (1, 2, 4, 7):
        monkeypatch.setattr(parallel.threads, "get", lambda threads=threads: threads)
        found.append(parallel.summed(total, len(numbers)))
    assert len({float(f) for f in found}) == 1


def test_openblas_has_one_thread_while_pieces_have_them() -> None:
    if (blas := parallel.threads._blas()) is None:
        pytest.skip("NumPy's matrix library does not let its threads be set here")
    before, seen = gradviz.get_num_threads(), []
    try:
        gradviz.set_num_threads(2)
        parallel.share(lambda mine: seen.extend((i, blas[0]()) for i in mine), 4)
        assert {n for _, n in seen} == {2}, "work that does not multiply leaves them to OpenBLAS"
        parallel.share(lambda mine: seen.extend((i, blas[0]()) for i in mine), 4, alone=True)
        assert sorted(seen[4:]) == [(i, 1) for i in range(4)]
        assert gradviz.get_num_threads() == 2
        until(lambda: blas[0]() == 2)  # nothing more has come
        parallel.share(list, 2, alone=True)
        gradviz.set_num_threads(1)
        assert (gradviz.get_num_threads(), blas[0]()) == (1, 1)
        gradviz.set_num_threads(2)
        parallel.share(list, 2, alone=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of threads that the child does not have
            child = os.fork()
        if child:
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2
        else:
            os._exit(blas[0]())
    finally:
        gradviz.set_num_threads(before)

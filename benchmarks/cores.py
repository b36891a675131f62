"""How far apart two cores are: the time of a byte's way from one to the other and back.

A virtual machine's host moves its cores about. When they no longer share a cache, whatever waits for another thread at
every step (PyTorch's LSTM does) takes up to twice as long, with nothing in this machine to show for it.
"""

from __future__ import annotations

import mmap
import os
import signal
import statistics
import time

ROUNDS = 1000  # a millisecond or two
THERE, BACK = 0, 256  # in lines of the cache of their own
FAR = 1.5  # times the shortest way: another cache lies between


def round_trip() -> float | None:
    """Seconds, the median; None where a process cannot choose its cores or has but one."""
    cores = sorted(os.sched_getaffinity(0))[-2:] if hasattr(os, "sched_getaffinity") else []
    if len(cores) < 2:
        return None
    allowed, shared = os.sched_getaffinity(0), mmap.mmap(-1, mmap.PAGESIZE)
    child = os.fork()
    if child == 0:
        try:
            os.sched_setaffinity(0, cores[:1])
            echo(shared)
        finally:
            os._exit(0)
    try:
        os.sched_setaffinity(0, cores[1:])
        return statistics.median(ask(shared))
    finally:
        os.sched_setaffinity(0, allowed)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def mark(turn: int) -> int:
    """The byte of a turn: never that of the turn before, nor 0."""
    return turn % 255 + 1


def ask(shared: mmap.mmap) -> list[float]:
    times = []
    for turn in range(ROUNDS):
        mine = mark(turn)
        start = time.perf_counter()
        shared[THERE] = mine
        while shared[BACK] != mine:
            pass
        times.append(time.perf_counter() - start)
    return times


def echo(shared: mmap.mmap) -> None:
    for turn in range(ROUNDS):
        mine = mark(turn)
        while shared[THERE] != mine:
            pass
        shared[BACK] = mine

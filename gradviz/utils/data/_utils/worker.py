"""A worker of a DataLoader: what it is told, what it answers, and its life. Threads and processes live the same one.

    loader:   keys of batch k  -->  tasks of a worker
    worker:   task  -->  fetch  -->  result
    loader:   results, put back in order  -->  the program

Every worker has a copy of the dataset object (its attributes are shared, not copied, between threads) and draws random
numbers from its own generator, seeded with the loader's seed plus the worker's number: what is drawn does not depend on
which worker was faster.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from gradviz.core.random import Generator

from .fetch import Fetch, State

NEVER = -1  # the pass of a worker that could not start


@dataclass(frozen=True, slots=True)
class RNG:
    """Generators that belong to one worker thread: Python's and NumPy's own are shared by all threads."""

    random_generator: random.Random
    torch_generator: Generator
    numpy_generator: Any = None


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """What a worker knows of itself: its number, how many there are, its seed, its copy of the dataset.

    `worker_method` is "thread" or "multiprocessing"; a thread also has generators of its own, `rng`.
    """

    id: int
    num_workers: int
    seed: int
    dataset: Any
    rng: RNG | None = None
    worker_method: str | None = "multiprocessing"


_here = threading.local()
_process: list[WorkerInfo] = []  # in a worker process, what all its threads see


def get_worker_info() -> WorkerInfo | None:
    """In a worker, what it knows of itself; elsewhere None.

    An IterableDataset asks it which part of the stream is this worker's.
    https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.get_worker_info
    """
    info: WorkerInfo | None = getattr(_here, "info", _process[0] if _process else None)
    return info


def enter_thread(info: WorkerInfo) -> None:
    """From here on this thread is that worker."""
    _here.info = info


def enter_process(info: WorkerInfo) -> None:
    """From here on this process is that worker."""
    _process[:] = [info]


def numpy_seeds(base_seed: int, worker: int) -> np.random.SeedSequence:
    """What NumPy is seeded with: unlike seed + worker, it is far from what Python's `random` is seeded with."""
    return np.random.SeedSequence([worker, base_seed & 0xFFFFFFFF, base_seed >> 32, 0])


class Start(NamedTuple):
    """What all workers of a loader are started with."""

    dataset: Any
    workers: int
    seed: int
    fetcher: Callable[[Any, State], Fetch]
    init: Callable[[int], None] | None
    timeout: float


class Task(NamedTuple):
    """Load batch `number` of pass `epoch`."""

    epoch: int
    number: int
    keys: Any


class Result(NamedTuple):
    """Batch `number` of pass `epoch`: its data, or the error that loading it raised; StopIteration ends a stream."""

    epoch: int
    number: int
    worker: int
    data: Any
    error: BaseException | None


def work(
    info: WorkerInfo,
    start: Start,
    take: Callable[[], Task | None],
    give: Callable[[Result], None],
    state: State,
    caught: type[BaseException],
) -> None:
    """A worker's life: until there is nothing to take, turn tasks into results. Other errors than `caught` end it."""
    fetch: Fetch | None = None
    epoch = NEVER
    try:
        if start.init is not None:
            start.init(info.id)
    except caught as error:
        give(Result(NEVER, 0, info.id, None, error))
        return
    while (task := take()) is not None and not state.stopped:
        if task.epoch != state.epoch:
            continue
        try:
            if fetch is None or task.epoch != epoch:
                fetch, epoch = start.fetcher(info.dataset, state), task.epoch
            give(Result(task.epoch, task.number, info.id, fetch(task.keys), None))
        except caught as error:
            if not isinstance(error, StopIteration):
                error.add_note(
                    f"It happened in DataLoader worker {info.id} of {info.num_workers}, batch {task.number}."
                )
            give(Result(task.epoch, task.number, info.id, None, error))
        task = None


TIMED_OUT = (
    "DataLoader timed out after {} seconds\nNo worker finished a batch in that time: loading is slow or waits for "
    "something. Give a longer timeout, or 0 to wait as long as it takes."
)
ENDED = "The workers of this pass have ended after an error. Start a new pass over the DataLoader."

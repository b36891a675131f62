"""Worker threads: nothing is pickled, and NumPy's, zlib's and Pillow's heavy parts run beside one another."""

from __future__ import annotations

import copy
import queue
import random
import threading
from typing import Any

import numpy as np

from gradviz.core.errors import noted
from gradviz.core.random import Generator, use_generator

from ..dataset import Dataset
from .fetch import State
from .worker import ENDED, NEVER, RNG, TIMED_OUT, Result, Start, Task, WorkerInfo, enter_thread, numpy_seeds, work

PATIENCE = 0.2  # seconds


class ThreadPool:
    """The threads, a queue of tasks for each, and one queue of results. Dropping the pool ends the threads."""

    def __init__(self, start: Start) -> None:
        self.size = start.workers
        self.timeout = start.timeout
        self.state = State()
        self.results: queue.SimpleQueue[Result] = queue.SimpleQueue()
        self.tasks: list[queue.SimpleQueue[Task | None]] = [queue.SimpleQueue() for _ in range(self.size)]
        for i, tasks in enumerate(self.tasks):
            arguments = (i, start, tasks, self.results, self.state)
            threading.Thread(target=_live, args=arguments, name=f"DataLoader worker {i}", daemon=True).start()

    def send(self, worker: int, task: Task) -> None:
        """Gives a worker something to do."""
        self.tasks[worker].put(task)

    def result(self, epoch: int) -> Result:
        """The next result of this pass, whichever it is."""
        waited = 0.0
        while not self.state.stopped:
            try:
                # In short waits: an interrupt cannot end a long one everywhere.
                result = self.results.get(timeout=min(PATIENCE, self.timeout or PATIENCE))
            except queue.Empty:
                waited += PATIENCE
                if not self.timeout or waited < self.timeout:
                    continue
                raise noted(RuntimeError(TIMED_OUT.format(self.timeout))) from None
            if result.epoch == NEVER and result.error is not None:
                raise result.error
            if result.epoch == epoch:
                return result
        raise RuntimeError(ENDED)

    def close(self) -> None:
        """Ends the workers: each finishes the sample it is at."""
        self.state.stopped = True
        for tasks in self.tasks:
            tasks.put(None)

    __del__ = close


def _live(
    worker: int,
    start: Start,
    tasks: queue.SimpleQueue[Task | None],
    results: queue.SimpleQueue[Result],
    state: State,
) -> None:
    """One thread. It holds no reference to the pool, so that a pool nobody uses is dropped."""
    seed = start.seed + worker
    generator = Generator().manual_seed(seed)
    rng = RNG(random.Random(seed), generator, np.random.default_rng(numpy_seeds(start.seed, worker)))
    info = WorkerInfo(worker, start.workers, seed, _own(start.dataset), rng, "thread")
    enter_thread(info)
    use_generator(generator)
    work(info, start, tasks.get, results.put, state, BaseException)


def _own(dataset: Any) -> Any:
    """A copy of the dataset object: what one worker sets on it (its shard, an open file), the others do not see."""
    if not isinstance(dataset, Dataset):
        return dataset
    try:
        return copy.copy(dataset)
    except TypeError:
        return dataset

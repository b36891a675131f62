"""Worker threads of a DataLoader: they load the next batches while the program works on this one.

    main:     keys of batch k  -->  tasks[k % workers]
    worker:   tasks[w]  -->  fetch  -->  results
    main:     results, put back in order  -->  the program

Threads share the dataset and the process: nothing is copied or pickled, and NumPy's, zlib's and Pillow's heavy parts
run beside one another. A worker draws random numbers from a generator of its own, seeded with the loader's seed plus
the worker's number, so what is drawn does not depend on which thread was faster.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from gradviz.core.random import Generator, use_generator

from .fetch import Fetch, State


class WorkerInfo(NamedTuple):
    """What a worker knows of itself: its number, how many there are, its seed, the dataset."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


_here = threading.local()


def get_worker_info() -> WorkerInfo | None:
    """In a worker, what it knows of itself; elsewhere None.

    An IterableDataset asks it which part of the stream is this worker's.
    https://docs.pytorch.org/docs/2.13/data.html#torch.utils.data.get_worker_info
    """
    info: WorkerInfo | None = getattr(_here, "info", None)
    return info


NEVER = -1  # the pass of a worker that could not start


PATIENCE = 0.2  # seconds


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


class Pool:
    """The threads, a queue of tasks for each, and one queue of results. Dropping the pool ends the threads."""

    def __init__(
        self,
        dataset: Any,
        workers: int,
        seed: int,
        make_fetch: Callable[[State], Fetch],
        init: Callable[[int], None] | None,
        timeout: float,
    ) -> None:
        self.size = workers
        self.timeout = timeout
        self.state = State()
        self.results: queue.SimpleQueue[Result] = queue.SimpleQueue()
        self.tasks: list[queue.SimpleQueue[Task | None]] = [queue.SimpleQueue() for _ in range(workers)]
        for i, tasks in enumerate(self.tasks):
            info = WorkerInfo(i, workers, seed + i, dataset)
            arguments = (info, tasks, self.results, self.state, make_fetch, init)
            threading.Thread(target=_work, args=arguments, name=f"DataLoader worker {i}", daemon=True).start()

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
                raise RuntimeError(
                    f"DataLoader timed out after {self.timeout} seconds\nNo worker finished a batch in that time: "
                    "loading is slow or waits for something. Give a longer timeout, or 0 to wait as long as it takes."
                ) from None
            if result.epoch == NEVER and result.error is not None:
                raise result.error
            if result.epoch == epoch:
                return result
        raise RuntimeError("The workers of this pass have ended after an error. Start a new pass over the DataLoader.")

    def close(self) -> None:
        """Ends the workers: each finishes the sample it is at."""
        self.state.stopped = True
        for tasks in self.tasks:
            tasks.put(None)

    __del__ = close


def _work(
    info: WorkerInfo,
    tasks: queue.SimpleQueue[Task | None],
    results: queue.SimpleQueue[Result],
    state: State,
    make_fetch: Callable[[State], Fetch],
    init: Callable[[int], None] | None,
) -> None:
    """A worker's life. It holds no reference to the pool, so that a pool nobody uses is dropped."""
    _here.info = info
    use_generator(Generator().manual_seed(info.seed))
    fetch: Fetch | None = None
    epoch = NEVER
    try:
        if init is not None:
            init(info.id)
    except BaseException as error:
        results.put(Result(NEVER, 0, info.id, None, error))
        return
    while (task := tasks.get()) is not None and not state.stopped:
        if task.epoch != state.epoch:
            continue
        try:
            if fetch is None or task.epoch != epoch:
                fetch, epoch = make_fetch(state), task.epoch
            results.put(Result(task.epoch, task.number, info.id, fetch(task.keys), None))
        except BaseException as error:
            if not isinstance(error, StopIteration):
                error.add_note(
                    f"It happened in DataLoader worker {info.id} of {info.num_workers}, batch {task.number}."
                )
            results.put(Result(task.epoch, task.number, info.id, None, error))
        task = None


class ThreadedIterator:
    """One pass over a loader through a pool, in the order of the sampler."""

    def __init__(self, pool: Pool, keys: Iterator[Any], ahead: int) -> None:
        self.pool, self.keys = pool, keys
        pool.state.epoch += 1
        self.epoch = pool.state.epoch
        self.sent = self.received = self.turn = 0
        self.active = [True] * pool.size
        self.ready: dict[int, Result] = {}
        for _ in range(max(ahead, 1) * pool.size):
            self._send()

    def __iter__(self) -> ThreadedIterator:
        return self

    def __next__(self) -> Any:
        try:
            result = self._next_result()
            self._send()
        except StopIteration:
            raise
        except BaseException:
            # An interrupt, a timeout or a worker that could not start: no batch will be asked for any more.
            self.pool.close()
            raise
        if result.error is not None:
            try:
                raise result.error
            finally:
                del result
        return result.data

    def _next_result(self) -> Result:
        """The result of the next batch in order; StopIteration after the last."""
        while self.received < self.sent:
            if self.pool.state.epoch != self.epoch:
                raise RuntimeError(
                    "A new pass over this DataLoader has begun. With persistent_workers=True all passes share the "
                    "workers, so only the newest can be continued."
                )
            while self.received not in self.ready:
                result = self.pool.result(self.epoch)
                self.ready[result.number] = result
            result = self.ready.pop(self.received)
            self.received += 1
            if not isinstance(result.error, StopIteration):
                return result
            self.active[result.worker] = False
            self._send()
        raise StopIteration

    def _send(self) -> None:
        """Hands the keys of the next batch to the next worker whose stream has not ended."""
        workers = [(self.turn + i) % self.pool.size for i in range(self.pool.size)]
        worker = next((w for w in workers if self.active[w]), None)
        keys = next(self.keys, _END) if worker is not None else _END
        if worker is None or keys is _END:
            return
        self.pool.tasks[worker].put(Task(self.epoch, self.sent, keys))
        self.sent += 1
        self.turn = (worker + 1) % self.pool.size


_END = object()

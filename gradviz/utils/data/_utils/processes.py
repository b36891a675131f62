"""Worker processes: each has its own interpreter and its own copy of the dataset.

    loader:   tasks   -->  one connection for each worker  -->  reader thread  -->  worker
    loader:   results <--  the same connection             <--  writer thread  <--  worker

No lock or queue is shared, so a worker that is killed cannot leave one locked: its connection ends, which the loader
sees at once. If the loader's process dies, the workers see the same. The two threads in a worker keep the connection
flowing while a sample is being loaded, so neither side can block the other.
"""

from __future__ import annotations

import os
import queue
import random
import signal
import threading
import time
import traceback
import weakref
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import numpy as np

from gradviz.core.device import CPU
from gradviz.core.errors import noted
from gradviz.core.random import generator_for
from gradviz.core.settings import set_num_threads

from . import transport
from .fetch import State
from .worker import ENDED, NEVER, TIMED_OUT, Result, Start, Task, WorkerInfo, enter_process, numpy_seeds, work

GRACE = 1.0  # seconds that a worker has to finish its sample before it is ended


class Member(NamedTuple):
    """A worker process and the loader's end of its connection."""

    process: Any
    connection: Any


class ProcessPool:
    """The processes. Dropping the pool, or the end of the program, ends them."""

    def __init__(self, start: Start, context: Any) -> None:
        self.size = start.workers
        self.timeout = start.timeout
        self.state = State()
        self._arrived: deque[Result] = deque()
        self._members: list[Member] = []
        self._end = weakref.finalize(self, _end, self._members, os.getpid())
        try:
            for worker in range(self.size):
                with _undisturbed():
                    self._members.append(_started(context, worker, start))
        except BaseException as error:
            self.close()
            if isinstance(error, Exception):
                error.add_note(
                    f"Starting DataLoader worker {worker} failed. A process that is not forked is sent the dataset, "
                    "the collate_fn and the worker_init_fn: define them in a module, not in a notebook or inside a "
                    "function. Without multiprocessing_context the workers are threads, which need none of this."
                )
            raise

    def send(self, worker: int, task: Task) -> None:
        """Gives a worker something to do. If it is gone, that is told when its result is asked for: it may say why."""
        if not self.state.stopped:
            with suppress(OSError):
                self._members[worker].connection.send(task)

    def result(self, epoch: int) -> Result:
        """The next result of this pass, whichever it is."""
        deadline = time.monotonic() + self.timeout if self.timeout else None
        while not self.state.stopped:
            while self._arrived:
                result = self._arrived.popleft()
                if isinstance(result.error, Failure):
                    result = result._replace(error=result.error.again(result.worker))
                if result.epoch == NEVER and result.error is not None:
                    raise result.error
                if result.epoch == epoch:
                    return result
            self._wait(deadline)
        raise RuntimeError(ENDED)

    def _wait(self, deadline: float | None) -> None:
        """Waits until results have arrived. Raises RuntimeError at the deadline, and if a worker has ended."""
        from multiprocessing.connection import wait

        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        ready = wait([x for m in self._members for x in (m.connection, m.process.sentinel)], left)
        if not ready:
            raise noted(RuntimeError(TIMED_OUT.format(self.timeout)))
        gone = []
        for member in self._members:
            try:
                if member.connection in ready:
                    self._arrived.append(transport.receive(member.connection))
                elif member.process.sentinel in ready:
                    gone.append(member)
            except (EOFError, OSError):
                gone.append(member)
        if gone and not self._arrived:
            self._gone(gone)

    def _gone(self, members: list[Member]) -> None:
        for member in members:
            member.process.join(GRACE)
        pids = ", ".join(str(member.process.pid) for member in members)
        why = "\n".join(_fate(member.process.exitcode) for member in members)
        raise noted(RuntimeError(f"DataLoader worker (pid(s) {pids}) exited unexpectedly\n{why}"))

    def close(self) -> None:
        """Ends the workers: each finishes the sample it is at, or is ended after a while."""
        self.state.stopped = True
        self._end()


def _fate(code: int | None) -> str:
    if code is None:
        return "It closed its connection."
    if code >= 0:
        return (
            f"It ended by itself with exit code {code}, and has printed why. A process that is not forked must be able "
            'to import the dataset from a module, and the script that starts it needs `if __name__ == "__main__":`. '
            "Without multiprocessing_context the workers are threads, which need neither."
        )
    names = {number.value: number.name for number in signal.Signals}
    return (
        f"It was ended by the signal {names.get(-code, -code)}. The system does this when memory runs out: try fewer "
        "workers or smaller batches. With num_workers=0 you see where it happens."
    )


_ends: weakref.WeakSet[Any] = weakref.WeakSet()  # the loader's ends of all connections of this process


def _started(context: Any, worker: int, start: Start) -> Member:
    ours, theirs = context.Pipe()
    try:
        _ends.add(ours)
        name = f"DataLoader worker {worker}"
        process = context.Process(target=_live, args=(worker, start, theirs), name=name, daemon=True)
        process.start()
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    return Member(process, ours)


def _end(members: list[Member], pid: int) -> None:
    """Ends workers: closing a connection tells its worker; who does not listen is terminated, then killed."""
    if os.getpid() != pid:
        return
    with _undisturbed():
        for member in members:
            member.connection.close()
        deadline = time.monotonic() + GRACE
        for process, _ in members:
            process.join(max(0.0, deadline - time.monotonic()))
            for harder in (process.terminate, process.kill):
                if process.is_alive():
                    harder()
                    process.join(GRACE)
            if not process.is_alive():
                process.close()
        members.clear()


@contextmanager
def _undisturbed() -> Iterator[None]:
    """An interrupt waits until the end of the block: half started or half ended processes would be lost sight of."""
    usual = signal.getsignal(signal.SIGINT)
    if usual is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
        if came:
            signal.raise_signal(signal.SIGINT)


# ------------------------------------------------------------------------------------------------ in the worker process


def _live(worker: int, start: Start, connection: Any) -> None:
    """The worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is for the program, which then ends its workers
    for end in list(_ends):
        end.close()  # a forked process also has the loader's ends; held open they would hide that the loader is gone
    with suppress(NotImplementedError):
        set_num_threads(1)  # the workers are what runs side by side
    seed = start.seed + worker
    random.seed(seed)
    generator_for(CPU).manual_seed(seed)
    np.random.seed(numpy_seeds(start.seed, worker).generate_state(4))  # noqa: NPY002  (NumPy's global numbers)
    info = WorkerInfo(worker, start.workers, seed, start.dataset)
    enter_process(info)
    state = State()
    tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
    packets: queue.SimpleQueue[transport.Packet | None] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(connection, tasks, state), daemon=True).start()
    writer = threading.Thread(target=_write, args=(connection, packets), daemon=True)
    writer.start()

    def give(result: Result) -> None:
        error = None if result.error is None else Failure.of(result.error)
        packets.put(transport.pack(result._replace(error=error)))

    try:
        work(info, start, tasks.get, give, state, Exception)
    finally:
        packets.put(None)
        writer.join()


def _read(connection: Any, tasks: queue.SimpleQueue[Task | None], state: State) -> None:
    try:
        while True:
            task: Task = connection.recv()
            state.epoch = task.epoch
            tasks.put(task)
    except (EOFError, OSError):
        pass  # the loader needs nothing more, or is gone
    finally:
        state.stopped = True
        tasks.put(None)


def _write(connection: Any, packets: queue.SimpleQueue[transport.Packet | None]) -> None:
    wanted = True
    while (packet := packets.get()) is not None:
        try:
            packet.send(connection) if wanted else packet.drop()
        except ConnectionError:
            wanted = False
        except Exception:
            # The loader would wait for ever for what cannot be sent; it notices the end of this process.
            traceback.print_exc()
            os._exit(1)


class Failure(Exception):  # noqa: N818
    """An error of a worker process as text, for its traceback cannot be sent."""

    def __init__(self, kind: type[BaseException] | None, name: str, text: str) -> None:
        super().__init__(kind, name, text)
        self.kind, self.name, self.text = kind, name, text

    @staticmethod
    def of(error: BaseException) -> Failure:
        """What can be sent of an error: its type, if the loader's process can find it, and its traceback's text."""
        import pickle

        kind: type[BaseException] | None = type(error)
        try:
            pickle.dumps(kind)
        except Exception:
            kind = None
        return Failure(kind, type(error).__name__, "".join(traceback.format_exception(error)))

    def again(self, worker: int) -> BaseException:
        """The error to raise in the loader's process: of the same type, if one text makes such an error."""
        text = f"Caught {self.name} in DataLoader worker process {worker}.\nOriginal {self.text}"
        try:
            if self.kind is not None and isinstance(made := self.kind(Shown(text)), BaseException):
                return made
        except Exception:
            pass
        return RuntimeError(text)


class Shown(str):
    """A text whose repr is the text: a KeyError shows the repr of its key."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)

"""An event file that a thread of its own writes, so that training does not wait for the disk.

    add_event -> at most max_queue events wait -> the thread frames them -> every flush_secs, and on flush, the disk

What was added is written, however the program ends short of being killed: by close, by the collection of a writer that
is forgotten, or when Python exits. When the disk refuses, the events are kept, the next call says so, and they are
tried again after flush_secs and by flush.
"""

from __future__ import annotations

import atexit
import os
import queue
import socket
import sys
import threading
import time
import weakref
from itertools import count
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event, SourceMetadata

from gradviz.core.errors import noted

from .records import framed

NUMBER = count()  # of the event files of this process
ENOUGH = 1 << 20  # bytes that go to the disk before their time
RETRY = 1.0  # seconds, at least, before a disk that refused is tried again
STOP = object()
RUNNING: set[Worker] = set()
LOST = "the newest events, {:,} bytes of them, could not be written and are lost"
KEPT = (
    "The newest events, {:,} bytes of them, could not be written. They are kept: make room and call flush(), which "
    "tries again."
)


class Worker(threading.Thread):
    """Takes messages from a queue and appends them to a file. It does not know whose it is, and so keeps nobody alive.

    Args:
        path: the file, which is made here
        max_queue: how many messages may wait; 0 or less for any number
        flush_secs: the longest time a message stays in memory
    """

    def __init__(self, path: Path, max_queue: int, flush_secs: float) -> None:
        super().__init__(name=f"gradviz events {path.name}", daemon=True)
        self.file = path.open("xb", buffering=0)
        self.path = path
        self.flush_secs = flush_secs
        self.pid = os.getpid()
        self.error: OSError | None = None
        self.items: queue.SimpleQueue[Any] = queue.SimpleQueue()  # one that may be put to from a destructor
        self.room = threading.Semaphore(max_queue) if max_queue > 0 else None
        self.waiting = bytearray()

    def put(self, message: bytes) -> None:
        """Queues a message; waits while the queue is full."""
        self.check()
        if self.room is not None:
            self.room.acquire()
        self.items.put(message)

    def flush(self) -> None:
        """Returns when everything put before is in the file."""
        if self.pid == os.getpid():
            done = threading.Event()
            self.items.put(done)
            while not done.wait(1) and self.is_alive():
                pass
        self.check()

    def stop(self) -> None:
        """Ends the thread after what was put before is in the file, which it closes."""
        if self.pid == os.getpid():
            self.items.put(STOP)
            self.join()

    def check(self) -> None:
        """Raises what went wrong in the thread."""
        if self.pid != os.getpid():
            raise noted(
                RuntimeError(
                    f"this writer belongs to process {self.pid}, and this is process {os.getpid()}\n"
                    "The thread that writes does not live on in a process that was forked. Make a SummaryWriter in "
                    "each process that logs."
                )
            )
        if self.error is not None:
            error = OSError(self.error.errno, self.error.strerror, str(self.path))
            text = LOST if self.file.closed else KEPT
            error.add_note(text.format(len(self.waiting)))
            raise error from self.error

    def run(self) -> None:
        due = time.monotonic()  # the first event is seen at once
        while True:
            item = self._next(due)
            if isinstance(item, bytes):
                self.waiting += framed(item)
                if self.room is not None:
                    self.room.release()
            asked = item is STOP or isinstance(item, threading.Event)
            if asked or time.monotonic() >= due or len(self.waiting) >= ENOUGH:
                self._write()
                due = time.monotonic() + (self.flush_secs if self.error is None else max(self.flush_secs, RETRY))
            if isinstance(item, threading.Event):
                item.set()
            elif item is STOP:
                RUNNING.discard(self)
                try:
                    self.file.close()
                except OSError as error:
                    self.error = error
                return

    def _next(self, due: float) -> Any:
        """The next item; None if there is none when it is time to write."""
        try:
            return self.items.get(timeout=max(0.0, due - time.monotonic()) if self.waiting else None)
        except queue.Empty:
            return None

    def _write(self) -> None:
        """Everything that waits, to the file. What the disk refuses goes on waiting."""
        try:
            while self.waiting:
                del self.waiting[: self.file.write(self.waiting)]
            self.error = None
        except OSError as error:
            self.error = error


def _at_exit() -> None:
    for worker in tuple(RUNNING):
        worker.stop()
        if worker.error is not None:
            print(f"{worker.path}: {worker.error.strerror}; {LOST.format(len(worker.waiting))}", file=sys.stderr)


atexit.register(_at_exit)


def _new_worker(folder: Path, suffix: str, max_queue: int, flush_secs: float) -> Worker:
    """A worker with a file of its own: a file that is there already is somebody else's."""
    begun = f"events.out.tfevents.{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}"
    while True:
        try:
            return Worker(folder / f"{begun}.{next(NUMBER)}{suffix}", max_queue, flush_secs)
        except FileExistsError:
            continue


class EventFileWriter:
    """Writes events to a new file in a folder, which is made if need be.

    Args:
        logdir: the folder
        max_queue_size: how many events may wait to be written before `add_event` waits too
        flush_secs: how often, in seconds, what waits is written to the disk
        filename_suffix: what the file's name ends with

    Raises OSError, in a later call, for what went wrong when writing, and after `close`.
    """

    def __init__(
        self, logdir: str, max_queue_size: int = 10, flush_secs: float = 120, filename_suffix: str = ""
    ) -> None:
        if "://" in logdir:
            raise NotImplementedError(f"log_dir={logdir!r}: events are written to folders of this machine only")
        self._logdir = logdir
        Path(logdir).mkdir(parents=True, exist_ok=True)
        self._worker = _new_worker(Path(logdir), filename_suffix, max_queue_size, flush_secs)
        self.closed = False
        RUNNING.add(self._worker)
        self._worker.start()
        weakref.finalize(self, self._worker.items.put, STOP).atexit = False
        source = SourceMetadata(writer="gradviz.utils.tensorboard")
        self.add_event(Event(wall_time=time.time(), file_version="brain.Event:2", source_metadata=source))
        self.flush()

    def get_logdir(self) -> str:
        """The folder."""
        return self._logdir

    def add_event(self, event: Any) -> None:
        """Adds an `Event` message."""
        if not isinstance(event, Event):
            raise TypeError(f"Expected an event_pb2.Event proto,  but got {type(event)}")
        self._check()
        self._worker.put(event.SerializeToString())

    def flush(self) -> None:
        """Returns when everything added is in the file."""
        self._check()
        self._worker.flush()

    def close(self) -> None:
        """Writes what waits and closes the file. Closing twice is no error."""
        if not self.closed:
            self._worker.stop()
            self.closed = True
            self._worker.check()

    def _check(self) -> None:
        if self.closed:
            raise OSError("Writer is closed")

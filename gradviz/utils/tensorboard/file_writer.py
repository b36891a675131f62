"""FileWriter: messages into the event file of one folder."""

from __future__ import annotations

import time
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event, TaggedRunMetadata

from .background import EventFileWriter


class FileWriter:
    """Writes summaries and graphs to an event file in a folder, on a thread of its own.

    Args:
        log_dir: the folder
        max_queue: how many events may wait to be written before a call waits
        flush_secs: how often, in seconds, what waits goes to the disk
        filename_suffix: what the file's name ends with

    https://docs.pytorch.org/docs/stable/tensorboard.html
    """

    def __init__(self, log_dir: Any, max_queue: int = 10, flush_secs: float = 120, filename_suffix: str = "") -> None:
        self._settings = (str(log_dir), max_queue, flush_secs, filename_suffix)
        self.event_writer = EventFileWriter(*self._settings)

    def get_logdir(self) -> str:
        """The folder."""
        return self.event_writer.get_logdir()

    def add_event(self, event: Any, step: Any = None, walltime: float | None = None) -> None:
        """Adds an `Event` message at a step, of the time now or another."""
        event.wall_time = time.time() if walltime is None else walltime
        if step is not None:
            event.step = int(step)  # which may be a tensor
        self.event_writer.add_event(event)

    def add_summary(self, summary: Any, global_step: Any = None, walltime: float | None = None) -> None:
        """Adds a `Summary` message."""
        self.add_event(Event(summary=summary), global_step, walltime)

    def add_graph(self, graph_profile: Any, walltime: float | None = None) -> None:
        """Adds a graph and the statistics of its run, as `graph` gives them."""
        graph_def, statistics = graph_profile
        self.add_event(Event(graph_def=graph_def.SerializeToString()), None, walltime)
        run = TaggedRunMetadata(tag="step1", run_metadata=statistics.SerializeToString())
        self.add_event(Event(tagged_run_metadata=run), None, walltime)

    def flush(self) -> None:
        """Returns when everything added is in the file."""
        self.event_writer.flush()

    def close(self) -> None:
        """Writes what waits and closes the file."""
        self.event_writer.close()

    def reopen(self) -> None:
        """Goes on in a new file of the same folder, if this one was closed."""
        if self.event_writer.closed:
            self.event_writer = EventFileWriter(*self._settings)

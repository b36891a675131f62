"""Event files read back as plain data, also while they are still being written.

log = read("runs/first")
log.scalars["loss"].values                    # [1.0, 0.5, ...]
log.histograms["weight"][-1].counts
log.refresh()                                 # what came since
"""

from __future__ import annotations

import math
import os
import re
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.util.tensor_util import make_ndarray

from .records import DamagedError, records

MARK = ".tfevents."  # in the name of every event file


@dataclass(slots=True)
class Scalars:
    """The numbers under one tag, in the order they were logged."""

    steps: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    times: list[float] = field(default_factory=list)  # seconds since 1970

    def __len__(self) -> int:
        return len(self.steps)


@dataclass(slots=True)
class Histogram:
    """How values were distributed at one step: counts[i] of them lie above edges[i], up to edges[i + 1]."""

    step: int
    time: float
    edges: list[float]
    counts: list[float]
    min: float
    max: float
    num: float
    sum: float
    sum_squares: float


class Log:
    """What the event files of one folder hold, by tag. `refresh` reads what came since.

    Attributes:
        path: the folder, or the one file
        scalars: {tag: Scalars}
        histograms: {tag: [Histogram, ...]}
        tags: every tag, with the name of what shows it in TensorBoard ("scalars", "images", "text", ...)
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.scalars: dict[str, Scalars] = {}
        self.histograms: dict[str, list[Histogram]] = {}
        self.tags: dict[str, str] = {}
        self._read: dict[Path, int] = {}  # how far each file was read
        self._damaged: set[Path] = set()
        self.refresh()

    def __repr__(self) -> str:
        return f"Log({str(self.path)!r}: {len(self.scalars)} scalars, {len(self.histograms)} histograms)"

    def refresh(self) -> int:
        """Reads what was written since the last time, and says how many events that were.

        A record that is not whole yet waits for the next time. A damaged one ends its file, with a warning.
        """
        found = 0
        for file in event_files(self.path):
            if file in self._damaged:
                continue
            with file.open("rb") as opened:
                try:
                    for message, after in records(opened, self._read.get(file, 0)):
                        self._take(Event.FromString(message))
                        self._read[file] = after
                        found += 1
                except DamagedError as error:
                    self._damaged.add(file)
                    warnings.warn(f"{file}: {error}; what comes after it is not read", RuntimeWarning, stacklevel=2)
        return found

    def _take(self, event: Any) -> None:
        if event.HasField("session_log") and event.session_log.status == SessionLog.START:
            self._purge(event.step)
        for value in event.summary.value:
            kind = value.metadata.plugin_data.plugin_name or KINDS.get(value.WhichOneof("value"), "")
            kind = self.tags.setdefault(value.tag, kind)
            if value.HasField("simple_value"):
                self._scalar(event, value.tag, value.simple_value)
            elif value.HasField("histo"):
                self.histograms.setdefault(value.tag, []).append(_histogram(event, value.histo))
            elif value.HasField("tensor") and kind == "scalars":
                self._scalar(event, value.tag, make_ndarray(value.tensor).item())
            elif value.HasField("tensor") and kind == "histograms":
                rows = make_ndarray(value.tensor).reshape(-1, 3)
                self.histograms.setdefault(value.tag, []).append(_of_rows(event, rows))

    def _scalar(self, event: Any, tag: str, value: float) -> None:
        series = self.scalars.setdefault(tag, Scalars())
        series.steps.append(event.step)
        series.values.append(float(value))
        series.times.append(event.wall_time)

    def _purge(self, step: int) -> None:
        """Leaves out what was logged from a step on: the run crashed, and goes on from there."""
        for tag, old in self.scalars.items():
            kept = [row for row in zip(old.steps, old.values, old.times, strict=True) if row[0] < step]
            self.scalars[tag] = Scalars([s for s, _, _ in kept], [v for _, v, _ in kept], [t for _, _, t in kept])
        for tag, histograms in self.histograms.items():
            self.histograms[tag] = [histogram for histogram in histograms if histogram.step < step]


# What shows a value that does not say so itself.
KINDS = {"simple_value": "scalars", "histo": "histograms", "image": "images", "audio": "audio"}


def _histogram(event: Any, histo: Any) -> Histogram:
    """The first bucket has no lower limit of its own: the smallest value is it, or the limit if it is empty."""
    limits, counts = list(histo.bucket_limit), list(histo.bucket)
    lowest = min(histo.min, limits[0]) if limits and counts and counts[0] else (limits[0] if limits else math.nan)
    return Histogram(
        event.step, event.wall_time, [lowest, *limits], counts, histo.min, histo.max, histo.num, histo.sum,
        histo.sum_squares,
    )  # fmt: skip


def _of_rows(event: Any, rows: Any) -> Histogram:
    """From rows (left, right, count), as TensorFlow 2 logs a histogram; the sums are those of the buckets' middles."""
    left, right, counts = rows.T
    middles = (left + right) / 2
    edges = [*left[:1].tolist(), *right.tolist()]
    low, high = (edges[0], edges[-1]) if len(rows) else (math.nan, math.nan)
    total, squares = float((middles * counts).sum()), float((middles**2 * counts).sum())
    return Histogram(
        event.step, event.wall_time, edges, counts.tolist(), low, high, float(counts.sum()), total, squares
    )


def event_files(path: Path) -> list[Path]:
    """The event files of a folder in the order they were begun; a file itself is the only one."""
    if path.is_dir():
        return sorted((file for file in path.iterdir() if MARK in file.name and file.is_file()), key=_order)
    return [path]


def _order(file: Path) -> list[Any]:
    """The parts of a name, numbers as numbers: the names hold the second, and which file of the process it was."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"([0-9]+)", file.name)]


def read(logdir: str | os.PathLike[str]) -> Log:
    """Reads a folder's event files, or one file. Those of the folders in it are runs of their own: see `runs`.

    Raises FileNotFoundError where there is nothing of that name, or no event file.
    """
    path = Path(logdir)
    if not path.exists() or not event_files(path):
        inside = _run_names(path) if path.is_dir() else []
        more = (
            f"\nThere are runs in it: {', '.join(inside[:8])}. Read one of them, or all with runs()." if inside else ""
        )
        raise FileNotFoundError(f"no event files in {str(logdir)!r}{more}")
    return Log(path)


def runs(logdir: str | os.PathLike[str]) -> dict[str, Log]:
    """Every run in a folder and the folders below it, by its name there, as TensorBoard lists them ("." is itself)."""
    return {name: Log(Path(logdir) / name) for name in _run_names(Path(logdir))}


def _run_names(path: Path) -> list[str]:
    return sorted({file.parent.relative_to(path).as_posix() for file in path.rglob(f"*{MARK}*") if file.is_file()})

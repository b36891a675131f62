"""A run of the table: what is to be measured, in which order, and the results kept as they come."""

from __future__ import annotations

import importlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from .runner import Budget, Line, Peer, measured
from .spec import ACCELERATED, BASES, LIBRARIES, Spec
from .table import Entry

FAMILIES = (
    "small_ops", "graphs", "mlp", "cifar_step", "convolution", "norms", "lstm", "transformer", "optimizers",
    "dataloader", "recording", "imports",
)  # fmt: skip
THREADED = ("gradviz", ACCELERATED, *BASES, "NumPy")  # measured at each number of threads, the others at the first
WEIGHED = ("gradviz", *BASES)  # whose memory is measured
MEMORY = 0  # instead of a number of threads


class Job(NamedTuple):
    """One measurement: a line at some number of threads, or the memory of a line."""

    family: str
    spec: int
    size: str
    threads: int

    @property
    def which(self) -> dict[str, Any]:
        return {"family": self.family, "spec": self.spec, "size": self.size}

    def __str__(self) -> str:
        work = f"{specs(self.family)[self.spec].work}, {self.size}"
        return f"{work}: {self.threads or 'memory'}" + " thread" * (self.threads == 1) + " threads" * (self.threads > 1)


def specs(family: str) -> list[Spec]:
    """A family's works."""
    found: list[Spec] = importlib.import_module(f"benchmarks.{family}").SPECS
    return found


def chosen(spec: Spec, *, quick: bool) -> list[str]:
    """The sizes to measure: all, or in a quick run those with a goal, or the middle one."""
    sizes = list(spec.sizes)
    return [size for size in sizes if size in spec.goals] or [sizes[len(sizes) // 2]] if quick else sizes


def jobs(families: list[str], threads: list[int], only: str = "", *, quick: bool = False) -> Iterator[Job]:
    """Everything to be measured, in order: all lines at each number of threads, then their memory."""
    for count in (*threads, MEMORY):
        for family in families:
            for i, spec in enumerate(specs(family)):
                for size in chosen(spec, quick=quick):
                    if only.lower() in f"{spec.work}, {size}".lower() and (count or max(threads)) >= spec.least_threads:
                        yield Job(family, i, size, count)


class Run:
    """The results so far; with a file, each is written to it at once, so that an interrupted run can go on."""

    def __init__(self, python: str, threads: list[int], how: Budget, kept: Path | None = None) -> None:
        self.python, self.threads, self.how, self.kept = python, threads, how, kept
        self.found: dict[Job, Any] = {}
        self.about: dict[str, dict[str, str]] = {}  # library -> its version and the like
        self.peers: dict[tuple[str, int], Peer] = {}
        self.spent = 0.0  # seconds

    @property
    def settings(self) -> list[Any]:
        """What must be the same for two runs to be one table."""
        return [self.python, self.threads, list(self.how)]

    def resume(self) -> None:
        """Take over what an interrupted run with the same settings has measured."""
        assert self.kept is not None
        settings, *lines = map(json.loads, self.kept.read_text(encoding="utf-8").splitlines())
        if settings != json.loads(json.dumps(self.settings)):
            raise ValueError(f"the interrupted run had other settings: {settings}")
        for job, about, said, spent in lines:
            self.found[Job(*job)] = said
            self.about.update(about)
            self.spent = spent

    def begin(self) -> None:
        if self.kept is not None:
            self.kept.write_text(json.dumps(self.settings) + "\n", encoding="utf-8")

    def do(self, job: Job) -> None:
        """Measure it unless it has been."""
        if job in self.found:
            return
        start = time.monotonic()
        self.found[job] = self.measure(job)
        self.spent += time.monotonic() - start
        if self.kept is not None:
            with self.kept.open("a", encoding="utf-8") as file:
                file.write(json.dumps([job, self.about, self.found[job], self.spent]) + "\n")

    def measure(self, job: Job) -> Any:
        spec = specs(job.family)[job.spec]
        if job.threads == MEMORY:
            return {name: self.memory(job, name) for name in WEIGHED if name in spec.make}
        names = [name for name in LIBRARIES if name in spec.make and name not in self.how.without]
        if job.threads != self.threads[0]:
            names = [name for name in names if name in THREADED]
        slow = {name: text for name in names if (text := self.hopeless(spec, job, name))}
        line = measured(
            {name: self.peer(name, job.threads) for name in names if name not in slow},
            job.which,
            self.how,
            per=spec.per(spec.sizes[job.size]),
            goal=spec.goals.get(job.size),
        )
        line.errors.update(slow)
        return line

    def memory(self, job: Job, name: str) -> int | str:
        """Bytes, or why not."""
        said = self.peer(name, MEMORY).ask("memory", self.how.limit, **job.which)
        found: int | str = said.get("bytes", said.get("error", ""))
        return found

    def hopeless(self, spec: Spec, job: Job, name: str) -> str:
        """Why a peer need not try this size: a smaller one took it too long, or it could not."""
        if name in THREADED:
            return ""
        for smaller in list(spec.sizes)[: list(spec.sizes).index(job.size)]:
            before = Line(*self.found.get(job._replace(size=smaller, threads=self.threads[0]), ()))
            seconds = before.seconds.get(name, 0.0) * spec.per(spec.sizes[smaller])
            if name in before.errors:
                return before.errors[name]
            if seconds > self.how.line:
                return f"not run ({seconds:.0f} s at {smaller})"
        return ""

    def peer(self, name: str, threads: int) -> Peer:
        """The library's process for this number of threads; memory has processes of its own, that run nothing else."""
        if (name, threads) not in self.peers:
            for key in [key for key in self.peers if key[1] != threads]:
                self.peers.pop(key).close()
            self.peers[name, threads] = peer = Peer(self.python, name, threads or 1)
            self.about[name] = peer.about
        return self.peers[name, threads]

    def close(self) -> None:
        while self.peers:
            self.peers.popitem()[1].close()


def entries(found: dict[Job, Any]) -> list[Entry]:
    """The table's lines from what was measured."""
    made: list[Entry] = []
    for family in FAMILIES:
        for i, spec in enumerate(specs(family)):
            for size in spec.sizes:
                mine = {job.threads: said for job, said in found.items() if job[:3] == (family, i, size)}
                if mine:
                    memory = mine.pop(MEMORY, {})
                    lines = {count: Line(*said) for count, said in mine.items()}
                    made.append(Entry(spec, size, lines, memory))
    return made

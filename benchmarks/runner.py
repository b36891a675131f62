"""The table's lines, measured: a process for each library, which take turns; what is reported is each turn's ratio.

Processes, not one process, because BLAS reads the number of its threads when it is loaded. OpenBLAS' threads go on
spinning for a tenth of a second when they have finished, on the core where the next library is to be measured. So a
process is stopped while nobody asks it anything, and a turn of several threads begins with a call that does not count
and wakes them.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import statistics
import subprocess
import time
from typing import Any, NamedTuple

from .compiled import REPO, environment
from .cores import round_trip
from .spec import ACCELERATED, BASES

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUM_CPU_THREADS")  # the last: tinygrad's
START = 60.0  # seconds that an import may take on a busy machine


class Budget(NamedTuple):
    """How long to measure."""

    line: float = 1.6  # seconds of turns for a line of the table
    turns: int = 30
    least: int = 5
    call: float = 0.004  # a turn is as many calls as take about this long
    limit: float = 25.0  # seconds after which a library is stopped
    profile: float = 0.3
    without: tuple[str, ...] = ()  # peers that are left out


QUICK = Budget(line=0.2, turns=7, least=3, limit=10.0, without=("tinygrad", "HIPS autograd"))  # the slow ones


class Peer:
    """A library in its process, which runs only while it is asked something."""

    def __init__(self, python: str, name: str, threads: int) -> None:
        self.start = (python, name, threads)
        self.open()

    def open(self) -> None:
        python, name, threads = self.start
        settings = {**dict.fromkeys(THREADS, str(threads)), **environment(python, name == ACCELERATED), "TRAINING": "1"}
        self.process = subprocess.Popen(
            [python, "-m", "benchmarks.worker", name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=REPO,
            env={**os.environ, **settings},
            process_group=0,  # Ctrl-C is for the parent, which ends the others; if it dies, the stopped ones do too
        )
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(self.process.pid, sorted(os.sched_getaffinity(0))[-threads:])
        self.about: dict[str, str] = self.answer(START)
        self.missing = self.about.get("error")
        self.send(signal.SIGSTOP)

    def ask(self, do: str, limit: float, **what: Any) -> dict[str, Any]:
        """What the process says to this; {"error": text} if it cannot, or not within `limit` seconds."""
        if self.missing:
            return {"error": self.missing}
        assert self.process.stdin is not None
        self.send(signal.SIGCONT)
        try:
            self.process.stdin.write(json.dumps({"do": do, **what}).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            self.again()
            return {"error": "the process ended"}
        said = self.answer(limit)
        if said.pop("gone", False):
            self.again()
        else:
            self.send(signal.SIGSTOP)
        return said

    def answer(self, limit: float) -> dict[str, Any]:
        assert self.process.stdout is not None
        text, end = b"", time.monotonic() + limit
        while not text.endswith(b"\n"):
            ready, _, _ = select.select([self.process.stdout], [], [], max(end - time.monotonic(), 0))
            got = os.read(self.process.stdout.fileno(), 1 << 16) if ready else b""
            if not got:
                return {"error": "the process ended" if ready else f"> {limit:.0f} s", "gone": True}
            text += got
        said: dict[str, Any] = json.loads(text)
        return said

    def send(self, number: signal.Signals) -> None:
        """A signal to the process and whatever it has started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def again(self) -> None:
        self.close()
        self.open()

    def close(self) -> None:
        """End the process and whatever it has started."""
        self.send(signal.SIGKILL)
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


class Line(NamedTuple):
    """One line of the table at one number of threads; everything but `seconds` may be empty."""

    seconds: dict[str, float] = {}  # library -> median time of one operation
    ratios: dict[str, tuple[float, float, float]] = {}  # library -> 1/4, 1/2, 3/4 of its time in torch's
    errors: dict[str, str] = {}  # library -> why there is no time
    profile: list[tuple[str, float]] = []  # of gradviz, where the goal was missed: place, part of the time
    apart: float | None = None  # with several threads: a byte's way between two cores and back, the turns' median


def measured(
    peers: dict[str, Peer], which: dict[str, Any], how: Budget, *, per: int = 1, goal: float | None = None
) -> Line:
    """Prepare the work everywhere, then let the libraries take turns until the time is up."""
    errors: dict[str, str] = {}
    calls: dict[str, int] = {}
    times: dict[str, list[float]] = {}
    ways: list[float] = []
    for name, peer in peers.items():
        said = peer.ask("prepare", how.limit, **which)
        if "error" in said:
            errors[name] = said["error"]
        else:
            calls[name] = max(1, min(1000, int(how.call / max(said["seconds"], 1e-7))))
            patience = how.line * (2 if name in ("gradviz", *BASES) else 0.5)  # their ratio has goals
            times[name] = [said["seconds"]] if said["seconds"] > patience else []
    slow, names = {name for name in times if times[name]}, list(times)
    several = any(peers[name].start[2] > 1 for name in names)
    start = time.monotonic()
    for turn in range(how.turns if names else 0):
        if turn >= how.least and time.monotonic() - start > how.line:
            break
        if several and (way := round_trip()):
            ways.append(way)
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            if name in slow or name in errors:
                continue
            peer = peers[name]
            said = peer.ask("time", how.limit, calls=calls[name], wake=peer.start[2] > 1)
            if "error" in said:
                errors[name] = said["error"]
            else:
                times[name].append(said["seconds"])
    times = {name: found for name, found in times.items() if name not in errors}
    seconds = {name: statistics.median(found) / per for name, found in times.items()}
    base = next((times[name] for name in BASES if name in times), None)
    ratios = {name: ratio(found, base) for name, found in times.items() if base is not None}
    missed = goal is not None and "gradviz" in ratios and ratios["gradviz"][1] > goal
    profile = peers["gradviz"].ask("profile", how.limit, seconds=how.profile).get("profile", []) if missed else []
    return Line(seconds, ratios, errors, profile, statistics.median(ways) if ways else None)


def ratio(ours: list[float], theirs: list[float]) -> tuple[float, float, float]:
    """Quartiles of the ratios of neighbouring turns; of the first turns where one has fewer."""
    found = sorted(a / b for a, b in zip(ours, theirs, strict=False))
    return found[len(found) // 4], statistics.median(found), found[3 * len(found) // 4]

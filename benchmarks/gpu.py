"""`python -m benchmarks.gpu`: every check and measurement that needs a GPU, in one run, beside torch if it has one too.

Writes benchmarks/gpu-YYYY-MM-DD.md and .json anew after every row, so that a run that is cut off leaves what it has.
Where there is no GPU it says why and writes nothing. The figures that are asked for come first, then the checks
(`pytest -m gpu`), then other measurements, as long as the time lasts. A row that fails, or takes too long, is written
down with its error; the next ones run in a new process, because an error of CUDA is the end of a process's GPU.

    python -m benchmarks.gpu                # within 8 minutes
    python -m benchmarks.gpu --budget 900   # within 15
    python -m benchmarks.gpu --no-checks    # measurements only
    python -m benchmarks.gpu --only LeNet   # rows with this in their names, and no checks
    python -m benchmarks.gpu --dry-run      # every row's code, small, on the tests' stand-in: no GPU code is executed

Times are medians of turns that the libraries take, of host and device together (until the device has finished); ratios
are medians of the turns' ratios, with their quartiles.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradviz

from .gpu_report import Report, machine, table
from .gpu_rows import FIGURES, ROWS, Fact, Row
from .gpu_works import SMALL, Sizes, Work

HERE = Path(__file__).parent
# Seconds: of the whole run; of one row; that a row may take before its process is stopped; that a turn is to last.
BUDGET, ROW, LIMIT, TURN = 480.0, 6.0, 60.0, 0.005
LEAST_FOR_CHECKS = 60.0


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--budget", type=float, default=BUDGET, help="seconds for all of it")
    parser.add_argument("--no-checks", action="store_true", help="measure only")
    parser.add_argument("--only", default="", help="rows with this in their names")
    parser.add_argument("--dry-run", action="store_true", help="on the stand-in, where there is no GPU")
    parser.add_argument("--out", type=Path, default=HERE, metavar="FOLDER", help="where the two files are written")
    asked = parser.parse_args(arguments)
    if not asked.out.is_dir():
        parser.error(f"--out {asked.out}: name a folder that exists")
    rows = [row for row in ROWS if asked.only.lower() in row.name.lower()]
    if asked.dry_run:
        return dry_run(rows, asked.out)
    from gradviz.gpu.backend import why_not

    if why_not():
        print(f"No GPU code was executed: {why_not()}")
        return 2
    end = time.monotonic() + asked.budget
    report = Report(asked.out, machine(other()))
    worker = Worker()
    try:
        for i, row in enumerate(rows):
            if i == len(FIGURES) and not (asked.no_checks or asked.only):
                report.checks = checks(end - time.monotonic())
            left = end - time.monotonic()
            found = worker.measure(row.name, min(left, LIMIT)) if left > ROW else {"error": "no time was left"}
            print(report.add(row, found), flush=True)
    finally:
        worker.close()
    print(table(report.result))
    return int(report.failed)


def other() -> Any:
    """torch, if it is installed and sees the GPU."""
    try:
        import torch
    except ImportError:
        return None
    return torch if torch.cuda.is_available() else None


def checks(seconds: float) -> dict[str, Any]:
    """The tests that need a GPU. What they have shown when the time is up is kept."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "tests/gpu", "--maxfail=20"]
    said: dict[str, Any] = {"command": " ".join(command[1:])}
    if seconds < LEAST_FOR_CHECKS:
        return {**said, "status": None, "tail": ["no time was left"]}
    began = time.monotonic()
    try:
        run = subprocess.run(
            command, cwd=HERE.parent, capture_output=True, text=True, check=False, timeout=0.7 * seconds
        )
        status, text = run.returncode, run.stdout
    except subprocess.TimeoutExpired as stopped:
        status, text = None, (stopped.stdout or b"").decode() if isinstance(stopped.stdout, bytes) else ""
        text += f"\nstopped after {stopped.timeout:.0f} s"
    return {
        **said,
        "status": status,
        "seconds": round(time.monotonic() - began),
        "tail": text.strip().splitlines()[-20:],
    }


# -- rows, in a process of their own -----------------------------------------------------------------------------------
class Worker:
    """A process that measures one row after another, and another one after a row that fails."""

    def __init__(self) -> None:
        self.process: Any = None

    def measure(self, name: str, limit: float) -> dict[str, Any]:
        """What the row gives, or {"error": why it gives nothing}."""
        if self.process is None:
            self.open()
        try:
            self.ours.send(name)
            if not self.ours.poll(limit):
                found = {"error": f"stopped after {limit:.0f} s"}
            else:
                found = self.ours.recv()
        except (EOFError, OSError):
            self.process.join(5)
            found = {"error": f"its process ended ({self.process.exitcode})"}
        if "error" in found:
            self.close()
        return found

    def open(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.ours, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.join()
            self.ours.close()
            self.process = None


def serve(connection: Any) -> None:
    """Measure the rows that are asked for by their names."""
    torch, by_name = other(), {row.name: row for row in ROWS}
    while True:
        try:
            name = connection.recv()
        except EOFError:
            return
        connection.send(found_by(by_name[name], torch, Sizes(), ROW))


def found_by(row: Row | Fact, torch: Any, sizes: Sizes, seconds: float) -> dict[str, Any]:
    """A row's numbers, or the last line of its traceback and where in our code it came from."""
    try:
        if isinstance(row, Fact):
            text, good = row.look(torch, sizes)
            return {"found": text, "good": good}
        return measured(row, torch, sizes, seconds)
    except Exception as error:
        said = str(error).splitlines() or [""]  # notes come behind it
        place = traceback.extract_tb(error.__traceback__)[-1]
        return {"error": f"{type(error).__name__}: {said[0]} ({Path(place.filename).name}:{place.lineno})"}


def measured(row: Row, torch: Any, sizes: Sizes, seconds: float) -> dict[str, Any]:
    """Medians in microseconds, ours and torch's in turn, and the quartiles of the turns' ratios."""
    works: list[tuple[Any, Work]] = [(gradviz, row.ours(gradviz, sizes))]
    if torch is not None:
        works.append((torch, (row.torch or row.ours)(torch, sizes)))
    calls, times = [], [[] for _ in works]  # type: ignore[var-annotated]
    for library, work in works:
        for _ in range(3):
            work()
        calls.append(max(1, min(200, int(TURN / timed(library, work, 1)))))
    end, turn = time.monotonic() + seconds, 0
    while turn < 5 or (time.monotonic() < end and turn < 60):
        for k in range(len(works)) if turn % 2 else reversed(range(len(works))):
            times[k].append(timed(*works[k], calls[k]))
        turn += 1
    made: dict[str, Any] = {"gradviz": round(statistics.median(times[0]) * 1e6, 1), "turns": turn}
    if torch is None:
        return made
    ratios = sorted(a / b for a, b in zip(*times, strict=True))
    middle = [round(ratios[len(ratios) * k // 4], 3) for k in (1, 2, 3)]
    return {**made, "torch": round(statistics.median(times[1]) * 1e6, 1), "ratio": middle[1], "quartiles": middle[::2]}


def timed(library: Any, work: Callable[[], Any], calls: int) -> float:
    """Seconds of one call, until the device has finished them all."""
    library.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(calls):
        work()
    library.cuda.synchronize()
    return (time.perf_counter() - start) / calls


# -- without a GPU -----------------------------------------------------------------------------------------------------
def dry_run(rows: list[Row | Fact], out: Path) -> int:
    """Every row once, small, on the tests' stand-ins for CuPy and cuDNN: gpu-DATE-dry-run.*; times mean nothing."""
    import pytest

    from tests.gpu import cudnn_on_cpu

    with pytest.MonkeyPatch.context() as patch, cudnn_on_cpu.found(patch):
        report = Report(out, {**machine(None), "note": "a dry run on stand-ins: no GPU code was executed"}, "-dry-run")
        for row in rows:
            report.add(row, found_by(row, None, SMALL, 0))
    print(table(report.result))
    return int(report.failed)


if __name__ == "__main__":
    sys.exit(main())

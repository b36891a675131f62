"""Every row beside its peers: `python -m benchmarks [NAME ...]`. A full run writes benchmarks/RESULTS.md and .svg.

    python -m benchmarks --python PEERS/bin/python   # the whole table; PEERS has torch, autograd, mygrad, ...
    python -m benchmarks mlp cifar_step --threads 1  # some families, printed only
    python -m benchmarks --only "batch 64" --quick   # lines whose work or size says so
    python -m benchmarks --resume                    # go on with a full run that was interrupted

PEERS is any interpreter that has gradviz's dependencies; of libraries that it lacks the table says so. The accelerator
is compiled for it into a temporary folder, with $CC or cc; without a compiler one that is installed there is used.
Interrupting is safe: what was measured is shown, and kept for --resume.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from .chart import chart
from .run import FAMILIES, Run, entries, jobs
from .runner import QUICK, Budget
from .spec import ACCELERATED, UNWATCHED
from .table import report

HERE = Path(__file__).parent
KEPT = Path(tempfile.gettempdir()) / "gradviz-benchmarks.jsonl"


def arguments_of(given: list[str] | None) -> argparse.Namespace:
    """The command line, checked."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"families: {', '.join(FAMILIES)}; default: all")
    parser.add_argument("--python", default=sys.executable, help="the interpreter that has the peers")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], metavar="N", help="default: 1 2")
    parser.add_argument("--only", default="", metavar="TEXT", help="lines whose work or size contains this")
    parser.add_argument("--quick", action="store_true", help="a rough table of the sizes with a goal")
    parser.add_argument("--resume", action="store_true", help="go on where the last full run was interrupted")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="write the table here, its picture beside it; a full run: benchmarks/RESULTS.md",
    )
    chosen = parser.parse_args(given)
    if unknown := sorted(set(chosen.names) - set(FAMILIES)):
        parser.error(f"no such family: {', '.join(unknown)}")
    if min(chosen.threads) < 1 or max(chosen.threads) > (os.cpu_count() or 1):
        parser.error(f"this machine has {os.cpu_count()} cores")
    if chosen.out and (chosen.out.is_dir() or not chosen.out.parent.is_dir()):
        parser.error(f"--out {chosen.out}: name a file in a folder that exists")
    chosen.whole = not (chosen.names or chosen.only or chosen.quick)
    if chosen.resume and not (chosen.whole and KEPT.exists()):
        parser.error("there is no interrupted full run to go on with")
    return chosen


def main(given: list[str] | None = None) -> int:
    chosen = arguments_of(given)
    budget = QUICK if chosen.quick else Budget()
    run = Run(chosen.python, chosen.threads, budget, KEPT if chosen.whole else None)
    if chosen.resume:
        run.resume()
    else:
        run.begin()
    todo = list(jobs(chosen.names or list(FAMILIES), chosen.threads, chosen.only, quick=chosen.quick))
    load, begun, stopped = os.getloadavg()[0], time.monotonic(), False
    try:
        for done, job in enumerate(todo):
            progress(f"{done}/{len(todo)}  {time.monotonic() - begun:4.0f} s  {job}")
            run.do(job)
    except KeyboardInterrupt:
        stopped = True
    finally:
        run.close()
        progress("")
    text = "\n".join(report(entries(run.found), chosen.threads, about(run, load, stopped=stopped))) + "\n"
    print(text)
    if stopped and run.kept:
        print("Interrupted: `python -m benchmarks --resume`, with the same options, goes on.", file=sys.stderr)
    elif out := chosen.out or (HERE / "RESULTS.md" if chosen.whole else None):
        out.write_text(text, encoding="utf-8")
        out.with_name(out.name.removesuffix(".md") + ".svg").write_text(chart(text), encoding="utf-8")
    if run.kept and not stopped:
        run.kept.unlink()
    return int(stopped)


def progress(text: str) -> None:
    """One line on the terminal that is written over; line by line elsewhere."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
    elif text:
        print(text, file=sys.stderr, flush=True)


def about(run: Run, load: float, *, stopped: bool) -> list[str]:
    """Where, when and with what it was measured."""
    ours_too = {UNWATCHED} | ({ACCELERATED} if "version" in run.about.get(ACCELERATED, {}) else set())
    known = {name: said for name, said in run.about.items() if name not in ours_too}
    installed = [f"{name} {said['version']}" for name, said in known.items() if "version" in said]
    missing = [name for name, said in known.items() if "error" in said]
    ours = run.about.get("gradviz", {})
    lines = [
        f"`python -m benchmarks`, {datetime.now(UTC).date()}, {run.spent:.0f} s"
        + (", **interrupted**." if stopped else ".")
        + f" Load of the machine (other programs) when it began: {load:.1f}.",
        f"{processor()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}; {ours.get('python', '')}, "
        f"BLAS of NumPy: {ours.get('blas', '')}. " + ", ".join(installed) + ".",
    ]
    return lines + [f"Not installed: {', '.join(missing)}."] * bool(missing)


def processor() -> str:
    """The processor's name."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    return next(
        (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.processor()
    )


if __name__ == "__main__":
    sys.exit(main())

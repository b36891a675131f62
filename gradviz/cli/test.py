"""Run everything in a fixed order and say last what had to be skipped, and how to enable it.

Without arguments there are three stages; with arguments, they go to pytest and there is one.

    tests       all of tests/ but the browser's, spread over the cores by file
    browser     tests/browser, two at a time: each of the two has one JupyterLab and one Chromium
    notebooks   every committed notebook, run again and compared with its outputs (nbval, strict)
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from gradviz.cli import places
from gradviz.cli.needs import NEEDS, Need, of_skip

NOTHING_COLLECTED = 5
SKIPS = "skips.jsonl"
INSTALL = 'pip install -e ".[test]"'
ENVIRON = {"PYTHONHASHSEED": "0"}  # the number of threads is set in conftest.py


class Stage(NamedTuple):
    """One pytest run."""

    name: str
    arguments: list[str]


class Outcome(NamedTuple):
    stage: Stage
    status: int
    seconds: float


def main(argv: list[str]) -> int:
    """Run the stages; the exit status is the first bad one of theirs."""
    if argv in (["-h"], ["--help"]):
        print(f"usage: gradviz test [arguments for pytest]\n\n{__doc__}")
        return 0
    root = places.checkout()
    if root is None or not (root / "tests").is_dir():
        return _refuse("gradviz test needs the repository: an installed gradviz comes without its tests.")
    if importlib.util.find_spec("pytest") is None:
        return _refuse(f"gradviz test needs pytest, which is not installed here. Install it with\n\n    {INSTALL}\n")
    chosen = [Stage("chosen", argv)] if argv else stages(root)
    with tempfile.TemporaryDirectory(prefix="gradviz-test-") as scratch:
        outcomes = [_run(stage, root, Path(scratch)) for stage in chosen]
        print(closing(outcomes, skips(Path(scratch) / SKIPS)), flush=True)
    bad = [o.status for o in outcomes if o.status not in (0, NOTHING_COLLECTED)]
    ran = any(o.status == 0 for o in outcomes)
    return bad[0] if bad else 0 if ran else NOTHING_COLLECTED


def _refuse(why: str) -> int:
    print(why, file=sys.stderr)
    return 1


def stages(root: Path, cores: int | None = None) -> list[Stage]:
    """The whole run, as pytest's arguments."""
    available = (cores or os.cpu_count() or 1) if importlib.util.find_spec("xdist") else 1
    spread, browsers = _workers(min(available, 4)), _workers(min(available, 2))
    planned = [
        Stage("tests", ["tests", "--ignore=tests/browser", *spread]),
        Stage("browser", ["tests/browser", *browsers]),
    ]
    if importlib.util.find_spec("nbval") is not None and any((root / "notebooks").glob("*.ipynb")):
        sanitize = root / "tests" / "notebooks" / "sanitize.cfg"
        options = ["--nbval", "--nbval-current-env", "--nbval-cell-timeout=120"]
        options += [f"--nbval-sanitize-with={sanitize.relative_to(root)}"] if sanitize.is_file() else []
        planned.append(Stage("notebooks", ["notebooks", *options, *spread]))
    return [stage for stage in planned if (root / stage.arguments[0]).is_dir()]


def _workers(count: int) -> list[str]:
    """pytest-xdist's arguments: whole files are handed out, so that what a file shares is made once."""
    return ["-n", str(count), "--dist", "loadfile"] if count > 1 else []


def _run(stage: Stage, root: Path, scratch: Path) -> Outcome:
    command = [sys.executable, "-m", "pytest", *stage.arguments]
    print(f"\n=== gradviz test: {stage.name}: pytest {' '.join(stage.arguments)}", flush=True)
    started = time.perf_counter()
    mine = {"GRADVIZ_SKIPS": str(scratch / SKIPS), "GRADVIZ_HOME": str(scratch / "home")}  # not the learner's progress
    environ = {**ENVIRON, **os.environ, **mine}
    status = subprocess.run(command, cwd=root, env=environ, check=False).returncode
    return Outcome(stage, status, time.perf_counter() - started)


def skips(record: Path) -> list[dict[str, str]]:
    """What tests/conftest.py wrote down: one {"test", "reason"} a line, each test once."""
    if not record.is_file():
        return []
    rows = [json.loads(line) for line in record.read_text("utf-8").splitlines()]
    return list({row["test"]: row for row in rows}.values())


def closing(outcomes: list[Outcome], skipped: list[dict[str, str]]) -> str:
    """The last lines of the run: each stage with its verdict, then what was skipped and what would enable it."""
    words = {0: "passed", 1: "FAILED", 2: "INTERRUPTED", NOTHING_COLLECTED: "nothing to run"}
    lines = ["", "=== gradviz test: summary"]
    lines += [
        f"  {o.stage.name:<10} {words.get(o.status, f'ERROR (pytest exit {o.status})'):<15} {o.seconds:6.0f} s"
        for o in outcomes
    ]
    if not skipped:
        return "\n".join([*lines, "", "Nothing was skipped."])
    groups: dict[Need | None, list[dict[str, str]]] = {}
    for row in skipped:
        groups.setdefault(of_skip(row["reason"]), []).append(row)
    lines += ["", f"Skipped: {len(skipped)} (a module counts once)"]
    for need in NEEDS:
        if need in groups:
            lines += [f"  {need.name:<9} {len(groups[need]):4d}   {need.gives}", f"{'':>18}enable:  {need.get}"]
    for row in groups.get(None, []):
        lines.append(f"  {row['test']}: {row['reason']}")
    return "\n".join(lines)

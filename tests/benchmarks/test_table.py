"""The benchmark command: every program runs, ratios and goals are right, what fails or is missing is said."""

from __future__ import annotations

import contextlib
import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import gradviz
from accelerator import build
from benchmarks import compiled, runner, table
from benchmarks.__main__ import main
from benchmarks.run import FAMILIES, Job, Run, chosen, entries, jobs, specs
from benchmarks.runner import Budget, Line, Peer, measured, ratio
from benchmarks.spec import ACCELERATED, LIBRARIES, UNWATCHED, Measured, Spec
from benchmarks.worker import Worker
from tests.waiting import until

PROGRAMS = [(family, i) for family in FAMILIES for i, _ in enumerate(specs(family))]
SHORT = Budget(line=0.02, turns=4, least=2, call=0.0005, limit=60.0, profile=0.01)


@pytest.mark.parametrize(("family", "which"), PROGRAMS)
@pytest.mark.parametrize("library", ["gradviz", "NumPy"])
def test_every_program_runs_in_its_smallest_size(library: str, family: str, which: int) -> None:
    spec = specs(family)[which]
    if library not in spec.make:
        pytest.skip("no such program")
    module = importlib.import_module(LIBRARIES[library])
    size = next(iter(spec.sizes.values()))
    said = spec.make[library](module, size)()
    assert not isinstance(said, Measured) or said.bytes > 1e6


def test_every_work_has_three_sizes_a_reason_and_something_beside_it() -> None:
    for family, which in PROGRAMS:
        spec = specs(family)[which]
        assert "gradviz" in spec.make
        assert ("torch" in spec.make) is not (UNWATCHED in spec.make)
        assert len(spec.sizes) >= 3 or family == "small_ops"
        assert len(spec.limit) > 20
        assert set(spec.goals) | set(spec.memory_goals) <= set(spec.sizes)


def test_the_ratio_is_of_neighbouring_turns() -> None:
    assert ratio([1.0, 40.0, 3.0, 4.0], [2.0, 20.0, 3.0, 2.0]) == (1.0, 1.5, 2.0)
    assert ratio([5.0], [10.0, 1.0, 1.0]) == (0.5, 0.5, 0.5)


def entry(goal: float | None, middle: float, **more: Any) -> table.Entry:
    spec = Spec("work", {"8": 8}, {}, {} if goal is None else {"8": goal}, limit="dispatch", memory_goals={"8": 1.2})
    found = Line({"gradviz": 2e-6, "torch": 1e-6}, {"gradviz": (0.1, middle, 0.9), "NumPy": (0, 0.25, 1)}, **more)
    return table.Entry(spec, "8", {1: found}, {"gradviz": 30_000_000, "torch": 20_000_000})


def test_recorded_work_is_in_the_time_of_unwatched_work() -> None:
    peers = {name: Peer(sys.executable, name, 1) for name in (UNWATCHED, "gradviz")}
    try:
        line = measured(peers, {"family": "recording", "spec": 3, "size": "batch 4"}, SHORT)
    finally:
        for peer in peers.values():
            peer.close()
    assert line.ratios[UNWATCHED] == (1.0, 1.0, 1.0)
    assert 1 < line.ratios["gradviz"][1] < 10
    said = table.line(
        table.Entry(Spec("work", {"8": 8}, {}), "8", {1: line}, {"gradviz": 9_000_000, UNWATCHED: 6_000_000}), [1]
    )
    assert UNWATCHED not in said
    assert f"{line.ratios['gradviz'][1]:.2f} (" in said
    assert said.endswith("| 9.00 MB | 1.50 |")


def test_no_ratio_of_memory_that_cannot_be_measured() -> None:
    small = entry(None, 0.5)._replace(memory={"gradviz": 3_000_000, "torch": 2_000_000})
    assert table.memory_ratio(small) == ""
    assert table.memory_of(small.memory) == "3.00 MB"


def test_a_missed_goal_is_bold_and_explained() -> None:
    met, over = entry(0.6, 0.604), entry(0.6, 0.61, profile=[("core/op.py:1 call", 0.4)])
    assert "**" not in table.ratio_of(met.lines[1], met.goal)
    assert "**0.61** (0.10 - 0.90)" in table.line(over, [1])
    assert "**1.50**, goal ≤ 1.2" in table.line(over, [1])
    assert list(table.misses([met])) == []
    said = "\n".join(table.misses([over]))
    assert "0.61 with 1 thread; goal ≤ 0.6. What limits it: dispatch." in said
    assert "`core/op.py:1 call` 40%" in said


def test_what_only_several_threads_miss_is_told_apart() -> None:
    met, wide = entry(0.6, 0.5), entry(0.6, 0.8).lines[1]
    narrow = Line(wide.seconds, {"gradviz": (0.75, 0.8, 0.85)})
    for found, why in ((wide, "BLAS waits"), (narrow, "gains more from the threads")):
        (said,) = table.misses([met._replace(lines={1: met.lines[1], 2: found})])
        assert "0.80 with 2 threads; goal" in said
        assert "With 1 thread it meets the goal" in said
        assert why in said
    (said,) = table.misses([met._replace(lines={1: wide, 2: wide})])
    assert "meets the goal" not in said


def test_lines_measured_while_cores_were_far_apart_are_marked() -> None:
    one = entry(None, 0.5)
    near, far = (one._replace(lines={2: one.lines[1]._replace(apart=way)}) for way in (2.4e-7, 6e-7))
    text = "\n".join(table.report([near, far, one], [2], []))
    assert "in 240 ns at best" in text
    (first, second, third) = (row for row in text.splitlines() if row.startswith("| work | 8"))
    assert "†" not in first + third
    assert "0.50 (0.10 - 0.90) † |" in second
    assert "†" not in "\n".join(table.report([one], [1], []))


def test_every_turn_of_several_threads_measures_the_way_between_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    ways = iter((3e-7, 1e-7, 9e-7, 2e-7))
    monkeypatch.setattr(runner, "round_trip", lambda: next(ways, 2e-7))
    which = {"family": "small_ops", "spec": 1, "size": "8 values"}
    found = []
    for threads in (2, 1):
        peer = Peer(sys.executable, "NumPy", threads)
        try:
            found.append(measured({"NumPy": peer}, which, SHORT._replace(turns=3, least=3)).apart)
        finally:
            peer.close()
    assert found == [3e-7, None]


def test_the_way_between_two_cores_is_measured(repo: Path) -> None:
    said = "import os; from benchmarks.cores import round_trip as way; f = os.sched_getaffinity; a = f(0)"
    done = subprocess.run(
        [sys.executable, "-c", f"{said}; print(len(a), way(), a == f(0))"],
        cwd=repo,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    cores, way, as_before = done.stdout.split()
    assert as_before == "True"
    assert (way == "None") == (cores == "1")
    assert way == "None" or 1e-8 < float(way) < 0.1


def test_durations_have_three_digits() -> None:
    shown = [table.duration(s) for s in (9.7e-7, 1.234e-5, 1.07e-3, 0.5, 2.8, 0.0)]
    assert shown == ["0.97 µs", "12.3 µs", "1.07 ms", "500 ms", "2.80 s", "0.00 µs"]


def test_a_worker_says_what_fails_and_goes_on() -> None:
    peer = Peer(sys.executable, "NumPy", 1)
    try:
        assert peer.about["blas"]
        assert peer.ask("prepare", 60.0, family="small_ops", spec=0, size="8 values") == {"error": "KeyError: 'NumPy'"}
        assert peer.ask("prepare", 60.0, family="mlp", spec=0, size="batch 16")["seconds"] > 0
        assert peer.ask("time", 0.0, calls=10_000) == {"error": "> 0 s"}  # stopped, and started anew
        assert peer.ask("time", 60.0, calls=1)["seconds"] < 1
    finally:
        peer.close()


def states(pid: str) -> set[str]:
    """Of its threads. T: stopped; Z or none: it has ended. A process is stopped when the last of its threads is."""
    found = set()
    for file in Path("/proc", pid, "task").glob("*/stat"):
        with contextlib.suppress(OSError):  # a thread that has just ended
            found.add(file.read_text().rpartition(")")[2].split()[0])
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="states are read from /proc")
def test_a_worker_runs_only_while_it_is_asked_and_ends_with_its_parent() -> None:
    code = (
        "import sys, time; from benchmarks.runner import Peer; peer = Peer(sys.executable, 'NumPy', 2)\n"
        "asked = peer.ask('time', 60.0, calls=1); print(peer.process.pid, 'seconds' in asked, flush=True)\n"
        "time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid, answered = parent.stdout.readline().split()
    assert answered == "True"
    until(lambda: states(pid) == {"T"})
    parent.kill()
    parent.communicate()
    until(lambda: states(pid) <= {"Z"})


def test_a_library_that_is_not_installed_is_said_to_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIBRARIES, "NumPy", "no_such_module")
    assert Worker("NumPy").hello()["error"].startswith("not installed")
    peer = Peer.__new__(Peer)
    peer.missing = "not installed: no module"
    line = measured({"MyGrad": peer}, {}, SHORT)
    assert table.peer_of(line, "MyGrad") == "not installed"


def test_memory_is_what_the_work_needs() -> None:
    import numpy as np

    worker = Worker("NumPy")
    worker.build = lambda **which: lambda: np.ones(10_000_000).sum()  # type: ignore[method-assign]
    assert 77e6 < worker.memory()["bytes"] < 90e6


def test_a_profile_names_where_the_time_goes() -> None:
    worker = Worker("gradviz")
    worker.library = gradviz
    worker.prepare(family="small_ops", spec=0, size="8 values")
    found = worker.profile(0.05)["profile"]
    assert any("dispatch.py" in place for place, _ in found)
    assert 0 < sum(part for _, part in found) <= 1


def test_an_interrupted_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, asked = tmp_path / "kept", []

    def measure(self: Run, job: Job) -> Line:
        asked.append(job)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return Line({"gradviz": 1.0, "torch": 2.0}, {"gradviz": (0.5, 0.5, 0.5)})

    monkeypatch.setattr(Run, "measure", measure)
    todo = list(jobs(["mlp"], [1]))[:3]
    first = Run("python", [1], SHORT, kept)
    first.begin()
    for job in todo[:2]:
        first.do(job)
    with pytest.raises(KeyboardInterrupt):
        first.do(todo[2])
    again = Run("python", [1], SHORT, kept)
    again.resume()
    for job in todo:
        again.do(job)
    assert asked == [*todo, todo[2]]
    assert [e.lines[1].ratios["gradviz"][1] for e in entries(again.found)] == [0.5] * 3
    with pytest.raises(ValueError, match="other settings"):
        Run("python", [2], SHORT, kept).resume()


def test_a_peer_that_was_too_slow_is_not_asked_again() -> None:
    run = Run("python", [1], SHORT)
    spec, job = specs("mlp")[0], Job("mlp", 0, "batch 64", 1)
    run.found[job._replace(size="batch 16")] = Line({"MyGrad": 3.0, "HIPS autograd": 0.001}, {}, {"tinygrad": "> 25 s"})
    assert run.hopeless(spec, job, "MyGrad") == "not run (3 s at batch 16)"
    assert run.hopeless(spec, job, "HIPS autograd") == ""
    assert run.hopeless(spec, job, "tinygrad") == "> 25 s"
    assert run.hopeless(spec, job, "torch") == ""


def test_a_quick_run_measures_the_sizes_with_a_goal() -> None:
    assert chosen(specs("mlp")[0], quick=True) == ["batch 64"]
    assert chosen(specs("norms")[0], quick=True) == ["batch 16"]
    assert len(list(jobs(["mlp"], [1, 2]))) == 9


def test_the_committed_table_has_every_line(repo: Path) -> None:
    text = (repo / "benchmarks/RESULTS.md").read_text(encoding="utf-8")
    for family, which in PROGRAMS:
        spec = specs(family)[which]
        for size in spec.sizes:
            assert f"| {spec.work} | {size} |" in text


def test_the_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.__main__.QUICK", SHORT)
    assert main(["mlp", "--quick", "--threads", "1"]) == 0
    said = capsys.readouterr().out
    assert "| MLP 784-128-10, a training step | batch 64 | ≤ 0.9 |" in said
    assert "MB |" in said
    with pytest.raises(SystemExit):
        main(["no_such_family"])
    assert json.dumps(runner.QUICK)


@pytest.mark.parametrize("out", ["missing/table.md", "."])
def test_a_table_needs_a_file_before_anything_is_measured(
    out: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["mlp", "--out", str(tmp_path / out)])
    assert "name a file in a folder that exists" in capsys.readouterr().err


def test_the_accelerator_is_a_peer_and_what_only_it_meets_stays_a_miss_of_numpy() -> None:
    found = entry(0.55, 0.66)
    found.lines[1].ratios[ACCELERATED] = (0.1, 0.13, 0.2)
    said = "\n".join(table.misses([found]))
    assert "0.66 with 1 thread; goal ≤ 0.55 (with the accelerator, which meets it: 0.13 with 1 thread)." in said
    assert "**0.66**" in table.line(found, [1])
    assert "| 0.13 |" in table.line(found, [1])
    met, missed = (f"## {title}\n\n" for title in table.MISSED)
    text = "\n".join(table.report([found], [1], []))
    assert f"{met}- **work, 8**: 0.66" in text
    assert f"{missed}None." in text
    found.lines[1].ratios[ACCELERATED] = (0.1, 0.6, 0.7)
    assert (
        f"{missed}- **work, 8**: 0.66 with 1 thread; goal ≤ 0.55 (with the accelerator, which misses it"
        in "\n".join(table.report([found], [1], []))
    )


def test_only_the_accelerated_peer_has_the_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    assert compiled.environment(sys.executable, used=False)["GRADVIZ_ACCELERATOR"] == "0"
    if not build.compiler():
        pytest.skip("a C compiler, which builds the accelerator, is not installed")
    peers = {name: Peer(sys.executable, name, 1) for name in (ACCELERATED, "gradviz")}
    try:
        line = measured(peers, {"family": "small_ops", "spec": 1, "size": "8 values"}, Budget(line=0.5))
    finally:
        for peer in peers.values():
            peer.close()
    assert peers[ACCELERATED].missing is None
    assert line.seconds[ACCELERATED] < 0.7 * line.seconds["gradviz"]
    monkeypatch.setattr("benchmarks.runner.environment", lambda python, used: compiled.environment(python, used=False))
    peer = Peer(sys.executable, ACCELERATED, 1)
    peer.close()
    assert peer.missing == "not installed: switched off by GRADVIZ_ACCELERATOR=0"

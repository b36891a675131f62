"""The one command for a GPU machine, run through on stand-ins so that it does not fail where it counts.

No GPU code is executed, and its times mean nothing here.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from benchmarks import gpu, gpu_report
from benchmarks.gpu_rows import FIGURES, ROWS, Fact, Row
from gradviz.gpu.backend import why_not

from .run_kernel import needs_compiler

without_gpu = pytest.mark.skipif(not why_not(), reason="this machine has a GPU")


@needs_compiler
def test_a_dry_run_runs_the_code_of_every_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert gpu.main(["--dry-run", "--out", str(tmp_path)]) == 0
    (file,) = tmp_path.glob("*.json")
    assert file.name.endswith("-dry-run.json")
    result = json.loads(file.read_text())
    assert [row["work"] for row in result["rows"]] == [row.name for row in ROWS]
    assert all(row.get("gradviz", 0) > 0 or row.get("found") for row in result["rows"])
    text = file.with_suffix(".md").read_text()
    assert "no GPU code was executed" in text
    assert "torch sees no GPU here" in text
    assert text.strip() in capsys.readouterr().out
    assert sorted(p.suffix for p in tmp_path.iterdir()) == [".json", ".md"]


@without_gpu
def test_without_a_gpu_it_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert gpu.main(["--out", str(tmp_path)]) == 2
    assert capsys.readouterr().out.startswith("No GPU code was executed: ")
    assert not list(tmp_path.iterdir())


def test_files_need_a_folder_that_exists(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        gpu.main(["--dry-run", "--out", str(tmp_path / "missing")])
    assert "missing: name a folder that exists" in capsys.readouterr().err


@without_gpu
def test_a_row_that_fails_is_told_and_the_next_one_is_measured_elsewhere() -> None:
    worker = gpu.Worker()
    try:
        found = worker.measure(ROWS[0].name, 120)
        assert found["error"].startswith("NoDeviceError: Torch not compiled with CUDA enabled (")
        assert ".py:" in found["error"]
        assert worker.measure("no such row", 120) == {"error": "its process ended (1)"}
        assert worker.measure(ROWS[0].name, 0.0) == {"error": "stopped after 0 s"}
        assert worker.process is None
    finally:
        worker.close()


def test_where_an_error_came_from_is_its_last_line() -> None:
    def fail(torch: Any, sizes: Any) -> Any:
        raise ValueError("one line\nand another")

    row = gpu.found_by(Fact("a fact", fail), None, gpu.SMALL, 0)
    assert row["error"].startswith("ValueError: one line (test_benchmark.py:")


# -- the order of things, and what is left when the time is up ---------------------------------------------------------
class Told:
    """In place of the worker: each row takes so many seconds of a clock."""

    clock = 0.0

    def __init__(self, seconds: float) -> None:
        self.seconds, self.asked = seconds, []  # type: ignore[var-annotated]

    def measure(self, name: str, limit: float) -> dict[str, Any]:
        self.asked.append(name)
        Told.clock += self.seconds
        return {"gradviz": 5.0, "torch": 4.0, "ratio": 1.25, "quartiles": [1.2, 1.3], "turns": 9}

    def close(self) -> None:
        self.asked.append("closed")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def go(seconds: float, *arguments: str, checks: float = 0.0, status: int | None = 0) -> tuple[int, Any, list[str]]:
        worker = Told(seconds)
        monkeypatch.setattr(gpu, "Worker", lambda: worker)
        monkeypatch.setattr(gpu, "machine", lambda torch: {"gpu": "none", "torch": "2"})
        monkeypatch.setattr("gradviz.gpu.backend.why_not", lambda: "")
        monkeypatch.setattr(time, "monotonic", lambda: Told.clock)

        def checked(left: float) -> dict[str, Any]:
            worker.asked.append("checks")
            Told.clock += checks
            return {"command": "pytest", "status": status, "tail": ["1 passed"], "left": left}

        monkeypatch.setattr(gpu, "checks", checked)
        code = gpu.main([*arguments, "--out", str(tmp_path)])
        (file,) = tmp_path.glob("gpu-*.json")
        return code, json.loads(file.read_text()), worker.asked

    return go


def test_the_figures_come_before_the_checks_and_these_before_the_rest(run: Any) -> None:
    code, result, asked = run(1.0)
    names = [row.name for row in ROWS]
    assert asked == [*names[: len(FIGURES)], "checks", *names[len(FIGURES) :], "closed"]
    assert code == 0
    assert result["checks"]["left"] == gpu.BUDGET - len(FIGURES)
    rows = dict(zip(names, result["rows"], strict=True))
    text = gpu_report.table(result)
    assert rows["LeNet step, batch 4"]["goal"] == 2.0
    assert "| LeNet step, batch 4 | 5.0 | 4.0 | 1.25 | 1.20 to 1.30 | <= 2.0 | yes |" in text
    assert (
        "| LeNet step, batch 4, captured, beside torch's eager | 5.0 | 4.0 | 1.25 | 1.20 to 1.30 | <= 0.6 | NO |"
        in text
    )
    assert "- checks: `pytest`: 1 passed" in text


def test_when_the_time_is_up_the_rest_is_said_to_be_missing(run: Any) -> None:
    code, result, asked = run(10.0, "--budget", "100")
    assert len(asked) == 10 + 2  # ten rows, the checks, which are told how little is left, and the end
    assert result["checks"]["left"] <= 10
    assert [row.get("error") for row in result["rows"]] == [None] * 10 + ["no time was left"] * (len(ROWS) - 10)
    assert code == 1


def test_a_check_that_fails_is_a_run_that_fails(run: Any) -> None:
    assert run(1.0, status=1)[0] == 1


@pytest.mark.parametrize("argument", ["--no-checks", "--only=lenet"])
def test_checks_can_be_left_out(run: Any, argument: str) -> None:
    _, result, asked = run(1.0, argument)
    assert "checks" not in asked
    assert "checks" not in result


def test_too_little_time_for_the_checks_is_said() -> None:
    assert gpu.checks(10.0)["tail"] == ["no time was left"]


def test_ratios_are_those_of_neighbouring_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that grows slower is no library's fault."""
    now = [0.0]

    class Library:
        class cuda:
            synchronize = staticmethod(lambda: None)

    def work(factor: float) -> Any:
        def go() -> None:
            now[0] += factor * (1 + now[0])

        return go

    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    row = Row("row", lambda library, sizes: work(0.001), lambda library, sizes: work(0.002), goal=1.0)
    monkeypatch.setattr(gpu, "gradviz", Library)
    found = gpu.measured(row, Library, gpu.SMALL, 0)
    assert found["turns"] == 5
    assert 0.4 < found["ratio"] < 0.6

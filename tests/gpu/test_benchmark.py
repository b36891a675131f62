"""The one command for a GPU machine, run through on the stand-in so that it does not fail where it counts.

No GPU code is executed, and its times mean nothing here.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import gpu
from gradviz.gpu.backend import why_not

from .run_kernel import compiler
from .stand_in import two_gpus


@pytest.mark.skipif(compiler() is None, reason="g++, which runs the kernels here, is not installed")
def test_it_runs_through_and_writes_a_dated_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "convolution", lambda library: lambda: None)  # slow on a CPU
    monkeypatch.setattr(gpu, "lenet", lambda library, batch, make=gpu.lenet: make(library, 2))
    with two_gpus():
        assert gpu.main(["--no-checks", "--repeats", "1", "--out", str(tmp_path)]) == 0
    (file,) = tmp_path.glob("gpu-*.json")
    result = json.loads(file.read_text())
    assert len(result["rows"]) == 7
    assert len(result["captured"]) == 2
    assert all(row["gradviz"] > 0 for row in result["rows"])
    assert "| LeNet step, batch 4, captured |" in file.with_suffix(".md").read_text()


@pytest.mark.skipif(not why_not(), reason="this machine has a GPU")
def test_without_a_gpu_it_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert gpu.main(["--out", str(tmp_path)]) == 2
    assert capsys.readouterr().out.startswith("No GPU code was executed: ")
    assert not list(tmp_path.iterdir())

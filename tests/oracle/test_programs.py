"""Ordinary PyTorch programs print the same lines under PyTorch and, after `as_torch()`, under gradviz."""

from __future__ import annotations

import dataclasses
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAMS = [
    "gradient_descent",
    "momentum",
    "clipping",
    "custom_function",
    "autograd_basics",
    "dynamic_graph",
    "simple_nn",
    "gradient_accumulation",
]
RUN = "import runpy, sys; runpy.run_path(sys.argv[1], run_name='__main__')"
AS_TORCH = f"import gradviz; gradviz.as_torch(); {RUN}"
NUMBER = re.compile(r"[-+]?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][-+]?\d+)?|\bnan\b|[-+]?\binf\b")
TOLERANCE = 1e-4


def printed(code: str, program: Path, folder: Path) -> list[str]:
    repo = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code, str(program)],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(repo)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{program.name} failed:\n{done.stderr}"
    return done.stdout.splitlines()


def alike(found: str, expected: str) -> bool:
    """The same text, with numbers within the tolerance (relative; of numbers that are all but 0, absolute)."""
    if NUMBER.sub("#", found).split() != NUMBER.sub("#", expected).split():
        return False
    pairs = zip(NUMBER.findall(found), NUMBER.findall(expected), strict=True)
    return all(a == b or math.isclose(float(a), float(b), rel_tol=TOLERANCE, abs_tol=1e-7) for a, b in pairs)


@pytest.mark.parametrize(
    ("found", "expected", "same"),
    [
        ("loss: 0.50001", "loss: 0.5", True),
        ("loss: 0.501", "loss: 0.5", False),
        ("tensor([1., 2.])", "tensor([1., 2.])", True),
        ("tensor([1., 2.])", "tensor([1., 2., 3.])", False),
        ("torch.float32", "torch.float64", False),
        ("True", "False", False),
        ("-1e-3", "1e-3", False),
    ],
)
def test_lines_are_told_apart(found: str, expected: str, same: bool) -> None:
    assert alike(found, expected) is same


@pytest.mark.oracle
@pytest.mark.parametrize("name", PROGRAMS)
def test_same_lines_as_torch(name: str, shared: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    program = shared / "programs" / f"{name}.py"
    for folder in ("torch", "gradviz"):
        (tmp_path / folder).mkdir()
    expected = printed(RUN, program, tmp_path / "torch")
    found = printed(AS_TORCH, program, tmp_path / "gradviz")
    assert expected, "the program prints nothing"
    assert [line for line in zip(found, expected, strict=False) if not alike(*line)] == []
    assert len(found) == len(expected)


def test_draw_graph_runs(shared: Path, tmp_path: Path) -> None:
    lines = printed(AS_TORCH, shared / "programs" / "draw_graph.py", tmp_path)
    assert lines[0] == "True True"
    total = 8 * 1 * 3 * 3 + 8 + 8 * 26 * 26 * 10 + 10
    assert any(f"{total:,}" in line for line in lines), "the summary counts the parameters"


LOGGED = "import torch; torch.manual_seed(0); import runpy; runpy.run_path({!r}, run_name='__main__')"


@pytest.mark.oracle
def test_tensorboard_log_is_the_same(shared: Path, tmp_path: Path) -> None:
    """From the same seed, the same losses, histograms and pixels; the graph is in the same boxes."""
    pytest.importorskip("torch")
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    program = str(shared / "programs" / "tensorboard_log.py")
    logs = []
    for name, start in (("torch", ""), ("gradviz", "import gradviz; gradviz.as_torch(); ")):
        printed(start + LOGGED.format(program), tmp_path / name, tmp_path)
        logs.append(accumulator.EventAccumulator(str(tmp_path / name)).Reload())
    expected, found = logs
    tags = {kind: names for kind, names in expected.Tags().items() if names and kind != "tensors"}
    assert tags == {kind: names for kind, names in found.Tags().items() if kind in tags}
    assert (tags["scalars"], tags["histograms"], tags["images"]) == (["loss"], ["weight"], ["noise"])
    for kind in ("Scalars", "Histograms", "Images"):
        [tag] = tags[kind.lower()]
        rows = [[dataclasses.replace(event, wall_time=0) for event in getattr(log, kind)(tag)] for log in logs]
        assert rows[0] == rows[1]
    boxes = [{node.name.rpartition("/")[0] for node in log.Graph().node if "[" in node.name} for log in logs]
    assert boxes[0] == boxes[1]


CIFAR = """
import gradviz
gradviz.as_torch()
import itertools, sys
import torch.utils.data as data

# The program as it is, on the first few batches of each pass.
first = data.DataLoader.__iter__
data.DataLoader.__iter__ = lambda self: itertools.islice(first(self), 25)
source = open(sys.argv[1]).read()
exec(compile(source.replace("1999", "9").replace("2000", "10"), "cifar_cnn.py", "exec"), {"__name__": "__main__"})
"""


def test_cifar_cnn_runs(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("PIL")
    build = shared / "data" / "build_cifar10.py"
    subprocess.run([sys.executable, str(build), str(tmp_path), "--per-class", "20"], check=True, capture_output=True)
    monkeypatch.setenv("GRADVIZ_DATA", str(tmp_path))
    lines = printed(CIFAR, shared / "programs" / "cifar_cnn.py", tmp_path)
    losses = [float(line.split()[-1]) for line in lines if line.startswith("[")]
    assert len(losses) == 4
    assert all(2.2 < loss < 2.4 for loss in losses)
    assert lines[-2] == "Finished Training"
    assert 0 <= float(lines[-1].removeprefix("accuracy: ")) <= 1

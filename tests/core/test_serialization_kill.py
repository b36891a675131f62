"""A program that is killed while it saves leaves the old file or the new one, whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import gradviz

# The parent forks 200 times; each child saves over and over and is killed at a random moment.
PROGRAM = """
import os, random, signal, sys, time
import gradviz as torch
from gradviz.serialization import load, save
from gradviz.utils import safetensors

path, kills = sys.argv[1], int(sys.argv[2])
random.seed(0)
size = 20_000
write, read = {
    "zip": (lambda v: save({"step": v}, path), lambda: load(path)["step"]),
    "legacy": (lambda v: save({"step": v}, path, _use_new_zipfile_serialization=False), lambda: load(path)["step"]),
    "safetensors": (lambda v: safetensors.save_file({"step": v}, path), lambda: safetensors.load_file(path)["step"]),
}[sys.argv[3]]
write(torch.full((size,), -1.0))
seen = set()
for kill in range(kills):
    child = os.fork()
    if not child:
        step = 1000.0 * kill
        while True:
            write(torch.full((size,), step))
            step += 1
    time.sleep(random.random() * 0.03)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    found = read()
    assert found.shape == (size,) and (found == found[0]).all(), kill
    seen.add(found[0].item())
print(len(seen), len([n for n in os.listdir(os.path.dirname(path)) if n.endswith(".part")]))
"""


@pytest.mark.skipif(not hasattr(sys, "getwindowsversion") and sys.platform not in ("linux", "darwin"), reason="forks")
@pytest.mark.parametrize(("kind", "kills"), [("zip", 200), ("legacy", 40), ("safetensors", 40)])
def test_a_kill_at_any_moment(tmp_path: Path, kind: str, kills: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "model.pt"), str(kills), kind],
        capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    files, left = map(int, done.stdout.split())
    assert files > kills / 10, "most children should have saved before they were killed"
    assert left > 0, "some should have been killed while they wrote"


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    path = tmp_path / "model.pt"
    gradviz.save([1], path)
    program = """
import resource, signal, sys
import gradviz as torch
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    torch.save(torch.zeros(1_000_000), sys.argv[1])
except OSError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        check=True,
    )
    assert "File too large" in done.stdout
    assert resource
    assert gradviz.load(path) == [1]
    assert [file.name for file in tmp_path.iterdir()] == ["model.pt"]

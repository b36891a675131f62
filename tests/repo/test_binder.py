"""binder/ makes an image that repo2docker understands; the dry run needs no Docker."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def test_the_build_folder_is_complete(repo: Path) -> None:
    binder = repo / "binder"
    assert {file.name for file in binder.iterdir()} == {"apt.txt", "postBuild", "requirements.txt", "runtime.txt"}
    assert re.fullmatch(r"python-3\.\d+\n", (binder / "runtime.txt").read_text("utf-8"))
    assert (binder / "requirements.txt").read_text("utf-8").split() == [".[lab]"]
    assert os.access(binder / "postBuild", os.X_OK)
    copied = re.findall(r"^cp (\S+)", (binder / "postBuild").read_text("utf-8"), re.MULTILINE)
    assert copied
    assert all((repo / name).is_file() for name in copied)


def test_repo2docker_dry_run(repo: Path) -> None:
    tool = shutil.which("repo2docker", path=str(Path(sys.executable).parent)) or shutil.which("repo2docker")
    if tool is None:
        pytest.skip("repo2docker is not installed")
    command = [tool, "--no-build", "--debug", "."]
    run = subprocess.run(command, cwd=repo, capture_output=True, text=True, check=False, timeout=120)
    dockerfile = run.stdout + run.stderr
    assert run.returncode == 0, dockerfile[-3000:]
    python = (repo / "binder/runtime.txt").read_text("utf-8").strip().removeprefix("python-")
    for line in (
        rf"apt-get install .*{'.*'.join((repo / 'binder/apt.txt').read_text('utf-8').split())}",
        r'pip install --no-cache-dir -r "binder/requirements.txt"',
        r"RUN \./binder/postBuild",
        rf"Building conda environment for python={re.escape(python)}\b",
    ):
        assert re.search(line, dockerfile), f"{line} is not in:\n{dockerfile[-3000:]}"

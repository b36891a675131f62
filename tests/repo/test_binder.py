"""binder/ makes an image that repo2docker understands and that opens the first lesson.

That it has room for every notebook is tested where they are run: tests/notebooks/test_execution.py.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest


def test_the_build_folder_is_complete(repo: Path) -> None:
    binder = repo / "binder"
    build = {"apt.txt", "postBuild", "requirements.txt", "runtime.txt"}
    assert {file.name for file in binder.iterdir()} == {*build, "jupyter_server_config.json"}
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


class Stay(urllib.request.HTTPRedirectHandler):
    """Do not follow where the server sends the browser; look at it."""

    def redirect_request(self, *args: object, **kwargs: object) -> None:
        return None


def first_page(port: int, process: subprocess.Popen[bytes]) -> str:
    opener, deadline = urllib.request.build_opener(Stay), time.monotonic() + 90
    while time.monotonic() < deadline and process.poll() is None:
        try:
            opener.open(f"http://127.0.0.1:{port}/", timeout=10)
        except urllib.error.HTTPError as moved:
            return str(moved.headers["Location"])
        except OSError:
            time.sleep(0.2)
    raise AssertionError("the server did not answer")


@pytest.mark.slow
@pytest.mark.parametrize("app", ["server", "lab"])
def test_the_first_page_is_the_first_lesson(repo: Path, tmp_path: Path, app: str) -> None:
    """As Binder does it: a Jupyter server in the repository, with the settings that postBuild puts into the image."""
    pytest.importorskip("jupyterlab", reason="jupyterlab is not installed")
    pages = json.loads((repo / "binder" / "jupyter_server_config.json").read_text("utf-8"))
    assert {page["default_url"] for page in pages.values()} == {"/lab/tree/notebooks/00_start.ipynb"}
    settings = tmp_path / "etc"
    settings.mkdir()
    shutil.copy(repo / "binder" / "jupyter_server_config.json", settings)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    private = {f"JUPYTER_{name}_DIR": str(tmp_path / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    command = [sys.executable, "-m", "jupyter", app, "--no-browser", "--allow-root", f"--port={port}"]
    process = subprocess.Popen(
        [*command, "--IdentityProvider.token="],
        cwd=repo,
        env={**os.environ, **private, "JUPYTER_CONFIG_PATH": str(settings), "HOME": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert first_page(port, process).rstrip("?") == "/lab/tree/notebooks/00_start.ipynb"
    finally:
        process.terminate()
        process.wait(30)

"""`gradviz lab`: what it decides on each kind of machine, and one real start."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gradviz.cli import lab, places


@pytest.fixture
def notebooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course of one notebook, shipped from a folder of its own, and a home folder to work in."""
    folder = tmp_path / "shipped"
    folder.mkdir()
    (folder / places.START).write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    monkeypatch.setattr(places, "shipped", lambda: folder)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return folder


def plan(*argv: str) -> lab.Launch:
    mine, theirs = lab._split(list(argv))
    return lab.plan(lab.parser().parse_args(mine), theirs)


def test_a_checkout_opens_in_place(notebooks: Path) -> None:
    assert plan().folder == notebooks


@pytest.mark.parametrize("why", ["installed", "read-only"])
def test_otherwise_the_learner_gets_a_copy(notebooks: Path, monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    if why == "installed":
        monkeypatch.setattr(places, "checkout", lambda: None)
    else:
        monkeypatch.setattr(places, "writable", lambda folder: False)
    launch = plan()
    assert launch.folder == Path.home() / "gradviz-lessons"
    assert (launch.folder / places.START).is_file()
    assert any(str(launch.folder) in note for note in launch.notes)


def test_who_comes_back_is_told_where_to_go_on(notebooks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gradviz.teach import progress

    monkeypatch.delenv("GRADVIZ_HOME", raising=False)
    assert not any("solved" in note for note in plan().notes)
    progress.note_check("03.1", "right")
    assert any(note.startswith("1 of ") and "Go on with 03" in note for note in plan().notes)


def test_a_folder_of_ones_own(notebooks: Path, tmp_path: Path) -> None:
    assert plan("--dir", str(tmp_path / "mine")).folder == tmp_path / "mine"
    (tmp_path / "mine" / places.START).write_text("my answers")
    (notebooks / places.START).write_text("second edition")
    assert any("beside yours" in note for note in plan("--dir", str(tmp_path / "mine")).notes)


@pytest.mark.parametrize(("user", "allowed"), [(0, True), (1000, False)])
def test_root(notebooks: Path, monkeypatch: pytest.MonkeyPatch, user: int, allowed: bool) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user, raising=False)
    launch = plan()
    assert ("--allow-root" in launch.argv) == allowed
    assert any("root" in note for note in launch.notes) == allowed


@pytest.mark.parametrize(("browser", "argv"), [(False, ()), (True, ("--no-browser",))])
def test_no_browser(notebooks: Path, monkeypatch: pytest.MonkeyPatch, browser: bool, argv: tuple[str, ...]) -> None:
    monkeypatch.setattr(lab, "has_browser", lambda: browser)
    launch = plan(*argv)
    assert "--no-browser" in launch.argv
    assert any("address" in note for note in launch.notes)


def test_a_machine_without_a_screen_has_no_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert not lab.has_browser()


def test_what_follows_two_dashes_is_jupyters(notebooks: Path) -> None:
    assert plan("--port", "9000", "--", "--ip=0.0.0.0", "--port=1").argv[-2:] == ["--ip=0.0.0.0", "--port=1"]


def test_the_learners_own_configuration_stays(notebooks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "/of/the/learner")
    assert plan().environ["JUPYTER_CONFIG_PATH"].split(os.pathsep) == [str(lab.DEFAULTS), "/of/the/learner"]


def test_without_jupyterlab_it_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert lab.main([]) == 1
    assert '".[lab]"' in capsys.readouterr().err


@pytest.mark.parametrize("ssh", [True, False])
def test_the_address(monkeypatch: pytest.MonkeyPatch, ssh: bool) -> None:
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    if ssh:
        monkeypatch.setenv("SSH_CONNECTION", "here there")
    text = lab.banner({"url": "http://localhost:8889/", "token": "abc", "port": 8889})
    assert f"http://localhost:8889/lab/tree/{places.START}?token=abc\n" in text
    assert ("ssh -L 8889:localhost:8889" in text) == ssh


@pytest.fixture
def started(tmp_path: Path) -> Iterator[tuple[str, int, Path]]:
    """`gradviz lab` for real, with the port it wants already taken: the address it prints, that port, the folder."""
    pytest.importorskip("jupyterlab", reason="jupyterlab is not installed")
    log, folder = tmp_path / "log", tmp_path / "mine"
    private = {f"JUPYTER_{name}_DIR": str(tmp_path / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    private |= {"IPYTHONDIR": str(tmp_path / "ipython"), "HOME": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "gradviz", "lab", "--no-browser", "--dir", str(folder), "--port", str(port)]
        with log.open("wb") as out:
            process = subprocess.Popen(
                command,
                cwd=places.PACKAGE.parent,
                env={**os.environ, **private},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        try:
            yield _address(process, log), port, folder
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and process.poll() is None:
        found = re.search(rf"open at\s+(http\S+/lab/tree/{places.START}\S*)", log.read_text("utf-8", "replace"))
        if found:
            return found[1]
        time.sleep(0.2)
    raise AssertionError(log.read_text("utf-8", "replace"))


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.read().decode()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="SIGTERM does not let JupyterLab clean up on Windows")
def test_a_real_start_on_a_busy_port(started: tuple[str, int, Path]) -> None:
    url, busy, folder = started
    base, token = re.fullmatch(rf"(http://[\w.]+:\d+)/lab/tree/{places.START}\?token=(\w+)", url).groups()
    assert int(base.rpartition(":")[2]) != busy
    assert "<title>JupyterLab</title>" in get(url)
    listed = json.loads(get(f"{base}/api/contents?token={token}"))["content"]
    assert {entry["name"] for entry in listed} == {file.name for file in folder.glob("*.ipynb")}
    plugin = "@jupyterlab/apputils-extension:notification"
    told = json.loads(get(f"{base}/lab/api/settings/{plugin}?token={token}"))
    assert told["schema"]["properties"]["fetchNews"]["default"] == "false"
    assert told["raw"] == "{}", "the learner's own settings are theirs"

"""`gradviz lab`: open the lessons in JupyterLab, whatever the machine is like.

started as root       JupyterLab refuses; --allow-root is added, and said
the port is busy      the next free one is taken
no browser            the address is printed instead, with the ssh line for a remote machine
nowhere to write      the notebooks are copied to ~/gradviz-lessons, and the learner's own edits stay
the news prompt       is off by default, in a layer below the learner's own settings
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

from gradviz.cli import places
from gradviz.teach import overview

INSTALL = 'pip install "gradviz[lab]"      (in a checkout: pip install -e ".[lab]")'
DEFAULTS = Path(__file__).resolve().parent / "jupyter"


class Launch(NamedTuple):
    """How JupyterLab is to be started: its arguments, what is added to the environment, what the learner is told."""

    argv: list[str]
    environ: dict[str, str]
    notes: list[str]
    folder: Path


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="gradviz lab",
        description="Open the lessons in JupyterLab.",
        epilog="Whatever follows -- goes to JupyterLab: gradviz lab -- --ip=0.0.0.0",
    )
    p.add_argument("--dir", type=Path, metavar="FOLDER", help="keep your notebooks here: they are copied there first")
    p.add_argument("--port", type=int, default=8888, help="the first port to try (default: 8888)")
    p.add_argument("--no-browser", action="store_true", help="print the address and open nothing")
    return p


def main(argv: list[str]) -> int:
    mine, theirs = _split(argv)
    options = parser().parse_args(mine)
    if importlib.util.find_spec("jupyterlab") is None:
        print(
            f"gradviz lab needs JupyterLab, which is not installed here. Install it with\n\n    {INSTALL}\n",
            file=sys.stderr,
        )
        return 1
    try:
        launch = plan(options, theirs)
    except OSError as error:
        print(f"gradviz lab: {error}", file=sys.stderr)
        return 1
    for note in launch.notes:
        print(f"gradviz: {note}", flush=True)
    os.environ.update(launch.environ)
    return _serve(launch)


def plan(options: argparse.Namespace, theirs: list[str]) -> Launch:
    """Decide everything, start nothing. OSError when there is no place for the notebooks."""
    notes: list[str] = []
    folder = _folder(options.dir, notes)
    progress = overview()
    if progress.begun:
        notes.append(f"{progress.line()}. {progress.advice()}.")
    argv = [
        f"--ServerApp.root_dir={folder}",
        f"--ServerApp.port={options.port}",
        f"--LabApp.default_url=/lab/tree/{places.START}",
        "--ServerApp.log_level=WARN",  # the address must not drown in the log
        "--LabApp.log_level=WARN",
    ]
    if getattr(os, "geteuid", lambda: 1)() == 0:
        notes.append("running as root, so JupyterLab gets --allow-root.")
        argv.append("--allow-root")
    if options.no_browser or not has_browser():
        notes.append("no browser is opened; the address to open is printed below.")
        argv.append("--no-browser")
    environ = {
        # a layer of default settings: the news prompt off, the learner's own settings above it
        "JUPYTER_CONFIG_PATH": os.pathsep.join(filter(None, [str(DEFAULTS), os.environ.get("JUPYTER_CONFIG_PATH")])),
        # the kernel of this Python, not one that another installation left in the home folder
        "JUPYTER_PREFER_ENV_PATH": os.environ.get("JUPYTER_PREFER_ENV_PATH", "1"),
    }
    return Launch(argv + theirs, environ, notes, folder)


def has_browser() -> bool:
    """Is there a graphical browser that a program may open here?"""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False  # webbrowser would find w3m or lynx at best
    import webbrowser

    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


def _split(argv: list[str]) -> tuple[list[str], list[str]]:
    if "--" not in argv:
        return argv, []
    at = argv.index("--")
    return argv[:at], argv[at + 1 :]


def _folder(wanted: Path | None, notes: list[str]) -> Path:
    """The folder to work in: the checkout's own where it can be written, else a copy that belongs to the learner."""
    source = places.shipped()
    if wanted is None and places.checkout() is not None and places.writable(source):
        return source
    target = (wanted or Path.home() / "gradviz-lessons").expanduser().resolve()
    copied = places.bring(source, target)
    notes.append(f"your notebooks are in {target}")
    beside = [step.file.name for step in copied if step.fate == "beside"]
    if beside:
        notes.append("you changed these lessons, so their new version arrived beside yours: " + ", ".join(beside))
    return target


def _serve(launch: Launch) -> int:
    """Run JupyterLab in this process (Ctrl-C reaches it directly) and print the address once it really listens."""
    from jupyterlab.labapp import LabApp

    threading.Thread(target=_announce, name="gradviz-address", daemon=True).start()
    LabApp.launch_instance(launch.argv)
    return 0


def _announce() -> None:
    info = _server_info()
    if info is not None:
        print(banner(info), flush=True)


def _server_info(patience: float = 60.0) -> dict[str, Any] | None:
    """What the server of this process wrote about itself: the port it got in the end, its token."""
    from jupyter_core.paths import jupyter_runtime_dir

    file = Path(jupyter_runtime_dir()) / f"jpserver-{os.getpid()}.json"
    started, deadline = time.time(), time.monotonic() + patience
    while time.monotonic() < deadline:
        if file.is_file() and file.stat().st_mtime >= started - 1:
            try:
                info: dict[str, Any] = json.loads(file.read_text("utf-8"))
            except ValueError:  # half written
                info = {}
            if info.get("url"):
                return info
        time.sleep(0.1)
    return None


def banner(info: dict[str, Any]) -> str:
    """The lines a learner looks for among the server's log."""
    token = f"?token={info['token']}" if info.get("token") else ""
    lines = ["", "  The lessons are open at", "", f"      {info['url']}lab/tree/{places.START}{token}", ""]
    if os.environ.get("SSH_CONNECTION"):
        port = info["port"]
        lines += ["  From your own computer, first:", "", f"      ssh -L {port}:localhost:{port} THIS-MACHINE", ""]
    return "\n".join([*lines, "  Stop with Ctrl-C.", ""])

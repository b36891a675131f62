"""The accelerator of this tree, compiled for the interpreter that is measured: nothing is installed for it."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

REPO = Path(__file__).parent.parent


@functools.cache
def folder(python: str) -> str:
    """Where it was compiled to; empty if it could not be: then one that is installed for this interpreter is used."""
    made = tempfile.mkdtemp(prefix="gradviz-accelerator-")
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    build = [python, str(REPO / "accelerator" / "build.py"), made]
    try:
        done = subprocess.run(build, capture_output=True, timeout=120, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        done = False
    return made if done else ""


def environment(python: str, used: bool) -> dict[str, str]:
    """What a process needs to find the packages of this tree, and the accelerator if that is used and not otherwise."""
    if not used:
        return {"PYTHONPATH": str(REPO), "GRADVIZ_ACCELERATOR": "0"}
    return {"PYTHONPATH": os.pathsep.join(filter(None, (folder(python), str(REPO)))), "GRADVIZ_ACCELERATOR": ""}

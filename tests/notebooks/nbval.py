"""Strict nbval on copies of the notebooks, with any interpreter that has gradviz's dependencies."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from gradviz.teach.run import THREADS

REPO = Path(__file__).resolve().parent.parent.parent


def nbval(python: str, books: Iterable[Path], folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Copy the notebooks into an empty folder and run each again; 0 if every output is what the file holds.

    The kernels' home is ``folder/home``: what a learner has solved must not matter. `settings` go to the environment.
    """
    target = folder / "notebooks"
    target.mkdir(exist_ok=True)
    for book in books:
        shutil.copy(book, target)
    path = os.pathsep.join(filter(None, [str(REPO), os.environ.get("PYTHONPATH")]))
    threads = dict.fromkeys(THREADS, "1")
    environ = {**os.environ, **threads, "GRADVIZ_HOME": str(folder / "home"), "PYTHONPATH": path, **settings}
    environ.pop("GRADVIZ_SKIPS", None)
    options = ["--nbval", "--nbval-current-env", "--nbval-cell-timeout=120", "-q", "-p", "no:cacheprovider"]
    sanitize = f"--nbval-sanitize-with={REPO / 'tests' / 'notebooks' / 'sanitize.cfg'}"
    return subprocess.run(
        [python, "-m", "pytest", *options, sanitize, "--rootdir", str(folder), str(target)],
        cwd=folder, env=environ, capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip

"""The accelerator, built once into a folder of its own; what is tested with it runs in processes that find it there.

The suite itself runs in Python: what is imported here has decided already.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from accelerator import build

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the compiled accelerator is in."""
    if build.missing():
        pytest.skip(f"{build.missing()}, which builds the accelerator, is not installed")
    folder = tmp_path_factory.mktemp("accelerator")
    build.build(folder, "-Wall", "-Wextra", "-Werror")
    return folder


@pytest.fixture
def run(built: Path, repo: Path) -> Run:
    """Run the interpreter with these arguments where the accelerator is found; `settings` go into the environment."""

    def python(*arguments: str, path: Path = built, **settings: str) -> subprocess.CompletedProcess[str]:
        kept = {k: v for k, v in os.environ.items() if k != "GRADVIZ_ACCELERATOR" and not k.startswith("PYTEST")}
        environment = {**kept, "PYTHONPATH": os.pathsep.join([str(path), str(repo)]), **settings}
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=repo,
            env=environment,
            capture_output=True,
            text=True,
            timeout=550,
            check=False,
        )

    return python

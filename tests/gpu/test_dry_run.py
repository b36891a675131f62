"""The code of the tests that need a GPU, run on the stand-ins: a GPU's time is not for finding mistakes in them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from .run_kernel import needs_compiler

pytestmark = needs_compiler
REPO = Path(__file__).parents[2]
PLUGIN, FILES = "tests.gpu.on_stand_in", ("test_on_gpu.py", "test_engines_on_gpu.py")


def test_the_tests_of_a_gpu_run() -> None:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        PLUGIN,
        "-m",
        "gpu",
        *(f"tests/gpu/{name}" for name in FILES),
    ]
    env = {name: value for name, value in os.environ.items() if name != "GRADVIZ_REQUIRE"}
    env["PYTHONPATH"] = str(REPO)
    run = subprocess.run(command, cwd=REPO, env=env, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    passed = int(run.stdout.rpartition(" passed")[0].split()[-1])
    assert passed >= 30

"""The outputs are the same elsewhere: with another minor version of Python, and on another processor.

    GRADVIZ_PYTHONS=/envs/3.12/bin/python:/envs/3.13/bin/python pytest tests/notebooks/test_elsewhere.py
    GRADVIZ_PROCESSORS=Nehalem,Sandybridge pytest tests/notebooks/test_elsewhere.py

Such an interpreter needs gradviz's dependencies, its `lab` extra, pytest and nbval. A processor is one that OpenBLAS
has kernels for (OPENBLAS_CORETYPE); NumPy's own newer instructions are switched off with it. Both round sums otherwise,
so a picture or a number with too many digits of a single-precision run shows here, and not where it was built.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.notebooks.nbval import nbval

PYTHONS = [python for python in os.environ.get("GRADVIZ_PYTHONS", "").split(os.pathsep) if python]
PROCESSORS = [name for name in os.environ.get("GRADVIZ_PROCESSORS", "").split(",") if name]
OLDER = "AVX512F AVX512CD AVX512_SKX AVX2 FMA3"

pytestmark = pytest.mark.slow


@pytest.mark.skipif(
    not PYTHONS, reason="GRADVIZ_PYTHONS names no other interpreter: outputs are compared on one Python"
)
@pytest.mark.parametrize("python", PYTHONS, ids=range(len(PYTHONS)))
def test_another_python(python: str, repo: Path, tmp_path: Path) -> None:
    ask = [python, "-c", "import sys; print(*sys.version_info[:2])"]
    version = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.split()
    assert version != [str(part) for part in sys.version_info[:2]], "this is the version that runs the tests"
    done = nbval(python, (repo / "notebooks").glob("*.ipynb"), tmp_path)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


@pytest.mark.skipif(not PROCESSORS, reason="GRADVIZ_PROCESSORS names no processor: outputs are compared on this one")
@pytest.mark.parametrize("name", PROCESSORS)
def test_another_processor(name: str, repo: Path, tmp_path: Path) -> None:
    settings = {"OPENBLAS_CORETYPE": name, "NPY_DISABLE_CPU_FEATURES": OLDER}
    done = nbval(sys.executable, (repo / "notebooks").glob("*.ipynb"), tmp_path, **settings)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]

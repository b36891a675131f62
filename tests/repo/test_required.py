"""GRADVIZ_REQUIRE: a test that silently stops running is a failure where continuous integration says so."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# name -> (test file, the skip's reason, pytest's status without and with GRADVIZ_REQUIRE="torch,browser")
CASES = {
    "a module without torch": ("pytest.skip('needs torch', allow_module_level=True)", "needs torch", 5, 2),
    "a test without Chromium": ("def test():\n    pytest.skip('no Chromium found')", "no Chromium found", 0, 1),
    "a skip of another kind": ("def test():\n    pytest.skip('not on a Tuesday')", "not on a Tuesday", 0, 0),
    "nothing skipped": ("def test():\n    pass", None, 0, 0),
}


def run(folder: Path, require: str, repo: Path) -> subprocess.CompletedProcess[str]:
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "GRADVIZ_"))}
    environ |= {"GRADVIZ_REQUIRE": require, "GRADVIZ_SKIPS": str(folder / "skips"), "PYTHONPATH": str(repo)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), str(folder)]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize("case", CASES)
def test_a_skip_becomes_a_failure_where_required(tmp_path: Path, repo: Path, case: str) -> None:
    text, reason, relaxed, strict = CASES[case]
    shutil.copy(repo / "tests/conftest.py", tmp_path / "conftest.py")
    (tmp_path / "test_one.py").write_text(f"import pytest\n\n{text}\n")
    loose = run(tmp_path, "", repo)
    assert loose.returncode == relaxed, loose.stdout + loose.stderr
    written = (tmp_path / "skips").read_text().splitlines() if reason else []
    assert [json.loads(line)["reason"] for line in written] == ([reason] if reason else [])
    required = run(tmp_path, "torch,browser", repo)
    assert required.returncode == strict, required.stdout + required.stderr
    assert ("GRADVIZ_REQUIRE asks for" in required.stdout) == (strict != 0)


def test_an_unknown_requirement_stops_at_once(tmp_path: Path, repo: Path) -> None:
    shutil.copy(repo / "tests/conftest.py", tmp_path / "conftest.py")
    stopped = run(tmp_path, "tensorflow", repo)
    assert stopped.returncode != 0
    assert "knows no tensorflow" in stopped.stdout + stopped.stderr

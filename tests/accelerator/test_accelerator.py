"""With the accelerator everything is as without it: numbers, graphs, errors; and gradviz is complete without it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gradviz.core import accelerator

from .conftest import Run

HERE = "tests/accelerator"
STATE = "import gradviz; from gradviz.core import accelerator; print(accelerator.STATE, accelerator.used())"
# A good part of the core's own tests.
CORE = """
    core/test_dispatch.py core/test_properties.py core/test_silent.py core/test_views.py core/test_threads.py
    core/test_freeing.py core/test_calls.py core/test_quick.py core/test_written.py nn/test_signatures.py
""".split()  # noqa: SIM905


def passed(run: Run, *tests: str) -> int:
    """How many of these tests pass with the accelerator: all of them must."""
    said = run("-m", "pytest", "-n", "0", "-q", "-p", "no:cacheprovider", *tests)
    assert said.returncode == 0, (said.stdout + said.stderr)[-6000:]
    found = re.search(r"(\d+) passed", said.stdout)
    assert found, said.stdout[-2000:]
    return int(found[1])


@pytest.mark.slow
def test_every_operation_does_the_same_both_ways(run: Run) -> None:
    assert passed(run, f"{HERE}/check_calls.py") > 3000


@pytest.mark.slow
def test_calls_are_functions_and_lose_nothing(run: Run) -> None:
    assert passed(run, f"{HERE}/check_objects.py") > 70


@pytest.mark.slow
def test_functions_of_numpy_do_the_same_both_ways(run: Run) -> None:
    assert passed(run, f"{HERE}/check_loops.py") > 700


@pytest.mark.slow
def test_the_cores_own_tests_pass_with_it(run: Run) -> None:
    assert passed(run, *(f"tests/{name}" for name in CORE)) > 700


def test_it_is_used_where_it_is_found(run: Run) -> None:
    assert run("-W", "error", "-c", STATE).stdout == "used True\n"
    doctor = run("-m", "gradviz", "doctor").stdout
    assert re.search(r"ok +compiled +used", doctor)


def test_it_can_be_switched_off(run: Run) -> None:
    said = run("-W", "error", "-c", STATE, GRADVIZ_ACCELERATOR="0")
    assert said.stdout == "switched off by GRADVIZ_ACCELERATOR=0 False\n"
    assert "switched off" in run("-m", "gradviz", "doctor", GRADVIZ_ACCELERATOR="0").stdout


def test_without_it_calls_are_plain_functions(run: Run) -> None:
    code = f"import sys; sys.modules['{accelerator.NAME}'] = None; {STATE}; print(type(gradviz.relu).__name__)"
    assert run("-W", "error", "-c", code).stdout == "not installed False\nfunction\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("INTERFACE = 10**6", "it has interface 1000000 and this gradviz asks for"),
        ("raise ImportError('numpy changed')", "numpy changed"),
        ("import no_such_module", "No module named 'no_such_module'"),
    ],
)
def test_one_that_does_not_fit_is_said_to_and_left_alone(run: Run, text: str, why: str, tmp_path: Path) -> None:
    (tmp_path / f"{accelerator.NAME}.py").write_text(text)
    said = run("-c", f"{STATE}; print(gradviz.ones(2) + 1)", path=tmp_path)
    assert "tensor([2., 2.])" in said.stdout
    assert said.stdout.startswith("installed but not used: ")
    assert why in said.stdout
    assert said.stderr.count("UserWarning") == 1
    assert why in said.stderr


def test_pip_installs_it(run: Run, tmp_path: Path) -> None:
    """As `pip install ./accelerator` does, with what is here instead of a download."""
    for needed in ("setuptools", "pip"):
        pytest.importorskip(needed)
    options = ["--no-build-isolation", "--no-deps", "--no-index", "--quiet", "--target", str(tmp_path / "site")]
    copied = tmp_path / "accelerator"
    said = run("-c", f"import shutil; shutil.copytree('accelerator', {str(copied)!r})")
    assert said.returncode == 0, said.stderr
    said = run("-m", "pip", "install", *options, str(copied))
    assert said.returncode == 0, said.stdout + said.stderr
    assert run("-W", "error", "-c", STATE, path=tmp_path / "site").stdout == "used True\n"
    assert re.search(r"ok +compiled +[\d.]+, used", run("-m", "gradviz", "doctor", path=tmp_path / "site").stdout)

"""The built wheel, installed in a fresh environment and used from there: what `pip install gradviz` gives a learner.

The fresh environment sees this one's other packages (NumPy, JupyterLab ...) through a .pth file, so the test is quick
and needs no network; gradviz itself comes from the wheel, which is asserted.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def run(*command: str | Path, **options: object) -> str:
    done = subprocess.run(
        [str(c) for c in command], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, **options
    )
    assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(repo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if importlib.util.find_spec("hatchling") is None or importlib.util.find_spec("pip") is None:
        pytest.skip("hatchling is not installed")
    folder = tmp_path_factory.mktemp("dist")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--wheel-dir", folder]
    run(sys.executable, "-m", "pip", "wheel", *options, repo)
    (built,) = folder.glob("gradviz-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of an environment with the wheel in it."""
    root = tmp_path_factory.mktemp("wheel-env")
    venv.create(root, with_pip=False)
    scripts = root / ("Scripts" if os.name == "nt" else "bin")
    options = ["--no-deps", "--no-index", "--quiet"]
    run(sys.executable, "-m", "pip", "--python", scripts / "python", "install", *options, wheel)
    (packages,) = [path for path in root.rglob("site-packages") if path.is_dir()]
    (packages / "outer.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return scripts


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONPATH" and not k.startswith(("GRADVIZ_", "JUPYTER"))}
    return {**kept, "HOME": str(tmp_path), "USERPROFILE": str(tmp_path)}


def test_the_wheel_holds_all_that_is_used_at_run_time(wheel: Path, repo: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert "gradviz/py.typed" in names
    code = {f"{file.relative_to(repo).as_posix()}" for file in (repo / "gradviz").rglob("*.py")}
    static = {f.relative_to(repo).as_posix() for f in (repo / "gradviz/widgets/static").rglob("*") if f.is_file()}
    defaults = {f.relative_to(repo).as_posix() for f in (repo / "gradviz/cli/jupyter").rglob("*.json")}
    notebooks = {f"gradviz/_course/notebooks/{file.name}" for file in (repo / "notebooks").glob("*.ipynb")}
    assert static
    assert notebooks
    assert code | static | defaults | notebooks | {"gradviz/_course/lessons/index.toml"} <= names


def test_the_wheel_holds_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    roots = {name.split("/")[0] for name in names}
    assert {root for root in roots if not root.endswith(".dist-info")} == {"gradviz"}
    wrong = ("__pycache__", "node_modules", ".ipynb_checkpoints", "/tests/")
    assert [name for name in names if any(word in name for word in wrong)] == []
    assert wheel.stat().st_size < 4_000_000  # a third of it is the notebooks, with their pictures


def test_it_runs_from_the_wheel(installed: Path, environ: dict[str, str], tmp_path: Path) -> None:
    code = """
import json, pathlib
import gradviz, gradviz as torch
from gradviz.cli import places
x = torch.tensor([1.0, 2.0], requires_grad=True)
(x * x).sum().backward()
print(json.dumps({
    "file": gradviz.__file__, "grad": x.grad.tolist(), "version": gradviz.__version__,
    "checkout": places.checkout(), "start": (places.shipped() / places.START).is_file(),
}))
"""
    told = json.loads(run(installed / "python", "-c", code, cwd=tmp_path, env=environ))
    assert Path(told["file"]).is_relative_to(installed.parent)
    assert told["grad"] == [2.0, 4.0]
    assert told["checkout"] is None
    assert told["start"]


def test_a_view_and_an_exercise_from_the_wheel(installed: Path, environ: dict[str, str], tmp_path: Path) -> None:
    pytest.importorskip("anywidget", reason="anywidget is not installed")
    code = """
import gradviz as torch
from gradviz.teach import course
from gradviz.widgets import BackpropStepper
w = torch.tensor([1.0, 2.0], requires_grad=True)
page = BackpropStepper((w * w).sum()).to_html()
print("<script" in page, len(course.lessons()))
"""
    scripted, lessons = run(installed / "python", "-c", code, cwd=tmp_path, env=environ).split()
    assert scripted == "True"
    assert int(lessons) >= 3


def test_the_command_from_the_wheel(installed: Path, environ: dict[str, str], tmp_path: Path, repo: Path) -> None:
    from gradviz.version import __version__

    assert run(installed / "gradviz", "--version", env=environ).strip() == f"gradviz {__version__}"
    table = " ".join(run(installed / "gradviz", "doctor", cwd=tmp_path, env=environ).split())
    assert "installed in" in table
    assert "copied to ~/gradviz-lessons" in table
    refused = subprocess.run([installed / "gradviz", "test"], env=environ, capture_output=True, text=True, check=False)
    assert (refused.returncode, "without its tests" in refused.stderr) == (1, True)
    code = "from gradviz.cli import lab; print(lab.plan(lab.parser().parse_args([]), []).folder)"
    folder = Path(run(installed / "python", "-c", code, cwd=tmp_path, env=environ).strip())
    assert folder == tmp_path / "gradviz-lessons"
    shipped = {file.name for file in (repo / "notebooks").glob("*.ipynb")}
    assert {file.name for file in folder.glob("*.ipynb")} == shipped


def test_the_lessons_commands_from_the_wheel(installed: Path, environ: dict[str, str], tmp_path: Path) -> None:
    pytest.importorskip("jupytext", reason="jupytext is not installed: the lessons' sources cannot be read")
    gradviz = [installed / "gradviz", "lessons"]
    run(*gradviz, "copy", tmp_path / "mine", "05", cwd=tmp_path, env=environ)
    assert [file.name for file in (tmp_path / "mine").glob("*.ipynb")] == ["05_gradient_descent.ipynb"]
    assert "exercises 0 of 3" in run(*gradviz, "list", cwd=tmp_path, env=environ)
    run(*gradviz, "nbgrader", tmp_path / "course", "05", cwd=tmp_path, env=environ)
    assert (tmp_path / "course/source/05_gradient_descent/05_gradient_descent.ipynb").is_file()

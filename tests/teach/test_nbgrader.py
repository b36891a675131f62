"""The lessons as nbgrader assignments: the documented schema, the solutions in their regions, and nbgrader itself.

The last part runs the real nbgrader: the one installed here, or that of the interpreter which GRADVIZ_NBGRADER names
(it needs gradviz, too). It grades a right, an untouched, a mixed and a dishonest submission.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jupytext", reason="jupytext is not installed: the lessons' sources cannot be read")
pytest.importorskip("nbformat", reason="nbformat is not installed")

import nbformat

from gradviz.cli.lessons import main
from gradviz.teach import grade, nbgrader, progress, source
from gradviz.teach.check import find, of_lesson
from gradviz.teach.course import Lesson, lesson, lessons
from tests.notebooks.run_plain import run_cell

LESSONS = pytest.mark.parametrize("it", lessons(), ids=lambda it: it.id)
# Our reading of https://nbgrader.readthedocs.io/en/stable/contributor_guide/metadata.html, schema version 3.
KEYS = {"schema_version": int, "grade_id": str, "grade": bool, "locked": bool, "solution": bool, "task": bool}
NAME = re.compile(r"[a-zA-Z0-9_\-]+")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRADVIZ_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def marked(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if "nbgrader" in cell.metadata]


def graded(it: Lesson) -> list[str]:
    """The exercises that a grader can run."""
    return [id for id, entry in of_lesson(it.id).items() if not entry.live]


@LESSONS
def test_the_metadata_are_those_of_the_schema(it: Lesson) -> None:
    notebook = nbgrader.assignment(it)
    nbformat.validate(notebook)
    names = []
    for cell in marked(notebook):
        meta = dict(cell.metadata["nbgrader"])
        points = meta.pop("points", None)
        assert {key: type(value) for key, value in meta.items()} == KEYS
        assert meta["schema_version"] == 3
        assert NAME.fullmatch(meta["grade_id"])
        assert (points == 1) == meta["grade"] == meta["locked"] != meta["solution"]
        assert cell.cell_type == "code"
        names.append(meta["grade_id"])
    assert len(set(names)) == len(names)
    expected = [f"{what}-{id.replace('.', '-')}" for id in graded(it) for what in ("exercise", "tests")]
    assert sorted(names) == sorted(expected)
    assert not any(cell.get("outputs") for cell in notebook.cells)


@LESSONS
def test_without_its_regions_it_is_the_lesson(it: Lesson) -> None:
    """What a student gets is the lesson, cell for cell, and the locked cells."""
    mine = [cell for cell in nbgrader.assignment(it).cells if not cell.id.startswith("tests-")]
    for cell, original in zip(mine, source.read(it).cells, strict=True):
        kept = re.sub(r"### BEGIN SOLUTION\n.*?### END SOLUTION\n?", "", cell.source, flags=re.DOTALL)
        assert re.sub(r"\n+", "\n", kept.strip()) == re.sub(r"\n+", "\n", original.source.strip())


@pytest.mark.parametrize("id", ["00", "03", "05"])
def test_the_teachers_notebook_passes_its_own_tests(id: str) -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    for cell in nbgrader.assignment(lesson(id)).cells:
        if cell.cell_type == "code":
            run_cell(cell.source, names)


def test_the_graded_cell_raises_unless_right() -> None:
    assert grade("05.1", 0.4) is None
    for answer, word in ((..., "not attempted"), (100.0, "not yet")):
        with pytest.raises(AssertionError, match=f"Exercise 05.1: {word}"):
            grade("05.1", answer)


def test_grading_is_nobodys_progress(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grade("05.1", 0.4)
    assert not home.exists()
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    assert progress.note_check("05.1", "right")
    assert not home.exists()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('check("05.1", lr)', [("05.1", "lr")]),
        ('x = 1\ncheck("13.2", (mine, test_x))', [("13.2", "(mine, test_x)")]),
        ('check(\n    "03.2",\n    dict(a=1, b=f"{x}"),\n)', [("03.2", 'dict(a=1, b=f"{x}")')]),
        ('def check2(): ...\nprint("check(1, 2)")', []),
    ],
)
def test_what_a_cell_checks(text: str, found: list[tuple[str, str]]) -> None:
    assert list(nbgrader.checked(text)) == found


def test_the_one_exercise_that_needs_a_hand() -> None:
    assert [id for it in lessons() for id, entry in of_lesson(it.id).items() if entry.live] == ["00.1"]
    assert find("00.1").live


def test_the_command_keeps_a_teachers_changes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    course = tmp_path / "course"
    assert main(["nbgrader", str(course), "05"]) == 0
    book, config = course / "source/05_gradient_descent/05_gradient_descent.ipynb", course / "nbgrader_config.py"
    assert book.is_file()
    compile(config.read_text(), "config", "exec")
    config.write_text("# mine")
    assert main(["nbgrader", str(course), "05", "00"]) == 0
    assert config.read_text() == "# mine"
    assert "nbgrader_config.py: left alone: you changed it" in capsys.readouterr().out
    assert sorted(path.name for path in (course / "source").iterdir()) == ["00_start", "05_gradient_descent"]
    assert main(["nbgrader", str(course), "05", "--force"]) == 0
    assert "get_config" in config.read_text()


# -- nbgrader itself -----------------------------------------------------------------------------------------------


def grader() -> str:
    """The interpreter that has nbgrader."""
    named = os.environ.get("GRADVIZ_NBGRADER")
    if named is None and importlib.util.find_spec("nbgrader") is None:
        pytest.skip("GRADVIZ_NBGRADER names no interpreter with nbgrader: assignments are not graded for real")
    return named or sys.executable


SCORES = """
import json, sys
from nbgrader.api import Gradebook
with Gradebook("sqlite:///gradebook.db") as book:
    print(json.dumps({name: [[cell.name, cell.auto_score] for it in book.find_submission(sys.argv[1], name).notebooks
                             for cell in it.grades] for name in sys.argv[2:]}))
"""
VALIDATE = """
import sys, nbformat
from nbgrader.nbgraderformat import MetadataValidator
for name in sys.argv[1:]:
    MetadataValidator().validate_nb(nbformat.read(name, 4))
"""


def answered(notebook: Any, it: Lesson, right: set[str]) -> Any:
    """A submission with the right answers to these exercises and the dots in the others."""
    for cell in notebook.cells:
        number = source.exercise_of(cell.source) if cell.cell_type == "code" else None
        if number in right:
            cell.source = source.solve(cell.source, source.solutions(it)[number])
    return notebook


@pytest.mark.slow
@pytest.mark.parametrize("id", os.environ.get("GRADVIZ_NBGRADER_LESSONS", "00,05").split(","))
def test_nbgrader_grades_it(id: str, tmp_path: Path) -> None:
    python, it = grader(), lesson(id)
    course = tmp_path / "course"
    assert main(["nbgrader", str(course), id]) == 0
    environ = {**os.environ, "JUPYTER_PREFER_ENV_PATH": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    environ |= {"PATH": os.pathsep.join([str(Path(python).parent), environ["PATH"]])}

    def run(*command: str) -> str:
        done = subprocess.run(
            [python, *command], cwd=course, env=environ, capture_output=True, text=True, timeout=500, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    book = f"{it.folder}/{it.notebook.name}"
    run("-c", VALIDATE, f"source/{book}")
    run("-m", "nbgrader", "generate_assignment", it.folder)
    release = course / "release" / book
    assert "BEGIN SOLUTION" not in release.read_text("utf-8")
    run("-c", VALIDATE, f"release/{book}")
    numbers = graded(it)
    right = {"ada": set(numbers), "ben": set(), "cho": {numbers[0]}, "dan": set()}
    for name, answers in right.items():
        notebook = answered(nbformat.read(release, 4), it, answers)
        if name == "dan":  # who takes the tests out
            for cell in marked(notebook):
                cell.source = "pass" if cell.metadata["nbgrader"]["grade"] else cell.source
        target = course / "submitted" / name / book
        target.parent.mkdir(parents=True)
        nbformat.write(notebook, target)
    run("-m", "nbgrader", "autograde", it.folder)
    scores = json.loads(run("-c", SCORES, it.folder, *right))
    assert scores == {
        name: [[f"tests-{number.replace('.', '-')}", float(number in answers)] for number in numbers]
        for name, answers in right.items()
    }

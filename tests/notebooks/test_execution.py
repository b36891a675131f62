"""Executed for real: the solved lessons turn green in a kernel, and nbval passes twice on the committed notebooks.

The solved lessons, which are the heavier ones, have room on mybinder.org.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("nbclient", reason="nbclient is not installed: notebooks are not executed")
pytest.importorskip("ipykernel", reason="ipykernel is not installed: notebooks are not executed")
pytest.importorskip("jupytext", reason="jupytext is not installed: the lessons' sources cannot be read")

from gradviz.teach import build, run, source
from gradviz.teach.check import of_lesson
from gradviz.teach.course import Lesson, lessons
from tests.notebooks.nbval import nbval

pytestmark = pytest.mark.slow
ROOM = 900  # megabytes; mybinder.org gives a user 1 to 2 GB, and the server needs some of it
HAS_PEAK = Path("/proc/self/status").exists()
LESSONS = pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.id)


@LESSONS
def test_the_solved_lesson_is_green_and_has_room(lesson: Lesson) -> None:
    solved = source.solved(lesson)
    if HAS_PEAK:
        assert run.measure(solved, timeout=300).peak < ROOM
        run.normalise(solved)
    else:
        run.execute(solved, timeout=300)
    assert run.complaints(solved) == []
    said = [it.data["text/plain"] for cell in solved.cells for it in cell.get("outputs", []) if "data" in it]
    verdicts = [text.splitlines()[0] for text in said if "Exercise " in text]
    assert verdicts == [f"✓ Exercise {id}, {entry.title}: right" for id, entry in of_lesson(lesson.id).items()]


@LESSONS
def test_two_builds_give_the_same_bytes(lesson: Lesson, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The committed notebook is what a build gives, up to the packed programs of the views."""
    monkeypatch.setattr(Lesson, "notebook", property(lambda self: tmp_path / "built.ipynb"))
    texts = []
    for _ in range(2):
        assert build.build(lesson, always=True) == "run"
        texts.append((tmp_path / "built.ipynb").read_text(encoding="utf-8"))
    assert texts[0] == texts[1]
    assert build.build(lesson) == "unchanged"


def test_nbval_passes_twice(repo: Path, tmp_path: Path) -> None:
    pytest.importorskip("nbval", reason="nbval is not installed")
    for _ in range(2):
        done = nbval(sys.executable, (repo / "notebooks").glob("*.ipynb"), tmp_path)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert not (tmp_path / "home").exists(), "a lesson that nobody has answered must not write progress"

"""Each notebook equals its source, each exercise has check and solution, the prose keeps the rules. No kernel."""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jupytext", reason="jupytext is not installed: the lessons' sources cannot be read")
pytest.importorskip("nbformat", reason="nbformat is not installed")

from gradviz.teach import build, run, source
from gradviz.teach.check import Verdict, checks_module, judge, of_lesson
from gradviz.teach.course import Lesson, lessons, root, table
from tests.notebooks.run_plain import code_of, run_cells

LESSONS = pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.id)
EXERCISES = [(lesson, id) for lesson in lessons() for id in of_lesson(lesson.id)]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADVIZ_HOME", str(tmp_path / "home"))


# -- notebook and source -------------------------------------------------------------------------------------------


@LESSONS
def test_the_notebook_equals_its_source(lesson: Lesson) -> None:
    assert build.problems(lesson) == []


@LESSONS
def test_the_notebook_is_written_in_the_one_way(lesson: Lesson) -> None:
    text = lesson.notebook.read_text(encoding="utf-8")
    assert build.dump(build.load(lesson.notebook)) == text
    assert len(text) < 500_000


def test_no_orphans() -> None:
    assert build.orphans() == []


def test_the_tables_are_the_index() -> None:
    assert table() in (root() / "lessons" / "README.md").read_text(encoding="utf-8")


def test_ids_are_deterministic_and_unique() -> None:
    for lesson in lessons():
        ids = [[cell.id for cell in source.read(lesson).cells] for _ in range(2)]
        assert ids[0] == ids[1]
        assert len(set(ids[0])) == len(ids[0])
        assert ids[0][0] == f"{lesson.id}-01"


# -- that the proof can fail ---------------------------------------------------------------------------------------


def spoil_source(notebook: Any) -> None:
    notebook.cells[1].source += " "


def spoil_order(notebook: Any) -> None:
    notebook.cells.insert(0, notebook.cells.pop())


def spoil_count(notebook: Any) -> None:
    next(cell for cell in notebook.cells if cell.cell_type == "code").execution_count = None


def output(text: str, kind: str = "text/plain") -> Any:
    def spoil(notebook: Any) -> None:
        from nbformat import v4

        cell = next(cell for cell in notebook.cells if cell.cell_type == "code")
        cell.outputs = [v4.new_output("display_data", data={kind: text})]

    return spoil


def spoil_state(notebook: Any) -> None:
    notebook.metadata["widgets"] = {}


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (spoil_source, "differs from its source"),
        (spoil_order, "differs from its source"),
        (spoil_count, "execution count None"),
        (spoil_state, "widget state"),
        (output("<object at 0x7f12ab34cd>"), "an address"),
        (output("in /home/ada/lesson.py"), "an absolute path"),
        (output(f"in {root()}/x"), "a path of this machine"),
        (output("took 3.2 ms"), "a time"),
        (output("x" * 100_001), "100,001 bytes"),
        (output("{}", run.WIDGET), "a live widget"),
        (output('<img src="x"> at 0x7f12ab34cd', "text/html"), "html holds an address"),
    ],
)
def test_a_spoilt_notebook_is_seen(spoil: Any, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lesson = lessons()[0]
    notebook = build.load(lesson.notebook)
    spoil(notebook)
    build.write(notebook, tmp_path / "spoilt.ipynb")
    monkeypatch.setattr(Lesson, "notebook", property(lambda self: tmp_path / "spoilt.ipynb"))
    assert any(complaint in text for text in build.problems(lesson))


def test_a_missing_notebook_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Lesson, "notebook", property(lambda self: tmp_path / "none.ipynb"))
    assert "missing" in build.problems(lessons()[0])[0]


def test_packed_programs_are_not_read_as_text() -> None:
    assert run.forbidden("text/html", '<script>0x7f12ab34cd 3 ms</script><img src="data:x;base64,/home/ab+">') == []


# -- exercises -----------------------------------------------------------------------------------------------------


@LESSONS
def test_every_exercise_has_a_cell_a_solution_and_a_check(lesson: Lesson) -> None:
    cells = [number for cell in code_of(source.read(lesson)) if (number := source.exercise_of(cell))]
    assert cells == list(of_lesson(lesson.id)) == list(source.solutions(lesson))
    asked = re.findall(r'check\("([\d.]+)"', "\n".join(code_of(source.read(lesson))))
    assert asked == cells


@pytest.mark.parametrize(("lesson", "id"), EXERCISES, ids=[id for _, id in EXERCISES])
def test_wrong_answers_are_red(lesson: Lesson, id: str) -> None:
    answers = checks_module(lesson.id).wrong_answers()[id]
    assert len(answers) >= 3
    for answer in answers:
        verdict = judge(of_lesson(lesson.id)[id], answer)
        assert verdict.state == "wrong", f"{answer!r}: {verdict}"
        assert "could not be checked" not in verdict.text, f"{answer!r}: {verdict}"


@LESSONS
def test_stubs_are_not_attempted(lesson: Lesson) -> None:
    assert set(verdicts(source.read(lesson)).values()) == {"open"}


@LESSONS
def test_solutions_are_green(lesson: Lesson) -> None:
    found = verdicts(source.solved(lesson))
    assert found == dict.fromkeys(of_lesson(lesson.id), "right")


def verdicts(notebook: Any) -> dict[str, str]:
    """Run the code without a kernel; the state of each check."""
    found: dict[str, str] = {}
    names: dict[str, Any] = {"__name__": "__main__"}
    for _, value in run_cells(code_of(notebook), names):
        if isinstance(value, Verdict):
            number = re.match(r"Exercise (\S+),", value.head)
            assert number is not None
            found[number.group(1)] = value.state
    return found


# -- prose ---------------------------------------------------------------------------------------------------------

PARTS = ["**After this lesson you can**", "**Time:**", "\n## Break it on purpose\n", "\n## Three questions to recall\n"]
NOT_IN_JUPYTERLAB = [r"^:::", r"^> \[!", r"^```\{(?!code-cell)", r"\{(ref|doc|math|numref)\}`"]
NOT_UNDER_NBVAL = [r";\s*$", r"\bOutput\(", r"\binteract\b", r"clear_output", r"display_id"]


@LESSONS
def test_a_lesson_has_its_parts(lesson: Lesson) -> None:
    text = lesson.source.read_text(encoding="utf-8")
    at = [text.find(part) for part in [*PARTS, "\n## In PyTorch this is ...\n"]]
    assert -1 not in at
    assert at == sorted(at)
    assert text.count("<details>") == text.count("</details>") == 3
    notebook = source.read(lesson)
    assert notebook.cells[0].source.startswith(f"# {lesson.id} · {lesson.title}\n")
    assert f"about {lesson.minutes} minutes" in text
    asked, answered = (
        re.findall(pattern, text) for pattern in (r'predict\(\s*"([\w.]+)",\s*"', r'predict\("([\w.]+)", answer=')
    )
    assert asked
    assert asked == answered


@LESSONS
def test_a_lesson_has_the_right_length(lesson: Lesson) -> None:
    notebook = source.read(lesson)
    words = sum(len(cell.source.split()) for cell in notebook.cells if cell.cell_type == "markdown")
    assert 600 <= words <= 1200
    assert 8 <= len(code_of(notebook)) <= 20


@LESSONS
def test_prose_that_jupyterlab_can_show(lesson: Lesson) -> None:
    for cell in source.read(lesson).cells:
        patterns = NOT_UNDER_NBVAL if cell.cell_type == "code" else NOT_IN_JUPYTERLAB
        assert not [p for p in patterns if re.search(p, cell.source, re.MULTILINE)], cell.source
        if cell.cell_type == "markdown":
            assert cell.source.count("$$") % 2 == 0


@LESSONS
def test_the_next_lesson_exists(lesson: Lesson) -> None:
    titles = {f"{it.id} · {it.title}" for it in lessons()}
    for named in re.findall(r"\*\*Next:\*\* (\d\d · [\w, ]+?)(?:\.| uses)", lesson.source.read_text(encoding="utf-8")):
        assert named in titles


@LESSONS
def test_the_views_in_a_notebook_are_the_current_ones(lesson: Lesson) -> None:
    """After a change of the front end: `gradviz lessons build --run`."""
    from gradviz.widgets.replay import STATIC, script

    current = [script(file.stem) for file in STATIC.glob("*.js")]
    used = set(packed_scripts(build.load(lesson.notebook)))
    assert used
    for text in used:
        for known in sorted(current, key=len, reverse=True):
            text = text.replace(known, "")
        assert text.strip() == "", "a view in this notebook is not what frontend/ builds now"


def packed_scripts(notebook: Any) -> Iterator[str]:
    """What the outputs of a notebook run in the browser, unpacked."""
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            html = str(output.get("data", {}).get("text/html", ""))
            for packed in re.findall(r'<script [^>]*data-gv-runtime="">([^<]*)</script>', html):
                yield zlib.decompress(base64.b64decode(packed)).decode()

"""The card of the course: what it counts, where it sends one on, and that a saved notebook holds nobody's progress."""

from __future__ import annotations

import importlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from gradviz.teach import check, course, overview, progress
from gradviz.teach.check import of_lesson
from gradviz.teach.course import Lesson, lesson, lessons
from gradviz.teach.overview import in_jupyterlab, rows

MODULE = importlib.import_module("gradviz.teach.overview")  # whose name is the function's too


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRADVIZ_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    return tmp_path / "home"


def solve(*ids: str) -> None:
    """Remember these exercises as solved; ``"05"`` means all of lesson 05."""
    for id in ids:
        for each in of_lesson(id) if "." not in id else [id]:
            progress.note_check(each, "right")


def state(id: str) -> str:
    return next(it.state for it in overview().rows if it.lesson.id == id)


def test_a_newcomer_begins_at_the_beginning() -> None:
    card = overview()
    assert not card.begun
    assert card.next == lessons()[0]
    assert card.line().startswith("0 of ")
    assert {it.state for it in card.rows} == {"fresh"}
    assert card.to_text().splitlines()[1] == "Begin with 00 · Start here (00_start.ipynb)"


@pytest.mark.parametrize(
    ("solved", "onward"),
    [
        (["00.2"], "00"),
        (["00"], "01"),
        (["00", "01.1", "03.1"], "03"),  # the furthest one begun
        (["03"], "04"),
        (["00", "20"], "01"),  # after the last one: what was left out
        ([it.id for it in lessons()], None),
    ],
)
def test_where_to_go_on(solved: list[str], onward: str | None) -> None:
    solve(*solved)
    card = overview()
    assert (card.next and card.next.id) == onward
    said = "You have done them all." if onward is None else f"Go on with {onward}"
    assert said in card.to_text()
    assert said in card.to_html()


def test_states() -> None:
    assert state("03") == "fresh"
    progress.note_prediction("03.p1", 6)
    assert state("03") == "begun"
    check("05.1", 100.0)
    assert state("05") == "begun"
    solve("05")
    assert state("05") == "done"


def test_what_is_counted() -> None:
    solve("05.1", "05.2", "99.1")
    progress.note_prediction("05.p1", "a")
    progress.note_prediction("05.p77", "a")  # asked no longer
    (it,) = [it for it in overview().rows if it.lesson.id == "05"]
    assert (it.solved, it.predicted) == (2, 1)
    assert overview().line().startswith("2 of ")
    assert ", 1 of " in overview().line()


def test_it_is_read_anew() -> None:
    card = overview()
    solve("00.1")
    assert card.line().startswith("0 of ")
    card.again()
    assert card.line().startswith("1 of ")


def test_the_questions_are_those_of_the_text() -> None:
    for it in lessons():
        text = it.source.read_text(encoding="utf-8")
        assert list(it.questions) == re.findall(r'predict\(\s*"([\w.]+)",\s*"', text)
        assert it.questions


# -- what is shown -------------------------------------------------------------------------------------------------


def test_a_notebook_holds_nobodys_progress() -> None:
    before = overview()._repr_mimebundle_()
    solve("00", "05.1")
    progress.note_prediction("03.p1", "my secret guess")
    after = overview()
    assert after._repr_mimebundle_() == before
    assert "Begin with 00" in before["text/plain"]
    assert "Go on with" in after.to_text()
    assert "my secret guess" not in after.to_text() + after.to_html()


def test_the_committed_notebook_shows_it() -> None:
    notebook = json.loads(lesson("00").notebook.read_text(encoding="utf-8"))
    (cell,) = [cell for cell in notebook["cells"] if "".join(cell["source"]) == "overview()"]
    (output,) = cell["outputs"]
    shown = {kind: "".join(text) for kind, text in output["data"].items()}
    assert shown == overview()._repr_mimebundle_(), "the course has changed: gradviz lessons build --run 00"


class Tags(HTMLParser):
    """Every tag closed, in order; every link and every attribute seen."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.names: set[str] = set()
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.names |= {tag, *(f"@{name}" for name, _ in attrs)}
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_html_is_whole_plain_and_links_every_lesson() -> None:
    solve("00", "05.1")
    page = Tags(overview().to_html())
    assert page.links[0] == lesson("05").notebook.name
    assert page.links[1:] == [it.notebook.name for it in lessons()]
    assert not page.names & {"script", "style", "iframe", "svg", "@onclick", "@id"}


def test_text_and_html_say_the_same() -> None:
    solve("00", "05.1")
    html, text = overview().to_html(), overview().to_text()
    for it in overview().rows:
        (line,) = [line for line in text.splitlines() if f" {it.lesson.id}  " in line]
        for said in (f"exercises {it.solved} of {it.exercises}", f"predictions {it.predicted} of"):
            assert said in line
            assert said in html
        assert f"{it.lesson.minutes} min" in html


HOSTILE = '<script>alert(1)</script>" onclick="x" `'


def test_whatever_stands_in_the_index_is_text(monkeypatch: pytest.MonkeyPatch) -> None:
    real = lesson("00")
    changed = {"title": HOSTILE, "goal": HOSTILE, "needs": (HOSTILE,), "touch": HOSTILE}
    hostile = Lesson(**{**vars(real), **changed})
    monkeypatch.setattr(MODULE, "lessons", lambda: (hostile,))
    page = Tags(overview().to_html())
    assert "script" not in page.names
    assert "@onclick" not in page.names


def test_every_need_has_words() -> None:
    from gradviz.teach.overview import NEEDS

    assert {need for it in lessons() for need in it.needs} <= set(NEEDS)


# -- live ----------------------------------------------------------------------------------------------------------


def test_outside_jupyterlab_it_is_the_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not in_jupyterlab()
    monkeypatch.setenv("JPY_SESSION_NAME", "x.ipynb")  # but this is no kernel
    assert not in_jupyterlab()
    with pytest.raises(NotImplementedError):
        overview()._ipython_display_()


def test_the_widget_shows_the_progress_and_reads_it_anew() -> None:
    pytest.importorskip("anywidget", reason="anywidget is not installed")
    from gradviz.teach.overview import live

    card = overview()
    widget = live(card)
    assert widget is not None
    assert widget.html == card.to_html("live")
    solve("00.1")
    widget._handle_custom_msg({"again": True}, [])
    assert "1 of " in widget.html
    assert 'data-course="live"' in widget.html


def test_in_a_kernel_there_are_two_outputs(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("anywidget", reason="anywidget is not installed")
    shown: list[dict[str, Any]] = []
    monkeypatch.setattr(MODULE, "in_jupyterlab", lambda: True)
    monkeypatch.setattr("IPython.display.display", lambda data, **settings: shown.append(data))
    solve("00.1")
    card = overview()
    card._ipython_display_()
    first, second = shown
    assert list(first) == ["application/vnd.jupyter.widget-view+json"]
    assert second["text/plain"] == card.saved()["text/plain"]
    assert second["text/html"].startswith(card.saved()["text/html"])
    assert "1 of " not in second["text/html"]


def test_rows_are_the_course() -> None:
    stored = {"checks": {}, "predictions": {}}
    assert [it.lesson for it in rows(stored)] == list(course.lessons())

"""`check` and `compare`: stubs, partial answers, odd answers, hints, and the file that remembers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gradviz.teach import progress
from gradviz.teach.check import Exercise, Unfinished, Verdict, Wrong, check, first_line, is_stub, judge
from gradviz.teach.compare import compare, number
from gradviz.teach.course import lessons


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRADVIZ_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def stub(x): ...


def documented_stub(x):
    """Says what to do."""


def passed_stub(x):
    pass


def not_a_stub(x):
    return None if x else x


def constant(x):
    return 1.0


def documented_constant(x):
    """Says what to do."""
    return "an answer"


@pytest.mark.parametrize(
    "answer",
    [..., [..., ...], {"a": ..., "b": [...]}, stub, documented_stub, passed_stub, lambda x: ...],
    ids=["dots", "list", "dict", "function", "documented", "pass", "lambda"],
)
def test_these_are_stubs(answer: Any) -> None:
    assert is_stub(answer)


@pytest.mark.parametrize("answer", [
    None, 0, [], {}, [1, ...], {"a": 1, "b": ...}, not_a_stub, "...", print, int,
    constant, documented_constant, lambda x: 1.0, pytest.param(lambda x: (), id="empty"),
])  # fmt: skip
def test_these_are_answers(answer: Any) -> None:
    assert not is_stub(answer)


def verdict_of(test: Any, answer: Any = 1) -> Verdict:
    return judge(Exercise("99.1", "a title", ("first", "second"), test), answer)


def raiser(error: Exception) -> Any:
    def test(answer: Any) -> Any:
        raise error

    return test


@pytest.mark.parametrize(
    ("test", "state", "text"),
    [
        (lambda a: "because", "right", "because"),
        (lambda a: None, "open", "first"),
        (raiser(Wrong("too small")), "wrong", "too small"),
        (raiser(Unfinished("still to do: b")), "open", "still to do: b"),
        (raiser(TypeError("no len()\nsecond line")), "wrong", "This answer could not be checked: TypeError: no len()"),
        (raiser(ValueError()), "wrong", "This answer could not be checked: ValueError: no text"),
    ],
)
def test_what_a_check_may_do(test: Any, state: str, text: str) -> None:
    verdict = verdict_of(test)
    assert (verdict.state, verdict.text) == (state, text)
    assert bool(verdict) is (state == "right")


def test_first_line_of_an_empty_error() -> None:
    assert first_line(ValueError()) == "no text"


@pytest.mark.parametrize("answer", [2, 2.0, [2.0], (2,)])
def test_number_accepts(answer: Any) -> None:
    assert number(answer, "x") == 2.0


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("2", "should be a number; it is a str"),
        (None, "it is None"),
        (True, "it is a bool"),
        ([1.0, 2.0], "it holds 2"),
        ([], "it holds 0"),
    ],
)
def test_number_refuses(answer: Any, text: str) -> None:
    with pytest.raises(Wrong, match=text):
        number(answer, "x")


REFERENCE = {"a": 1.0, "b": 2.0, "c": 3.0}
WHAT = {"a": "the first", "b": "the second", "c": "the third"}


@pytest.mark.parametrize(
    ("answer", "state", "text"),
    [
        (REFERENCE, "right", "Every name"),
        ({"a": 1.0, "b": 2.0000001, "c": 3.0}, "right", "Every name"),
        ({"a": 1.0, "b": 5.0, "c": 9.0}, "wrong", "`b`: the second. What comes after"),
        ({"a": 1.0, "b": 2.0, "c": 9.0}, "wrong", "`c`: the third."),
        ({"a": 1.0, "b": ..., "c": ...}, "open", "Still to do: `b`, `c`"),
        ({"a": 1.0}, "open", "Still to do: `b`, `c`"),
        ({"a": 7.0, "b": ...}, "wrong", "`a`: the first"),
        ({"a": float("nan"), "b": 2.0, "c": 3.0}, "wrong", "`a`"),
    ],
)
def test_compare_names_the_first_that_is_off(answer: Any, state: str, text: str) -> None:
    verdict = compare(answer, REFERENCE, WHAT)
    assert verdict.state == state
    assert text in verdict.text


def test_compare_says_exact_approximate_off() -> None:
    rows = compare({"a": 1.0, "b": 2.0000001, "c": 9.0}, REFERENCE, WHAT).rows
    assert [row[1] for row in rows] == ["result", "exact", "approximate", "off"]
    assert [row[2] for row in rows] == ["max difference", "0", "1e-07", "6"]


def test_compare_wants_names() -> None:
    with pytest.raises(Wrong, match="all names together"):
        compare([1.0], REFERENCE, WHAT)


def test_hints_come_in_steps() -> None:
    texts = [check("00.2", 3, hint=n).to_text() for n in range(4)]
    assert "hint=1" in texts[0]
    assert [text.count("Hint ") for text in texts] == [0, 1, 2, 2]
    assert "no more than 2 hints" in texts[3]


def test_text_and_html_say_the_same_and_escape() -> None:
    verdict = verdict_of(raiser(Wrong("<b>`x < 1`</b>")))
    assert verdict.to_html().count("&lt;b&gt;") == 1
    assert "<code>x &lt; 1</code>" in verdict.to_html()
    assert set(verdict._repr_mimebundle_()) == {"text/plain", "text/html"}


@pytest.mark.parametrize("id", ["00.9", "77.1", "00", "", "nonsense"])
def test_unknown_exercises_are_named(id: str) -> None:
    with pytest.raises(KeyError, match="There is no"):
        check(id, 1)


def test_only_answers_are_remembered_and_right_stays_right(home: Path) -> None:
    check("05.1", ...)
    assert not home.exists()
    for answer in (0.1, 0.4, 0.1):
        check("05.1", answer)
    assert progress.load()["checks"] == {"05.1": {"state": "right", "tries": 3}}
    assert json.loads((home / "progress.json").read_text())["version"] == 1


def test_a_damaged_file_is_kept_and_replaced(home: Path) -> None:
    home.mkdir()
    (home / "progress.json").write_text("{ not json")
    check("05.1", 0.4)
    assert (home / "progress.unreadable").read_text() == "{ not json"
    assert progress.load()["checks"]["05.1"]["state"] == "right"
    assert sorted(path.name for path in home.iterdir()) == ["progress.json", "progress.unreadable"]


def test_a_home_that_cannot_be_written_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GRADVIZ_HOME", str(tmp_path / "file" / "home"))
    assert check("05.1", 0.4)
    assert progress.save(progress.load()) is False


def test_titles_and_hints_are_there() -> None:
    from gradviz.teach.check import of_lesson

    for lesson in lessons():
        exercises = of_lesson(lesson.id)
        assert 2 <= len(exercises) <= (5 if lesson.id == "20" else 4)  # the clinic has five patients
        assert list(exercises) == [f"{lesson.id}.{n}" for n in range(1, len(exercises) + 1)]
        assert all(entry.title and len(entry.hints) >= 2 for entry in exercises.values())

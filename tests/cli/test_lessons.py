"""`gradviz lessons list`, `reset`, `copy`: what they say and write, and that nothing of the learner is lost."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from gradviz.cli import main as gradviz
from gradviz.cli.lessons import main, resetting
from gradviz.teach import progress
from gradviz.teach.course import lessons

STORED = {
    "version": 1,
    "checks": {
        "03.1": {"state": "right", "tries": 2},
        "03.2": {"state": "wrong", "tries": 1},
        "05.1": {"state": "right", "tries": 1},
        "99.1": {"state": "right", "tries": 1},  # of a lesson that is there no longer
    },
    "predictions": {"03.p1": {"guess": 6, "answer": 12, "verdict": "off"}, "05.p1": {"guess": "b", "answer": None}},
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRADVIZ_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def stored(home: Path) -> Path:
    home.mkdir()
    (home / "progress.json").write_text(json.dumps(STORED))
    return home / "progress.json"


def ids() -> list[str]:
    now = progress.load()
    return sorted([*now["checks"], *now["predictions"]])


def answer(monkeypatch: pytest.MonkeyPatch, text: str | None) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: text is not None, raising=False)
    monkeypatch.setattr("builtins.input", lambda prompt: text)


# -- list ----------------------------------------------------------------------------------------------------------


def test_list_shows_the_progress(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    assert "2 of " in out.splitlines()[0]
    (line,) = [line for line in out.splitlines() if " 03  " in line]
    assert "exercises 1 of 3   predictions 1 of 2" in line
    assert all(it.title in out for it in lessons())


def test_list_says_where(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--where"]) == 0
    assert capsys.readouterr().out.strip() == str(stored)


@pytest.mark.parametrize("argv", [["copy", "x", "77"], ["reset", "77"], ["check", "77"], ["nbgrader", "x", "77"]])
def test_an_unknown_lesson_is_named(
    argv: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(argv) == 2
    assert "There is no lesson '77'. The lessons are 00, 01" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


# -- reset ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "left"),
    [
        (["03"], ["05.1", "05.p1", "99.1"]),
        (["03_backprop", "05"], ["99.1"]),
        (["--all"], []),
        (["00"], ["03.1", "03.2", "03.p1", "05.1", "05.p1", "99.1"]),
    ],
)
def test_reset_forgets_those_lessons_and_keeps_a_copy(stored: Path, argv: list[str], left: list[str]) -> None:
    assert main(["reset", "--yes", *argv]) == 0
    assert ids() == left
    copies = sorted(stored.parent.glob("progress-before-reset-*.json"))
    assert [json.loads(copy.read_text()) for copy in copies] == ([] if argv == ["00"] else [STORED])
    assert sorted(path.name for path in stored.parent.iterdir()) == sorted(
        ["progress.json", *(copy.name for copy in copies)]
    )


def test_reset_shows_what_it_removes_and_how_to_have_it_back(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reset", "03", "--yes"]) == 0
    out = capsys.readouterr().out
    assert "exercise    03.1    solved, tries: 2" in out
    assert "exercise    03.2    not solved yet, tries: 1" in out
    assert "prediction  03.p1   6" in out
    assert "Removed 2 exercises and 1 prediction." in out
    copy = stored.with_name("progress-before-reset-1.json")
    assert str(copy) in out
    copy.replace(stored)
    assert json.loads(stored.read_text()) == STORED


def test_a_second_reset_does_not_write_over_the_first_copy(stored: Path) -> None:
    for id in ("03", "05"):
        assert main(["reset", id, "--yes"]) == 0
    first, second = sorted(stored.parent.glob("progress-before-reset-*.json"))
    assert json.loads(first.read_text()) == STORED
    assert "03.1" not in json.loads(second.read_text())["checks"]


@pytest.mark.parametrize(("said", "removed"), [("y", True), ("Yes ", True), ("n", False), ("", False), (None, False)])
def test_reset_asks(stored: Path, monkeypatch: pytest.MonkeyPatch, said: str | None, removed: bool) -> None:
    answer(monkeypatch, said)
    assert main(["reset", "--all"]) == (0 if removed else 1)
    assert (ids() == []) is removed
    assert (json.loads(stored.read_text()) == STORED) is not removed


@pytest.mark.parametrize("argv", [[], ["--all", "03"]])
def test_reset_wants_lessons_or_all(stored: Path, argv: list[str]) -> None:
    assert main(["reset", "--yes", *argv]) == 2
    assert json.loads(stored.read_text()) == STORED


def test_reset_of_nothing(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reset", "--all"]) == 0
    assert "nothing to forget" in capsys.readouterr().out
    assert not home.exists()


def test_without_a_copy_nothing_is_removed(
    stored: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened = Path.open

    def full(self: Path, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        if mode == "xb":
            raise OSError(28, "No space left on device")
        return opened(self, mode, *args, **kwargs)

    monkeypatch.setattr(Path, "open", full)
    assert main(["reset", "--all", "--yes"]) == 1
    assert "No space left" in capsys.readouterr().err
    assert json.loads(stored.read_text()) == STORED


def test_markup_and_escapes_in_a_guess_are_text() -> None:
    (line,) = resetting.told({"checks": {}, "predictions": {"03.p1": {"guess": "\x1b[31m<b>"}}})
    assert "\x1b" not in line


# -- copy ----------------------------------------------------------------------------------------------------------

NAME = "05_gradient_descent.ipynb"


def test_copy_brings_all_or_some(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["copy", str(tmp_path / "a")]) == 0
    assert {file.name for file in (tmp_path / "a").glob("*.ipynb")} == {it.notebook.name for it in lessons()}
    assert main(["copy", str(tmp_path / "b"), "05", "00_start"]) == 0
    assert {file.name for file in (tmp_path / "b").glob("*.ipynb")} == {NAME, "00_start.ipynb"}
    assert f"{NAME}: copied" in capsys.readouterr().out


def test_copy_never_writes_over_a_learners_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["copy", str(tmp_path), "05"]
    assert main(command) == 0
    assert main(command) == 0
    assert f"{NAME}: already there" in capsys.readouterr().out
    (tmp_path / NAME).write_text("my answers")
    assert main(command) == 0
    assert (tmp_path / NAME).read_text() == "my answers"
    assert f"{NAME}: left alone: you changed it" in capsys.readouterr().out
    assert main([*command, "--force"]) == 0
    assert f"{NAME}: written over" in capsys.readouterr().out
    assert json.loads((tmp_path / NAME).read_text())["nbformat"] == 4


def test_copy_refuses_the_folder_it_copies_from(capsys: pytest.CaptureFixture[str]) -> None:
    from gradviz.cli import places

    assert main(["copy", str(places.shipped())]) == 1
    assert "Name another folder" in capsys.readouterr().out
    assert not (places.shipped() / places.SHIPPED).exists()


def test_copy_onto_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert gradviz(["lessons", "copy", str(tmp_path / "file")]) == 1
    assert "gradviz lessons copy: " in capsys.readouterr().err

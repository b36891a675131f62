"""The learner's folder: new lessons arrive, unedited ones are renewed, edited ones are never touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradviz.cli import places
from gradviz.version import __version__

NAME = "05_descent.ipynb"
BESIDE = f"05_descent (gradviz {__version__}).ipynb"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "shipped"
    folder.mkdir()
    (folder / NAME).write_text("first edition")
    return folder


def bring(source: Path, target: Path) -> list[tuple[str, str]]:
    return [(step.fate, step.file.name) for step in places.bring(source, target)]


# (what happens before the second call: learner's edit, shipped edition) -> (fate, file), texts afterwards
CASES = {
    "nothing changed": (None, None, ("kept", NAME), {NAME: "first edition"}),
    "a new edition": (None, "second edition", ("renewed", NAME), {NAME: "second edition"}),
    "the learner worked": ("my answers", None, ("yours", NAME), {NAME: "my answers"}),
    "both": ("my answers", "second edition", ("beside", BESIDE), {NAME: "my answers", BESIDE: "second edition"}),
    "the learner typed the new edition": ("second edition", "second edition", ("kept", NAME), {NAME: "second edition"}),
}


@pytest.mark.parametrize("case", CASES)
def test_a_second_start(source: Path, tmp_path: Path, case: str) -> None:
    mine, theirs, expected, texts = CASES[case]
    target = tmp_path / "my lessons"
    assert bring(source, target) == [("new", NAME)]
    if mine:
        (target / NAME).write_text(mine)
    if theirs:
        (source / NAME).write_text(theirs)
    assert bring(source, target) == [expected]
    assert {file.name: file.read_text() for file in target.glob("*.ipynb")} == texts


def test_what_arrived_beside_is_the_learners_too(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "mine"
    bring(source, target)
    (target / NAME).write_text("my answers")
    (source / NAME).write_text("second edition")
    assert bring(source, target) == [("beside", BESIDE)]
    assert bring(source, target) == [("yours", BESIDE)]
    (target / BESIDE).write_text("my second answers")
    (source / NAME).write_text("third edition")
    assert bring(source, target) == [("yours", BESIDE)]
    assert {f.read_text() for f in target.glob("*.ipynb")} == {"my answers", "my second answers"}


def test_a_file_of_the_same_name_that_we_never_brought(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "mine"
    target.mkdir()
    (target / NAME).write_text("something else entirely")
    assert bring(source, target) == [("beside", BESIDE)]
    assert (target / NAME).read_text() == "something else entirely"


def test_read_only_sources_give_writable_copies(source: Path, tmp_path: Path) -> None:
    (source / NAME).chmod(0o444)
    bring(source, tmp_path / "mine")
    assert (tmp_path / "mine" / NAME).stat().st_mode & 0o200


def test_only_those_named(source: Path, tmp_path: Path) -> None:
    (source / "07_momentum.ipynb").write_text("another")
    done = places.bring(source, tmp_path / "mine", ["07_momentum.ipynb"])
    assert [(step.name, step.fate) for step in done] == [("07_momentum.ipynb", "new")]
    assert not (tmp_path / "mine" / NAME).exists()


@pytest.mark.parametrize("newer", [False, True])
def test_force_writes_over_the_learners_file(source: Path, tmp_path: Path, newer: bool) -> None:
    target = tmp_path / "mine"
    bring(source, target)
    (target / NAME).write_text("my answers")
    if newer:
        (source / NAME).write_text("second edition")
    assert [step.fate for step in places.bring(source, target, force=True)] == ["replaced"]
    assert (target / NAME).read_text() == (source / NAME).read_text()
    assert bring(source, target) == [("kept", NAME)]


def test_folders_are_made_and_nothing_is_put_beside(tmp_path: Path) -> None:
    name = "source/05/05.ipynb"
    assert [step.fate for step in places.put({name: b"one"}, tmp_path, beside=False)] == ["new"]
    (tmp_path / name).write_text("mine")
    assert [step.fate for step in places.put({name: b"two"}, tmp_path, beside=False)] == ["yours"]
    assert (tmp_path / name).read_text() == "mine"
    assert [path.name for path in (tmp_path / "source" / "05").iterdir()] == ["05.ipynb"]

"""`predict`: what is asked, recorded and revealed, and that a stored guess never shows in a later session."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradviz.teach import progress
from gradviz.teach.predict import asked, predict, verdict


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRADVIZ_HOME", str(tmp_path / "home"))
    asked.clear()
    return tmp_path / "home"


def test_the_stub_records_nothing(home: Path) -> None:
    card = predict("99.p1", "How many?", guess=...)
    assert card.state == "open"
    assert "No guess yet" in card.to_text()
    assert not home.exists()
    assert predict("99.p1", answer=12).to_text() == (
        "○ Prediction 99.p1: it is 12\n  You have not guessed in this session."
    )
    assert not home.exists()


def test_a_guess_is_recorded_and_compared() -> None:
    card = predict("99.p1", "How many?", guess=6)
    assert card.state == "noted"
    assert "Your guess: 6. Recorded." in card.to_text()
    assert progress.load()["predictions"]["99.p1"] == {"guess": 6, "answer": None, "verdict": None}
    card = predict("99.p1", answer=12.0)
    assert card.to_text().splitlines()[:2] == ["● Prediction 99.p1: it is 12", "  You said 6."]
    assert progress.load()["predictions"]["99.p1"] == {"guess": 6, "answer": 12.0, "verdict": "off"}


def test_a_stored_guess_does_not_show_in_the_next_session() -> None:
    predict("99.p1", "How many?", guess=6)
    asked.clear()  # a new kernel
    assert "You have not guessed" in predict("99.p1", answer=12).to_text()
    assert progress.load()["predictions"]["99.p1"]["guess"] == 6


@pytest.mark.parametrize(
    ("guess", "answer", "result"),
    [
        (12, 12.0, "right"),
        (12.05, 12, "right"),
        (11, 12, "near"),
        (6, 12, "off"),
        (0, 0.0, "right"),
        (0.1, 0, "off"),
        ([1, 2], [1.0, 2.0], "right"),
        ([1, 2], [1, 2, 3], "off"),
        ([[1], [2]], [1, 2], "right"),
        ("yes", "Yes", "right"),
        ("yes", 1, "off"),
        (True, True, "right"),
        (float("nan"), 1, "off"),
    ],
)
def test_verdicts(guess: Any, answer: Any, result: str) -> None:
    assert verdict(guess, answer) == result


OPTIONS = ["it converges", "it jumps", "it diverges"]


@pytest.mark.parametrize("guess", ["b", "B", " b ", "it jumps", "It jumps"])
def test_options_by_letter_or_text(guess: str) -> None:
    card = predict("99.p2", "What happens?", options=OPTIONS, guess=guess)
    assert 'Your guess: "b", it jumps' in card.to_text()
    assert predict("99.p2", answer="b").state == "right"


@pytest.mark.parametrize("guess", ["d", 2, None, ""])
def test_options_that_do_not_exist(guess: Any) -> None:
    card = predict("99.p2", "What happens?", options=OPTIONS, guess=guess)
    assert card.state == "open"
    assert 'Choose one of "a", "b", "c".' in card.to_text()
    assert "not guessed" in predict("99.p2", answer="b").to_text()


@pytest.mark.parametrize(
    ("value", "text"), [(np.float32(0.1), "0.1"), (np.arange(3), "[0, 1, 2]"), ((1, 2.5), "[1, 2.5]")]
)
def test_arrays_are_shown_as_numbers(value: Any, text: str) -> None:
    assert f"it is {text}" in predict("99.p1", answer=value).to_text()


def test_markup_in_a_guess_is_text() -> None:
    html = predict("99.p1", "<i>?</i>", guess="<script>alert(1)</script>").to_html()
    assert "<script" not in html
    assert "<i>" not in html


@pytest.mark.parametrize("given", [{}, {"question": "How many?"}, {"guess": 3}])
def test_how_to_call_it(given: Any) -> None:
    with pytest.raises(TypeError, match="records a guess"):
        predict("99.p1", **given)

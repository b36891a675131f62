"""``predict``: write a guess down before the cell that answers it, and compare afterwards.

    predict("03.p1", "What is x.grad?", guess=...)      replace the dots, run: the guess is recorded
    predict("03.p1", answer=x.grad)                     after the real run: both, side by side

What is shown depends only on this session: a guess of last week is kept in the learner's progress file and does not
show up in a notebook.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gradviz.teach import progress
from gradviz.teach.card import Card

NOTHING: Any = object()  # "this argument was not given"; None may be an answer
LETTERS = "abcdefghij"


@dataclass
class Question:
    """What was asked in this session, and what was guessed."""

    text: str
    options: dict[str, str]
    guess: Any = NOTHING


asked: dict[str, Question] = {}


def predict(
    id: str, question: str | None = None, *, options: Sequence[str] = (), guess: Any = NOTHING, answer: Any = NOTHING
) -> Card:
    """Record a guess (``guess=``), or compare it with what really happened (``answer=``)."""
    if answer is not NOTHING:
        return reveal(id, plain(answer))
    if question is None or guess is NOTHING:
        msg = f'predict("{id}", "the question", guess=...) records a guess; predict("{id}", answer=value) compares it.'
        raise TypeError(msg)
    return ask(id, Question(question, dict(zip(LETTERS, options, strict=False))), guess)


def ask(id: str, question: Question, guess: Any) -> Card:
    """Put the question, and record the guess if there is one."""
    asked[id] = question
    lines = [f'`"{letter}"`  {text}' for letter, text in question.options.items()]
    head = f"Prediction {id}: {question.text}"
    if guess is ...:
        return Card("open", head, [*lines, "No guess yet. Put yours in place of the `...` and run the cell again."])
    guess = plain(guess)
    if question.options:
        letter = as_letter(guess, question.options)
        if letter is None:
            choices = ", ".join(f'"{letter}"' for letter in question.options)
            return Card("open", head, [*lines, f"Choose one of {choices}."])
        guess = letter
    question.guess = guess
    kept = progress.note_prediction(id, guess)
    end = "Recorded." if kept else "Noted for this session; the home folder could not be written."
    return Card("noted", head, [*lines, f"Your guess: {say(guess, question.options)}. {end} Now run on."])


def reveal(id: str, answer: Any) -> Card:
    """Put guess and answer side by side."""
    question = asked.get(id, Question("", {}))
    truth = say(answer, question.options)
    if question.guess is NOTHING:
        return Card("open", f"Prediction {id}: it is {truth}", ["You have not guessed in this session."])
    state = verdict(question.guess, answer)
    progress.note_prediction(id, question.guess, answer, state)
    said = f"You said {say(question.guess, question.options)}."
    if state == "right":
        return Card("right", f"Prediction {id}: it is {truth}", [said])
    then = "Close." if state == "near" else "Before you read on: what would explain the difference?"
    return Card("near" if state == "near" else "noted", f"Prediction {id}: it is {truth}", [said, then])


def verdict(guess: Any, answer: Any) -> str:
    """``right`` (to 1 %), ``near`` (to 15 %) or ``off``."""
    mine, truth = flat(guess), flat(answer)
    if mine is None or truth is None:
        return "right" if str(guess).strip().lower() == str(answer).strip().lower() else "off"
    if len(mine) != len(truth):
        return "off"
    for name, rel in (("right", 0.01), ("near", 0.15)):
        if all(math.isclose(a, b, rel_tol=rel, abs_tol=rel * 1e-3) for a, b in zip(mine, truth, strict=True)):
            return name
    return "off"


def flat(value: Any) -> list[float] | None:
    """The numbers in a guess, or None if it is not made of numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float | list | tuple):
        return None
    if isinstance(value, int | float):
        return [float(value)]
    parts = [flat(part) for part in value]
    return None if None in parts else [number for part in parts for number in part or ()]


def as_letter(guess: Any, options: dict[str, str]) -> str | None:
    """``"b"``, ``"B"`` or the text of option b: all mean b."""
    text = str(guess).strip().lower()
    return next((letter for letter, option in options.items() if text in (letter, option.lower())), None)


def plain(value: Any) -> Any:
    """Tensors and arrays as numbers or lists; anything that JSON does not know, as text."""
    if callable(getattr(value, "tolist", None)):
        value = value.tolist()
    if isinstance(value, tuple):
        return list(value)
    return value if isinstance(value, str | int | float | bool | list | None) else str(value)


def say(value: Any, options: dict[str, str]) -> str:
    """A value as a learner would write it; six digits are enough."""
    if isinstance(value, str) and value in options:
        return f'"{value}", {options[value]}'
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return "[" + ", ".join(say(part, {}) for part in value) + "]"
    return str(value)

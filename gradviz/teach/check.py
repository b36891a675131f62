"""``check("03.1", answer)``: is the answer right, and if not, what is wrong with it? Offline, at once, hints in steps.

The checks of a lesson are plain functions in its ``checks.py``. Such a function gets the answer and

- returns a sentence: the answer is right, and the sentence says why;
- raises `Wrong` with a sentence that names the fault and keeps the answer to itself;
- returns None or raises `Unfinished`: there is nothing to check yet.
"""

from __future__ import annotations

import dis
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import CodeType
from typing import Any

from gradviz.teach import progress
from gradviz.teach.card import Card


class Wrong(Exception):  # noqa: N818 (it is a verdict, raised by checks)
    """The answer is wrong; the text names what is wrong with it."""


class Unfinished(Exception):  # noqa: N818
    """Part of the answer is still dots; the text says which part."""


@dataclass(frozen=True)
class Exercise:
    """One exercise of a lesson: its check and its hints."""

    id: str
    title: str
    hints: tuple[str, ...]
    test: Callable[[Any], Any]
    live: bool = False  # answered with the hand, in the page: a run without a browser cannot answer it


class Verdict(Card):
    """What a check found: ``right``, ``wrong`` or ``open`` (not attempted)."""

    def __init__(
        self, state: str, text: str, rows: Sequence[Sequence[str]] = (), *, head: str = "", hints: Sequence[str] = ()
    ) -> None:
        super().__init__(state, head, [text, *hints], rows)
        self.text = text

    def __bool__(self) -> bool:
        return self.state == "right"


WORD = {"right": "right", "wrong": "not yet", "open": "not attempted"}
STUB = "Put your answer in place of the `...` and run the cell again."


def exercise(
    id: str, title: str, hints: Sequence[str], *, live: bool = False
) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    """Declare the function below as the check of exercise `id`."""

    def declare(test: Callable[[Any], Any]) -> Callable[[Any], Any]:
        vars(test)["exercise"] = Exercise(id, title, tuple(hints), test, live)
        return test

    return declare


def check(id: str, answer: Any, *, hint: int = 0) -> Verdict:
    """Check an answer: ``check("03.1", answer)``; with ``hint=1`` also show the first hint, with 2 the first two."""
    entry = find(id)
    verdict = judge(entry, answer)
    if verdict.state != "open":
        progress.note_check(id, verdict.state)
    shown = [f"Hint {i}: {text}" for i, text in enumerate(entry.hints[: max(hint, 0)], start=1)]
    if hint > len(entry.hints):
        shown.append(f"There are no more than {len(entry.hints)} hints.")
    elif verdict.state == "wrong" and not hint and entry.hints:
        shown.append(f'Stuck? Add `hint=1`: `check("{id}", ..., hint=1)`.')
    head = f"Exercise {id}, {entry.title}: {WORD[verdict.state]}"
    return Verdict(verdict.state, verdict.text, verdict.rows, head=head, hints=shown)


def grade(id: str, answer: Any) -> None:
    """The same check for a grader: AssertionError unless the answer is right. Nothing is shown or remembered."""
    verdict = judge(find(id), answer)
    if not verdict:
        raise AssertionError(f"Exercise {id}: {WORD[verdict.state]}. {verdict.text}")


def judge(entry: Exercise, answer: Any) -> Verdict:
    """Run the check; whatever an odd answer does to it becomes a verdict, never a traceback."""
    if is_stub(answer):
        return Verdict("open", STUB)
    try:
        found = entry.test(answer)
    except Unfinished as still:
        return Verdict("open", str(still))
    except Wrong as wrong:
        return Verdict("wrong", str(wrong))
    except Exception as error:
        return Verdict("wrong", f"This answer could not be checked: {type(error).__name__}: {first_line(error)}")
    if found is None:
        return Verdict("open", entry.hints[0])
    return found if isinstance(found, Verdict) else Verdict("right", found)


def first_line(error: BaseException) -> str:
    """The first line of an error's text."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else "no text"


def is_stub(answer: Any) -> bool:
    """True for ``...``, for a collection of nothing else, and for a function whose body is ``...``."""
    if answer is ...:
        return True
    if isinstance(answer, Mapping):
        return bool(answer) and all(is_stub(value) for value in answer.values())
    if isinstance(answer, list | tuple):
        return bool(answer) and all(is_stub(value) for value in answer)
    code = getattr(answer, "__code__", None)
    return isinstance(code, CodeType) and _empty(code)


def _empty(code: CodeType) -> bool:
    """Whether a function does nothing: its body is ``...``, ``pass`` or a docstring, which all compile to the same.

    What is returned has to be looked at: ``lambda x: 1.0`` differs from ``lambda x: ...`` by its constant alone.
    """
    done = [step for step in dis.get_instructions(code) if step.opname not in ("RESUME", "NOP", "CACHE")]
    names = [step.opname for step in done]
    return names in (["LOAD_CONST", "RETURN_VALUE"], ["RETURN_CONST"]) and done[0].argval in (None, ...)


def find(id: str) -> Exercise:
    """The exercise with this number."""
    lesson, _, number = id.partition(".")
    exercises = of_lesson(lesson) if number else {}
    if id not in exercises:
        raise KeyError(
            f"There is no exercise {id!r}." + (f" This lesson has {', '.join(exercises)}." if exercises else "")
        )
    return exercises[id]


@functools.cache
def of_lesson(id: str) -> dict[str, Exercise]:
    """The exercises of one lesson, by number, from its ``checks.py``."""
    found = [value.exercise for value in vars(checks_module(id)).values() if hasattr(value, "exercise")]
    return {entry.id: entry for entry in sorted(found, key=lambda entry: entry.id)}


@functools.cache
def checks_module(id: str) -> Any:
    """Load the ``checks.py`` of a lesson from its folder."""
    import importlib.util

    from gradviz.teach import course

    path = course.lesson(id).path / "checks.py"
    spec = importlib.util.spec_from_file_location(f"gradviz_checks_{id}", path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(f"The checks of lesson {id} are missing: {path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

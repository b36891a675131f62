"""Where the course lives, and what is in it: ``lessons/index.toml`` read into a list of lessons.

In a source tree the course is the folder ``lessons`` beside the package; in an installed copy it travels inside the
package, as ``gradviz/_course/lessons``.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent
QUESTION = re.compile(r'^predict\(\s*"(\w+\.\w+)",\s*"', re.MULTILINE)


@dataclass(frozen=True)
class Lesson:
    """One entry of the index."""

    id: str
    folder: str
    title: str
    minutes: int
    needs: tuple[str, ...]
    goal: str
    touch: str

    @property
    def path(self) -> Path:
        """The folder of the lesson's sources."""
        return root() / "lessons" / self.folder

    @property
    def source(self) -> Path:
        """The text that people edit."""
        return self.path / "lesson.md"

    @property
    def notebook(self) -> Path:
        """What is built from it, and what learners open."""
        return root() / "notebooks" / f"{self.folder}.ipynb"

    @property
    def questions(self) -> tuple[str, ...]:
        """The predictions that it asks for, ``"03.p1"``, in their order."""
        return tuple(QUESTION.findall(self.source.read_text(encoding="utf-8")))


def root() -> Path:
    """The folder that holds ``lessons`` and ``notebooks``."""
    for place in (PACKAGE.parent, PACKAGE / "_course"):
        if (place / "lessons" / "index.toml").is_file():
            return place
    msg = "The lessons were not found, neither beside the gradviz package nor inside it. Is the installation complete?"
    raise FileNotFoundError(msg)


@functools.cache
def lessons() -> tuple[Lesson, ...]:
    """All lessons, in the order of the index."""
    import tomllib

    index = tomllib.loads((root() / "lessons" / "index.toml").read_text(encoding="utf-8"))
    return tuple(Lesson(**{**entry, "needs": tuple(entry["needs"])}) for entry in index["lesson"])


def lesson(id: str) -> Lesson:
    """The lesson with this number, ``"03"``, or with this folder name, ``"03_backprop"``."""
    for candidate in lessons():
        if id in (candidate.id, candidate.folder):
            return candidate
    known = ", ".join(candidate.id for candidate in lessons())
    raise KeyError(f"There is no lesson {id!r}. The lessons are {known}.")


def table() -> str:
    """The course as a Markdown table, for the README files."""
    rows = ["| # | lesson | what you learn | what you touch | minutes |", "|---|---|---|---|---|"]
    rows += [f"| {it.id} | {it.title} | {it.goal} | {it.touch} | {it.minutes} |" for it in lessons()]
    return "\n".join(rows)

"""Every lesson measured and counted, to LESSONS.md: `python -m benchmarks.lessons [lesson ...]`.

Each notebook is run twice in a fresh kernel of its own, as given and solved, one BLAS thread; then nbval runs it. The
time is that of the cells, the memory the largest resident set of the kernel. With numbers, the table is printed only.
"""

from __future__ import annotations

import ast
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import gradviz
from gradviz.teach import run, source
from gradviz.teach.check import checks_module, judge, of_lesson
from gradviz.teach.course import Lesson, lesson, lessons
from tests.notebooks.nbval import nbval

HERE = Path(__file__).parent
REPO = HERE.parent
LIMITS = {"13": (90, 600)}  # seconds, megabytes; the lesson that trains a network
ORDINARY = (10, 250)
LEAST_WRONG = 3


class Row(NamedTuple):
    """One line of the table."""

    lesson: Lesson
    words: int
    cells: int
    given: run.Cost
    solved: run.Cost
    stubs: str
    solutions: str
    wrong: dict[str, int]
    nbval: str
    browser: int

    @property
    def exercises(self) -> int:
        return len(self.wrong)


def row(it: Lesson) -> Row:
    """Run and count one lesson."""
    given, solved = source.read(it), source.solved(it)
    words = sum(len(cell.source.split()) for cell in given.cells if cell.cell_type == "markdown")
    cells = sum(cell.cell_type == "code" for cell in given.cells)
    plain, filled = (run.measure(notebook, timeout=600) for notebook in (given, solved))
    return Row(
        it,
        words,
        cells,
        plain,
        filled,
        counted(given, it, "○"),
        counted(solved, it, "✓"),
        wrong(it),
        compared(it),
        browser(it),
    )


def counted(executed: Any, it: Lesson, glyph: str) -> str:
    """How many of the checks in an executed notebook show this state: ``3 of 3``."""
    heads = [f"{glyph} Exercise {id}, {entry.title}: " for id, entry in of_lesson(it.id).items()]
    said = [out.data["text/plain"] for cell in executed.cells for out in cell.get("outputs", ()) if "data" in out]
    return f"{sum(any(text.startswith(head) for text in said) for head in heads)} of {len(heads)}"


def wrong(it: Lesson) -> dict[str, int]:
    """For each exercise, how many of the listed wrong answers its check calls wrong."""
    answers = checks_module(it.id).wrong_answers()
    return {
        id: sum(judge(entry, answer).state == "wrong" for answer in answers[id])
        for id, entry in of_lesson(it.id).items()
    }


def compared(it: Lesson) -> str:
    """Whether strict nbval passes on the committed notebook."""
    with tempfile.TemporaryDirectory() as folder:
        return "pass" if nbval(sys.executable, [it.notebook], Path(folder)).returncode == 0 else "FAIL"


def browser(it: Lesson) -> int:
    """How many tests in tests/browser drive this lesson by its number; all lessons are run there from top to bottom."""
    found = 0
    for file in sorted((REPO / "tests" / "browser").glob("test_*.py")):
        text = file.read_text(encoding="utf-8")
        tests = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef) and "test_" in node.name]
        found += sum(f'lesson("{it.id}")' in (ast.get_source_segment(text, node) or "") for node in tests)
    return found


def within(it: Lesson, cost: run.Cost) -> str:
    """``2.1 s (1.9), 95 MB``, and what is over its limit in bold."""
    seconds, megabytes = LIMITS.get(it.id, ORDINARY)
    parts = (
        (f"{cost.seconds:.1f} s ({cost.cpu:.1f})", min(cost.seconds, cost.cpu) > seconds),
        (f"{cost.peak:.0f} MB", cost.peak > megabytes),
    )
    return ", ".join(f"**{text}**" if over else text for text, over in parts)


def line(one: Row) -> str:
    """The row as Markdown."""
    least = min(one.wrong.values(), default=0)
    red = f"{sum(one.wrong.values())} ({least} at least)"
    cells = (
        f"{one.lesson.id} {one.lesson.title}", one.words, one.cells, one.exercises, within(one.lesson, one.given),
        within(one.lesson, one.solved), one.nbval, one.stubs, one.solutions,
        red if least >= LEAST_WRONG else f"**{red}**", one.browser or "**none**",
    )  # fmt: skip
    return "| " + " | ".join(map(str, cells)) + " |"


HEAD = (
    "lesson", "words", "code cells", "exercises", "as given", "solved", "nbval", "not attempted on the stub",
    "green on the solution", "wrong answers that are red", "browser tests of its own",
)  # fmt: skip


def report(wanted: list[Lesson]) -> Iterator[str]:
    """The whole page, line by line, as it is measured."""
    yield "# The lessons, measured"
    yield ""
    yield f"`python -m benchmarks.lessons`, {datetime.now(UTC).date()}, {os.cpu_count()} cores, {platform.machine()},"
    yield f"Python {platform.python_version()}, NumPy {np.__version__}, gradviz {gradviz.__version__}."
    yield ""
    yield "A lesson may take 10 s and 250 MB, the CNN lesson (13) 90 s and 600 MB, also when it is solved; what is over"
    yield "a limit is in bold. Time: from the first cell's start to the last one's end, one BLAS thread; in brackets"
    yield "the CPU time of the kernel, its start included: where the machine was busy, only that is judged. Memory:"
    yield f"the kernel's largest resident set. Load of the machine at the start: {os.getloadavg()[0]:.1f}."
    yield ""
    yield "| " + " | ".join(HEAD) + " |"
    yield "|---" * len(HEAD) + "|"
    rows = []
    for it in wanted:
        rows.append(row(it))
        yield line(rows[-1])
    yield ""
    yield (
        f"{len(rows)} lessons, {sum(one.exercises for one in rows)} exercises, "
        f"{sum(sum(one.wrong.values()) for one in rows)} wrong answers; all cells as given "
        f"{sum(one.given.seconds for one in rows):.0f} s, solved {sum(one.solved.seconds for one in rows):.0f} s; the "
        f"largest kernel {max(max(one.given.peak, one.solved.peak) for one in rows):.0f} MB."
    )


def main(names: list[str]) -> None:
    """Print the table; without names, write it too."""
    said = []
    with tempfile.TemporaryDirectory() as home:
        os.environ["GRADVIZ_HOME"] = home
        for text in report([lesson(name) for name in names] or list(lessons())):
            print(text, flush=True)
            said.append(text)
    if not names:
        (HERE / "LESSONS.md").write_text("\n".join([*said, ""]), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])

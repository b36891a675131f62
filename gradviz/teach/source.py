"""A lesson's text as a notebook without outputs: deterministic cell ids, and the solved variant.

``lesson.md`` is a jupytext MyST notebook. An exercise cell starts with ``# Exercise 03.1``; its solution is the block
``# %% 03.1`` of ``solutions.py``. The solved variant puts the block in the cell's place and keeps the cell's first
line and its ``check(...)``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from gradviz.teach.course import Lesson

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
EXERCISE = re.compile(r"# Exercise (\d+\.\d+)")
BLOCK = re.compile(r"^# %% (\S+)\s*$", re.MULTILINE)
VERDICT = re.compile(r"^check\(", re.MULTILINE)


def read(lesson: Lesson) -> Any:
    """The notebook of a lesson, with no outputs: cells, deterministic ids, and only the metadata we mean."""
    import jupytext

    parsed = jupytext.read(lesson.source, fmt="md:myst")
    return tidy(
        [(cell.cell_type, cell.source, list(cell.metadata.get("tags", []))) for cell in parsed.cells], lesson.id
    )


def tidy(cells: list[tuple[str, str, list[str]]], prefix: str) -> Any:
    """A notebook of (type, source, tags), with ids ``03-01``, ``03-02``, ..."""
    from nbformat import v4

    made = []
    for count, (kind, source, tags) in enumerate(cells, start=1):
        new: Any = v4.new_code_cell if kind == "code" else v4.new_markdown_cell
        made.append(new(source, id=f"{prefix}-{count:02d}", metadata={"tags": tags} if tags else {}))
    return v4.new_notebook(cells=made, metadata={"kernelspec": dict(KERNEL), "language_info": {"name": "python"}})


def exercise_of(source: str) -> str | None:
    """``"03.1"`` if this is the cell of that exercise."""
    found = EXERCISE.match(source)
    return found.group(1) if found else None


def solutions(lesson: Lesson) -> dict[str, str]:
    """The blocks of ``solutions.py`` by exercise number."""
    return split_blocks(lesson.path / "solutions.py")


def split_blocks(path: Path) -> dict[str, str]:
    """Cut a file at its ``# %% name`` lines."""
    _, *pieces = BLOCK.split(path.read_text(encoding="utf-8"))
    return {name: body.strip("\n") for name, body in zip(pieces[::2], pieces[1::2], strict=True)}


def solve(source: str, solution: str) -> str:
    """An exercise cell with the solution in place of its body."""
    first = source.split("\n", 1)[0]
    ends = VERDICT.search(source)
    verdict = source[ends.start() :] if ends else ""
    return "\n".join(part for part in (first, solution, verdict) if part)


def solved(lesson: Lesson) -> Any:
    """The notebook as a learner would leave it who got everything right."""
    notebook, blocks = read(lesson), solutions(lesson)
    for cell in notebook.cells:
        number = exercise_of(cell.source) if cell.cell_type == "code" else None
        if number is not None:
            cell.source = solve(cell.source, blocks[number])
    return notebook

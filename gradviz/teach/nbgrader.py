"""A lesson as an nbgrader assignment: solutions to be taken out, and cells of tests to be graded.

Each exercise cell keeps its dots and gets its solution below them, between ``### BEGIN SOLUTION`` and
``### END SOLUTION``; ``nbgrader generate_assignment`` takes that out. After the cell with its `check` comes a locked
cell worth one point that calls `grade` with the same answer and raises unless the answer is right. An exercise that is
answered with the hand, in the page, has no such cell: nobody is there when a grader runs the notebook.

The metadata are nbgrader's schema, version 3:
https://nbgrader.readthedocs.io/en/stable/contributor_guide/metadata.html
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Any

from gradviz.teach import build, source
from gradviz.teach.check import find
from gradviz.teach.course import Lesson

SCHEMA = 3
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
CONFIG = '''"""nbgrader's settings for this course, written by `gradviz lessons nbgrader`; yours to change."""

c = get_config()

c.CourseDirectory.course_id = "gradviz"

# The dots of an exercise stay above this line; a raised error would only hide what `check` says.
c.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE, in place of the dots"}

# Lesson 13 trains a network: half a minute, which is nbgrader's limit, may not do on a busy machine.
c.Execute.timeout = 300
'''


def course_files(lessons: Iterable[Lesson]) -> dict[str, bytes]:
    """The files of an nbgrader course, by path: a settings file, and ``source/03_backprop/03_backprop.ipynb``."""
    notebooks = {f"source/{it.folder}/{it.notebook.name}": build.dump(assignment(it)).encode("utf-8") for it in lessons}
    return {"nbgrader_config.py": CONFIG.encode("utf-8"), **notebooks}


def assignment(lesson: Lesson) -> Any:
    """The instructor's notebook of one lesson, without outputs."""
    notebook, blocks = source.read(lesson), source.solutions(lesson)
    cells = []
    for cell in notebook.cells:
        cells.append(cell)
        if cell.cell_type != "code":
            continue
        number = source.exercise_of(cell.source)
        graded = [(id, answer) for id, answer in checked(cell.source) if not find(id).live]
        if number is not None and not find(number).live:
            cell.source = with_solution(cell.source, blocks[number])
            cell.metadata["nbgrader"] = marks(f"exercise-{slug(number)}", solution=True)
        cells += [tests_cell(id, answer) for id, answer in graded]
    notebook.cells = cells
    return notebook


def with_solution(text: str, solution: str) -> str:
    """The exercise cell with the solution between its dots and its ``check(...)``."""
    ends = source.VERDICT.search(text)
    cut = ends.start() if ends else len(text)
    parts = (text[:cut].rstrip("\n"), BEGIN, solution, END, text[cut:])
    return "\n".join(part for part in parts if part)


def checked(text: str) -> Iterator[tuple[str, str]]:
    """The exercises that a cell checks: the number, and the answer as it is written there."""
    for line in ast.parse(text).body:
        call = line.value if isinstance(line, ast.Expr) else None
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "check":
            id, answer = call.args
            yield ast.literal_eval(id), ast.get_source_segment(text, answer) or ast.unparse(answer)


def tests_cell(id: str, answer: str) -> Any:
    """The locked cell that is graded: it raises unless the answer is right."""
    from nbformat import v4

    text = f'# Graded: exercise {id}\nfrom gradviz.teach import grade\n\ngrade("{id}", {answer})'
    meta = {"nbgrader": {**marks(f"tests-{slug(id)}", grade=True, locked=True), "points": 1}}
    return v4.new_code_cell(text, id=f"tests-{slug(id)}", metadata=meta)


def marks(name: str, *, grade: bool = False, locked: bool = False, solution: bool = False) -> dict[str, Any]:
    """nbgrader's metadata of one cell."""
    return {
        "schema_version": SCHEMA,
        "grade_id": name,
        "grade": grade,
        "locked": locked,
        "solution": solution,
        "task": False,
    }


def slug(id: str) -> str:
    """``"03.1"`` as nbgrader and nbformat allow it in a name."""
    return id.replace(".", "-")

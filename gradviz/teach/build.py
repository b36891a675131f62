"""``lesson.md`` to notebook, one way: read, run, normalise, write beside, rename.

Outputs of a notebook whose code has not changed are carried over without a kernel. `problems` proves, also without a
kernel, that a notebook is what its source would give.
"""

from __future__ import annotations

import difflib
import json
import os
from pathlib import Path
from typing import Any

from gradviz.teach import run, source
from gradviz.teach.course import Lesson, lessons, root


def build(lesson: Lesson, *, always: bool = False) -> str:
    """Build one lesson's notebook; returns what was done: ``run``, ``carried over`` or ``unchanged``."""
    notebook, before = source.read(lesson), load(lesson.notebook)
    if not always and before is not None and carry(before, notebook):
        if dump(notebook) == lesson.notebook.read_text(encoding="utf-8"):
            return "unchanged"
        done = "carried over"
    else:
        run.execute(notebook)
        done = "run"
    write(notebook, lesson.notebook)
    return done


def code(notebook: Any) -> list[str]:
    """The sources of the code cells, in order."""
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def carry(before: Any, after: Any) -> bool:
    """Give each unchanged code cell its old outputs; True if that covers all of them."""
    old = [cell for cell in before.cells if cell.cell_type == "code"]
    new = [cell for cell in after.cells if cell.cell_type == "code"]
    matcher = difflib.SequenceMatcher(
        None, [cell.source for cell in old], [cell.source for cell in new], autojunk=False
    )
    for a, b, length in matcher.get_matching_blocks():
        for was, now in zip(old[a : a + length], new[b : b + length], strict=True):
            now.outputs, now.execution_count = was.outputs, was.execution_count
    return code(before) == code(after) and all(cell.execution_count for cell in new)


def dump(notebook: Any) -> str:
    """The notebook as text, always the same for the same notebook."""
    from nbformat import v4

    return json.dumps(json.loads(v4.writes(notebook)), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def write(notebook: Any, path: Path) -> None:
    """Write beside and rename: whoever reads meanwhile sees the old notebook or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(dump(notebook), encoding="utf-8")
    beside.replace(path)


def load(path: Path) -> Any | None:
    """A notebook from disk, or None where there is none that can be read."""
    import nbformat

    try:
        return nbformat.read(path, as_version=4)
    except (OSError, ValueError, nbformat.reader.NotJSONError):
        return None


def problems(lesson: Lesson) -> list[str]:
    """Why a notebook is not what its source would give; empty if it is. Needs no kernel."""
    stored = load(lesson.notebook)
    if stored is None:
        return [f"{lesson.notebook.name}: missing or unreadable; run `gradviz lessons build {lesson.id}`"]
    fresh, found = source.read(lesson), []
    want, have = (
        [(c.id, c.cell_type, c.source, c.metadata.get("tags", [])) for c in book.cells] for book in (fresh, stored)
    )
    for w, h in zip(want, have, strict=False):
        if w != h:
            found.append(f"cell {h[0]} differs from its source (cell {w[0]})")
            break
    if len(want) != len(have):
        found.append(f"{len(have)} cells, but the source has {len(want)}")
    if stored.metadata != fresh.metadata:
        found.append("the notebook's metadata is not what the source gives")
    return [f"{lesson.notebook.name}: {text}" for text in found + run.complaints(stored)]


def orphans() -> list[str]:
    """Notebooks without a lesson, and lesson folders that the index does not name."""
    known = {lesson.folder for lesson in lessons()}
    books = {path.stem for path in (root() / "notebooks").glob("*.ipynb")}
    folders = {path.parent.name for path in (root() / "lessons").glob("*/lesson.md")}
    return [f"notebooks/{name}.ipynb has no lesson" for name in sorted(books - known)] + [
        f"lessons/{name} is not in index.toml" for name in sorted(folders - known)
    ]

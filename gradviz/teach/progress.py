"""What a learner has guessed and solved: one small file in their home folder, never in a notebook.

The folder is ``~/.gradviz``, or what the environment variable ``GRADVIZ_HOME`` names. Losing the file loses nothing
else.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

VERSION = 1
KINDS = ("checks", "predictions")
GRADER = "NBGRADER_EXECUTION"  # set by nbgrader in the kernels that it starts


class Forgotten(NamedTuple):
    """What was taken out of the progress file, and where the whole of it is kept (None if nothing was taken out)."""

    checks: dict[str, Any]
    predictions: dict[str, Any]
    backup: Path | None


def home() -> Path:
    """The folder for what gradviz remembers about one learner."""
    return Path(os.environ.get("GRADVIZ_HOME") or Path.home() / ".gradviz")


def where() -> Path:
    """The progress file."""
    return home() / "progress.json"


def load() -> dict[str, Any]:
    """All that is stored; a missing or unreadable file counts as empty."""
    try:
        stored = json.loads(where().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        stored = None
    if not isinstance(stored, dict) or stored.get("version") != VERSION:
        return {"version": VERSION, **{kind: {} for kind in KINDS}}
    return {"version": VERSION, **{kind: dict(stored.get(kind) or {}) for kind in KINDS}}


def save(progress: dict[str, Any]) -> bool:
    """Write beside and rename, so that a crash leaves the old file whole; False where the folder cannot be written.

    A grader runs other people's answers: they are not the progress of the person who grades, so nothing is written.
    """
    import tempfile

    if os.environ.get(GRADER):
        return True
    try:
        home().mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(dir=home(), prefix="progress-", suffix=".json")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(progress, file, indent=1, sort_keys=True)
                file.write("\n")
            keep_unreadable()
            Path(beside).replace(where())
        finally:
            Path(beside).unlink(missing_ok=True)
    except OSError:
        return False
    return True


def keep_unreadable() -> None:
    """A file that we cannot read is not ours to destroy: it stays, under another name."""
    try:
        stored = json.loads(where().read_text(encoding="utf-8"))
    except FileNotFoundError:
        return
    except (OSError, ValueError):
        stored = None
    if not isinstance(stored, dict) or stored.get("version") != VERSION:
        where().replace(where().with_suffix(".unreadable"))


def note_check(id: str, state: str) -> bool:
    """Remember the result of one check; what was once right stays right."""
    progress = load()
    before = progress["checks"].get(id, {"state": "wrong", "tries": 0})
    solved = "right" in (state, before["state"])
    progress["checks"][id] = {"state": "right" if solved else "wrong", "tries": before["tries"] + 1}
    return save(progress)


def note_prediction(id: str, guess: Any, answer: Any = None, verdict: str | None = None) -> bool:
    """Remember a guess, and later what came of it."""
    progress = load()
    progress["predictions"][id] = {"guess": guess, "answer": answer, "verdict": verdict}
    return save(progress)


def of_lessons(stored: dict[str, Any], lessons: Collection[str]) -> dict[str, dict[str, Any]]:
    """The part of the progress that belongs to these lessons: ``"03.1"`` and ``"03.p1"`` belong to ``"03"``."""
    return {
        kind: {id: entry for id, entry in stored[kind].items() if id.partition(".")[0] in lessons} for kind in KINDS
    }


def forget(lessons: Collection[str]) -> Forgotten:
    """Take out what belongs to these lessons, after a copy of the whole file was put beside it.

    Raises OSError where the copy or the file cannot be written; then nothing was taken out.
    """
    stored = load()
    gone = of_lessons(stored, lessons)
    if not any(gone.values()):
        return Forgotten(**gone, backup=None)
    backup = keep_copy()
    rest = {kind: {id: entry for id, entry in stored[kind].items() if id not in gone[kind]} for kind in KINDS}
    if not save({"version": VERSION, **rest}):
        raise OSError(f"{where()} could not be written; nothing was removed.")
    return Forgotten(**gone, backup=backup)


def keep_copy() -> Path:
    """Copy the progress file to ``progress-before-reset-1.json``, or the first such name that is free."""
    import itertools

    text = where().read_bytes()
    for count in itertools.count(1):
        copy = where().with_name(f"progress-before-reset-{count}.json")
        try:
            with copy.open("xb") as file:  # never over an older copy
                file.write(text)
        except FileExistsError:
            continue
        return copy
    raise AssertionError  # count has no end

"""What a learner has guessed and solved: one small file in their home folder, never in a notebook.

The folder is ``~/.gradviz``, or what the environment variable ``GRADVIZ_HOME`` names. Losing the file loses nothing
else.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

VERSION = 1


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
        return {"version": VERSION, "checks": {}, "predictions": {}}
    return {"version": VERSION, **{kind: dict(stored.get(kind) or {}) for kind in ("checks", "predictions")}}


def save(progress: dict[str, Any]) -> bool:
    """Write beside and rename, so that a crash leaves the old file whole; False where the folder cannot be written."""
    import tempfile

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

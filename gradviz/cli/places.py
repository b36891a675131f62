"""Where the lessons are: in the checkout, in the installed wheel, or in the learner's own folder.

The learner's folder keeps a list of what was put there (`.gradviz.json`: name -> SHA-256 of the text we shipped). A
file that still has that hash is ours to renew; any other is the learner's, is left alone, and news arrives beside it.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Literal, NamedTuple

from gradviz.version import __version__

START = "00_start.ipynb"
SHIPPED = ".gradviz.json"
PACKAGE = Path(__file__).resolve().parent.parent

Fate = Literal["new", "renewed", "kept", "beside"]


class Copied(NamedTuple):
    """What became of one shipped notebook: its name, what happened, and the file that now holds it."""

    name: str
    fate: Fate
    file: Path


def checkout() -> Path | None:
    """The repository this package runs from, or None when it was installed."""
    root = PACKAGE.parent
    return root if (root / "pyproject.toml").is_file() and (root / "lessons" / "index.toml").is_file() else None


def shipped() -> Path:
    """The folder with the notebooks as we ship them; FileNotFoundError says what to do when it is not there."""
    from gradviz.teach import course

    notebooks = course.root() / "notebooks"
    if not (notebooks / START).is_file():
        raise FileNotFoundError(f"{notebooks} holds no {START}. Reinstall gradviz, or run `gradviz lessons build`.")
    return notebooks


def writable(folder: Path) -> bool:
    """Can notebooks be saved here? Asked of the folder and of every notebook in it, since either may be read-only."""
    return os.access(folder, os.W_OK) and all(os.access(file, os.W_OK) for file in folder.glob("*.ipynb"))


def bring(source: Path, target: Path) -> list[Copied]:
    """Copy the notebooks of `source` into the learner's folder `target`, never over something the learner wrote."""
    target.mkdir(parents=True, exist_ok=True)
    record = target / SHIPPED
    known: dict[str, str] = json.loads(record.read_text("utf-8")) if record.is_file() else {}
    copied = []
    for notebook in sorted(source.glob("*.ipynb")):
        text = notebook.read_bytes()
        step = _bring_one(notebook.name, text, target, known)
        if step.fate != "kept":
            step.file.write_bytes(text)
            known[step.file.name] = _hash(text)
        copied.append(step)
    record.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return copied


def _bring_one(name: str, text: bytes, target: Path, known: dict[str, str]) -> Copied:
    file = target / name
    if not file.exists():
        return Copied(name, "new", file)
    now, new = _hash(file.read_bytes()), _hash(text)
    if new in (now, known.get(name)):  # nothing newer to bring: the learner has it already, edited or not
        return Copied(name, "kept", file)
    if now == known.get(name):
        return Copied(name, "renewed", file)
    beside = target / f"{file.stem} (gradviz {__version__}).ipynb"
    current = beside.exists() and (
        known.get(beside.name) == new or _hash(beside.read_bytes()) != known.get(beside.name)
    )
    return Copied(name, "kept" if current else "beside", beside)


def _hash(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()

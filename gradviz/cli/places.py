"""Where the lessons are: in the checkout, in the installed wheel, or in the learner's own folder.

The learner's folder keeps a list of what was put there (`.gradviz.json`: name -> SHA-256 of the text we shipped). A
file that still has that hash is ours to renew; any other is the learner's, is left alone, and news arrives beside it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from gradviz.version import __version__

START = "00_start.ipynb"
SHIPPED = ".gradviz.json"
PACKAGE = Path(__file__).resolve().parent.parent

Fate = Literal["new", "renewed", "kept", "yours", "beside", "replaced"]


class Copied(NamedTuple):
    """What became of one shipped file: its name, what happened, and the file that now holds it.

    ``new`` and ``renewed`` were written, ``kept`` was there already, ``yours`` was changed by its owner and left alone,
    ``beside`` too, with a new edition written beside it, and ``replaced`` was written over on request.
    """

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


def bring(source: Path, target: Path, names: Collection[str] | None = None, *, force: bool = False) -> list[Copied]:
    """Copy notebooks (all, or those named) into the learner's folder, never over something the learner wrote."""
    books = [file for file in sorted(source.glob("*.ipynb")) if names is None or file.name in names]
    return put({file.name: file.read_bytes() for file in books}, target, force=force)


def put(texts: Mapping[str, bytes], target: Path, *, force: bool = False, beside: bool = True) -> list[Copied]:
    """Write files (relative path -> text) into a folder, never over something its owner wrote.

    With `force` that is written over too; with `beside` a new edition of a changed file is put next to it.
    """
    target.mkdir(parents=True, exist_ok=True)
    record = target / SHIPPED
    known: dict[str, str] = json.loads(record.read_text("utf-8")) if record.is_file() else {}
    copied = []
    for name, text in texts.items():
        step = _step(name, text, target, known, force, beside)
        if step.fate not in ("kept", "yours"):
            step.file.parent.mkdir(parents=True, exist_ok=True)
            _write(step.file, text)
            known[step.file.relative_to(target).as_posix()] = _hash(text)
        copied.append(step)
    _write(record, (json.dumps(known, indent=1, sort_keys=True) + "\n").encode("utf-8"))
    return copied


def _step(name: str, text: bytes, target: Path, known: dict[str, str], force: bool, beside: bool) -> Copied:
    file = target / name
    if not file.exists():
        return Copied(name, "new", file)
    now, new, was = _hash(file.read_bytes()), _hash(text), known.get(name)
    if now == new:
        return Copied(name, "kept", file)
    if now == was:
        return Copied(name, "renewed", file)
    if force:
        return Copied(name, "replaced", file)
    if new == was or not beside:  # nothing newer to bring
        return Copied(name, "yours", file)
    other = file.with_name(f"{file.stem} (gradviz {__version__}){file.suffix}")
    theirs = known.get(other.relative_to(target).as_posix())
    current = other.exists() and (theirs == new or _hash(other.read_bytes()) != theirs)
    return Copied(name, "yours" if current else "beside", other)


def _write(file: Path, text: bytes) -> None:
    """Write beside and rename: a crash leaves the old file whole."""
    part = file.with_name(f".{file.name}.{os.getpid()}")
    part.write_bytes(text)
    part.replace(file)


def _hash(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()

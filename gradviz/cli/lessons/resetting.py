"""`gradviz lessons reset`: forget the predictions and checks of some lessons, after asking, and with a copy kept."""

from __future__ import annotations

import argparse
import sys
from typing import Any

ABOUT = "forget your predictions and solved exercises"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("lesson", nargs="*", help="of which lessons")
    parser.add_argument("--all", action="store_true", help="of all lessons")
    parser.add_argument("--yes", action="store_true", help="do not ask first")


def run(options: argparse.Namespace) -> int:
    from gradviz.teach import progress
    from gradviz.teach.course import lessons

    if bool(options.lessons) == options.all:
        print("Say which lessons to forget: `gradviz lessons reset 03 05`, or `gradviz lessons reset --all`.")
        return 2
    stored = progress.load()
    known = options.lessons or lessons()
    ids = {key.partition(".")[0] for kind in progress.KINDS for key in stored[kind]} if options.all else set()
    ids |= {lesson.id for lesson in known}
    found = progress.of_lessons(stored, ids)
    if not any(found.values()):
        print("There is nothing to forget: no prediction and no exercise of these lessons is stored.")
        return 0
    print("\n".join(["This is stored:", *told(found)]))
    if not options.yes and not agreed():
        print("Nothing was removed.")
        return 1
    gone = progress.forget(ids)
    print(f"Removed {count(gone.checks, 'exercise')} and {count(gone.predictions, 'prediction')}.")
    print(f"The file as it was is kept: {gone.backup}")
    print(f"To have it all back, copy it over {progress.where()}")
    return 0


def told(found: dict[str, dict[str, Any]]) -> list[str]:
    """A line for each thing, in words that say what would be lost."""
    lines = []
    for id, entry in sorted(found["checks"].items()):
        word = "solved" if entry.get("state") == "right" else "not solved yet"
        lines.append(f"  exercise    {id:<7} {word}, tries: {entry.get('tries', 0)}")
    lines += [f"  prediction  {id:<7} {entry.get('guess')!r}" for id, entry in sorted(found["predictions"].items())]
    return lines


def count(things: dict[str, Any], word: str) -> str:
    return f"{len(things)} {word}{'s' * (len(things) != 1)}"


def agreed() -> bool:
    """Ask; where there is nobody to answer that is a no."""
    if not sys.stdin.isatty():
        print("There is nobody to ask here; add --yes.")
        return False
    return input("Forget it? [y/N] ").strip().lower() in ("y", "yes")

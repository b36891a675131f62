"""`gradviz lessons copy`: the notebooks into a folder of your own, never over something that you wrote there."""

from __future__ import annotations

import argparse
from pathlib import Path

from gradviz.cli import places

ABOUT = "copy the notebooks to a folder of your own, to work in"
SAID = {
    "new": "copied",
    "renewed": "renewed; you had not changed the old edition",
    "kept": "already there",
    "yours": "left alone: you changed it (--force would write over it)",
    "beside": "left alone: you changed it; the new edition is beside it, {file}",
    "replaced": "written over, as --force asks",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help="made if it is not there")
    parser.add_argument("lesson", nargs="*", help="which ones (all)")
    parser.add_argument("--force", action="store_true", help="write also over notebooks that you have changed")


def run(options: argparse.Namespace) -> int:
    source, target = places.shipped(), options.folder.expanduser().resolve()
    if target.is_relative_to(source.resolve()):
        print(f"{target} is where the notebooks come from. Name another folder.")
        return 1
    wanted = [lesson.notebook.name for lesson in options.lessons] or None
    for step in places.bring(source, target, wanted, force=options.force):
        print(f"{step.name}: {SAID[step.fate].format(file=step.file.name)}")
    print(f"Your notebooks are in {target}")
    return 0

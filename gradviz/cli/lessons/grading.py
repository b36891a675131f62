"""`gradviz lessons nbgrader`: the lessons as assignments for nbgrader, in a course folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from gradviz.cli import places

ABOUT = "write the exercises as nbgrader assignments into a course folder"
SAID = {
    "new": "written",
    "renewed": "renewed",
    "kept": "already there",
    "yours": "left alone: you changed it (--force would write over it)",
    "replaced": "written over, as --force asks",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help="nbgrader's course folder; made if it is not there")
    parser.add_argument("lesson", nargs="*", help="which ones (all)")
    parser.add_argument("--force", action="store_true", help="write also over files that you have changed")


def run(options: argparse.Namespace) -> int:
    from gradviz.teach.course import lessons
    from gradviz.teach.nbgrader import course_files

    wanted = options.lessons or lessons()
    target = options.folder.expanduser().resolve()
    for step in places.put(course_files(wanted), target, force=options.force, beside=False):
        print(f"{step.name}: {SAID[step.fate]}")
    first = wanted[0].folder
    print(f"Next: cd {target} && nbgrader generate_assignment {first}")
    return 0

"""`gradviz lessons build`: lesson.md to notebook, and say of each what was done."""

from __future__ import annotations

import argparse

from gradviz.cli.lessons import checking

ABOUT = "lesson.md to notebook"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("lesson", nargs="*", help="which ones (all)")
    parser.add_argument("--run", action="store_true", help="run all cells even if no code has changed")
    parser.add_argument("--check", action="store_true", help="the same as `gradviz lessons check`")


def run(options: argparse.Namespace) -> int:
    from nbclient.exceptions import CellExecutionError

    from gradviz.teach.build import build
    from gradviz.teach.course import lessons

    if options.check:
        return checking.run(options)
    wanted = options.lessons or lessons()
    for lesson in wanted:
        try:
            print(f"{lesson.notebook.name}: {build(lesson, always=options.run)}")
        except CellExecutionError as error:
            print(f"{lesson.notebook.name}: a cell raised {error.ename}: {error.evalue}")
            return 1
    return checking.complain(wanted, everything=False)

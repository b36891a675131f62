"""``gradviz lessons list | build | check``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from gradviz.teach import course, progress


def main(argv: Sequence[str] | None = None) -> int:
    """Run one of the sub-commands; 0 if all went well."""
    parser = argparse.ArgumentParser(
        prog="gradviz lessons", description="The lessons: list them, build their notebooks, check them."
    )
    commands = parser.add_subparsers(dest="command", required=True)

    listing = commands.add_parser("list", help="the lessons, and how far you have come")
    listing.add_argument("--where", action="store_true", help="the file that remembers it")
    listing.add_argument("--table", action="store_true", help="the lessons as a Markdown table")
    building = commands.add_parser("build", help="lesson.md to notebook")
    building.add_argument("lesson", nargs="*", help="which ones (all)")
    building.add_argument("--run", action="store_true", help="run all cells even if no code has changed")
    building.add_argument("--check", action="store_true", help="the same as `gradviz lessons check`")
    checking = commands.add_parser("check", help="prove that every notebook equals its source; needs no kernel")
    checking.add_argument("lesson", nargs="*", help="which ones (all)")

    chosen = parser.parse_args(argv)
    if chosen.command == "list":
        return show(where=chosen.where, table=chosen.table)
    wanted = [course.lesson(id) for id in chosen.lesson] or list(course.lessons())
    if chosen.command == "build" and not chosen.check:
        return build_all(wanted, always=chosen.run)
    return check_all(wanted, everything=not chosen.lesson)


def show(*, where: bool, table: bool) -> int:
    """Print the list of lessons with the exercises solved."""
    if where:
        print(progress.where())
    elif table:
        print(course.table())
    else:
        from gradviz.teach.check import of_lesson

        solved = {id for id, entry in progress.load()["checks"].items() if entry["state"] == "right"}
        for lesson in course.lessons():
            exercises = of_lesson(lesson.id)
            done = sum(id in solved for id in exercises)
            print(
                f"{lesson.id}  {lesson.title:<32} {lesson.minutes:>3} min   {done} of {len(exercises)} exercises solved"
            )
    return 0


def build_all(wanted: Sequence[course.Lesson], *, always: bool) -> int:
    """Build the notebooks; say of each what was done."""
    from nbclient.exceptions import CellExecutionError

    from gradviz.teach.build import build

    for lesson in wanted:
        try:
            print(f"{lesson.notebook.name}: {build(lesson, always=always)}")
        except CellExecutionError as error:
            print(f"{lesson.notebook.name}: a cell raised {error.ename}: {error.evalue}")
            return 1
    return check_all(wanted, everything=False)


def check_all(wanted: Sequence[course.Lesson], *, everything: bool) -> int:
    """Print what is wrong with the notebooks; 1 if anything is."""
    from gradviz.teach.build import orphans, problems

    found = [text for lesson in wanted for text in problems(lesson)] + (orphans() if everything else [])
    for text in found:
        print(text)
    return 1 if found else 0

"""Choose the sub-command of `gradviz lessons`: a module with `ABOUT`, `arguments(parser)` and `run(options)`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from gradviz.cli.lessons import building, checking, copying, grading, listing, resetting
from gradviz.teach import course

COMMANDS = {
    "list": listing,
    "reset": resetting,
    "copy": copying,
    "nbgrader": grading,
    "build": building,
    "check": checking,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one of the sub-commands: 0 if all went well, 1 if something could not be done, 2 for an unknown lesson."""
    about = "The lessons: your progress and your copies, a teacher's assignments, an author's notebooks."
    parser = argparse.ArgumentParser(prog="gradviz lessons", description=about)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, module in COMMANDS.items():
        module.arguments(commands.add_parser(name, help=module.ABOUT, description=f"{module.ABOUT.capitalize()}."))
    options = parser.parse_args(argv)
    try:
        options.lessons = [course.lesson(id) for id in getattr(options, "lesson", ())]
    except KeyError as unknown:
        print(f"gradviz lessons: {unknown.args[0]}", file=sys.stderr)
        return 2
    try:
        return int(COMMANDS[options.command].run(options))
    except OSError as error:
        print(f"gradviz lessons {options.command}: {error}", file=sys.stderr)
        return 1

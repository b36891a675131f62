"""Choose the command and hand it the rest of the line; its module is imported only then."""

from __future__ import annotations

import importlib
import sys
from typing import NamedTuple

from gradviz.version import __version__


class Command(NamedTuple):
    """One word of the command line and where its `main(argv)` lives."""

    module: str
    about: str


COMMANDS = {
    "lab": Command("gradviz.cli.lab", "open the lessons in JupyterLab"),
    "test": Command("gradviz.cli.test", "run the tests, and say what had to be skipped"),
    "doctor": Command("gradviz.cli.doctor", "say what is installed here, and how to get the rest"),
    "lessons": Command("gradviz.cli.lessons", "your progress and your copies; for teachers, assignments"),
}


def usage() -> str:
    rows = [f"  {name:<10}{command.about}" for name, command in COMMANDS.items()]
    return "\n".join(
        [
            "usage: gradviz COMMAND [options]",
            "",
            *rows,
            "",
            "gradviz COMMAND --help explains one of them; gradviz --version prints the version.",
        ]
    )


def main(argv: list[str] | None = None) -> int:
    """Run `gradviz ARGV` and return its exit status: 0 is success, 2 a command line that makes no sense."""
    arguments = sys.argv[1:] if argv is None else argv
    word = arguments[0] if arguments else "--help"
    if word in ("-h", "--help", "help"):
        print(usage())
        return 0
    if word in ("-V", "--version"):
        print(f"gradviz {__version__}")
        return 0
    if word not in COMMANDS:
        print(f"gradviz: there is no command {word!r}.\n\n{usage()}", file=sys.stderr)
        return 2
    module = importlib.import_module(COMMANDS[word].module)
    return int(module.main(arguments[1:]) or 0)

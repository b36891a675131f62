"""`gradviz lessons list`: the lessons, and how far you have come."""

from __future__ import annotations

import argparse

ABOUT = "the lessons, and how far you have come"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--where", action="store_true", help="the file that remembers it")
    parser.add_argument("--table", action="store_true", help="the lessons as a Markdown table")


def run(options: argparse.Namespace) -> int:
    from gradviz.teach import course, progress
    from gradviz.teach.overview import overview

    if options.where:
        print(progress.where())
    elif options.table:
        print(course.table())
    else:
        print(overview().to_text())
    return 0

"""`gradviz lessons check`: print what is wrong with the notebooks; exit status 1 if anything is."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from gradviz.teach.course import Lesson

ABOUT = "prove that every notebook equals its source; needs no kernel"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("lesson", nargs="*", help="which ones (all)")


def run(options: argparse.Namespace) -> int:
    from gradviz.teach.course import lessons

    return complain(options.lessons or lessons(), everything=not options.lessons)


def complain(wanted: Sequence[Lesson], *, everything: bool) -> int:
    """Print the complaints about these lessons, and about strays where `everything` is looked at."""
    from gradviz.teach.build import orphans, problems

    found = [text for lesson in wanted for text in problems(lesson)] + (orphans() if everything else [])
    for text in found:
        print(text)
    return 1 if found else 0

"""What one line of the table is made of: a piece of work, its sizes, and one small program for each library."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

Work = Callable[[], object]
Make = Callable[[Any, Any], Work]  # the library and the size; what is built here is not timed

UNWATCHED = "gradviz, unwatched"  # what recorded work is compared with: the same, while nobody watches
ACCELERATED = "accelerated"  # gradviz with its optional accelerator, which all others do without
LIBRARIES = {
    UNWATCHED: "gradviz",
    "gradviz": "gradviz",
    ACCELERATED: "gradviz",
    "torch": "torch",
    "NumPy": "numpy",
    "HIPS autograd": "autograd",
    "MyGrad": "mygrad",
    "micrograd": "micrograd",
    "tinygrad": "tinygrad",
}  # name in the table -> module
BASES = ("torch", UNWATCHED)  # whose time a ratio is in: that of the first which has the work


class Measured(NamedTuple):
    """What a work returns that runs in a process of its own and is its own clock."""

    seconds: float
    bytes: int


class Spec(NamedTuple):
    """A work in some sizes, small to large; each size is a line of the table."""

    work: str
    sizes: Mapping[str, Any]
    make: Mapping[str, Make]
    goals: Mapping[str, float] = {}  # size -> the most that gradviz's time may be, in torch's
    per: Callable[[Any], int] = lambda size: 1  # operations in one call: times are for one
    limit: str = ""  # what the time goes into
    memory_goals: Mapping[str, float] = {}  # size -> the most that gradviz's peak of memory may be, in torch's
    least_threads: int = 1


def both(make: Make, **others: Make) -> dict[str, Make]:
    """A program that gradviz and torch share, and those of other libraries (by module name)."""
    names = {module: name for name, module in LIBRARIES.items()}
    return {"gradviz": make, "torch": make, **{names[module]: it for module, it in others.items()}}


def accelerated(make: Mapping[str, Make]) -> dict[str, Make]:
    """The same programs and gradviz's with its accelerator: for works in which dispatch is some of the time."""
    return {**make, ACCELERATED: make["gradviz"]}

"""The rows of the table that have a goal, drawn: where each ratio lies on a logarithmic axis, beside its goal."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from html import escape
from typing import NamedTuple

WIDTH, LEFT, RIGHT, TOP, ROW = 820, 345, 12, 62, 22
LEAST, MOST = 0.1, 5.0
TICKS = (0.1, 0.2, 0.5, 1, 2, 4)
# What nearly every row would say.
UNSAID = re.compile(r", (forward \+ backward|a training step|a step)")
# Mid-tones, 3 : 1 against a white and against a black page; text and lines have the page's own colour.
STYLE = """\
.chart text { font: 12px system-ui, sans-serif; fill: currentColor }
.chart .grid { stroke: currentColor; stroke-opacity: 0.2 }
.chart .even { stroke: currentColor; stroke-opacity: 0.7 }
.chart .over { fill: #d9480f; fill-opacity: 0.13 }
.chart .goal { stroke: currentColor; stroke-width: 2 }
.chart .plain { stroke: #3b82c4; stroke-width: 2 }
.chart .missed { stroke: #d9480f; stroke-width: 2 }
.chart .quick { stroke: #2b9a66; stroke-width: 1.5 }
.chart .plain.one { fill: #3b82c4 }
.chart .missed.one { fill: #d9480f }
.chart .quick.one { fill: #2b9a66 }
.chart .more { fill: none }"""


class Row(NamedTuple):
    """A line of the table that has a goal."""

    name: str
    goal: float
    ratios: tuple[float | None, ...]  # for each number of threads
    accelerated: tuple[float, ...]


def rows(table: str) -> Iterator[Row]:
    """The lines with a goal, from the Markdown of the page."""
    lines = [line for line in table.splitlines() if line.startswith("|")]
    head = cells(lines[0])
    ratios = [i for i, title in enumerate(head[: head.index("accelerated")]) if title == "/ torch"]
    for line in lines[2:]:
        it = cells(line)
        if it[2]:
            found = tuple(next(iter(numbers(it[i])), None) for i in ratios)
            name = f"{UNSAID.sub('', it[0])}, {it[1]}"
            yield Row(name, numbers(it[2])[0], found, tuple(numbers(it[head.index("accelerated")])))


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def numbers(text: str) -> list[float]:
    return [float(found) for found in re.findall(r"\d+(?:\.\d+)?", text)]


def x(ratio: float) -> float:
    """Where a ratio is drawn; what is off the axis, at its end."""
    share = math.log(min(max(ratio, LEAST), MOST) / LEAST) / math.log(MOST / LEAST)
    return round(LEFT + share * (WIDTH - RIGHT - LEFT), 1)


def chart(table: str) -> str:
    """The picture of a page made by `table.report`, as SVG that takes the page's colour."""
    found = list(rows(table))
    height = TOP + ROW * len(found) + 8
    inside = "\n".join([*legend(), *axis(height), *(part for i, row in enumerate(found) for part in drawn(i, row))])
    return (
        '<svg class="chart" xmlns="http://www.w3.org/2000/svg" width="100%" role="img" '
        f'viewBox="0 0 {WIDTH} {height}">\n'
        f"<title>Time of the rows with a goal in that of PyTorch, or of the same work unwatched</title>\n"
        f"<style>\n{STYLE}\n</style>\n{inside}\n</svg>\n"
    )


def axis(height: int) -> Iterator[str]:
    for tick in TICKS:
        kind = "even" if tick == 1 else "grid"
        yield f'<path class="{kind}" d="M{x(tick)} {TOP - 4}V{height - 4}"/>'
        yield f'<text x="{x(tick)}" y="{TOP - 10}" text-anchor="middle">{tick:g}</text>'


def legend() -> Iterator[str]:
    """What the signs mean, and the numbers of the axis."""
    yield from sign("plain", 0, LEFT + 6, 14)
    yield from sign("plain", 1, LEFT + 20, 14)
    yield text("1 thread, 2 threads", LEFT + 32, 18)
    yield from sign("quick", 0, LEFT + 166, 14)
    yield from sign("quick", 1, LEFT + 180, 14)
    yield text("with the accelerator", LEFT + 192, 18)
    yield f'<rect class="over" x="{LEFT + 324}" y="6" width="24" height="16"/>'
    yield f'<path class="goal" d="M{LEFT + 324} 5v18"/>'
    yield text("over the goal", LEFT + 354, 18)
    yield text("time in PyTorch's (recorded: in that of unwatched)", 0, TOP - 10)


def text(said: str, at: float, y: float) -> str:
    return f'<text x="{at}" y="{y}">{escape(said)}</text>'


def drawn(i: int, row: Row) -> Iterator[str]:
    """One row: its name, the range over its goal, the goal, and a sign for each ratio."""
    y = TOP + ROW * i + ROW // 2
    yield text(row.name, 0, y + 4)
    yield f'<rect class="over" x="{x(row.goal)}" y="{y - 8}" width="{WIDTH - RIGHT - x(row.goal):.1f}" height="16"/>'
    yield f'<path class="goal" d="M{x(row.goal)} {y - 9}v18"/>'
    for threads, quick in enumerate(row.accelerated):
        yield from sign("quick", threads, x(quick), y)
    for threads, ratio in enumerate(row.ratios):
        if ratio is not None:
            yield from sign("missed" if ratio > row.goal else "plain", threads, x(ratio), y)


def sign(kind: str, threads: int, at: float, y: float) -> Iterator[str]:
    """A diamond for the accelerator, else a circle; filled for one thread."""
    filled = "more" if threads else "one"
    if kind == "quick":
        yield f'<path class="{kind} {filled}" d="M{at} {y - 5}l5 5l-5 5l-5 -5z"/>'
    else:
        yield f'<circle class="{kind} {filled}" cx="{at}" cy="{y}" r="4.5"/>'

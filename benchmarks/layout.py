"""How long pictures take, against Graphviz's dot on the same boxes: python benchmarks/layout.py [name ...]

One line for each graph of the zoo: items, arrows, our layout's milliseconds (best of three), dot's, the whole scene and
the animated SVG, crossings of both (up to 330 items), and the bytes of the picture as it stands in a notebook.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from gradviz.viz.graph import drawing
from gradviz.viz.layout import layout
from gradviz.viz.scene import scene
from gradviz.viz.svg import data_uri, to_svg
from tests.viz import crossing
from tests.viz.zoo import ZOO

COUNTED = 330
DOT_LIMIT = 30.0


def best(run: Callable[[], Any], times: int = 3) -> tuple[float, Any]:
    """The least milliseconds of some runs, and the last result."""
    least, result = float("inf"), None
    for _ in range(times):
        start = time.perf_counter()
        result = run()
        least = min(least, time.perf_counter() - start)
    return least * 1000, result


def dot(sizes: list[tuple[float, float]], edges: list[tuple[int, int]]) -> tuple[str, str]:
    """Graphviz's milliseconds and crossings, as text."""
    if shutil.which("dot") is None:
        return "-", "-"
    try:
        spent, (lines, joined) = best(lambda: crossing.dot_lines(sizes, edges, DOT_LIMIT), 1)
    except Exception as error:
        return type(error).__name__, "-"
    return f"{spent:.0f}", str(crossing.crossings(lines, joined)) if len(sizes) <= COUNTED else "-"


def main(names: list[str]) -> None:
    print(
        f"{'graph':22}{'items':>6}{'arrows':>7}{'ours':>7}{'dot':>16}{'scene':>7}{'svg':>6}{'crossings':>16}{'kB':>6}"
    )
    for name in names or ZOO:
        record = ZOO[name]()
        drawn = drawing(record, limit=10_000)
        edges = [(link.a, link.b) for link in drawn.links]
        sizes = [(110.0, 48.0)] * len(drawn.items)
        ours, placed = best(partial(layout, sizes, edges))
        spent, theirs = dot(sizes, edges)
        whole, picture = best(partial(scene, record))
        draw, svg = best(partial(to_svg, picture, animated=True))
        mine = "-"
        if len(sizes) <= COUNTED:
            mine = str(crossing.crossings([crossing.ours(r) for r in placed.routes], edges))
        print(
            f"{name:22}{len(sizes):6}{len(edges):7}{ours:7.0f}{spent:>16}{whole:7.0f}{draw:6.0f}"
            f"{mine + ' / ' + theirs:>16}{len(data_uri(svg)) / 1000:6.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1:])

"""Every budget of the pictures, to PICTURES.md: `python -m benchmarks.pictures [--peers PYTHON] [--limit SECONDS]`.

The peers (torchviz, torchview, TorchLens, torchinfo, TensorBoard) draw the same programs in the same run, each in a
process of its own with a time limit; PYTHON is an interpreter that has them beside torch and gradviz.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import json
import os
import platform
import re
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np

import gradviz as torch
from benchmarks.layout import COUNTED, best, dot
from benchmarks.picture_browser import Figure, figures
from benchmarks.picture_graphs import GRAPHS
from benchmarks.picture_keys import chain
from benchmarks.picture_makers import MAKERS
from benchmarks.timing import interleaved
from gradviz.viz.graph import drawing
from gradviz.viz.layout import layout
from gradviz.widgets import BackpropStepper, GraphView
from gradviz.widgets.replay import STATIC
from tests.viz import crossing
from tests.viz.zoo import ZOO

HERE = Path(__file__).parent
REPEATS = 2


def drawn(python: str, maker: str, graph: str, limit: float) -> str:
    """Seconds and bytes of one maker on one graph: the median of some runs, or what went wrong."""
    found = []
    for _ in range(REPEATS):
        command = [python, "-m", "benchmarks.picture_makers", maker, graph]
        run = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=HERE.parent, start_new_session=True
        )
        try:
            said, wrong = run.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGKILL)  # a dot it has started would go on for minutes
            run.communicate()
            return f"> {limit:.0f} s, stopped"
        if run.returncode:
            return (re.findall(r"\w+(?:Error|Exception)", wrong) or ["failed"])[-1]
        found.append(json.loads(said.strip().splitlines()[-1]))
        if found[0]["seconds"] > 10:
            break
    seconds = statistics.median(one["seconds"] for one in found)
    return f"{seconds:.2f} s, {found[0]['bytes'] / 1000:.0f} kB"


def makers_table(python: str, limit: float) -> Iterator[str]:
    """Who takes how long for which graph."""
    yield "| graph | " + " | ".join(MAKERS) + " |"
    yield "|---" * (len(MAKERS) + 1) + "|"
    for graph in GRAPHS:
        yield f"| {graph} | " + " | ".join(drawn(python, maker, graph, limit) for maker in MAKERS) + " |"


def budgets() -> Iterator[Figure]:
    """The budgets that need no browser."""
    sizes, edges = boxes(2000)
    ours, _ = best(lambda: layout(sizes, edges), 5)
    spent, _ = dot(sizes, edges)
    yield Figure(f"layout, {len(sizes):,} visible nodes", "<= 200 ms", f"{ours:.0f} ms; dot {spent} ms")
    for count, most in ((200, 120), (1600, 500)):
        view = GraphView(chain(count))
        step = BackpropStepper(chain(count))
        shown = len(view.scenes[0]["nodes"])
        yield Figure(
            f"bytes per output, {shown:,} nodes",
            f"<= {most} kB",
            f"GraphView {len(view.to_html()) / 1000:.0f} kB, BackpropStepper {len(step.to_html()) / 1000:.0f} kB",
        )
    script = (STATIC / "viewer.js").read_bytes()
    packed = len(gzip.compress(script, 9, mtime=0))
    yield Figure("viewer module", "<= 45 kB, 15 kB gzipped", f"{len(script) / 1024:.1f} KiB, {packed / 1024:.1f} KiB")
    yield depth(100_000)
    yield from recording()


def boxes(count: int) -> tuple[list[tuple[float, float]], list[tuple[int, int]]]:
    """About `count` boxes as a graph view draws them."""
    picture = drawing(GraphView(chain(count)).record, limit=10 * count)
    return [(110.0, 48.0)] * len(picture.items), [(link.a, link.b) for link in picture.links]


def depth(count: int) -> Figure:
    """A chain of operations as deep as the budget: recorded, walked, laid out, put into a page."""
    x = torch.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(count):
        y = y * 1.0000001
    start = time.perf_counter()
    size = len(GraphView(y).to_html())
    return Figure(
        f"graph depth, {count:,} operations",
        "does not fail",
        f"{time.perf_counter() - start:.1f} s, {size / 1e6:.1f} MB",
    )


def recording() -> Iterator[Figure]:
    """A recorded forward against a plain one."""
    net, given = GRAPHS["MLP"](torch)

    def plain() -> None:
        net(*given).sum()

    for thumbnails, most in ((False, 2), (True, 4)):

        def recorded(thumbnails: bool = thumbnails) -> None:
            with torch.record(thumbnails=thumbnails):
                net(*given).sum()

        ours, theirs = interleaved(recorded, plain, 80)
        ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
        name = "with thumbnails" if thumbnails else "with summaries"
        yield Figure(f"recording an MLP's forward, {name}", f"<= {most} x", f"{ratio:.2f} x")


def zoo_table() -> Iterator[str]:
    """Crossings, width and time beside dot's."""
    yield "| graph | boxes | arrows | ours ms | dot ms | crossings ours / dot | width ours / dot |"
    yield "|---" * 7 + "|"
    for name, make in ZOO.items():
        picture = drawing(make(), limit=10_000)
        edges = [(link.a, link.b) for link in picture.links]
        sizes = [(110.0, 48.0)] * len(picture.items)
        ours, placed = best(partial(layout, sizes, edges))
        spent, theirs, wide = dot(sizes, edges)[0], "-", "-"
        mine = "-"
        if len(sizes) <= COUNTED and spent.isdigit():
            lines, joined = crossing.dot_lines(sizes, edges)
            mine, theirs = (
                str(crossing.crossings([crossing.ours(route) for route in placed.routes], edges)),
                str(crossing.crossings(lines, joined)),
            )
            reach = max((x for line in lines for x, _ in line), default=0) * 72
            wide = f"{placed.width:.0f} / {reach + 110:.0f}"
        yield f"| {name} | {len(sizes)} | {len(edges)} | {ours:.0f} | {spent} | {mine} / {theirs} | {wide} |"


def report(python: str, limit: float) -> Iterator[str]:
    """The whole page, line by line, as it is measured."""
    yield "# Pictures: every budget, measured"
    yield ""
    yield f"`python -m benchmarks.pictures`, {datetime.now(UTC).date()}, {os.cpu_count()} cores, {platform.machine()},"
    yield f"Python {platform.python_version()}, NumPy {np.__version__}, gradviz {torch.__version__}."
    yield ""
    yield "| what | budget | measured |"
    yield "|---|---|---|"
    for figure in itertools.chain(budgets(), figures()):
        yield f"| {figure.what} | {figure.budget} | {figure.measured} |"
    yield ""
    yield "## The same programs, drawn by everybody"
    yield ""
    yield f"Median of {REPEATS} processes each, imports not counted; stopped after {limit:.0f} s. TensorBoard's"
    yield "time is the event file alone: the picture is then made in the browser."
    yield ""
    yield from makers_table(python, limit)
    yield ""
    yield "## Layout zoo"
    yield ""
    yield f"Crossings are counted up to {COUNTED} boxes; widths in pixels, left to right."
    yield ""
    yield from zoo_table()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", default=sys.executable, help="an interpreter that has the peers")
    parser.add_argument("--limit", type=float, default=100.0, help="seconds after which a peer is stopped")
    chosen = parser.parse_args()
    lines = []
    for line in report(chosen.peers, chosen.limit):
        print(line, flush=True)
        lines.append(line)
    (HERE / "PICTURES.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

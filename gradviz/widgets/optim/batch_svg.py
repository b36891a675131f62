"""The still picture of `BatchSizes`: the map with each walk, the legend, and the losses per epoch and per second.

The interactive view draws the same from the same numbers (frontend/src/views/batch_sizes.ts).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from gradviz.viz.plot import Axis, Plot, document, short
from gradviz.widgets.optim.race_svg import ROW, legend
from gradviz.widgets.optim.terrain import HEIGHT, WIDTH, Trail

if TYPE_CHECKING:
    from gradviz.widgets.optim.batch_runs import Run
    from gradviz.widgets.optim.batch_sizes import BatchSizes

TALL = 200.0  # height of the curves
DECADES = 5  # of the loss above its minimum, at most
POINTS = 400  # of a curve or a walk


def draw(view: BatchSizes) -> str:
    """The whole picture as an SVG document."""
    trails = []
    for i, run in enumerate(view.runs):
        at = some(view.ends(run)[0])
        trails.append(Trail([run.path[k] for k in at], [run.losses[k] for k in at], i))
    order = sorted(range(len(trails)), key=lambda i: view.runs[i].size)  # the smallest batch, the widest walk, below
    ground = view.terrain.picture([trails[i] for i in order])
    keys, rows = legend([named(view, run) for run in view.runs], HEIGHT + 14)
    below = HEIGHT + rows * ROW + 6
    left = curves(view, "epochs", [view.ends(run)[0] for run in view.runs], lambda run, k: run.epochs(k), view.epochs)
    right = curves(
        view,
        "milliseconds, at the assumed cost of a step",
        [view.ends(run)[1] for run in view.runs],
        lambda run, k: 1e3 * view.cost.seconds(k, run.seen[k]),
        1e3 * view.budget,
    )
    side = f'<g transform="translate({short(WIDTH / 2)} 0)">{right}</g>'
    charts = f'<g transform="translate(0 {short(below)})">{left}{side}</g>'
    return document([ground, keys, charts], WIDTH, below + TALL, view.title())


def named(view: BatchSizes, run: Run) -> str:
    """The size, and what it is called."""
    what = {1: " (stochastic)", view.rows.count: " (all rows)"}.get(run.size, "")
    return f"batches of {run.size}{what}"


def curves(view: BatchSizes, name: str, ends: Sequence[int], across: Callable[[Run, int], float], high: float) -> str:
    """The loss of each run over epochs or seconds, above the lowest loss where that is known."""
    shift = view.best[1] if view.best else 0.0
    low, top = loss_range(
        [[v - shift for v in run.losses[: end + 1]] for run, end in zip(view.runs, ends, strict=True)]
    )
    title = "loss above its minimum" if view.best else "loss"
    plot = Plot(
        Axis(0, high, name=name), Axis(low, top, log=True, name=title), WIDTH / 2, TALL, left=72, top=10, bottom=40
    )
    marks = []
    for i in sorted(range(len(view.runs)), key=lambda i: view.runs[i].size):
        run, end = view.runs[i], ends[i]
        at = some(end)
        marks.append(plot.line([across(run, k) for k in at], [logged(run.losses[k] - shift, low) for k in at], i))
    return plot.inside("".join(marks), name[0]) + plot.axes()


def some(end: int) -> list[int]:
    """The steps that are drawn: all, or about `POINTS` of them, the last one always."""
    return sorted({*range(0, end + 1, max(1, end // POINTS)), end})


def loss_range(rows: Sequence[Sequence[float]]) -> tuple[float, float]:
    """The ends of the logarithmic axis: from ten times the first loss down to the lowest, `DECADES` at most."""
    first = max((row[0] for row in rows if row[0] > 0 and math.isfinite(row[0])), default=1.0)
    shown = [v for row in rows for v in row if 0 < v <= 10 * first] or [1.0]
    high = max(shown)
    low = max(min(shown), high * 10.0**-DECADES)
    room = max((high / low) ** 0.05, 1.15)
    return low / room, high * room


def logged(value: float, low: float) -> float:
    """A loss on the logarithmic axis; what lies below it, zero too, is drawn along its edge."""
    return math.nan if not math.isfinite(value) else max(value, low)

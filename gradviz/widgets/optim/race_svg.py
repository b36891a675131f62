"""The still picture of a race: the ground with every trail, a legend, and the losses on a logarithmic scale.

The interactive view draws the same from the same numbers (frontend/src/views/optimizer_race.ts).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gradviz.viz.measure import clip, escape, width
from gradviz.viz.plot import Axis, Plot, document, short
from gradviz.viz.theme import SERIES, THEMES
from gradviz.widgets.optim.terrain import HEIGHT, WIDTH, Trail, marker

if TYPE_CHECKING:
    from gradviz.widgets.optim.optimizer_race import OptimizerRace

LOSSES = 190.0  # height of the curves
ROW = 19.0  # of the legend
DECADES = 7  # of the loss, at most


def draw(race: OptimizerRace, view: str) -> str:
    """The whole picture as an SVG document."""
    trails = [Trail(walk.path, walk.losses, i) for i, walk in enumerate(race.walks)]
    ground = race.terrain.picture(trails, view) if race.terrain else ""
    top = HEIGHT if race.terrain else 0.0
    names = [f"{runner.name}{gone(race, i)}" for i, runner in enumerate(race.runners)]
    keys, rows = legend(names, top + 14)
    below = top + rows * ROW + 6
    tall = LOSSES if race.terrain else LOSSES * 1.6
    curves = f'<g transform="translate(0 {short(below)})">{losses(race, tall)}</g>'
    return document([ground, keys, curves], WIDTH, below + tall, race.title())


def gone(race: OptimizerRace, i: int) -> str:
    """The end of a runner that is no longer in the picture, for the legend."""
    fate = race.fate(race.walks[i])
    return f" ({fate})" if fate else ""


def legend(names: list[str], top: float) -> tuple[str, int]:
    """The sign and name of each runner, in as many rows as it takes."""
    x, rows, out = 60.0, 1, []
    ink = THEMES["light"]["ink"]
    for i, name in enumerate(names):
        text = clip(name, 280, 12)
        wide = 20 + width(text, 12) * 1.08 + 20  # fonts differ
        if x + wide > WIDTH - 14 and x > 60:
            x, rows = 60.0, rows + 1
        y = top + (rows - 1) * ROW
        out.append(marker(x + 6, y - 4, i, SERIES["light"][i % len(SERIES["light"])], 5.5, "light"))
        out.append(f'<text x="{short(x + 18)}" y="{short(y)}" font-size="12" fill="{ink}">{escape(text)}</text>')
        x += wide
    return "".join(out), rows


def losses(race: OptimizerRace, tall: float) -> str:
    """Each runner's loss against the step, and the target as a dashed line."""
    low, high, shift = loss_range([walk.losses for walk in race.walks], race.target)
    name = "loss" if not shift else f"loss − ({shift:.3g})"
    plot = Plot(Axis(0, race.steps, name="step"), Axis(low, high, log=True, name=name), WIDTH, tall, top=10, bottom=40)
    stride = max(1, race.steps // 150)
    marks = []
    for i, walk in enumerate(race.walks):
        at = sorted({*range(0, len(walk.losses), stride), len(walk.losses) - 1})
        marks.append(plot.line(at, [logged(walk.losses[k], shift, low) for k in at], i))
    if low < race.target - shift < high:
        marks.append(plot.rule(y=race.target - shift))
    return plot.inside("".join(marks), "l") + plot.axes()


def loss_range(rows: list[list[float]], target: float) -> tuple[float, float, float]:
    """The ends of the logarithmic axis, and what is taken off every loss first: 0 unless some are below 0.

    A walk that runs away does not press the others flat: nothing above ten times the first loss counts, nor a loss
    that is lower than the highest by more than the axis can show.
    """
    fine = [v for row in rows for v in row if math.isfinite(v)]
    least = min(fine, default=0.0)
    shift = least if least < 0 else 0.0
    first = max((row[0] - shift for row in rows if math.isfinite(row[0])), default=1.0)
    shown = [v - shift for v in fine if v - shift > 0 and v - shift <= 10 * first] or [1.0]
    high = max(shown)
    low = max(min(shown), high * 10.0**-DECADES)
    if 0 < target - shift < high:
        low = min(low, max(target - shift, high * 10.0**-DECADES))
    room = max((high / low) ** 0.05, 1.15)
    return low / room, high * room, shift


def logged(value: float, shift: float, low: float) -> float:
    """A loss on the logarithmic axis; what lies below the axis, zero too, is drawn along its edge."""
    return math.nan if not math.isfinite(value) else max(value - shift, low)

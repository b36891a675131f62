"""The still picture of a `LossCurve`: the same frame, colours and marks as frontend/src/curve.ts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gradviz.viz.measure import clean, clip, escape, width
from gradviz.viz.plot import SMALL, Axis, Plot, document, legend, short, span
from gradviz.widgets.training.decimate import decimate, smooth

if TYPE_CHECKING:
    from gradviz.widgets.training.loss_curve import LossCurve

WIDE, TALL = 760, 360
COLUMNS = 256  # four points each, of all curves together


def draw(curve: LossCurve, title: str, theme: str = "light", heading: str = "") -> str:
    """The picture as one SVG file; `heading` is written above it."""
    from gradviz.widgets.training.loss_curve import MOST

    lines = list(curve.lines.values())[:MOST]
    columns = COLUMNS
    while columns > 16 and sum(min(len(line.points), 4 * columns) for line in lines) > 4 * COLUMNS:
        columns //= 2
    series = [_thin(*line.points.arrays(), columns) for line in lines]
    every = [v for _, values in series for v in values if np.isfinite(v)]
    log = curve.log and any(v > 0 for v in every)
    steps = [float(s) for xs, _ in series for s in (xs[:1].tolist() + xs[-1:].tolist())]
    steps += [at for at, _ in curve.marks[-100:]] if steps else []
    low, high = (min(steps), max(steps)) if steps else (0.0, 1.0)
    if low == high:
        low, high = low - 0.5, high + 0.5
    plot = Plot(
        Axis(low, high, name=curve.x), Axis(*span(every, log=log), log=log, name=curve.y), WIDE, TALL, theme=theme
    )
    down = 26 if heading else 0
    plot.left, plot.top, plot.height = 66, (34 if lines else 14) + down, TALL + down
    drawn = []
    for i, (line, (xs, ys)) in enumerate(zip(lines, series, strict=True)):
        if curve.smoothing:
            drawn.append(f'<g opacity=".3">{plot.line(xs, ys, i, 1.2)}</g>')
            all_steps, all_values = line.points.arrays()
            kept = decimate(all_steps, all_values, columns // 2)
            drawn.append(plot.line(all_steps[kept], smooth(all_values, curve.smoothing)[kept], i, 2.2))
        else:
            drawn.append(plot.line(xs, ys, i, 1 if len(xs) > WIDE else 1.8))
        if len(xs) == 1:
            drawn.append(plot.dots(xs, ys, i))
        if line.start is not None and len(xs):
            drawn.append(plot.dots(xs[:1], ys[:1], i, 4))
        drawn.append(_lost(plot, xs, ys, i))
    parts = [plot.axes(), plot.inside("".join(_marks(plot, curve.marks)) + "".join(drawn))]
    if lines:
        parts.append(legend([curve.label(line) for line in lines[:6]], plot, 22 + down))
    else:
        parts.append(_note(plot, "no values yet"))
    if len(curve.lines) > 6:
        parts.append(_more(plot, len(curve.lines) - 6))
    if heading:
        parts.append(
            f'<text x="16" y="24" font-size="14" font-weight="600" fill="{plot.colour("ink")}">'
            f"{escape(clip(clean(heading), WIDE - 32, 15))}</text>"
        )
    return document(parts, WIDE, TALL + down, title, theme=theme)


def _thin(steps: Any, values: Any, columns: int) -> tuple[Any, Any]:
    kept = decimate(steps, values, columns)
    return steps[kept], values[kept]


def _marks(plot: Plot, marks: list[tuple[float, str]]) -> list[str]:
    """A dashed line for each event, its text along the top while there is room for it."""
    out, taken = [], -1e9
    for at, text in sorted(marks[-100:]):
        x = plot.at(at, plot.y.low)[0]
        out.append(plot.rule(x=at, colour="group"))
        words = clip(clean(text), 150, SMALL - 1)
        long = width(words, SMALL - 1) + 8
        left = x + long > plot.width - plot.right  # no room on the right: its text stands on the other side
        if plot.left <= x <= plot.width - plot.right and (x - long >= max(taken, plot.left) if left else x >= taken):
            where = f'x="{short(x - 4 if left else x + 4)}" y="{short(plot.top + 13)}"'
            anchor = ' text-anchor="end"' if left else ""
            out.append(
                f'<text {where}{anchor} font-size="{SMALL - 1}" fill="{plot.colour("group")}">{escape(words)}</text>'
            )
            taken = x if left else x + long
    return out


def _lost(plot: Plot, xs: Any, ys: Any, i: int) -> str:
    """A mark at the edge of the frame for every value that has no place in it: a cross for NaN, a point up or down."""
    out = []
    for x, y in zip(xs, ys, strict=True):
        if np.isfinite(y):
            continue
        at = plot.at(float(x), plot.y.low)[0]
        top, bottom = plot.top + 8, plot.height - plot.bottom - 8
        if np.isnan(y):
            d = f"M{short(at - 4)} {short(bottom - 4)}l8 8m0 -8l-8 8"
        elif y > 0:
            d = f"M{short(at - 5)} {short(top + 5)}l5 -9l5 9z"
        else:
            d = f"M{short(at - 5)} {short(bottom - 5)}l5 9l5 -9z"
        out.append(f'<path d="{d}" fill="none" stroke="{plot.colour("bad")}" stroke-width="2"/>')
    return "".join(out[:200])


def _note(plot: Plot, text: str) -> str:
    left, top, wide, tall = plot.inner
    where = f'x="{short(left + wide / 2)}" y="{short(top + tall / 2)}" text-anchor="middle"'
    return f'<text {where} font-size="13" fill="{plot.colour("muted")}">{escape(text)}</text>'


def _more(plot: Plot, count: int) -> str:
    where = f'x="{short(plot.width - plot.right)}" y="{short(plot.top - 12)}" text-anchor="end"'
    return f'<text {where} font-size="{SMALL}" fill="{plot.colour("muted")}">… and {count} more</text>'

"""The still picture of `SignalPropagation`: a hill for each layer, the outputs on the left, the gradients on the right.

The interactive view draws the same from the same numbers (frontend/src/views/signal_propagation.ts).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gradviz.viz.measure import clip, escape
from gradviz.viz.plot import SMALL, Axis, Plot, document, path, short
from gradviz.viz.theme import THEMES

if TYPE_CHECKING:
    from gradviz.widgets.history.signal_propagation import SignalPropagation
    from gradviz.widgets.history.signal_runs import Layer, Signals

WIDTH, TALL, HEAD = 689.0, 420.0, 30.0
KINDS = (("outputs", "Outputs, on the way forward", "forward"), ("grads", "Gradients, on the way back", "backward"))


def draw(view: SignalPropagation) -> str:
    """The whole picture as an SVG document."""
    from gradviz.widgets.history.signal_propagation import verdict

    theme, low, high = THEMES["light"], *domain(view.now)
    heading = escape(clip(f"{view.heading()}: {verdict(view.now)}", WIDTH - 40, 13))
    parts = [f'<text x="16" y="19" font-size="13" font-weight="600" fill="{theme["ink"]}">{heading}</text>']
    for i, (kind, name, ink) in enumerate(KINDS):
        layers = getattr(view.now, kind)
        parts.append(
            f'<g transform="translate({short(i * WIDTH / 2)} {short(HEAD)})">{panel(layers, name, ink, low, high)}</g>'
        )
    return document(parts, WIDTH, TALL + HEAD, view.title + ": " + view.heading())


def domain(signals: Signals) -> tuple[float, float]:
    """The ends of the axis, powers of ten: two beyond the sizes of all layers, and never less than from 1e-4 to 1e3."""
    sizes = [math.log10(one.rms) for layers in signals for one in layers if one.rms > 0]
    low = min([-4.0, *(math.floor(size) - 2.0 for size in sizes)])
    return low, max([3.0, *(math.ceil(size) + 2.0 for size in sizes)])


def rise(depth: int) -> float:
    """How high a hill is, in rows."""
    return min(2.2, max(0.85, depth / 12))


def panel(layers: Sequence[Layer], name: str, ink: str, low: float, high: float) -> str:
    """One frame: a row for each layer, the first on top, and the line that joins their sizes."""
    depth, theme = len(layers), THEMES["light"]
    up = rise(depth)
    plot = Plot(Axis(low, high), Axis(depth + 0.4, 0.9 - up), WIDTH / 2, TALL, left=40, right=10, top=24, bottom=40)
    marks, labels, every = [], [], max(1, math.ceil(depth / 10))
    for k, one in enumerate(layers, 1):
        line = path(plot.at(x, k - up * y) for x, y in one.hill)
        if line:
            soft, full = theme[ink + "-soft"], theme[ink]
            marks.append(f'<path d="{line}z" fill="{soft}" stroke="{full}" stroke-width="1"/>')
        else:
            x, y = plot.at(low, k)
            words = "all 0" if one.zero == 1 else "not finite"
            marks.append(f'<text x="{short(x + 6)}" y="{short(y)}" font-size="10" fill="{theme["bad"]}">{words}</text>')
        if (k % every == 0 and k - 1 >= 0.75 * every) or k == 1:
            x, y = plot.at(low, k)
            labels.append(f'<text x="{short(x - 6)}" y="{short(y)}" text-anchor="end">{k}</text>')
    sizes = [(math.log10(one.rms), k) if one.rms > 0 else (math.nan, k) for k, one in enumerate(layers, 1)]
    joined = path(plot.at(x, k - 0.1) for x, k in sizes)
    marks.append(f'<path d="{joined}" fill="none" stroke="{theme["ink"]}" stroke-width="1.6"/>')
    title = f'<text x="40" y="16" font-size="{SMALL}" font-weight="600" fill="{theme[ink]}">{name}</text>'
    numbers = f'<g font-size="{SMALL}" fill="{theme["muted"]}">{"".join(labels)}{_powers(plot)}</g>'
    return title + plot.inside("".join(marks), name[0]) + numbers


def _powers(plot: Plot) -> str:
    """The frame, and under it some powers of ten."""
    left, top, wide, tall = plot.inner
    ink, low, high = plot.colour("muted"), int(plot.x.low), int(plot.x.high)
    size = f'x="{short(left)}" y="{short(top)}" width="{short(wide)}" height="{short(tall)}"'
    out = [f'<rect {size} fill="none" stroke="{ink}"/>']
    every = next(n for n in (1, 2, 3, 5, 10, 20, 50, 100) if (high - low) / n <= 7)
    for power in range((low // every + 1) * every, high, every):
        x = short(plot.at(power, plot.y.low)[0])
        text = {0: "1", 1: "10"}.get(power, f"1e{power}")
        out.append(f'<path d="M{x} {short(top + tall)}v4" stroke="{ink}"/>')
        out.append(f'<text x="{x}" y="{short(top + tall + 17)}" text-anchor="middle">{text}</text>')
    words = f'<text x="{short(left + wide / 2)}" y="{short(plot.height - 6)}" text-anchor="middle" '
    return "".join(out) + f'{words}fill="{plot.colour("ink")}">size</text>'

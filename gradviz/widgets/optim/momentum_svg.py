"""The still picture of `MomentumPlane`: the plane, the errors step by step, the path on the bowl.

The interactive view draws the same from the same numbers (frontend/src/views/momentum_plane.ts).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from gradviz.viz.plot import SMALL, Axis, Plot, document, path, short
from gradviz.viz.theme import THEMES
from gradviz.widgets.optim.momentum_math import best, best_plain, border, contour

if TYPE_CHECKING:
    from gradviz.widgets.optim.momentum_plane import MomentumPlane

WIDTH, TALL, LOW = 689.0, 372.0, 236.0  # of the plane; of the two charts under it
ROUND = 48  # points of a curved border
REACH = (1.5, 2.6)  # of the map, in starts: a step of the flat direction never goes as far as one of the steep one
DASH = ' stroke-dasharray="5 3"'  # of the steep direction
ERRORS = 2.4  # of the errors' axis, in starts
# what a region is called, where its name stands (rate times the steep curvature, momentum), its ground and ink
AREAS = (
    ("creeps", (0.1, 0.12), "forward"),
    ("swings", (1.55, 0.62), "leaf"),
    ("jumps", (1.44, 0.025), "group"),
    ("diverges", (3.45, 0.3), "bad"),
)


def draw(view: MomentumPlane) -> str:
    """The whole picture as an SVG document."""
    left, right = errors(view), bowl(view)
    right = f'<g transform="translate({short(WIDTH / 2)} 0)">{right}</g>'
    below = f'<g transform="translate(0 {short(TALL)})">{left}{right}</g>'
    return document([plane(view), below], WIDTH, TALL + LOW, view.to_text().splitlines()[0])


def regions(curvature: float, top: float) -> dict[str, list[tuple[float, float]]]:
    """The four areas of one direction as polygons (rate, momentum)."""
    betas = [k / ROUND for k in range(ROUND + 1)]
    first = [(border(b, -1) / curvature, b) for b in betas]
    second = [(border(b, 1) / curvature, b) for b in betas]
    edge = [(2 * (1 + b) / curvature, b) for b in betas]
    return {
        "creeps": [(0.0, 0.0), *first],
        "swings": [*first, *reversed(second)],
        "jumps": [*second, *reversed(edge)],
        "diverges": [*edge, (top, 1.0), (top, 0.0)],
    }


def swinging(flat: float, steep: float) -> list[tuple[float, float]]:
    """The border above which the flat direction swings, from where the steep one jumps."""
    line = [(border(k / ROUND, -1) / flat, k / ROUND) for k in range(ROUND + 1)]
    return [best((flat, steep)), *((rate, beta) for rate, beta in line if rate * steep <= border(beta, 1))]


def plane(view: MomentumPlane) -> str:
    """The regions of the steep direction, the border of the flat one, lines of equal factor, and the points."""
    flat, steep = view.curvatures
    plot = Plot(Axis(0, view.top, name="lr"), Axis(0, 1, name="momentum"), WIDTH, TALL, left=66, top=16, bottom=44)
    theme, marks = THEMES["light"], []
    for name, corners in regions(steep, view.top).items():
        ink = next(area[2] for area in AREAS if area[0] == name)
        marks.append(f'<path d="{_closed(plot, corners)}" fill="{theme[ink + "-soft"]}" stroke="none"/>')
    for level in view.levels:
        corners = contour(level, view.curvatures)
        marks.append(f'<path d="{_closed(plot, corners)}" fill="none" stroke="{theme["edge"]}"/>')
        x, y = plot.at(*corners[-2] if len(corners) == 4 else corners[-1])
        marks.append(_text(x - 6, y - 4, f"{level:g}", theme["muted"], anchor="end"))
    drawn = path(plot.at(*point) for point in swinging(flat, steep))
    marks.append(f'<path d="{drawn}" fill="none" stroke="{plot.colour(0)}" stroke-width="1.8" stroke-dasharray="7 4"/>')
    for name, (push, beta), ink in AREAS:
        marks.append(_text(*plot.at(push / steep, beta), name, theme[ink], bold=True))
    star, plain, now = best(view.curvatures), (best_plain(view.curvatures), 0.0), (view.lr, view.momentum)
    spots = [
        f'<path d="{star_path(*plot.at(*star), 9)}" fill="{theme["leaf"]}" stroke="{theme["card"]}"/>',
        _ring(plot.at(*plain), theme["muted"], 5),
        _ring(plot.at(*now), theme["card"], 7, theme["backward"]),
    ]
    return plot.inside("".join(marks), "p") + plot.axes() + "".join(spots)


def errors(view: MomentumPlane) -> str:
    """Both errors against the step, each divided by the one at the start."""
    plot = Plot(
        Axis(0, view.steps, name="step"),
        Axis(-ERRORS, ERRORS, name="error / first error"),
        WIDTH / 2,
        LOW,
        left=56,
        top=26,
    )
    steps = range(view.steps + 1)
    marks = [plot.rule(y=0)]
    for i, start in enumerate(view.start):
        drawn = path(plot.at(k, _near(row[i] / start)) for k, row in zip(steps, view.walk.path, strict=True))
        dash = DASH if i else ""
        marks.append(f'<path d="{drawn}" fill="none" stroke="{plot.colour(i)}" stroke-width="1.8"{dash}/>')
    return plot.inside("".join(marks), "e") + plot.axes() + _keys(plot)


def bowl(view: MomentumPlane) -> str:
    """The path on the bowl's level lines."""
    wide, tall = (reach * abs(start) for reach, start in zip(REACH, view.start, strict=True))
    plot = Plot(Axis(-wide, wide, name="x"), Axis(-tall, tall, name="y"), WIDTH / 2, LOW, left=56, top=26)
    theme = THEMES["light"]
    middle, corner = plot.at(0, 0), plot.at(wide, tall)
    marks = []
    for rx, ry in ellipses(view.curvatures, view.start, (wide, tall)):
        size = f'rx="{short(rx / wide * (corner[0] - middle[0]))}" ry="{short(ry / tall * (middle[1] - corner[1]))}"'
        marks.append(
            f'<ellipse cx="{short(middle[0])}" cy="{short(middle[1])}" {size} fill="none" stroke="{theme["line"]}"/>'
        )
    xs, ys = zip(
        *[[_near(v / s) * s for v, s in zip(row, view.start, strict=True)] for row in view.walk.path], strict=True
    )
    marks += [plot.line(xs, ys, "backward", 1.4), plot.dots(xs, ys, "backward", 2.2)]
    return plot.inside("".join(marks), "b") + plot.axes()


def ellipses(curvatures: Sequence[float], start: Sequence[float], reach: Sequence[float]) -> list[tuple[float, float]]:
    """The half axes of the level lines: 1, 4, 9, ... tenths of the first loss, as far as one is seen."""
    loss = sum(curvature * v * v for curvature, v in zip(curvatures, start, strict=True)) / 2
    made = []
    for k in range(1, 200):
        level = loss * k * k / 10
        rx, ry = (math.sqrt(2 * level / curvature) for curvature in curvatures)
        made.append((rx, ry))
        if math.hypot(reach[0] / rx, reach[1] / ry) < 1:
            break
    return made


def star_path(x: float, y: float, size: float) -> str:
    """A star of five points."""
    turns = [(size if k % 2 == 0 else 0.45 * size, math.pi * (k / 5 - 0.5)) for k in range(10)]
    return path((x + r * math.cos(a), y + r * math.sin(a)) for r, a in turns) + "z"


def _closed(plot: Plot, corners: Iterable[tuple[float, float]]) -> str:
    return path(plot.at(*corner) for corner in corners) + "z"


def _near(value: float) -> float:
    """What is far outside the frame, just outside: its line still leaves in the right direction."""
    return max(-50.0, min(50.0, value)) if math.isfinite(value) else math.nan


def _ring(place: tuple[float, float], ink: str, size: float, ground: str = "#fff") -> str:
    x, y = (short(v) for v in place)
    return f'<circle cx="{x}" cy="{y}" r="{size}" fill="{ground}" stroke="{ink}" stroke-width="2"/>'


def _text(x: float, y: float, words: str, ink: str, *, anchor: str = "start", bold: bool = False) -> str:
    weight = ' font-weight="600"' if bold else ""
    place = f'x="{short(x)}" y="{short(y)}" text-anchor="{anchor}"'
    return f'<text {place} font-size="{SMALL}"{weight} fill="{ink}">{words}</text>'


def _keys(plot: Plot) -> str:
    """The two directions, over the frame."""
    out, x = [], plot.left
    for i, name in enumerate(("x, the flat direction", "y, the steep one")):
        dash = DASH if i else ""
        out.append(f'<path d="M{short(x)} 13h20" fill="none" stroke="{plot.colour(i)}" stroke-width="1.8"{dash}/>')
        out.append(_text(x + 26, 17, name, plot.colour("ink")))
        x += 158
    return "".join(out)

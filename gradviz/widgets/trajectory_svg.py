"""The static picture of a trajectory: axes, curve or level lines, and the walk, which appears step by step (CSS, no
script).

The interactive view draws the same picture in the browser from the same numbers: the geometry here and in
frontend/src/trajectory.ts is one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

WIDTH, HEIGHT = 689, 423  # inside the frame 615 by 369: five to three
LEFT, RIGHT, TOP, BOTTOM = 60, 14, 14, 40
PAPER, INK, FAINT, LINE, TRAIL, START = "#ffffff", "#1f2430", "#6b7280", "#8fa3bf", "#b3440a", "#1a5fcb"
BEAT = 0.35  # seconds a step while the walk appears
MOTION = (
    ".w{animation:w .3s both}@keyframes w{from{opacity:0}}@media (prefers-reduced-motion:reduce){.w{animation:none}}"
)
FRAME = f'x="{LEFT}" y="{TOP}" width="{WIDTH - LEFT - RIGHT}" height="{HEIGHT - TOP - BOTTOM}"'

Place = Callable[[float, float], tuple[float, float]]


def scale(bounds: Sequence[Sequence[float]]) -> Place:
    """From the function's numbers to the picture's units."""
    (x0, x1), (y0, y1) = bounds

    def to(x: float, y: float) -> tuple[float, float]:
        across = LEFT + (x - x0) / (x1 - x0) * (WIDTH - LEFT - RIGHT)
        down = HEIGHT - BOTTOM - (y - y0) / (y1 - y0) * (HEIGHT - TOP - BOTTOM)
        return across, down

    return to


def path(points: Sequence[tuple[float, float]]) -> str:
    """An SVG path through the points, to a tenth of a unit."""
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points) if points else ""


def ticks(low: float, high: float) -> list[float]:
    """Some round numbers between two ends."""
    raw = (high - low) / 5
    size = 10.0 ** math.floor(math.log10(raw))
    step = size * next(factor for factor in (1, 2, 5, 10) if factor * size >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [float(f"{k * step:.6g}") for k in range(first, last + 1)]


def draw(data: dict[str, Any], title: str) -> str:
    """The whole picture as an SVG document."""
    flat = len(data["names"]) == 1
    sides = [*data["bounds"], data["range"]] if flat else data["bounds"]
    to = scale(sides)
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    look = 'role="img" font-family="system-ui,sans-serif" font-size="12"'
    pen = f'fill="none" stroke="{LINE}" stroke-width="{2 if flat else 1.1}"'
    return "".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} {look}><title>{escape(title)}</title>',
            f"<style>{MOTION}</style>",
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{PAPER}"/>',
            f'<clipPath id="c"><rect {FRAME}/></clipPath>',
            axes(sides, data["names"], to),
            '<g clip-path="url(#c)">',
            *(f'<path d="{line}" {pen}/>' for line in data["lines"] if line),
            walk(data, to),
            "</g></svg>",
        ]
    )


def axes(sides: Sequence[Sequence[float]], names: Sequence[str], to: Place) -> str:
    """Frame, ticks with numbers, and the names of the axes."""
    (x0, x1), (y0, y1) = sides
    names = [*names, "loss"][:2]
    floor, middle = HEIGHT - BOTTOM, (TOP + HEIGHT - BOTTOM) / 2
    out = [f'<rect {FRAME} fill="none" stroke="{FAINT}"/><g fill="{FAINT}">']
    for x in ticks(x0, x1):
        at = to(x, y0)[0]
        out.append(f'<path d="M{at:.1f} {floor}v4" stroke="{FAINT}"/>')
        out.append(f'<text x="{at:.1f}" y="{floor + 17}" text-anchor="middle">{x:g}</text>')
    for y in ticks(y0, y1):
        at = to(x0, y)[1]
        out.append(f'<path d="M{LEFT} {at:.1f}h-4" stroke="{FAINT}"/>')
        out.append(f'<text x="{LEFT - 7}" y="{at + 4:.1f}" text-anchor="end">{y:g}</text>')
    name = f'text-anchor="middle" fill="{INK}"'
    across = f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 6}" {name}>{escape(names[0])}</text>'
    down = f'<text x="13" y="{middle}" transform="rotate(-90 13 {middle})" {name}>{escape(names[1])}</text>'
    return "".join([*out, "</g>", across, down])


def walk(data: dict[str, Any], to: Place) -> str:
    """The trail and a dot for each step; what has left the finite numbers is not drawn."""
    flat = len(data["names"]) == 1
    places = []
    for point, loss in zip(data["path"], data["losses"], strict=True):
        numbers = [*point, loss] if flat else point
        if any(isinstance(value, str) for value in numbers):
            break
        x, y = to(*numbers)
        if abs(x) > 1e5 or abs(y) > 1e5:
            break
        places.append((x, y))
    out, line = [], f'stroke="{TRAIL}" stroke-width="1.6" fill="none"'
    for k, (x, y) in enumerate(places):
        late = f'class="w" style="animation-delay:{k * BEAT:.2f}s"'
        if k:
            x0, y0 = places[k - 1]
            out.append(f'<path {late} d="M{x0:.1f} {y0:.1f}L{x:.1f} {y:.1f}" {line}/>')
        dot = f'r="3.2" fill="{TRAIL}"' if k else f'r="6" fill="{START}"'
        out.append(f'<circle {late} cx="{x:.1f}" cy="{y:.1f}" {dot}/>')
    return "".join(out)

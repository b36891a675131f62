"""A function of two numbers as a landscape: asked on a grid, and cut into bands of height, which is what a map shows.

The bands are areas, lowest first, each drawn over the one below; their outlines are the level lines.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from gradviz.viz.plot import short
from gradviz.viz.theme import THEMES
from gradviz.widgets.optim.contour import Point, contour
from gradviz.widgets.optim.descent import reseed

FINE, COARSE = (121, 73), (61, 37)  # columns and rows; the second where each point is asked by itself
BANDS = 13
UNTIDY = 0.15  # how far a level line may be moved when points of it are left out, in units of the picture

# Colours from the lowest band to the highest, chosen so that every trail stands out on all of them.
RAMPS = {
    "light": ("#a9c8ee", "#c3d9f3", "#dce9f6", "#eff3f3", "#f7eedd", "#f5dfc0", "#f0cda1"),
    "dark": ("#12365f", "#173250", "#1b2d43", "#212a38", "#2d2c31", "#3a302b", "#4a3727"),
}


class Grid(NamedTuple):
    """Values at places: `values[row, column]` at `(xs[column], ys[row])`."""

    xs: Any
    ys: Any
    values: Any

    @property
    def low(self) -> float:
        return float(np.min(self.values, where=np.isfinite(self.values), initial=np.inf))

    @property
    def high(self) -> float:
        return float(np.max(self.values, where=np.isfinite(self.values), initial=-np.inf))

    @property
    def flat(self) -> bool:
        """True if there is nothing to draw: one height everywhere, or none."""
        return not self.low < self.high

    def share(self, value: float) -> float:
        """Where a value lies between the lowest and the highest, 0 to 1."""
        return (value - self.low) / (self.high - self.low) if not self.flat else 0.0

    @property
    def bend(self) -> float:
        """The exponent of the levels: so large that half of the map lies below half of them. 2 for a bowl or so."""
        shares = (self.values[np.isfinite(self.values)] - self.low) / ((self.high - self.low) or 1.0)
        middle = float(np.median(shares)) if shares.size else 0.5
        return min(8.0, max(1.3, math.log(max(middle, 1e-9)) / math.log(0.5)))

    @property
    def squeeze(self) -> float:
        """Heights are drawn as the share to the power 1/squeeze: 1 where the function's own heights can be seen."""
        return 1.0 if self.bend <= 3 else round(self.bend / 2, 1)


def ask(fn: Callable[..., Any], bounds: Sequence[tuple[float, float]], seed: int | None = None) -> Grid:
    """The function on a grid: fine if it works element by element, coarse if each point must be asked by itself."""
    for count in (FINE, COARSE):
        xs, ys = (np.linspace(*side, n) for side, n in zip(bounds, count, strict=True))
        values = on_grid(fn, list(np.meshgrid(xs, ys)), seed, one_by_one=count == COARSE)
        if values is not None:
            return Grid(xs, ys, values)
    raise AssertionError("unreachable")


def on_grid(fn: Callable[..., Any], grids: list[Any], seed: int | None = None, *, one_by_one: bool = True) -> Any:
    """The function at every point of a grid, in one go if it works element by element.

    Else one by one, or None if that is not wanted. With a seed, what it draws is the same at every point.
    """
    import gradviz as torch

    def at(*values: float) -> float:
        reseed(seed)
        return float(fn(*(torch.tensor(float(value)) for value in values)).item())

    shape = grids[0].shape
    size = grids[0].size
    probes = [0, size // 7, size // 3, size // 2 + 1, size - 1]
    with torch.no_grad(), np.errstate(all="ignore"):
        try:
            reseed(seed)
            out = np.asarray(fn(*(torch.tensor(grid.tolist()) for grid in grids)).tolist(), dtype=float)
            same = out.shape == shape and all(close(out.flat[i], at(*(grid.flat[i] for grid in grids))) for i in probes)
        except Exception:  # a function that takes numbers only; it is asked point by point below
            same = False
        if same or not one_by_one:
            return out if same else None
        return np.array([at(*point) for point in zip(*(grid.flat for grid in grids), strict=True)]).reshape(shape)


def close(a: float, b: float) -> bool:
    """Equal up to single precision, both infinite in the same way, or both not a number."""
    return math.isclose(a, b, rel_tol=1e-4, abs_tol=1e-6) or (math.isnan(a) and math.isnan(b))


# -- the map -------------------------------------------------------------------------------------------------------
def heights(grid: Grid, count: int = BANDS) -> list[float]:
    """The levels between the bands, closer together near the bottom, where a valley is flat."""
    if grid.flat:
        return []
    bend = grid.bend
    return [grid.low + (grid.high - grid.low) * ((i + 0.5) / count) ** bend for i in range(count)]


def bands(grid: Grid, to: Callable[[float, float], Point], levels: Sequence[float]) -> list[str]:
    """For each level the area above it, as path data in the picture's units; the outlines are the level lines.

    The grid gets a rim of low values, so every outline closes, outside of the frame. Where the function is not a
    finite number it counts as high.
    """
    high, low = grid.high, grid.low
    inner = np.where(np.isfinite(grid.values), grid.values, high)
    values = np.pad(inner, 1, constant_values=low - 2 * (high - low or 1.0))
    xs, ys = (np.concatenate([[2 * v[0] - v[1]], v, [2 * v[-1] - v[-2]]]) for v in (grid.xs, grid.ys))
    return ["".join(outline([to(*p) for p in ring]) for ring in contour(xs, ys, values, level)) for level in levels]


def holes(grid: Grid, to: Callable[[float, float], Point]) -> str:
    """The area in which the function is not a finite number."""
    gone = np.pad((~np.isfinite(grid.values)).astype(float), 1)
    if not gone.any():
        return ""
    xs, ys = (np.concatenate([[2 * v[0] - v[1]], v, [2 * v[-1] - v[-2]]]) for v in (grid.xs, grid.ys))
    return "".join(outline([to(*p) for p in ring]) for ring in contour(xs, ys, gone, 0.5))


def outline(points: list[Point]) -> str:
    """A closed path, with the points left out that do not change its look, in tenths of a unit."""
    kept = thinned(points)
    if len(kept) < 3:
        return ""
    tenths = [(round(x * 10), round(y * 10)) for x, y in kept]
    out = [f"M{tenth(tenths[0][0])} {tenth(tenths[0][1])}l"]
    moves = []
    for (x0, y0), (x1, y1) in itertools.pairwise(tenths):
        down = tenth(y1 - y0)
        moves.append(f"{tenth(x1 - x0)}{'' if down.startswith('-') else ' '}{down}")
    for i, move in enumerate(moves):
        out.append(move if i == 0 or move.startswith("-") else f" {move}")
    return "".join(out) + "z"


def tenth(value: int) -> str:
    """A whole number of tenths in as few characters as it takes."""
    text = f"{value / 10:.1f}".removesuffix(".0")
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else "0" if text == "-0" else text


def thinned(points: list[Point]) -> list[Point]:
    """Fewer points for the same line (Ramer 1972, Douglas and Peucker 1973)."""
    if len(points) < 4:
        return points
    line = np.asarray(points)
    keep = np.zeros(len(points), dtype=bool)
    middle = len(points) // 2  # a ring starts where it ends: split it, so that each part has two different ends
    keep[[0, middle, len(points) - 1]] = True
    todo = [(0, middle), (middle, len(points) - 1)]
    while todo:
        a, b = todo.pop()
        if b - a < 2:
            continue
        way = line[b] - line[a]
        off = line[a + 1 : b] - line[a]
        length = math.hypot(*way)
        far = abs(off[:, 0] * way[1] - off[:, 1] * way[0]) / length if length else np.hypot(off[:, 0], off[:, 1])
        worst = int(np.argmax(far))
        if far[worst] > UNTIDY:
            at = a + 1 + worst
            keep[at] = True
            todo += [(a, at), (at, b)]
    return [p for p, kept in zip(points, keep, strict=True) if kept]


def ramp(share: float, theme: str = "light") -> str:
    """The colour of a height, 0 to 1."""
    stops = RAMPS[theme]
    at = min(max(share, 0.0), 1.0) * (len(stops) - 1)
    i = min(int(at), len(stops) - 2)
    return mixed(stops[i], stops[i + 1], at - i)


def mixed(a: str, b: str, part: float) -> str:
    """A colour between two."""
    pairs = zip(*(bytes.fromhex(colour[1:]) for colour in (a, b)), strict=True)
    return "#" + "".join(f"{round(x + (y - x) * part):02x}" for x, y in pairs)


def map_svg(paths: Sequence[str], hole: str, frame: tuple[float, float, float, float], theme: str = "light") -> str:
    """The bands as SVG, lowest first, each with its outline."""
    x, y, wide, tall = map(short, frame)
    line = mixed(RAMPS[theme][0], THEMES[theme]["ink"], 0.42)
    out = [f'<rect x="{x}" y="{y}" width="{wide}" height="{tall}" fill="{ramp(0, theme)}"/>']
    out.append(f'<g stroke="{line}" stroke-opacity=".55" stroke-width=".8">')
    for i, d in enumerate(paths):
        if d:
            out.append(f'<path d="{d}" fill="{ramp((i + 1) / max(len(paths), 1), theme)}" fill-rule="evenodd"/>')
    out.append("</g>")
    if hole:
        told = "<title>not a finite number</title>"
        out.append(f'<path d="{hole}" fill="{THEMES[theme]["line"]}" fill-rule="evenodd">{told}</path>')
    return "".join(out)

"""The ground under a walk, and walks on it, as a still picture: a curve, a map, or a landscape from the side.

`Terrain(fn, bounds, names)` asks the function once; `picture` draws any number of trails on it, which appear step by
step (CSS, no script). The browser is given the same numbers and draws the same (frontend/src/terrain.ts).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from gradviz.viz.plot import Axis, Plot, path, short
from gradviz.viz.theme import DASHES, SERIES, THEMES
from gradviz.widgets.optim import side_view, surface

WIDTH, HEIGHT = 689.0, 423.0  # inside the frame 615 by 369: five to three
CURVE = 201  # points of a curve
FAR = 1e5  # a point so far outside is not drawn
DOTS = 60  # a walk of more steps is a line without a dot for each step
# Shapes of radius 1, one for each trail, so that no trail is told by its colour alone.
MARKERS = (
    "M1 0A1 1 0 1 1-1 0A1 1 0 1 1 1 0z", "M-.88-.88H.88V.88H-.88z", "M0-1.15L1.1.85H-1.1z",
    "M0-1.25L1.1 0 0 1.25-1.1 0z", "M0 1.15L1.1-.85H-1.1z", "M-.4-1.1H.4V-.4H1.1V.4H.4V1.1H-.4V.4H-1.1V-.4H-.4z",
    "M.55-1L1.1 0 .55 1H-.55L-1.1 0-.55-1z", "M0-1.2L.35-.4 1.2-.37.53.17.74 1 0 .52-.74 1-.53.17-1.2-.37-.35-.4z",
)  # fmt: skip


class Trail(NamedTuple):
    """A walk as it is drawn: places, losses there, the number that gives colour, dashes and marker, whether grey."""

    points: Sequence[Sequence[float]]
    losses: Sequence[float]
    series: int = 0
    grey: bool = False


class Terrain:
    """A function of one or two numbers within bounds; `minima` are places that are marked with a star."""

    def __init__(
        self,
        fn: Callable[..., Any],
        bounds: Sequence[tuple[float, float]],
        names: Sequence[str],
        *,
        seed: int | None = None,
        minima: Sequence[Sequence[float]] = (),
    ) -> None:
        self.names, self.bounds, self.minima = list(names), list(bounds), [list(m) for m in minima]
        self.curve, self.levels, self.bands, self.hole = "", [], [], ""
        self.range: tuple[float, float] | None = None
        if self.flat:
            xs = np.linspace(*self.bounds[0], CURVE)
            ys = surface.on_grid(fn, [xs], seed)
            self.range = span(ys)
            self.curve = path(self.plot().at(float(x), float(y)) for x, y in zip(xs, ys, strict=True))
        else:
            self.grid = surface.ask(fn, self.bounds, seed)
            self.levels = surface.heights(self.grid)
            to = self.plot().at
            self.bands = surface.bands(self.grid, to, self.levels)
            self.hole = surface.holes(self.grid, to)
            self.net = side_view.mesh(self.grid, 2 if self.grid.values.shape[0] > surface.COARSE[1] else 1)

    @property
    def flat(self) -> bool:
        """True for a function of one number."""
        return len(self.bounds) == 1

    def plot(self) -> Plot:
        """The frame of the curve or the map."""
        x = Axis(*self.bounds[0], name=self.names[0])
        y = Axis(*(self.range or (0.0, 1.0)), name="loss") if self.flat else Axis(*self.bounds[1], name=self.names[1])
        return Plot(x, y, WIDTH, HEIGHT)

    def to_json(self) -> dict[str, Any]:
        """What the browser needs to draw the same."""
        out: dict[str, Any] = {
            "names": self.names,
            "bounds": [list(side) for side in self.bounds],
            "range": list(self.range) if self.range else None,
            "minima": self.minima,
        }
        if self.flat:
            return {**out, "curve": self.curve}
        return {
            **out,
            "bands": self.bands,
            "levels": [float(f"{level:.6g}") for level in self.levels],
            "hole": self.hole,
            "mesh": side_view.packed(self.net),
            "marks": [list(mark) for mark in side_view.marks(self.grid)],
        }

    # -- the still picture -----------------------------------------------------------------------------------------
    def picture(self, trails: Sequence[Trail], view: str = "2d", *, theme: str = "light") -> str:
        """The terrain with trails on it, as the inside of an SVG document of `WIDTH` by `HEIGHT`."""
        if view == "3d" and not self.flat:
            return self._side(trails, theme)
        plot = self.plot()
        plot.theme = theme
        if self.flat:
            edge = f'stroke="{THEMES[theme]["edge"]}" stroke-width="2.2"'
            ground = f'<path d="{self.curve}" fill="none" {edge}/>'
        else:
            ground = surface.map_svg(self.bands, self.hole, plot.inner, theme)
        stars = "".join(star(*plot.at(*place), theme) for place in self.minima if not self.flat)
        walks = "".join(self._walk(trail, plot, i) for i, trail in enumerate(trails))
        goals = "".join(self._end(trail, plot) for trail in trails)
        begin = self._start(trails, plot)
        return plot.inside(ground + stars + walks) + plot.axes() + goals + begin

    def places(self, trail: Trail, plot: Plot) -> list[tuple[float, float]]:
        """Where the steps are in the picture, up to the first that has left the numbers or gone far outside."""
        out = []
        for point, loss in zip(trail.points, trail.losses, strict=True):
            x, y = plot.at(point[0], loss if self.flat else point[1])
            if not math.isfinite(x + y) or abs(x) > FAR or abs(y) > FAR:
                break
            out.append((x, y))
        return out

    def _walk(self, trail: Trail, plot: Plot, number: int) -> str:
        """A line that grows step by step, on a pale line of its own that sets it off, and a dot for each step."""
        places = self.places(trail, plot)
        if len(places) < 2:
            return ""
        d, ink = path(surface.thinned(places)), colour(trail, plot.theme)
        time = min(12.0, max(2.0, len(trail.points) * 0.12))
        lengths = np.concatenate([[0.0], np.cumsum([math.dist(a, b) for a, b in itertools.pairwise(places)])])
        dash = DASHES[trail.series // len(SERIES["light"]) % len(DASHES)]
        steps = len(trail.points) - 1
        motion, grow = "", ""
        if not dash and lengths[-1] > 0:  # a line with dashes of its own cannot grow by them
            stride = max(1, math.ceil(steps / 24))
            frames = "".join(
                f"{100 * k / steps:.4g}%{{stroke-dashoffset:{1000 * (1 - lengths[k] / lengths[-1]):.0f}}}"
                for k in [*range(0, len(places) - 1, stride), len(places) - 1]
            )
            run = f".w{number}{{animation:w{number} {time:.1f}s linear both}}{CALM}.w{number}{{animation:none}}}}"
            motion = f"<style>@keyframes w{number}{{{frames}}}{run}</style>"
            grow = f' class="w{number}" stroke-dasharray="1000"'
        once = f'<path id="t{number}" pathLength="1000" d="{d}"/>' if grow else f'<path id="t{number}" d="{d}"/>'
        paper = f'stroke="{THEMES[plot.theme]["card"]}" stroke-opacity=".8" stroke-width="4.2"'
        halo = f'<use href="#t{number}"{grow} {paper}/>'
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        line = f'<use href="#t{number}"{grow or dashes} stroke="{ink}" stroke-width="2"/>'
        look = 'fill="none" stroke-linejoin="round" stroke-linecap="round"'
        out = f"{motion}<defs>{once}</defs><g {look}>{halo}{line}</g>"
        if len(trail.points) <= DOTS:
            dots = "".join(f"M{short(x)} {short(y)}h0" for x, y in places[1:])
            out += f'<path d="{dots}" stroke="{ink}" stroke-width="4.6" stroke-linecap="round"/>'
        return out

    def _end(self, trail: Trail, plot: Plot) -> str:
        """The marker where the walk is at last, at the edge of the frame (and hollow) if it has left the picture."""
        places = self.places(trail, plot)
        if not places:
            return ""
        left, top, wide, tall = plot.inner
        x, y = places[-1]
        gone = len(places) < len(trail.points) or not (left <= x <= left + wide and top <= y <= top + tall)
        x, y = min(max(x, left), left + wide), min(max(y, top), top + tall)
        return marker(x, y, trail.series, colour(trail, plot.theme), 6.5, plot.theme, hollow=gone)

    def _start(self, trails: Sequence[Trail], plot: Plot) -> str:
        """A ring where all of them began."""
        places = self.places(trails[0], plot)[:1] if trails else []
        ink, paper = THEMES[plot.theme]["ink"], THEMES[plot.theme]["card"]
        return "".join(
            f'<circle cx="{short(x)}" cy="{short(y)}" r="6" fill="{paper}" stroke="{ink}" stroke-width="2.4"/>'
            for x, y in places
        )

    def _side(self, trails: Sequence[Trail], theme: str) -> str:
        """From the side: floor and box first, then faces and pieces of trails from the far ones to the near ones."""
        camera = side_view.Camera()
        net = side_view.mesh(self.grid, 3 if self.grid.values.shape[0] > surface.COARSE[1] else 2)
        drawn = side_view.faces(net, camera, theme)
        ghosts, ends, style = [], [], []
        for number, trail in enumerate(trails):
            ink = colour(trail, theme)
            points = [p for p in trail.points if all(math.isfinite(v) for v in p)]
            bits = side_view.draped(net, camera, points)
            ghosts.append(f'<path d="{path((x, y) for x, y, _ in bits)}" stroke="{ink}"/>')
            style.append(f".t{number}{{stroke:{ink};stroke-width:2.4;stroke-opacity:1;stroke-linecap:round}}")
            for p, q in itertools.pairwise(bits):
                if math.isfinite(p[0] + q[0]):
                    d = f"M{short(p[0])} {short(p[1] - 1)}L{short(q[0])} {short(q[1] - 1)}"
                    drawn.append(((p[2] + q[2]) / 2 - NEARER, f'<path class="t{number}" d="{d}"/>'))
            seen = [(x, y) for x, y, _ in bits if math.isfinite(x)]
            if seen:
                ends.append(marker(*seen[-1], trail.series, ink, 6.5, theme))
        first = self._seen(trails[0].points[0], net, camera) if trails else None
        if first:
            ink, paper = THEMES[theme]["ink"], THEMES[theme]["card"]
            at = f'cx="{short(first[0])}" cy="{short(first[1])}"'
            ends.insert(0, f'<circle {at} r="6" fill="{paper}" stroke="{ink}" stroke-width="2.4"/>')
        stars = [star(*at, theme) for at in (self._seen(m, net, camera) for m in self.minima) if at is not None]
        net_ink = surface.mixed(surface.RAMPS[theme][0], THEMES[theme]["ink"], 0.4)
        drawn.sort(key=lambda one: -one[0])
        return "".join(
            [
                f"<style>{''.join(style)}</style>",
                side_view.box_svg(self.grid, net, self.names, camera, theme),
                f'<g stroke="{net_ink}" stroke-opacity=".3" stroke-width=".5" stroke-linejoin="round">',
                *(text for _, text in drawn),
                f'</g><g fill="none" stroke-width="1.6" stroke-opacity=".35">{"".join(ghosts)}</g>',
                *stars,
                *ends,
            ]
        )

    @staticmethod
    def _seen(point: Sequence[float], net: side_view.Mesh, camera: side_view.Camera) -> tuple[float, float] | None:
        z = net.at(*point) if all(math.isfinite(v) for v in point) else math.nan
        return camera.see(*net.uv(*point), z)[:2] if math.isfinite(z) else None


NEARER = 0.07  # a piece of a trail is drawn as if it lay so much nearer than the face that it lies on
CALM = "@media (prefers-reduced-motion:reduce){"


def colour(trail: Trail, theme: str) -> str:
    """The trail's colour; grey for one that shows another start than the others."""
    return THEMES[theme]["edge"] if trail.grey else SERIES[theme][trail.series % len(SERIES[theme])]


def marker(x: float, y: float, series: int, ink: str, radius: float, theme: str, *, hollow: bool = False) -> str:
    """The sign of a trail at a place."""
    shape, paper = MARKERS[series % len(MARKERS)], THEMES[theme]["card"]
    look = f'fill="{paper}" stroke="{ink}"' if hollow else f'fill="{ink}" stroke="{paper}"'
    size = f"translate({short(x)} {short(y)}) scale({short(radius)})"
    return f'<path d="{shape}" transform="{size}" {look} stroke-width="{2 / radius:.2f}"/>'


def star(x: float, y: float, theme: str) -> str:
    """A minimum."""
    ink, paper = THEMES[theme]["ink"], THEMES[theme]["card"]
    shape = f'd="{MARKERS[7]}" transform="translate({short(x)} {short(y)}) scale(7)"'
    return f'<path {shape} fill="{paper}" stroke="{ink}" stroke-width=".2"/>'


def span(values: Any) -> tuple[float, float]:
    """Lowest and highest finite value, with a little room."""
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    room = (high - low or 1.0) * 0.06
    return low - room, high + room


def box(bounds: Any, walks: Sequence[Sequence[Sequence[float]]], minima: Sequence[Sequence[float]] = ()) -> list[Any]:
    """What the picture covers: the given bounds, or room around the walks as far as they stay near the start."""
    count = len(walks[0][0])
    if bounds is not None:
        try:
            given = np.asarray(bounds, dtype=float).reshape(-1, 2)
        except (TypeError, ValueError):
            given = np.zeros((0, 2))
        if given.shape[0] != count or not (np.isfinite(given).all() and (given[:, 0] < given[:, 1]).all()):
            raise ValueError(f"bounds must be a (low, high) pair for each of the {count} numbers; got {bounds!r}.")
        return [(float(low), float(high)) for low, high in given]
    start = walks[0][0]
    far = sorted(max(math.dist(start, p) if all(map(math.isfinite, p)) else math.inf for p in walk) for walk in walks)
    limit = max(1.0, *map(abs, start)) * 10
    if math.isfinite(far[len(far) // 2]):
        limit = min(limit, 3 * far[len(far) // 2] + 1e-9)
    near = [p for walk in walks for p in walk if all(map(math.isfinite, p)) and math.dist(start, p) <= limit]
    sides = []
    for column in zip(*near, *minima, strict=True):
        low, high = min(column), max(column)
        room = (high - low) * (0.22 if count > 1 else 0.45) or 1.0
        sides.append((low - room, high + room))
    widest = max(high - low for low, high in sides)
    return [  # a walk along one side only still gets a picture that is not a thread
        (low, high) if high - low > 0.4 * widest else ((low + high) / 2 - 0.2 * widest, (low + high) / 2 + 0.2 * widest)
        for low, high in sides
    ]

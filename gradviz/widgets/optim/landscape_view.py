"""`LandscapeView`: the loss of a real network around its weights.

LandscapeView(model, loss_fn, (x, y))                        # a random plane, filter-normalised
with LandscapeView.record_path(model) as path:               # the plane in which a training moved most
    train(model)
LandscapeView(model, loss_fn, (x, y), path=path)
LandscapeView(model, loss_fn, (x, y), between=(before, after))   # the line between two state dicts
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np

from gradviz.viz.measure import escape
from gradviz.viz.numbers import number
from gradviz.viz.plot import Axis, Plot, document, short, span
from gradviz.viz.theme import THEMES
from gradviz.widgets.base import View
from gradviz.widgets.graph.embed import digits, line
from gradviz.widgets.optim import landscape, side_view, surface, terrain
from gradviz.widgets.optim import landscape_weights as lw
from gradviz.widgets.optim.landscape import LossAt, floats, spread
from gradviz.widgets.optim.landscape_weights import NORMALIZE, WeightPath, Weights
from gradviz.widgets.timeline import Timeline, name_of

MOST = 101  # points along a side
ROWS = 40
BANDS = 14
NET = 25  # points along a side up to which the still 3-D picture shows them all


class LogGrid(surface.Grid):
    """A grid of logarithms: drawn as it is, and its numbers are written by `Ground.marks`."""

    @property
    def flat(self) -> bool:
        return True

    @property
    def squeeze(self) -> float:
        return 1.0


class Ground(terrain.Terrain):
    """A terrain that is computed already; its heights on a logarithmic scale where they differ by a factor of 10."""

    def __init__(self, xs: Any, ys: Any, values: Any, names: Sequence[str]) -> None:
        self.names, self.minima, self.curve, self.range = list(names), [], "", None
        self.bounds = [(float(xs[0]), float(xs[-1])), (float(ys[0]), float(ys[-1]))]
        self.log = spread(values)
        with np.errstate(all="ignore"):
            self.grid = LogGrid(xs, ys, np.log(values)) if self.log else surface.Grid(xs, ys, values)
        self.levels = self._levels()
        to = self.plot().at
        self.bands = surface.bands(self.grid, to, self.levels) if self.levels else []
        self.hole = surface.holes(self.grid, to)
        self.net = side_view.mesh(self.grid, 2 if len(ys) > 51 and len(ys) % 2 else 1)

    def _levels(self) -> list[float]:
        """Evenly spaced on the scale that is used: for a logarithmic one each is the same factor above the last."""
        if not self.log:
            return surface.heights(self.grid, BANDS)
        low, high = self.grid.low, self.grid.high
        return [low + (high - low) * (i + 0.5) / BANDS for i in range(BANDS)]

    def marks(self) -> list[tuple[float, float]]:
        """Heights written beside the upright edge, with their place on it."""
        if not self.log:
            return side_view.marks(self.grid)
        parts = (0.0, 0.25, 0.5, 0.75, 1.0)
        wide = self.grid.high - self.grid.low
        return [(float(f"{math.exp(self.grid.low + wide * part):.2g}"), part) for part in parts]

    def _side(self, trails: Sequence[terrain.Trail], theme: str) -> str:
        """From the side, with every point of a small grid a knot of the net, and the heights written as losses."""
        kept = self.grid  # the net takes every third point of a fine grid and every second of a coarse one
        self.grid = landscape.resampled(kept, 73 if len(kept.ys) <= NET and not trails else 37)
        try:
            return super()._side(trails, theme) + (self._heights(theme) if self.log else "")
        finally:
            self.grid = kept

    def _heights(self, theme: str) -> str:
        """The losses beside the upright edge, at the leftmost corner."""
        camera = side_view.Camera()
        u, v = min(((-1, -1), (1, -1), (1, 1), (-1, 1)), key=lambda uv: camera.see(uv[0], uv[1], 0)[0])
        ink, out = THEMES[theme]["muted"], []
        for value, z in self.marks():
            x, y, _ = camera.see(u, v, z)
            text = f'<text x="{short(x - 8)}" y="{short(y + 4)}" text-anchor="end">{value:g}</text>'
            out.append(f'<path d="M{short(x)} {short(y)}h-4" stroke="{ink}"/>{text}')
        return f'<g fill="{ink}" font-size="11">{"".join(out)}</g>'

    def to_json(self) -> dict[str, Any]:
        """What the browser needs to draw the same."""
        levels = [math.exp(level) if self.log else level for level in self.levels]
        found = {**super().to_json(), "levels": [float(f"{level:.6g}") for level in levels]}
        return {**found, "marks": [list(mark) for mark in self.marks()]}


class LandscapeView(View):
    """Losses at weights around a model's own, computed by the model itself; the model is left exactly as it is.

    The plane goes through the model's weights as they are now. Without a path it is spanned by two random directions,
    scaled filter by filter like the weights (Li et al., 2018); with one, by the two directions in which the path varies
    most. Buffers, such as the statistics of batch norms, are those of the model as it is now; with `between=` they are
    interpolated too.

    Args:
        model: a module. It is put into evaluation mode while computing, unless `training`.
        loss_fn: ``loss_fn(model(x), y)``, or ``loss_fn(model)`` if there are no data. Forward hooks of the model run.
        data: a pair ``(x, y)``, or an iterable of such pairs (a DataLoader; it is read once).
        path: a `WeightPath` from `record_path`.
        between: two state dicts; the loss on the line from the first (0) to the second (1) and a quarter beyond.
        resolution: points along a side (25; 61 on a line).
        span: how far the plane goes: a number for ±span, or ``((low, high), (low, high))``; on a line ``(low, high)``.
        normalize: "filter", "layer" or "none", how random directions are scaled.
        seed: of the random directions, and of what the model draws (dropout), the same at every point.
        training: compute in training mode: dropout drops, batch norms use the batch.
        batches: use only so many of the data's batches.
        view: "2d" or "3d", what is shown at first.
        progress: say how far the computing is; or a function called with (done, total).
        title: what is over the picture.
        timeline: a `Timeline` shared with other views; steps of the path.

    If computing is interrupted, what is there is shown, and `resume()` goes on.

    Source: Li, Xu, Taylor, Studer and Goldstein, "Visualizing the Loss Landscape of Neural Nets", NeurIPS 2018.
    """

    def __init__(
        self,
        model: Any,
        loss_fn: Callable[..., Any],
        data: Any = None,
        *,
        path: WeightPath | None = None,
        between: tuple[Any, Any] | None = None,
        resolution: int | None = None,
        span: Any = None,
        normalize: str = "filter",
        seed: int = 0,
        training: bool = False,
        batches: int | None = None,
        view: str = "2d",
        progress: bool | Callable[[int, int], None] = True,
        title: str = "",
        timeline: Timeline | str | None = None,
    ) -> None:
        if path is not None and between is not None:
            raise ValueError("path= gives a plane and between= a line: use one of them.")
        if normalize not in NORMALIZE:
            raise ValueError(f"normalize must be 'filter', 'layer' or 'none', got {normalize!r}.")
        if view not in ("2d", "3d"):
            raise ValueError(f"view must be '2d' or '3d', got {view!r}.")
        self.kind = "line" if between is not None else "pca" if path is not None else "random"
        self.resolution = (61 if self.kind == "line" else 25) if resolution is None else resolution
        if not (isinstance(self.resolution, int) and 3 <= self.resolution <= (1001 if self.kind == "line" else MOST)):
            raise ValueError(f"resolution must be a whole number from 3 to {MOST} points, got {resolution!r}.")
        self.normalize, self.seed, self.view, self.timeline = normalize, seed, view, name_of(timeline)
        self.loss = LossAt(model, loss_fn, data, training=training, seed=seed, batches=batches)
        self.notes: list[str] = []
        self.explained: list[float] = []
        self.steps: list[int] = []
        self.places: list[list[float]] = []
        self.name = type(model).__name__
        if between is not None:
            self._line(model, between, span)
        else:
            self.origin = lw.arrays_of(self.loss.params)
            if path is None:
                self._random()
            else:
                self._principal(path)
            self._plane(span)
        self.title = title or f"{self.name}: loss {'on the line between two states' if between else 'landscape'}"
        self.true = [math.nan] * len(self.places)
        self.here = math.nan
        self.done = 0
        self.progress = progress
        self.resume()

    @staticmethod
    def record_path(model: Any, every: int = 1, most: int = 200, megabytes: float = 256) -> WeightPath:
        """Keep the weights along a training: `with LandscapeView.record_path(model) as path: ...`; see `WeightPath`."""
        return WeightPath(model, every, most, megabytes)

    # -- where to look ----------------------------------------------------------------------------------------------
    def _random(self) -> None:
        import gradviz as torch

        generator = torch.Generator().manual_seed(self.seed)
        self.directions = [lw.random_direction(self.origin, self.normalize, generator) for _ in range(2)]
        if not all(lw.dot(d, d) for d in self.directions):
            raise ValueError(
                "There is no direction to move in: parameters of one dimension, and filters that are zero, are left as "
                "they are, and this model has no others.\nUse normalize='none'."
            )
        self.names = ["direction 1", "direction 2"]

    def _principal(self, path: WeightPath) -> None:
        if not isinstance(path, WeightPath):
            raise TypeError(f"path must come from LandscapeView.record_path(model), got {type(path).__name__}.")
        if len(path) < 2:
            raise ValueError(
                f"The path has {len(path)} snapshot{'s' * (len(path) != 1)}: at least 2 are needed.\n"
                "Train inside `with LandscapeView.record_path(model) as path:`, or call path.add() in the loop."
            )
        shapes = {name: w.shape for name, w in self.origin.items()}
        if {name: w.shape for name, w in path.rows[0].items()} != shapes:
            raise ValueError("The path was recorded from another model: its parameters are not those of this one.")
        self.directions, self.explained, self.places = lw.principal(path.rows, self.origin)
        self.steps = list(path.steps)
        if not self.directions:
            raise ValueError("The weights did not change along the path: there is no direction to look in.")
        if len(self.directions) < 2:
            self._second()
        self.names = [f"principal direction {i + 1}" for i in range(2)]
        self.off = self._off(path)

    def _second(self) -> None:
        """A path along a line has one direction: the other is random, at right angles, and as long."""
        import gradviz as torch

        generator = torch.Generator().manual_seed(self.seed)
        first, other = self.directions[0], lw.random_direction(self.origin, "none", generator)
        part = lw.dot(first, other) / lw.dot(first, first)
        other = {name: d - d.dtype.type(part) * first[name] for name, d in other.items()}
        size = math.sqrt(lw.dot(other, other)) or 1.0
        self.directions.append({name: (d / size).astype(d.dtype) for name, d in other.items()})
        self.places = [[point[0], 0.0] for point in self.places]
        self.explained.append(0.0)
        self.notes.append("The path lies on a line: the second direction is random, at right angles to it.")

    def _off(self, path: WeightPath) -> list[float]:
        """How far each snapshot is from the plane."""
        found = []
        for row, place in zip(path.rows, self.places, strict=True):
            way = {name: row[name] - w for name, w in self.origin.items()}
            found.append(math.sqrt(max(0.0, lw.dot(way, way) - sum(x * x for x in place))))
        self._rows = path.rows
        return found

    def _plane(self, given: Any) -> None:
        sides = _sides(given, 2) or ([(-1.0, 1.0)] * 2 if not self.places else _around(self.places, self.resolution))
        self.xs, self.ys = (np.linspace(*side, self.resolution) for side in sides)
        for values in (self.xs, self.ys):
            values[np.abs(values) < 1e-9 * np.abs(values).max()] = 0.0  # the weights themselves, exactly
        self.values = np.full((self.resolution, self.resolution), np.nan)

    def _line(self, model: Any, pair: Any, given: Any) -> None:
        if not (isinstance(pair, (tuple, list)) and len(pair) == 2):
            raise TypeError("between= takes two state dicts: between=(model_a.state_dict(), model_b.state_dict()).")
        self.ends = landscape.between(model, *pair)
        self.fixed = {name for name, _ in model.named_buffers()}
        self.loss.tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
        sides = _sides(given, 1) or [(-0.25, 1.25)]
        self.xs = np.round(np.linspace(*sides[0], self.resolution), 12)
        self.ys, self.values, self.names = np.zeros(1), np.full((1, self.resolution), np.nan), ["alpha", "loss"]

    def weights(self, x: float, y: float = 0.0) -> Weights:
        """The weights at a place of the picture, by name: ``origin + x · direction 1 + y · direction 2``."""
        if self.kind == "line":
            return landscape.on_line(*self.ends, float(x), self.fixed)
        return lw.moved(self.origin, [(float(x), self.directions[0]), (float(y), self.directions[1])])

    # -- computing ----------------------------------------------------------------------------------------------------
    @property
    def total(self) -> int:
        """How many losses there are to compute."""
        return self.values.size + len(self.places) + (self.kind != "line")

    def resume(self) -> LandscapeView:
        """Go on computing where it was interrupted; returns the view."""
        if self.done < self.total:
            self.done = landscape.compute(self.loss, self._jobs(), self.done, self.progress)
            for name in ("ground",):
                self.__dict__.pop(name, None)
        return self

    def _jobs(self) -> list[tuple[Callable[[], Weights], Callable[[float], None]]]:
        """The weights themselves, the path, then the grid from the middle outwards."""
        jobs: list[tuple[Callable[[], Weights], Callable[[float], None]]] = []
        if self.kind != "line":
            jobs.append((lambda: self.origin, lambda loss: setattr(self, "here", loss)))
        jobs += [
            (partial(self._rows.__getitem__, k), partial(self.true.__setitem__, k)) for k in range(len(self.places))
        ]
        for r, c in landscape.rings(self.values.shape[1], self.values.shape[0]):
            place = float(self.xs[c]), float(self.ys[r])
            jobs.append((partial(self.weights, *place), partial(self.values.__setitem__, (r, c))))
        return jobs

    @cached_property
    def ground(self) -> Ground:
        """The plane as a terrain."""
        return Ground(self.xs, self.ys, self.values, self.names)

    # -- what every view gives --------------------------------------------------------------------------------------
    def to_json(self) -> dict[str, Any]:
        """Every loss, and where it was computed."""
        return {
            "format": "gradviz.landscape/1",
            "title": self.title,
            "kind": self.kind,
            "names": self.names,
            "xs": [float(x) for x in self.xs],
            "ys": [float(y) for y in self.ys],
            "losses": [list(floats(map(float, row))) for row in self.values],
            "here": next(iter(floats([self.here]))) if self.kind != "line" else None,
            "steps": self.steps,
            "places": self.places,
            "true": list(floats(self.true)),
            "off": getattr(self, "off", []),
            "explained": self.explained,
            "seed": self.seed,
            "normalize": self.normalize if self.kind == "random" else None,
            "mode": "training" if self.loss.training else "evaluation",
            "done": self.done,
            "total": self.total,
            "facts": self.facts(),
            "notes": self.all_notes(),
        }

    def to_html(self) -> str:
        """The picture, its table, and the script that turns it where scripts run."""
        from gradviz.widgets.replay import replay_html

        return replay_html("landscape_view", self._page(), self.to_svg(), self.to_text(), self.table())

    def _page(self) -> dict[str, Any]:
        data = self.to_json()
        for key in ("xs", "ys", "true", "off"):
            data[key] = [digits(v) for v in data[key]]
        data["losses"] = [[_six(v) for v in row] for row in data["losses"]]
        data["places"] = [[digits(v) for v in place] for place in self.places]
        data |= {"title": line(self.title, 200), "timeline": self.timeline, "view": self.view}
        data["terrain"] = None if self.kind == "line" else self.ground.to_json()
        return data

    def to_svg(self) -> str:
        """The map or the landscape with the path on it; or the line."""
        if self.kind == "line":
            return self._line_svg()
        trails = []
        if self.places:
            trails.append(terrain.Trail(self.places, self.true, 1))
        body = self.ground.picture(trails, self.view)
        if not self.places and self.view == "2d":
            plot = self.ground.plot()
            body += terrain.marker(*plot.at(0.0, 0.0), 3, plot.colour("ink"), 7, "light")
        words = ". ".join([*self.facts(), *self.all_notes()])
        foot = (
            f'<text x="{short(terrain.WIDTH / 2)}" y="{short(terrain.HEIGHT + 12)}" text-anchor="middle" '
            f'font-size="11" fill="{self.ground.plot().colour("muted")}">{escape(line(words, 120))}</text>'
        )
        return document([body, foot], terrain.WIDTH, terrain.HEIGHT + 22, self.caption())

    def _line_svg(self) -> str:
        ys = [float(v) for v in self.values[0]]
        log = spread(self.values[0])
        low, high = span(ys, log=log)
        x = Axis(float(self.xs[0]), float(self.xs[-1]), name="alpha: 0 is the first state, 1 the second")
        plot = Plot(x, Axis(low, high, log, "loss"), terrain.WIDTH, 360)
        marks = plot.rule(x=0.0) + plot.rule(x=1.0) + plot.line([float(v) for v in self.xs], ys, 0, 2)
        ends = [(a, self._at(a)) for a in (0.0, 1.0)]
        dots = plot.dots([a for a, v in ends if v is not None], [v for _, v in ends if v is not None], "backward", 5)
        return document([plot.inside(marks + dots), plot.axes()], plot.width, plot.height, self.caption())

    def _at(self, alpha: float) -> float | None:
        """The loss at a point of the line, if it is one that was computed."""
        found = np.flatnonzero(self.xs == alpha)
        return float(self.values[0, found[0]]) if found.size else None

    # -- words --------------------------------------------------------------------------------------------------------
    def facts(self) -> list[str]:
        """What the picture is of, a line each."""
        mode = "training mode" if self.loss.training else "evaluation mode"
        if self.kind == "line":
            return [f"{self.xs.size} points from {number(float(self.xs[0]))} to {number(float(self.xs[-1]))}, {mode}"]
        size = f"{self.resolution}×{self.resolution} points, {mode}"
        if self.kind == "pca":
            shares = " and ".join(f"{100 * share:.3g} %" for share in self.explained)
            return [f"The two directions hold {shares} of the path's variance", size]
        how = {"filter": "filter by filter", "layer": "layer by layer", "none": "not at all"}[self.normalize]
        a, b = self.directions
        cosine = lw.dot(a, b) / math.sqrt(lw.dot(a, a) * lw.dot(b, b))
        turn = math.degrees(math.acos(max(-1.0, min(1.0, cosine))))
        return [f"Two random directions (seed {self.seed}), scaled {how}, {turn:.3g}° apart", size]

    def all_notes(self) -> list[str]:
        """What a reader must know of the picture."""
        found = list(self.notes)
        if self.done < self.total:
            found.append(f"Interrupted: {self.done} of {self.total} losses are computed; resume() goes on.")
        bad = int((~np.isfinite(self.values)).sum()) - (self.total - self.done if self.done < self.total else 0)
        if bad > 0:
            found.append(f"{bad} losses are not finite numbers.")
        return found

    def caption(self) -> str:
        """One line that says what is seen."""
        fine = landscape.finite(self.values)
        reach = f"from {number(float(fine.min()))} to {number(float(fine.max()))}" if fine.size else "none yet"
        if self.kind == "line":
            ends = [self._at(a) for a in (0.0, 1.0)]
            told = "" if None in ends else f", {number(ends[0])} at the first state and {number(ends[1])} at the second"
            return f"{line(self.title)}: losses {reach}{told}"
        return f"{line(self.title)}: losses {reach}, {number(self.here)} at the model's weights"

    def table(self) -> list[list[str]]:
        """The path, the line, or the plane thinned to at most 13 rows and columns."""
        if self.kind == "line":
            rows = [["alpha", "loss"]]
            rows += [[number(float(a)), number(float(v))] for a, v in zip(self.xs, self.values[0], strict=True)]
        elif self.places:
            rows = [["step", *self.names, "loss there", "off the plane"]]
            for step, place, loss, off in zip(self.steps, self.places, self.true, self.off, strict=True):
                rows.append([str(step), *(number(v) for v in place), number(loss), number(off)])
        else:
            pick = _thin(self.resolution)
            rows = [[f"{self.names[1]} \\ {self.names[0]}", *(number(float(self.xs[c]), 4) for c in pick)]]
            for r in reversed(pick):
                rows.append([number(float(self.ys[r]), 4), *(number(float(self.values[r, c]), 4) for c in pick)])
        if len(rows) > ROWS + 1:
            rows[ROWS // 2 + 1 : -ROWS // 2] = [["..."] + [""] * (len(rows[0]) - 1)]
        return rows

    def to_text(self) -> str:
        """The text twin: what is seen, and the numbers."""
        table = self.table()
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        rows = ["  ".join(c.rjust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in table]
        return "\n".join([self.caption(), *self.facts(), *self.all_notes(), *rows])


def _sides(given: Any, count: int) -> list[tuple[float, float]] | None:
    """What the picture covers, as it was given."""
    if given is None:
        return None
    try:
        values = np.asarray(given, dtype=float)
    except (TypeError, ValueError):
        values = np.zeros(3)
    if values.ndim == 0 and count == 2 and np.isfinite(values) and values > 0:
        return [(-float(values), float(values))] * 2
    pairs = values.reshape(-1, 2) if values.size == 2 * count else np.zeros((1, 2))
    if not np.isfinite(pairs).all() or not (pairs[:, 0] < pairs[:, 1]).all():
        what = "a positive number or ((low, high), (low, high))" if count == 2 else "(low, high)"
        raise ValueError(f"span must be {what}, got {given!r}.")
    return [(float(low), float(high)) for low, high in pairs]


def _around(places: list[list[float]], count: int) -> list[tuple[float, float]]:
    """A frame with room around a path and the weights themselves, which are one of `count` points along a side."""
    sides = [(min(0.0, *column), max(0.0, *column)) for column in zip(*places, strict=True)]
    widest = max(high - low for low, high in sides) or 1.0
    found = []
    for low, high in sides:
        half = max((high - low) * 0.65, widest * 0.35)
        step = 2 * half / (count - 1)
        first = round(((low + high) / 2 - half) / step)
        found.append((first * step, (first + count - 1) * step))
    return found


def _thin(count: int) -> list[int]:
    stride = max(1, math.ceil((count - 1) / 12))
    return list(range((count - 1) // 2 % stride, count, stride))


def _six(value: Any) -> Any:
    return float(f"{value:.6g}") if isinstance(value, float) else value

"""`ClipView`: gradient norms before and after clipping, what a threshold would clip, and which way the clipped gradient
points.

    with ClipView.record(model) as log:          # a real training
        train(model)
    ClipView(log, max_norm=1.0)
    ClipView([[3.0, 4.0], [0.3, 0.4]], max_norm=1.0)
    ClipView(cliff, (6.4, -3.2), SGD, max_norm=0.5, lr=1.0)   # walks again, with and without
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from gradviz.core.summary import number as json_number
from gradviz.viz.measure import escape
from gradviz.viz.numbers import number
from gradviz.viz.plot import Axis, Plot, document, short, span
from gradviz.widgets.base import View
from gradviz.widgets.graph.embed import digits, line
from gradviz.widgets.optim import clip_data
from gradviz.widgets.optim.clip_cliff import Walk, walk
from gradviz.widgets.optim.clip_cliff import cliff as _cliff
from gradviz.widgets.optim.clip_data import TYPES, ClipLog, GradientStep
from gradviz.widgets.optim.descent import undisturbed
from gradviz.widgets.optim.landscape import resampled
from gradviz.widgets.optim.terrain import HEIGHT, Terrain, Trail, box
from gradviz.widgets.optim.trajectory import corners, names_of
from gradviz.widgets.timeline import Timeline, name_of
from gradviz.widgets.whatif.program import NeedsKernel, program

MODES = ("norm", "value")
SHOWN = 400  # steps in the page
NUMBERS = 12_000  # numbers that say what limits on each element would do
ROWS = 40
WIDTH = 689.0
EPSILON = 1e-6  # clip_grad_norm_ divides by norm + 1e-6


class ClipView(View):
    """What clipping does to a run of gradients, or to a walk on a function.

    A threshold that is moved does not train anew: it says what would be clipped of the gradients that were met. Only
    where a function is given is the walk made again.

    Args:
        source: a `ClipLog`, a list of gradients (vectors, or dicts of arrays by name; one for each step), or a function
            of two numbers.
        start: for a function: where to start, a pair.
        optimizer: for a function: called as ``optimizer(parameters, lr=lr)``; `gradviz.optim.SGD` if not given.
        max_norm: the threshold of `clip_grad_norm_`; 1, or the norm that a recorded training clipped to.
        clip_value: the limit of `clip_grad_value_`; `max_norm` if not given.
        mode: "norm" or "value", what is shown at first; "value" if only `clip_value` was given.
        norm_type: 1, 2 or inf.
        lr, steps: for a function: the walk.
        bounds: for a function: ``((low, high), (low, high))``, what the map covers.
        names: the names of the two numbers, or of the elements of a small gradient.
        view: for a function: "2d" or "3d", how the landscape is shown at first.
        title: what is over the picture.
        timeline: a `Timeline` shared with other views.

    Source: Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", ICML 2013.
    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.clip_grad_norm_.html
    """

    def __init__(
        self,
        source: Any,
        start: Sequence[float] | None = None,
        optimizer: Callable[..., Any] | None = None,
        *,
        max_norm: float | None = None,
        clip_value: float | None = None,
        mode: str | None = None,
        norm_type: float = 2.0,
        lr: float = 0.1,
        steps: int = 60,
        bounds: Any = None,
        names: Sequence[str] | None = None,
        view: str = "2d",
        title: str = "",
        timeline: Timeline | str | None = None,
    ) -> None:
        if view not in ("2d", "3d"):
            raise ValueError(f"view must be '2d' or '3d', got {view!r}.")
        self.view = view
        self.terrain: Terrain | None = None
        self.mode = mode or ("value" if clip_value is not None and max_norm is None else "norm")
        if self.mode not in MODES:
            raise ValueError(f"mode must be 'norm' or 'value', got {mode!r}.")
        self.order = float(norm_type)
        if self.order not in TYPES:
            raise ValueError(f"norm_type must be 1, 2 or inf in this picture, got {norm_type!r}.")
        value = None if clip_value is None else _positive("clip_value", clip_value)
        used = _own_limit(source) if max_norm is None and isinstance(source, ClipLog) else None
        norm = _positive("max_norm", max_norm) if max_norm is not None else value or used or 1.0
        self.limits = {"norm": norm, "value": value or norm}
        self.timeline, self.why, self.left_out = name_of(timeline), "", 0
        self.walks: tuple[Walk, Walk] | None = None
        self.program: dict[str, Any] | None = None
        if callable(source) and not isinstance(source, ClipLog):
            found = names_of(source, 2)
            with undisturbed():
                self._walked(source, start, optimizer, lr, steps, bounds, list(names) if names is not None else found)
        else:
            _refuse("start", start, "optimizer", optimizer, "bounds", bounds)
            found = self._measured(source)
        if names is not None and len(names) != len(found) and found:
            raise ValueError(f"names must have one entry for each of the {len(found)} elements; got {len(names)}.")
        self.names = [str(name) for name in (names if names is not None else found)]
        self.title = title or ("Clipping on a cliff" if self.walks else "Gradient clipping")

    @staticmethod
    def record(model: Any, limits: Iterable[float] = (), most: int = 5000) -> ClipLog:
        """Watch the gradients of a training: `with ClipView.record(model) as log: ...`, then `ClipView(log)`."""
        return ClipLog(model, limits, most)

    #: A recurrent network of one unit, as a function (w, b): its loss has a wall.
    cliff = staticmethod(_cliff)

    def _measured(self, source: Any) -> list[str]:
        if isinstance(source, ClipLog):
            if not source.steps:
                raise ValueError(
                    "This log holds no step: no optimizer with these parameters took one inside the `with` block.\n"
                    "Record the model that is trained, and call optimizer.step() in the block."
                )
            self.steps: list[GradientStep] = list(source.steps)
            self.left_out = source.seen - len(source.steps)
            if self.limits["value"] not in self.steps[0].cuts:
                if self.mode == "value":
                    raise ValueError(
                        f"What clip_value={self.limits['value']:g} would do was not measured while training.\n"
                        f"Ask for it before: ClipView.record(model, limits=[{self.limits['value']:g}])."
                    )
                self.limits["value"] = min(clip_data.EDGES, key=lambda e: abs(math.log(e / self.limits["value"])))
            return [f"g[{i}]" for i in range(self.steps[0].size)] if self.steps[0].whole else []
        if isinstance(source, (str, bytes)) or not hasattr(source, "__iter__"):
            raise TypeError(
                f"ClipView takes a ClipLog, a list of gradients, or a function of two numbers; got "
                f"{type(source).__name__}."
            )
        self.steps, names = clip_data.listed(source, [self.limits["value"]])
        return names

    def _walked(
        self, fn: Any, start: Any, optimizer: Any, lr: float, steps: int, bounds: Any, names: list[str]
    ) -> None:
        import gradviz as torch

        place = [float(v) for v in np.ravel(np.asarray([] if start is None else start, dtype=float))]
        if len(place) != 2:
            raise ValueError(
                f"A function needs a start of two numbers: ClipView(fn, (x, y), max_norm=1.0); got {start!r}."
            )
        if not (isinstance(steps, int) and 1 <= steps <= SHOWN) or not lr > 0:
            raise ValueError(f"A walk needs 1 to {SHOWN} steps and a positive rate; got steps={steps!r} and lr={lr!r}.")
        make = optimizer or torch.optim.SGD
        clip = (self.mode, self.limits[self.mode], self.order)
        free, held = walk(fn, place, make, lr, steps, None), walk(fn, place, make, lr, steps, clip)
        self.walks = (free, held)
        self.lr, self.start = float(lr), place
        self.bounds = box(bounds, [held.path, free.path])
        self.why = held.why
        if not self.why:
            try:
                self.program = program(fn, [place, *corners(self.bounds)])
            except NeedsKernel as reason:
                self.why = str(reason)
        self.terrain = Terrain(fn, self.bounds, [line(name) for name in names], seed=0)
        kind = np.float32 if torch.get_default_dtype() == torch.float32 else np.float64
        self.steps, _ = clip_data.listed([np.array(g, dtype=kind) for g in held.grads], [self.limits["value"]])

    # -- the numbers -----------------------------------------------------------------------------------------------
    @cached_property
    def after(self) -> list[tuple[float, float]]:
        """For each step: the norm after clipping as set at first, and the angle it turned by, in degrees."""
        return [self._after(step) for step in self.steps]

    def _after(self, step: GradientStep) -> tuple[float, float]:
        limit = self.limits[self.mode]
        if step.whole is not None:
            array = np.array(step.whole, dtype=step.kind)
            held = clip_data.clipped([array], self.mode, limit, self.order)
            turn = clip_data.degrees([array], held) if self.mode == "value" else 0.0
            return clip_data.norms_of(held)[TYPES.index(self.order)], turn
        if self.mode == "norm":
            norm = step.norm(self.order)
            return norm * factor(norm, limit, step.kind), 0.0
        return step.cuts[limit].norm(self.order), step.cuts[limit].degrees

    def hits(self) -> list[int]:
        """The places in `steps` of those that are clipped."""
        limit, steps = (
            self.limits[self.mode],
            self.steps[:-1] if self.walks else self.steps,
        )  # no step is taken at the end
        return [i for i, s in enumerate(steps) if cuts_off(s, self.mode, limit, self.order)]

    def _kept(self) -> list[int]:
        """The steps in the page: all, or the lowest and highest of each stretch."""
        count = len(self.steps)
        if count <= SHOWN:
            return list(range(count))
        keep, half = {0, count - 1}, SHOWN // 2 - 1
        norms = [s.norm(2.0) if math.isfinite(s.norm(2.0)) else math.inf for s in self.steps]
        for i in range(half):
            part = range(i * count // half, (i + 1) * count // half)
            keep |= {min(part, key=norms.__getitem__), max(part, key=norms.__getitem__)}
        return sorted(keep)

    def _edges(self, kept: Sequence[int]) -> list[float]:
        """The limits on each element that the page knows: those between doing nothing and cutting everything."""
        if self.steps[0].whole is not None:
            return []
        tops = [s.norm(math.inf) for s in self.steps if math.isfinite(s.norm(math.inf)) and s.norm(math.inf) > 0]
        limit = self.limits["value"]
        known = sorted(self.steps[0].cuts)
        low, high = (min(tops) / 64, max(tops) * 1.5) if tops else (limit, limit)
        inside = [c for c in known if low <= c <= high and c != limit]
        most = max(5, min(31, NUMBERS // (4 * len(kept)))) - 1
        stride = max(1, math.ceil(len(inside) / most))
        return sorted([*inside[::stride], limit])

    # -- what every view gives --------------------------------------------------------------------------------------
    def to_json(self) -> dict[str, Any]:
        """Norms before and after, what was done in the training, and the walks."""
        return {
            "format": "gradviz.clip/1",
            "title": self.title,
            "mode": self.mode,
            "norm_type": str(self.order) if self.order == math.inf else self.order,
            "limits": self.limits,
            "names": self.names,
            "size": self.steps[0].size,
            "steps": [s.step for s in self.steps],
            "norms": [[json_number(s.norms[i]) for s in self.steps] for i in range(3)],
            "after": [[json_number(norm), turn] for norm, turn in self.after],
            "done": {str(i): s.done for i, s in enumerate(self.steps) if s.done},
            "whole": [[json_number(v) for v in s.whole or ()] for s in self.steps] if self.steps[0].whole else None,
            "clipped": self.hits(),
            "left_out": self.left_out,
            "walks": self._walks_json(),
        }

    def _walks_json(self) -> dict[str, Any] | None:
        if self.walks is None:
            return None
        free, held = self.walks
        both = [
            {"path": _rows(w.path), "losses": _rows([w.losses])[0], "grads": _rows(w.grads), "used": _rows(w.used)}
            for w in (free, held)
        ]
        return {
            "free": both[0],
            "held": both[1],
            "start": self.start,
            "lr": self.lr,
            "optimizer": held.optimizer,
            "recipe": held.recipe,
        }

    def to_html(self) -> str:
        """The picture, its table, and the script in which the threshold can be dragged."""
        from gradviz.widgets.replay import replay_html

        return replay_html("clip_view", self._page(), self.to_svg(), self.to_text(), self.table())

    def _page(self) -> dict[str, Any]:
        data, kept = self.to_json(), self._kept()
        for key in ("steps", "after"):
            data[key] = [data[key][i] for i in kept]
        data["norms"] = [[digits(row[i]) for i in kept] for row in data["norms"]]
        data["whole"] = data["whole"] and [data["whole"][i] for i in kept]
        data["done"] = {str(k): line(self.steps[i].done, 120) for k, i in enumerate(kept) if self.steps[i].done}
        edges = self._edges(kept)
        cuts = [[self.steps[i].cuts[c] for i in kept] for c in edges]
        data["edges"] = edges
        data["cuts"] = [[[_four(v) for v in (c.one, c.two, c.degrees, c.share)] for c in row] for row in cuts]
        if len(kept) < len(self.steps):  # what a threshold would clip is then counted here, for thresholds on a grid
            data["grid"] = self._grid()
        data |= {"names": [line(name) for name in self.names], "title": line(self.title, 200), "total": len(self.steps)}
        data |= {"timeline": self.timeline, "why": line(self.why, 200), "single": self.steps[0].single}
        data["program"] = self.program
        data |= {"terrain": self.terrain and self.terrain.to_json(), "view": self.view}
        return data

    def _grid(self) -> dict[str, Any]:
        """For 121 thresholds: how many steps each would clip, by norm type."""
        sizes = [np.array([s.norms[i] for s in self.steps]) for i in range(3)]
        fine = np.concatenate([s[np.isfinite(s) & (s > 0)] for s in sizes])
        low, high = (float(fine.min()), float(fine.max())) if fine.size else (0.1, 10.0)
        marks = sorted({*(float(f"{v:.4g}") for v in np.geomspace(low / 2, high * 2, 121)), *self.limits.values()})
        counts = [[int((s + (EPSILON if i < 3 else 0) > c).sum()) for c in marks] for i, s in enumerate(sizes)]
        return {"thresholds": marks, "counts": counts, "above": [int((sizes[2] > c).sum()) for c in marks]}

    # -- the still picture -----------------------------------------------------------------------------------------
    def to_svg(self) -> str:
        """The map with both walks if there is one, the norms, and the step that is clipped most."""
        out, top = [], 0.0
        if self.walks is not None and self.terrain is not None:
            free, held = self.walks
            trails = [Trail(free.path, free.losses, 1), Trail(held.path, held.losses, 3)]
            names = _key([("without clipping", 1), ("with clipping", 3)], self.terrain.plot(), 16)
            out.append(f'{names}<g transform="translate(0 14)">{self._ground(trails)}</g>')
            top = HEIGHT + 20
        plot = self._norm_plot()
        kept = self._kept()
        xs, before = [self.steps[i].step for i in kept], [self.steps[i].norm(self.order) for i in kept]
        limit = self.limits[self.mode]
        drawn = plot.line(xs, before, "backward", 1.8) + plot.line(xs, [self.after[i][0] for i in kept], "group", 1.8)
        cut = set(self.hits())
        hits = "".join(self._diamond(plot, x, y) for i, x, y in zip(kept, xs, before, strict=True) if i in cut)
        rule = plot.rule(y=limit, colour="ink")
        names = _key([("before", "backward"), ("after", "group"), ("threshold", "ink")], plot, 16)
        marks = plot.inside(drawn + rule + hits)
        out.append(f'<g transform="translate(0 {short(top)})">{marks}{plot.axes()}{names}</g>')
        top += plot.height
        return document(out, WIDTH, top, self.caption())

    def _ground(self, trails: list[Trail]) -> str:
        """The terrain with the walks; seen from the side, by a net that is coarse enough for a small page."""
        assert self.terrain is not None
        kept = self.terrain.grid
        if self.view == "3d":
            self.terrain.grid = resampled(kept, 37)
        try:
            return self.terrain.picture(trails, self.view)
        finally:
            self.terrain.grid = kept

    def _norm_plot(self) -> Plot:
        norms = [s.norm(self.order) for s in self.steps]
        values = [*norms, *(a for a, _ in self.after), self.limits[self.mode]]
        first, last = self.steps[0].step, self.steps[-1].step
        name = f"gradient norm ({'∞' if self.order == math.inf else f'{self.order:g}'})"
        low, high = span(values, log=True)
        return Plot(Axis(first, max(last, first + 1), name="step"), Axis(low, high, True, name), WIDTH, 300, top=28)

    @staticmethod
    def _diamond(plot: Plot, x: float, y: float) -> str:
        px, py = plot.at(x, y)
        if not math.isfinite(px + py):
            return ""
        return f'<path d="M{short(px)} {short(py - 4)}l4 4l-4 4l-4 -4z" fill="{plot.colour("bad")}"/>'

    # -- words --------------------------------------------------------------------------------------------------------
    def setting(self) -> str:
        """The clipping that is shown at first, as a call."""
        if self.mode == "value":
            return f"clip_grad_value_({number(self.limits['value'])})"
        kind = "" if self.order == 2 else f", norm_type={'inf' if self.order == math.inf else f'{self.order:g}'}"
        return f"clip_grad_norm_({number(self.limits['norm'])}{kind})"

    def caption(self) -> str:
        """One line that says what is seen."""
        hits, count = len(self.hits()), len(self.steps)
        if self.walks:
            free, held = (w.losses[-1] for w in self.walks)
            return (
                f"{line(self.title)}: {self.setting()} clips {hits} of {count - 1} steps; "
                f"the loss ends at {number(held)} with it and at {number(free)} without"
            )
        return f"{line(self.title)}: {self.setting()} would clip {hits} of {count} steps"

    def table(self) -> list[list[str]]:
        """One row for each step; the middle of a long run is left out."""
        done = any(s.done for s in self.steps)
        rows = [["step", "norm before", "times", "norm after", "turned", *(["done in the training"] if done else [])]]
        hit = set(self.hits())
        for i, (s, (after, turn)) in enumerate(zip(self.steps, self.after, strict=True)):
            norm = s.norm(self.order)
            times = number(after / norm, 4) if i in hit and norm else "1"
            row = [str(s.step), number(norm), times, number(after), f"{number(turn, 4)}°"]
            rows.append([*row, *([line(s.done, 120)] if done else [])])
        if len(rows) > ROWS + 1:
            rows[ROWS // 2 + 1 : -ROWS // 2] = [["..."] + [""] * (len(rows[0]) - 1)]
        return rows

    def to_text(self) -> str:
        """The text twin: what is clipped, and every step."""
        out = [self.caption()]
        finite = [(s.norm(self.order), s.step) for s in self.steps if math.isfinite(s.norm(self.order))]
        if finite:
            top = max(finite, key=lambda pair: pair[0])
            out.append(f"The largest norm is {number(top[0])}, at step {top[1]}.")
        bad = [s.step for s in self.steps if not math.isfinite(s.norm(2.0))]
        if bad:
            out.append(f"Not finite at step {', '.join(map(str, bad[:10]))}: clipping cannot repair that.")
        if self.mode == "value":
            out.append(f"The largest turn is {number(max((t for _, t in self.after), default=0.0), 4)}°.")
        else:
            out.append("Clipping by norm keeps the direction.")
        if self.left_out:
            out.append(f"{self.left_out} later steps were counted but not kept.")
        table = self.table()
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        out += ["  ".join(c.rjust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in table]
        return "\n".join(out)


def factor(norm: float, limit: float, kind: Any = np.float32) -> float:
    """What `clip_grad_norm_` multiplies by, in the gradient's precision as it does: a reciprocal, then a product."""
    with np.errstate(all="ignore"):
        return float(min(kind(1.0), kind(1.0) / (kind(norm) + kind(EPSILON)) * kind(limit)))


def _own_limit(log: ClipLog) -> float | None:
    """The norm that the training itself clipped to, if it did so more than once."""
    found = Counter(float(f"{step.held:.4g}") for step in log.steps if step.held)
    limit, times = found.most_common(1)[0] if found else (0.0, 0)
    return limit if times > 1 else None


def cuts_off(step: GradientStep, mode: str, limit: float, order: float) -> bool:
    """Whether a threshold changes this gradient."""
    if mode == "value":
        return step.norm(math.inf) > limit
    return factor(step.norm(order), limit, step.kind) < 1


def _key(names: Sequence[tuple[str, str | int]], plot: Plot, y: float) -> str:
    """Names beside strokes of their lines, above the frame."""
    out, x = [], plot.left
    for text, colour in names:
        dash = ' stroke-dasharray="4 3"' if text == "threshold" else ""
        out.append(f'<path d="M{short(x)} {short(y - 4)}h22" stroke="{plot.colour(colour)}" stroke-width="2.4"{dash}/>')
        ink = plot.colour("ink")
        out.append(f'<text x="{short(x + 28)}" y="{short(y)}" font-size="12" fill="{ink}">{escape(text)}</text>')
        x += 60 + 7 * len(text)
    return "".join(out)


def _positive(name: str, value: Any) -> float:
    number_ = float(value)
    if not (number_ > 0 and math.isfinite(number_)):
        raise ValueError(f"{name} must be a positive number, got {value!r}.")
    return number_


def _refuse(*pairs: Any) -> None:
    for name, value in zip(pairs[::2], pairs[1::2], strict=True):
        if value is not None:
            raise TypeError(f"{name}= is for a function of two numbers: gradients that were met are not walked again.")


def _four(value: float) -> float | str:
    return float(f"{value:.4g}") if math.isfinite(value) else str(value)


def _rows(rows: list[list[float]]) -> list[list[float | str]]:
    return [[json_number(v) for v in row] for row in rows]

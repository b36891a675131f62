"""`ScheduleView`: the learning rate over the steps of a training that is still to come, for one schedule or several.

ScheduleView(scheduler, steps=200)
ScheduleView({"step": StepLR(a, 30), "cosine": CosineAnnealingLR(b, 100)})
ScheduleView(lambda optimizer: OneCycleLR(optimizer, max_lr=0.1, total_steps=100))
ScheduleView(optimizer, scales=scaler_scales)         # loss scales of mixed precision, with the steps skipped
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

from gradviz.core.summary import number as json_number
from gradviz.viz.measure import clean
from gradviz.viz.numbers import number
from gradviz.viz.plot import Axis, Plot, document, legend, short, span
from gradviz.widgets.base import View
from gradviz.widgets.graph.embed import digits, line
from gradviz.widgets.optim import schedule_about
from gradviz.widgets.optim.schedule_run import Run, is_optimizer, is_scheduler, made_by, needs_metric, run
from gradviz.widgets.timeline import Timeline, name_of

MOST = 20_000  # steps
NUMBERS, DRAWN = 4800, 2000  # of all lines together, in the page and in the still picture
ROWS = 40
LINES = 12  # schedules times groups
WIDTH = 689


class Line(NamedTuple):
    """One line of a plot: its colour is that of the `colour`-th series, `run` the schedule it belongs to."""

    name: str
    values: list[float]
    colour: int
    run: int
    thin: bool = False


class ScheduleView(View):
    """Learning rates step by step, as the schedules themselves compute them.

    A copy is run: neither the schedule nor the optimiser moves. Training step k uses the rate shown at k; then
    `scheduler.step()` is called. Steps are what the schedule counts: epochs, or batches.

    Args:
        schedule: a scheduler, an optimizer (its rates as they are), a function that makes a scheduler for the optimizer
            it gets, or a list or dict of these.
        steps: how many training steps; as many as show what the schedules do if not given.
        metrics: for `ReduceLROnPlateau`: the measure after each step; of several such schedules a dict by name.
        lr: the rate of the optimizer that functions get.
        scales: the loss scale of each step (`GradScaler.get_scale()`, lesson 16).
        skipped: the steps that overflowed, so that the optimizer took none; where the scale fell if not given.
        log: a logarithmic rate axis at first.
        title: what is over the picture.
        timeline: a `Timeline` shared with other views.

    Source: https://docs.pytorch.org/docs/2.13/optim.html#how-to-adjust-learning-rate
    """

    def __init__(
        self,
        schedule: Any,
        steps: int | None = None,
        *,
        metrics: Sequence[float] | Mapping[str, Sequence[float]] | None = None,
        lr: float = 0.1,
        scales: Sequence[float] | None = None,
        skipped: Sequence[int] | None = None,
        log: bool = False,
        title: str = "",
        timeline: Timeline | str | None = None,
    ) -> None:
        from gradviz.random import fork_rng

        self.log, self.timeline = log, name_of(timeline)
        self.scales = _numbers("scales", scales)
        with fork_rng():  # a schedule may call functions of the learner's
            given = {name: made_by(thing, lr) if _makes(thing) else thing for name, thing in named(schedule).items()}
            measures = {name: _measure(name, thing, metrics) for name, thing in given.items()}
            if metrics is not None and not any(measures.values()):
                raise ValueError("metrics are for ReduceLROnPlateau, and none of these schedules is one.")
            count = _count(steps, given, measures, self.scales)
            self.runs: list[Run] = [run(name, thing, count, measures[name]) for name, thing in given.items()]
        if sum(len(r.rates) for r in self.runs) > LINES * 4:
            raise ValueError(f"ScheduleView draws at most {LINES * 4} lines; there are more schedules and groups.")
        shared = {id(t if is_optimizer(t) else t.optimizer) for t in given.values()}
        self.shares = len(shared) < len(given)
        self.skipped = _skipped(skipped, self.scales)
        self.title = title or (self.runs[0].name if len(self.runs) == 1 else f"{len(self.runs)} schedules")
        same = len({r.first for r in self.runs}) == 1
        self.first = self.runs[0].first if same else 0
        self.axis = "step" if same else "steps from now"

    # -- the numbers -----------------------------------------------------------------------------------------------
    @property
    def steps(self) -> int:
        """How many steps are shown."""
        return max([r.steps for r in self.runs] + [len(self.scales or ())])

    def lines(self) -> list[Line]:
        """Every line of rates: groups with the same rates are one line."""
        return self._lines

    @cached_property
    def _lines(self) -> list[Line]:
        found: list[Line] = []
        for i, r in enumerate(self.runs):
            for names, rates in _merged(r.groups, r.rates):
                name = _named(r.name, names, len(r.groups), len(self.runs) > 1)
                found.append(Line(name, rates, len(found), i))
            for label, rates in r.alone:
                found.append(Line(label, rates, len(found), i, thin=True))
        return found

    def momenta(self) -> list[Line]:
        """The lines of the momentum, where a schedule moves it."""
        found: list[Line] = []
        for i, r in enumerate(self.runs):
            moving = [(n, v) for n, v in zip(r.groups, r.momenta, strict=True) if len(set(v)) > 1]
            colour = self._colour(i)
            for j, (names, values) in enumerate(_merged([n for n, _ in moving], [v for _, v in moving])):
                name = _named(r.name, names, len(r.groups), len(self.runs) > 1)
                found.append(Line(f"momentum of {name}", values, colour + j, i))
        return found

    def _colour(self, i: int) -> int:
        """The colour of a schedule: that of its first line."""
        return next(one.colour for one in self.lines() if one.run == i)

    def panels(self) -> list[dict[str, Any]]:
        """The plots from top to bottom: rate, momentum, metric, loss scale."""
        return self._panels

    @cached_property
    def _panels(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = [{"name": "learning rate", "log": self.log, "lines": self.lines()}]
        if momenta := self.momenta():
            found.append({"name": "momentum", "log": False, "lines": momenta})
        measured = [
            Line(f"metric of {r.name}", r.metrics, self._colour(i), i) for i, r in enumerate(self.runs) if r.metrics
        ]
        if measured:
            found.append({"name": "metric", "log": False, "lines": measured})
        if self.scales:
            found.append({"name": "loss scale", "log": True, "lines": [Line("loss scale", self.scales, 3, 0)]})
        return found

    def marks(self) -> list[tuple[float, str, int]]:
        """Where a schedule turns: the place in the picture, what happens, and the colour of the schedule."""
        return self._marks

    @cached_property
    def _marks(self) -> list[tuple[float, str, int]]:
        several, found = len(self.runs) > 1, []
        for i, r in enumerate(self.runs):
            for at, text in r.marks:
                place = at if self.axis == "step" else at - r.first
                found.append((place, f"{r.name}: {text}" if several else text, self._colour(i)))
        return sorted(found)

    def notes(self) -> list[str]:
        """What a reader must know of the picture."""
        found = [f"{r.name} {r.ended}." for r in self.runs if r.ended]
        if self.shares:
            found.append("Schedules of one optimizer are shown as if each were the only one that is stepped.")
        if self.skipped:
            count = len(self.skipped)
            found.append(
                f"{count} step{'s' * (count != 1)} skipped after an overflow: the scale fell, the optimizer took none."
            )
        return found

    # -- what every view gives --------------------------------------------------------------------------------------
    def to_json(self) -> dict[str, Any]:
        """Every rate, and what is said of it."""
        return {
            "format": "gradviz.schedule/1",
            "title": self.title,
            "axis": self.axis,
            "first": self.first,
            "steps": self.steps,
            "panels": [
                {
                    **p,
                    "lines": [{**one._asdict(), "values": [*map(json_number, one.values)]} for one in p["lines"]],
                }
                for p in self.panels()
            ],
            "marks": [list(mark) for mark in self.marks()],
            "parts": [[[a, b, text] for a, b, text in r.parts] for r in self.runs],
            "about": [
                {"name": r.name, "colour": self._colour(i), "words": [list(words) for words in r.about]}
                for i, r in enumerate(self.runs)
            ],
            "skipped": self.skipped,
            "notes": self.notes(),
        }

    def to_html(self) -> str:
        """The picture, its table, and the script that walks along it where scripts run."""
        from gradviz.widgets.replay import replay_html

        return replay_html("schedule_view", self._page(), self.to_svg(), self.to_text(), self.table())

    def _page(self) -> dict[str, Any]:
        data = self.to_json()
        keep = self._kept()
        for panel in data["panels"]:
            for one in panel["lines"]:
                values = one["values"]
                one["values"] = [digits(values[k]) for k in keep if k < len(values)]
                one["name"], one["jumps"] = line(one["name"]), _jumps([_real(v) for v in one["values"]])
        data["xs"] = keep
        data["marks"] = [[at, line(text), colour] for at, text, colour in data["marks"]][:200]
        data["title"] = line(self.title, 200)
        data["parts"] = [[[a, b, line(text)] for a, b, text in parts] for parts in data["parts"]]
        data["about"] = [{**a, "name": line(a["name"]), "words": a["words"][:8]} for a in data["about"]]
        if len(keep) < self.steps:
            data["notes"] = [f"The picture keeps {len(keep)} of {self.steps} steps.", *data["notes"]]
        data["notes"] = [line(text, 300) for text in data["notes"]]
        data["timeline"] = self.timeline
        return data

    def _kept(self, numbers: int = NUMBERS) -> list[int]:
        """The steps in a picture: all, or some, with the lowest and highest between them where that is possible."""
        series = [one.values for panel in self.panels() for one in panel["lines"]]
        room = max(100, numbers // len(series))
        if self.steps <= room:
            return list(range(self.steps))
        keep = {0, self.steps - 1, *(k for k in self.skipped[: room // 4] if k < self.steps)}
        for at, *_ in self.marks()[: room // 8]:
            k = math.ceil(at) - (self.first if self.axis == "step" else 0)
            keep |= {max(0, k - 1), min(self.steps - 1, k)}
        if room < 6 * (1 + 2 * len(series)):  # too many lines for the ends of each
            return sorted({*keep, *(i * self.steps // room for i in range(room))})
        most = room // (1 + 2 * len(series))
        for i in range(most):
            a, b = i * self.steps // most, (i + 1) * self.steps // most
            keep.add(a)
            for values in series:
                if part := values[a:b]:
                    keep |= {a + part.index(min(part)), a + part.index(max(part))}
        return sorted(keep)

    def to_svg(self) -> str:
        """The plots, one under the other."""
        panels, out, top = self.panels(), [], 0.0
        for i, panel in enumerate(panels):
            last, lines = i == len(panels) - 1, panel["lines"][:LINES]
            axis = Axis(self.first, self.first + max(self.steps - 1, 1), name=self.axis if last else "")
            y = Axis(*_reach([v for one in lines for v in one.values], panel["log"]), panel["log"], panel["name"])
            room = 12.0 + 16.0 * _legend_rows([one.name for one in lines]) if i == 0 else 8.0
            bottom = 40.0 if last else 22.0
            plot = Plot(axis, y, WIDTH, (290.0 if i == 0 else 112.0) + room + bottom, 70, 14, room, bottom)
            drawn = "".join(self._line(plot, one) for one in reversed(lines))
            drawn += self._crosses(plot) if panel["name"] == "loss scale" else ""
            names = legend([one.name for one in lines], plot, 14.0, [one.colour for one in lines]) if i == 0 else ""
            turning = self._turning(plot) if i == 0 else ""
            marks = plot.inside(turning + drawn, f"c{i}")
            out.append(f'<g transform="translate(0 {short(top)})">{names}{marks}{plot.axes()}</g>')
            top += plot.height
        return document(out, WIDTH, top, self.caption())

    @cached_property
    def _still(self) -> list[int]:
        """The steps in the still picture."""
        return self._kept(DRAWN)

    def _line(self, plot: Plot, one: Line) -> str:
        keep = [k for k in self._still if k < len(one.values)]
        values = [one.values[k] for k in keep]
        jumps, xs, ys = set(_jumps(values)), [], []
        for i, (k, value) in enumerate(zip(keep, values, strict=True)):
            if i in jumps:
                xs.append(float(self.first + k))
                ys.append(values[i - 1])
            xs.append(float(self.first + k))
            ys.append(value)
        return plot.line(xs, ys, one.colour, 1.1 if one.thin else 2.0)

    def _turning(self, plot: Plot) -> str:
        """A dashed line where the one schedule turns; of several, a small mark in its colour at the floor."""
        out = []
        for at, _, colour in self.marks()[:60]:
            if len(self.runs) == 1:
                out.append(plot.rule(x=at))
            else:
                x, floor = plot.at(at, plot.y.low)
                out.append(f'<path d="M{short(x - 4)} {short(floor)}l4 -8l4 8z" fill="{plot.colour(colour)}"/>')
        return "".join(out)

    def _crosses(self, plot: Plot) -> str:
        """A cross on the scale at each step that was skipped."""
        out = []
        for k in self.skipped[:200]:
            if self.scales and k < len(self.scales):
                x, y = plot.at(self.first + k, self.scales[k])
                out.append(f"M{short(x - 4)} {short(y - 4)}l8 8m0 -8l-8 8")
        return f'<path d="{"".join(out)}" fill="none" stroke="{plot.colour("bad")}" stroke-width="2"/>' if out else ""

    def caption(self) -> str:
        """One line that says what is seen."""
        name, low, high = self._extent()
        return f"{line(self.title)}: {name} over {self.steps} steps, from {number(low)} to {number(high)}"

    def _extent(self) -> tuple[str, float, float]:
        values = [v for one in self.lines() for v in one.values if not one.thin]
        return "learning rate", min(values), max(values)

    def table(self) -> list[list[str]]:
        """Step, every rate, and what happens there; the middle of a long run is left out."""
        panels = self.panels()
        head = [self.axis, *(line(one.name) for one in panels[0]["lines"])]
        head += [p["name"] for p in panels[1:] for _ in p["lines"]]
        rows = [[*head, "what happens"]]
        happens = self._happens()
        for k in range(self.steps):
            cells = [number(one.values[k]) if k < len(one.values) else "" for p in panels for one in p["lines"]]
            rows.append([str(self.first + k), *cells, "; ".join(happens.get(k, ()))])
        if len(rows) > ROWS + 1:
            rows[ROWS // 2 + 1 : -ROWS // 2] = [["..."] + [""] * (len(rows[0]) - 1)]
        return rows

    def _happens(self) -> dict[int, list[str]]:
        found: dict[int, list[str]] = {}
        for at, text, _ in self.marks():
            found.setdefault(math.ceil(at) - self.first, []).append(line(text))
        for k in self.skipped:
            found.setdefault(k, []).append("overflow: skipped")
        return found

    def to_text(self) -> str:
        """The text twin: what each schedule does, and the rates."""
        out = [self.caption()]
        for r in self.runs:
            for i, words in enumerate(r.about):
                name = line(r.name) if i == 0 else f"  its part {words.name}"
                formula = f" [rate = {words.formula}]" if words.formula else ""
                out.append(f"{name}: {words.sentence}{formula} ({words.source})")
        out += self.notes()
        table = self.table()
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        out += ["  ".join(c.rjust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in table]
        return "\n".join(out)


# ---------------------------------------------------------------------------------------------------------------- input


def named(schedule: Any) -> dict[str, Any]:
    """What was given, by name; names that come twice are numbered."""
    if isinstance(schedule, Mapping):
        pairs = [(str(name), thing) for name, thing in schedule.items()]
    elif isinstance(schedule, (list, tuple)):
        pairs = [(_own_name(thing), thing) for thing in schedule]
    else:
        pairs = [(_own_name(schedule), schedule)]
    if not pairs:
        raise ValueError("ScheduleView needs at least one schedule; it was given none.")
    found: dict[str, Any] = {}
    for name, thing in pairs:
        if not (is_scheduler(thing) or is_optimizer(thing) or _makes(thing)):
            raise TypeError(
                f"ScheduleView takes schedulers, optimizers, or functions that make a scheduler; {clean(line(name))!r} "
                f"is of type {type(thing).__name__}."
            )
        new, n = name, 2
        while new in found:
            new, n = f"{name} {n}", n + 1
        found[new] = thing
    return found


def _makes(thing: Any) -> bool:
    return callable(thing) and not is_scheduler(thing) and not is_optimizer(thing) and not isinstance(thing, type)


def _own_name(thing: Any) -> str:
    if _makes(thing):
        name = getattr(thing, "__name__", type(thing).__name__)
        return "schedule" if name == "<lambda>" else str(name)
    return type(thing).__name__


def _measure(name: str, thing: Any, metrics: Any) -> Sequence[float] | None:
    if metrics is None or is_optimizer(thing) or not needs_metric(thing):
        return None
    if isinstance(metrics, Mapping):
        if name not in metrics:
            raise KeyError(f"metrics has no entry for {name!r}; it has {', '.join(map(repr, metrics))}.")
        metrics = metrics[name]
    return _numbers("metrics", metrics)


def _count(steps: int | None, given: dict[str, Any], measures: dict[str, Any], scales: Any) -> int:
    if steps is not None:
        if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= MOST:
            raise ValueError(f"steps must be a whole number from 1 to {MOST}, got {steps!r}.")
        return steps
    wanted = [len(m) + 1 for m in measures.values() if m]
    if not wanted:
        wanted = [schedule_about.horizon(t) for t in given.values() if not is_optimizer(t)]
        wanted = [max([*wanted, len(scales or ())]) if wanted or scales else 100]
    return min(min(wanted), MOST)


def _numbers(what: str, values: Any) -> list[float] | None:
    if values is None:
        return None
    try:
        found = [float(v) for v in values]
    except (TypeError, ValueError) as error:
        raise TypeError(f"{what} must be a sequence of numbers, one for each step; got {values!r:.80}.") from error
    if not found:
        raise ValueError(f"{what} is empty: it needs a number for each step.")
    return found


def _skipped(skipped: Sequence[int] | None, scales: list[float] | None) -> list[int]:
    """The steps that overflowed: given, or those after which the scale is lower (GradScaler backs off)."""
    if skipped is not None:
        if scales is None:
            raise ValueError("skipped= marks steps on the loss scale: give scales= too.")
        return sorted(int(k) for k in skipped)
    return [k for k, (a, b) in enumerate(pairwise(scales or ())) if b < a]


def _merged(names: list[str], series: list[list[float]]) -> list[tuple[list[str], list[float]]]:
    """Groups whose numbers are all the same become one line."""
    found: list[tuple[list[str], list[float]]] = []
    for name, values in zip(names, series, strict=True):
        for known, same in found:
            if same == values or (all(map(math.isnan, same)) and all(map(math.isnan, values))):
                known.append(name)
                break
        else:
            found.append(([name], values))
    return found


def _named(name: str, groups: list[str], of: int, several: bool) -> str:
    if of == 1 or len(groups) == of:
        return name
    text = ", ".join(groups) if len(groups) <= 3 else f"{len(groups)} groups"
    return f"{name}, {text}" if several else text


def _reach(values: list[float], log: bool) -> tuple[float, float]:
    """What the axis covers: from 0 where the numbers are positive and the axis is not logarithmic."""
    low, high = span(values, log=log)
    fine = [v for v in values if math.isfinite(v)]
    return (0.0, high) if fine and not log and min(fine) >= 0 and min(fine) < 0.6 * max(fine) else (low, high)


def _jumps(values: Sequence[float]) -> list[int]:
    """The places at which a line is held and then jumps, as a rate does: all of a line that mostly stays as it is, and
    of any other those at which it moves a tenth of its range, and four times as far as just before and after."""
    moves = [abs(b - a) for a, b in pairwise(values)]
    if 2 * sum(move == 0 for move in moves) >= len(moves) > 0:
        return [k for k, move in enumerate(moves, start=1) if move]
    reach = max(values) - min(values)
    found = []
    for k, move in enumerate(moves):
        beside = max(moves[max(0, k - 1) : k] + moves[k + 1 : k + 2], default=math.inf)
        if move > 0.1 * reach and move > 4 * beside:
            found.append(k + 1)
    return found


def _legend_rows(names: list[str]) -> int:
    from gradviz.viz.measure import clip, width

    x, rows = 80.0, 1
    for name in names:
        wide = 44 + width(clip(clean(name), 160, 12), 12)
        if x + wide > WIDTH - 14:
            x, rows = 80.0, rows + 1
        x += wide
    return rows


def _real(value: float | str) -> float:
    return float(value)


__all__ = ["ScheduleView"]

"""`LossCurve`: losses over the steps of a run, while it goes on and afterwards.

    curve = LossCurve()
    curve                                       # in a cell of its own: it draws while the next cell runs
    for step, batch in enumerate(loader):
        ...
        curve.add(step=step, loss=loss, val_loss=val_loss)

    LossCurve({"loss": losses, "val_loss": (steps, values)})
    LossCurve(gradviz.utils.tensorboard.read("runs/first"))
    LossCurve({"lr 0.1": first, "lr 0.01": second})           # several runs

Every spike is there however long the run: see NOTE [Thinning] in decimate.py.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradviz.viz.numbers import number
from gradviz.widgets.live import LiveView, Pump
from gradviz.widgets.replay import replay_html
from gradviz.widgets.timeline import Timeline, name_of
from gradviz.widgets.training import loss_curve_svg
from gradviz.widgets.training.decimate import COLUMNS, Series, column_means, decimate
from gradviz.widgets.training.loss_sources import runs_of, step_of, value_of

MOST = 24  # series in one picture
POINTS = 2 * 4 * COLUMNS  # kept in one picture, of all series together
NAME = 200  # characters of a name that a page is given


@dataclass
class Line:
    """One series of one run, and what it forked from."""

    run: str
    tag: str
    points: Series = field(default_factory=Series)
    start: float | None = None  # the step at which its run left another


class LossCurve(LiveView):
    """Losses over steps.

    Args:
        source: values, {name: values}, a TensorBoard log, rows of a history, or {run: any of these};
            see loss_sources.py. Without it the curve starts empty, for `add`.
        title: what stands above it.
        log: start with a logarithmic axis; the picture has a switch.
        smoothing: start with this weight, in [0, 1); the picture has a slider. See `decimate.smooth`.
        timeline: a `Timeline`; views that share it move together, by step.
        only: names of the series to show, where a log holds more.
        x, y: names of the axes.

    Raises TypeError or ValueError for what is not a series of numbers, naming it.
    """

    view = "loss_curve"

    def __init__(
        self,
        source: Any = None,
        *,
        title: str = "Loss",
        log: bool = False,
        smoothing: float = 0.0,
        timeline: Timeline | str | None = None,
        only: Sequence[str] | None = None,
        x: str = "step",
        y: str = "loss",
    ) -> None:
        if not 0 <= smoothing < 1:
            raise ValueError(f"smoothing is a weight of at least 0 and less than 1; got {smoothing}.")
        self.name, self.log, self.smoothing, self.x, self.y = str(title), bool(log), float(smoothing), x, y
        self.timeline = timeline
        self.lines: dict[tuple[str, str], Line] = {}
        self.marks: list[tuple[float, str]] = []
        self._starts: dict[str, float] = {}
        self._next = 0.0
        self._pump = Pump(self._send, self._rest)
        self._news = News(self)
        self._structure = 0  # counts lines and marks that came
        for run, series in runs_of(source, only).items():
            for tag, (steps, values) in series.items():
                self._line(run, tag).points.extend(steps, values)
                self._next = max(self._next, float(steps.max()) + 1 if len(steps) else 0.0)

    # -- what is added -----------------------------------------------------------------------------------------------
    def add(self, row: Mapping[str, Any] | None = None, *, step: Any = None, run: str = "", **values: Any) -> None:
        """Values of one step: numbers or tensors of one element. Without a step, the one after the last.

        Args:
            row: further values by name, for names that are no Python words.
            step: where they belong; need not be whole nor in order.
            run: which run they are of.
        """
        at = self._next if step is None else step_of(step)
        every = {**row, **values} if row else values
        found = {str(tag): value_of(value, str(tag)) for tag, value in every.items()}
        with self.lock:
            for tag, value in found.items():
                self._line(run, tag).points.add(at, value)
            self._next = max(self._next, at + 1)
        if self._widget is not None:
            self._pump.wake()

    def mark(self, step: Any, text: str) -> None:
        """Something that happened at a step, such as a new rate: a line across the picture with its text."""
        with self.lock:
            self.marks.append((step_of(step), str(text)))
            self._structure += 1
        if self._widget is not None:
            self._pump.wake()

    def branch(self, run: str, at: Any) -> None:
        """Say that `run`, whose values are added with `add(run=...)`, left the others at this step."""
        self._starts[str(run)] = step_of(at)

    def _line(self, run: str, tag: str) -> Line:
        line = self.lines.get((run, tag))
        if line is None:
            line = self.lines[run, tag] = Line(run, tag, start=self._starts.get(run))
            self._structure += 1
        return line

    # -- live --------------------------------------------------------------------------------------------------------
    def _send(self) -> None:
        """Tell the page what is new."""
        with self.lock:
            fresh = self._news.fresh()
            if fresh is None:
                self.renew()
            elif fresh[0]:
                self.tell({"points": fresh[0]}, fresh[1])

    def _rest(self) -> None:
        """A page that comes later starts from everything, and so does a notebook opened tomorrow."""
        if self._news.owed:
            self.renew()
            self.settle()

    def renew(self) -> None:
        """Show everything as it is now."""
        with self.lock, self._news.whole():
            super().renew()

    def hear(self, message: Any, buffers: Any) -> None:
        """The page looks closer at some steps: tell it all that is there."""
        low, high = (float(v) for v in message["window"])
        self.tell({"window": [low, high], "lines": self._columns(low, high)[0]})

    def data(self) -> dict[str, Any]:
        """As `to_json`, with numbers in binary."""
        return self._about(binary=True)

    # -- pictures ----------------------------------------------------------------------------------------------------
    def title(self) -> str:
        """One line that says what is seen."""
        shown = [line for line in self.lines.values() if len(line.points)]
        if not shown:
            return f"{self.name}: no values yet"
        steps = [line.points.arrays()[0] for line in shown]
        low, high = min(s[0] for s in steps), max(s[-1] for s in steps)
        return f"{self.name}: {len(shown)} {'curve' if len(shown) == 1 else 'curves'}, steps {low:.10g} to {high:.10g}"

    def to_json(self) -> dict[str, Any]:
        """Everything the picture shows: of a long series what NOTE [Thinning] keeps."""
        return self._about(binary=False)

    def _about(self, binary: bool) -> dict[str, Any]:
        lines, left_out = self._columns(binary=binary)
        return {
            "format": "gradviz.loss_curve/1",
            "title": self.name[:NAME],
            "x": self.x[:NAME],
            "y": self.y[:NAME],
            "log": self.log,
            "smoothing": self.smoothing,
            "timeline": name_of(self.timeline),
            "at": self.timeline.iteration if isinstance(self.timeline, Timeline) else None,
            "lines": lines,
            "marks": [[at, text[:NAME]] for at, text in self.marks[-100:]],
            "left_out": left_out,
        }

    def _columns(
        self, low: float | None = None, high: float | None = None, binary: bool = True
    ) -> tuple[list[dict[str, Any]], int]:
        """The lines, thinned out, and how many were left out. With `low` and `high` the steps from one to the other."""
        with self.lock:
            every = list(self.lines.values())
            shown = every[:MOST]
            short = binary or all(_single(line.points.arrays()[1]) for line in shown)
            columns, most = COLUMNS, POINTS if short else POINTS * 5 // 8  # float64 takes twice the digits
            while columns > 32 and sum(min(len(line.points), 4 * columns) for line in shown) > most:
                columns //= 2
            out = []
            for line in shown:
                steps, values = line.points.arrays()
                if low is not None and high is not None:
                    a, b = np.searchsorted(steps, low), np.searchsorted(steps, high, "right")
                    steps, values = steps[max(0, a - 1) : b + 1], values[max(0, a - 1) : b + 1]
                out.append(_line_data(line, steps, values, columns, binary))
        return out, len(every) - len(shown)

    def label(self, line: Line) -> str:
        """The name of a line: run and tag, or what tells it apart."""
        tags, runs = {key[1] for key in self.lines}, {key[0] for key in self.lines}
        if not line.run:
            return line.tag
        if len(runs) == 1:
            return line.tag
        return line.run if len(tags) == 1 else f"{line.run}: {line.tag}"

    def to_svg(self, theme: str = "light") -> str:
        """The picture."""
        return loss_curve_svg.draw(self, self.title(), theme)

    def to_html(self) -> str:
        """The picture, its table, and the script that makes it answer."""
        return replay_html(
            "loss_curve", self.to_json(), self.to_svg(), self.to_text(), self.table(), caption="The curves as a table"
        )

    def snapshot(self) -> LossCurve:
        """A copy as it is now, which does not move any more."""
        made = LossCurve(title=self.name, log=self.log, smoothing=self.smoothing, timeline=self.timeline)
        made.x, made.y, made.still = self.x, self.y, True
        with self.lock:
            made.marks, made._starts, made._next = list(self.marks), dict(self._starts), self._next
            for line in self.lines.values():
                steps, values = line.points.arrays()
                made._line(line.run, line.tag).points.extend(steps.copy(), values.copy())
        return made

    def table(self) -> list[list[str]]:
        """A row for each curve: how many values, the first, the last and the lowest, with their steps."""
        rows = [["curve", "values", "first", "last", "at step", "lowest", "at step", "not finite"]]
        for line in list(self.lines.values())[:MOST]:
            steps, values = line.points.arrays()
            if len(values):
                fine = np.isfinite(values)
                best = int(np.argmin(np.where(fine, values, np.inf))) if fine.any() else None
                low = ["", ""] if best is None else [number(float(values[best])), number(float(steps[best]), 10)]
                ends = [number(float(values[0])), number(float(values[-1])), number(float(steps[-1]), 10)]
                rows.append([self.label(line)[:NAME], str(len(values)), *ends, *low, str(int((~fine).sum()))])
            else:
                rows.append([self.label(line)[:NAME], "0", *[""] * 6])
        return rows

    def to_text(self) -> str:
        """The text twin: the title, the table, and what happened on the way."""
        from gradviz.viz.measure import clean

        table = [[clean(cell) for cell in row] for row in self.table()]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = ["  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) for row in table]
        notes = [f"at step {at:.10g}: {clean(text)[:NAME]}" for at, text in self.marks[-100:]]
        more = len(self.lines) - MOST
        return "\n".join(
            [clean(self.title()), *lines, *notes, *([f"{more} more curves are not shown"] if more > 0 else [])]
        )


class News:
    """What a page has not been told of a curve: single points where they are few, else, and now and then, everything.

    Single points are lost on a page that is not there yet; so everything comes again every second while there is news,
    or less often where that would take more than a fiftieth of the time.
    """

    def __init__(self, curve: LossCurve) -> None:
        self.curve = curve
        self._told: dict[tuple[str, str], int] = {}
        self._structure = -1
        self._renewed = self._cost = 0.0
        self.owed = False  # something was told since everything was

    def fresh(self) -> tuple[list[tuple[int, int]], list[bytes]] | None:
        """(line, number of its first new point) and the points in binary; None when it is time for everything."""
        self.owed = True
        lines = list(self.curve.lines.items())[:MOST]
        if self._structure != self.curve._structure:
            return None
        new = [(i, self._told.get(key, 0), line.points) for i, (key, line) in enumerate(lines)]
        new = [(i, told, points) for i, told, points in new if len(points) > told]
        if not new:
            return [], []
        if time.monotonic() - self._renewed > max(1.0, 50 * self._cost):
            return None
        if any(len(points) - told > 500 or not points.in_order for _, told, points in new):
            return None
        where, what = [], []
        for i, told, points in new:
            steps, values = points.arrays()
            where.append((i, told))
            what.append(_bytes(steps[told:], values[told:]))
            self._told[lines[i][0]] = told + len(what[-1]) // 16
        return where, what

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Everything is told meanwhile."""
        start, self.owed = time.perf_counter(), False
        self._structure = self.curve._structure
        self._told = {key: len(line.points) for key, line in self.curve.lines.items()}
        yield
        self._renewed, self._cost = time.monotonic(), time.perf_counter() - start


def _bytes(steps: Any, values: Any) -> bytes:
    """Steps, then values, as little-endian float64."""
    return np.concatenate([steps, values]).astype("<f8").tobytes()


def _line_data(line: Line, steps: Any, values: Any, columns: int, binary: bool) -> dict[str, Any]:
    kept = decimate(steps, values, columns)
    made: dict[str, Any] = {
        "run": line.run[:NAME],
        "tag": line.tag[:NAME],
        "start": line.start,
        "count": len(line.points),
        "whole": len(kept) == len(steps),
    }
    pairs = [(steps[kept], values[kept])]
    if not made["whole"]:
        means = column_means(steps, values, columns)
        pairs += [means[:2], (means[2], means[2])]
    if binary:
        made["points"] = _bytes(*pairs[0])
        if len(pairs) > 1:
            made["means"], made["counts"] = _bytes(*pairs[1]), pairs[2][0].astype("<f8").tobytes()
        return made
    made["points"] = _text(*pairs[0])
    if len(pairs) > 1:
        made["means"] = _text(*((part.astype(np.float32)) for part in pairs[1]))
        made["counts"] = [int(n) for n in pairs[2][0]]
    return made


def _single(values: Any) -> bool:
    """Whether all values are those of float32, as losses of float32 models are."""
    with np.errstate(over="ignore"):
        return bool(np.all((values.astype(np.float32) == values) | ~np.isfinite(values)))


def _text(steps: Any, values: Any) -> dict[str, Any]:
    """Steps as differences, which are short; values as numbers, float32 in as few digits as tell them apart."""
    single = _single(values)
    integer = bool(np.all(steps == np.floor(steps))) and bool(np.all(np.abs(steps) < 2**53))
    plain = [float(str(v)) if single else float(v) for v in (values.astype(np.float32) if single else values)]
    return {
        "single": single,
        "steps": np.diff(steps, prepend=0).astype(np.int64).tolist() if integer else steps.tolist(),
        "integer": integer,
        "values": [v if np.isfinite(v) else str(v) for v in plain],
    }

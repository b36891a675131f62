"""`ScalerTimeline`: the scale of a `GradScaler` over the steps of a training, with the steps it skipped.

    with ScalerTimeline.record(scaler) as log:
        train()
    ScalerTimeline(log)

The log listens to `scaler.update()`; it changes nothing, and reads nothing from a GPU until the picture is made.
"""

from __future__ import annotations

import math
from types import TracebackType
from typing import Any, NamedTuple, Self

from gradviz.amp import GradScaler
from gradviz.core.summary import number as json_number
from gradviz.viz.numbers import number
from gradviz.viz.plot import Axis, Plot, document, short
from gradviz.widgets.base import View
from gradviz.widgets.graph.embed import line
from gradviz.widgets.timeline import Timeline, name_of

WIDTH, HEIGHT = 689, 300
SHOWN = 4000  # updates in the page


class Update(NamedTuple):
    """One `update()`: the scale before and after, the count of good steps in a row, and what happened."""

    before: float
    after: float
    tracker: int
    what: str  # "step", "grown", "skipped", "set"


class ScalerLog:
    """What a scaler did, update by update, while it was watched."""

    def __init__(self, scaler: GradScaler) -> None:
        if not isinstance(scaler, GradScaler):
            raise TypeError(f"ScalerTimeline.record takes a GradScaler; got {type(scaler).__name__}.")
        self.scaler = scaler
        self._heard: list[tuple[Any, Any, Any, Any]] = []
        self._read: list[Update] = []

    def __enter__(self) -> Self:
        self.scaler._watchers = (*self.scaler._watchers, self._hear)
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.scaler._watchers = tuple(w for w in self.scaler._watchers if w != self._hear)

    def _hear(self, scaler: GradScaler, before: Any, after: Any, tracker: Any, found: Any) -> None:
        self._heard.append((before, after.detach().clone(), tracker.detach().clone(), found))

    @property
    def updates(self) -> list[Update]:
        """Every update so far, as numbers."""
        for before, after, tracker, found in self._heard:
            was, now = before.item(), after.item()
            skipped = found is not None and found.item() != 0
            what = "set" if found is None else "skipped" if skipped else "grown" if now > was else "step"
            self._read.append(Update(was, now, int(tracker.item()), what))
        self._heard.clear()
        return self._read

    def __len__(self) -> int:
        return len(self._read) + len(self._heard)


class ScalerTimeline(View):
    """The loss scale over the steps, on a scale of powers of two: ✕ where a step was skipped, ▲ where it grew.

    Args:
        log: what `ScalerTimeline.record(scaler)` gave, after some steps.
        title: shown above the picture.
        timeline: move together with other views, by the number of the step.

    Raises:
        ValueError: if the log holds no update.
    """

    def __init__(
        self, log: ScalerLog, *, title: str = "The scale of a GradScaler", timeline: Timeline | str | None = None
    ) -> None:
        if not isinstance(log, ScalerLog):
            raise TypeError(f"ScalerTimeline takes what ScalerTimeline.record(scaler) gave; got {type(log).__name__}.")
        updates = list(log.updates)
        if not updates:
            raise ValueError(
                "This log holds no update of the scaler: scaler.update() was not called inside the `with` block.\n"
                "A scaler that is not enabled updates nothing."
            )
        self.left_out = max(0, len(updates) - SHOWN)
        self.first = self.left_out
        self.updates = updates[self.left_out :]
        self.title, self.timeline = title, name_of(timeline)

    @staticmethod
    def record(scaler: GradScaler) -> ScalerLog:
        """Watch a scaler: `with ScalerTimeline.record(scaler) as log: ...`, then `ScalerTimeline(log)`."""
        return ScalerLog(scaler)

    @property
    def skipped(self) -> list[int]:
        """The steps that were skipped, counted from 0."""
        return [self.first + i for i, u in enumerate(self.updates) if u.what == "skipped"]

    # -- what every view gives --------------------------------------------------------------------------------------
    def to_json(self) -> dict[str, Any]:
        """Every update: scale before and after, counter, what happened."""
        return {
            "format": "gradviz.scaler_timeline/1",
            "title": line(self.title, 200),
            "first": self.first,
            "before": [json_number(u.before) for u in self.updates],
            "after": [json_number(u.after) for u in self.updates],
            "tracker": [u.tracker for u in self.updates],
            "what": [u.what for u in self.updates],
            "timeline": self.timeline,
        }

    def to_html(self) -> str:
        """The picture, its table, and the script that walks along the steps where scripts run."""
        from gradviz.widgets.replay import replay_html

        return replay_html(
            "scaler_timeline",
            self.to_json(),
            self.to_svg(),
            self.to_text(),
            self.table(),
            caption="The events as a table",
        )

    def to_svg(self) -> str:
        """The scale as a staircase, skipped steps crossed out below."""
        powers = [math.log2(u.before) for u in self.updates if u.before > 0 and math.isfinite(u.before)] or [0.0]
        low, high = math.floor(min(powers)) - 1, math.ceil(max(powers)) + 1
        steps = [self.first + i for i in range(len(self.updates))]
        x_axis, y_axis = Axis(steps[0], steps[-1] + 1, name="step"), Axis(low, high, name="scale, as a power of two")
        plot = Plot(x_axis, y_axis, WIDTH, HEIGHT, 58)
        xs, ys, marks = [], [], []
        for x, u in zip(steps, self.updates, strict=True):
            y = math.log2(u.before) if u.before > 0 and math.isfinite(u.before) else math.nan
            xs += [x, x + 1]
            ys += [y, y]
            if u.what in ("skipped", "grown") and math.isfinite(y):
                across, down = plot.at(x + 0.5, y)
                if u.what == "skipped":
                    d = f"M{short(across - 5)} {short(down - 5)}l10 10m0 -10l-10 10"
                    marks.append(f'<path d="{d}" fill="none" stroke="{plot.colour("bad")}" stroke-width="2.4"/>')
                else:
                    d = f"M{short(across - 5)} {short(down - 4)}l5 -8l5 8z"
                    marks.append(f'<path d="{d}" fill="{plot.colour("leaf")}"/>')
        parts = [plot.inside(plot.line(xs, ys, 0, 2.0)), *marks, plot.axes()]
        return document(parts, WIDTH, HEIGHT, self.caption())

    def caption(self) -> str:
        """One line that says what is seen."""
        count = {what: sum(u.what == what for u in self.updates) for what in ("skipped", "grown")}
        ends = f"from {power(self.updates[0].before)} to {power(self.updates[-1].after)}"
        many = f"{len(self.updates)} steps, {count['skipped']} skipped (✕), {count['grown']} grown (▲)"
        return f"{line(self.title, 200)}: {many}, scale {ends}"

    def table(self) -> list[list[str]]:
        """The event log: every step at which something other than a plain step happened."""
        rows = [["step", "what happened", "scale before", "scale after"]]
        for i, u in enumerate(self.updates):
            if u.what != "step":
                rows.append([str(self.first + i), WORDS[u.what], power(u.before), power(u.after)])
        return rows

    def to_text(self) -> str:
        """The text twin: the event log."""
        from gradviz.widgets.optim.trajectory import aligned

        left = [f"… {self.left_out} earlier updates are not shown"] if self.left_out else []
        return "\n".join([self.caption(), *left, *aligned(self.table())])


WORDS = {"skipped": "inf or NaN found, step skipped", "grown": "grown", "set": "set by hand", "step": "step"}


def power(scale: float) -> str:
    """A scale as a power of two where it is one, otherwise as a number."""
    mantissa, exponent = math.frexp(scale) if math.isfinite(scale) else (0.0, 0)
    return f"2^{exponent - 1}" if mantissa == 0.5 else number(scale)

"""`HistogramStack`: how the values of each tensor are spread, and how that changes over time.

    with watch(model, optimizer, histograms=True) as history:
        ...                                           # train
    HistogramStack(history)
    HistogramStack(read("runs/first"))                # what SummaryWriter.add_histogram wrote
    HistogramStack({"fp16 gradients": [g0, g1, g2]})  # tensors of one's own, one for each iteration

On the logarithmic axis of sizes stand the limits of float16 (IEEE 754 binary16): under 2^-24 = 5.96e-8 it has no number
but 0, under 2^-14 = 6.1e-5 it loses digits, over 65504 it is infinite. The share of values in each is counted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradviz.core.summary import number as plain
from gradviz.viz.measure import clean
from gradviz.widgets.base import View
from gradviz.widgets.history import histogram_stack_svg
from gradviz.widgets.history.histogram_stack_sources import Series, chosen, few, label, series_of
from gradviz.widgets.history.history_bins import Distribution, coarser
from gradviz.widgets.timeline import Timeline, name_of

ROWS = 64  # distributions of a tensor in a page
FEWEST = 12  # rows; before there are fewer, bins are joined, and then tensors left out
CELLS = 30_000  # counts in a page
TENSORS = 200
MODES = ("offset", "overlay", "heat")
FACTS = ("n", "nan", "inf", "zero", "negative", "under", "subnormal", "over", "min", "max", "mean", "std")


class HistogramStack(View):
    """Distributions over time, one tensor at a time.

    Args:
        source: a history with histograms, or its `to_json()`; a log that `gradviz.utils.tensorboard.read` returned;
            or {name: [tensor, tensor, ...]}, one for each iteration.
        names: which tensors: a pattern such as "fc1.*" or "gradients/*", or several. Without it all.
        tensor: the one to show first.
        mode: "offset" draws each distribution a little below the one before, as TensorBoard does; "overlay" draws all
            on one line; "heat" draws each as a row of colours.
        scale: of the values: "linear", or "log" by size; without it "log" for gradients and for tensors of a dict.
        split: in the logarithmic scale, draw negative and positive values apart.
        fp16: in the logarithmic scale, show what float16 can hold.
        at: the iteration to show first; without it the last.
        title: over the picture.
        timeline: shared with other views.
    """

    def __init__(
        self,
        source: Any,
        *,
        names: str | Sequence[str] | None = None,
        tensor: str | None = None,
        mode: str = "offset",
        scale: str | None = None,
        split: bool = False,
        fp16: bool = True,
        at: int | None = None,
        title: str | None = None,
        timeline: Timeline | str | None = None,
    ) -> None:
        if mode not in MODES:
            raise ValueError(f"HistogramStack: mode must be one of {', '.join(MODES)}; got {mode!r}")
        if scale not in (None, "linear", "log"):
            raise ValueError(f"HistogramStack: scale must be 'linear' or 'log'; got {scale!r}")
        self.series = chosen(series_of(source), names)
        self.mode, self.split, self.fp16, self.timeline = mode, bool(split), bool(fp16), timeline
        self.first = self._index(tensor) if tensor is not None else 0
        kind = self.series[self.first].kind
        self.scale = scale or ("log" if kind in ("gradients", "") else "linear")
        self.steps = sorted({step for one in self.series for step in one.steps})
        if at is not None and at not in self.steps:
            raise ValueError(f"HistogramStack: there is nothing of iteration {at!r}; there are {few(self.steps)}")
        self.at = self.steps[-1] if at is None else at
        self.title = clean(title) if title else "Distributions over time" if len(self.steps) > 1 else "Distributions"

    def _index(self, name: str) -> int:
        for i, one in enumerate(self.series):
            if name in (one.name, f"{one.kind}/{one.name}"):
                return i
        raise KeyError(f"there is no tensor {name!r}; there are {few([one.name for one in self.series])}")

    def of(self, name: str, step: int | None = None) -> Distribution:
        """The distribution of a tensor at an iteration (the last not after it), or at the one that is shown first."""
        one = self.series[self._index(name)]
        return one.rows[_at(one.steps, self.at if step is None else step)]

    # -- the views of it -------------------------------------------------------------------------------------------
    def to_json(self) -> dict[str, Any]:
        """Everything the picture shows; what does not fit in a page is left out, and `note` says what."""
        picked, by, note = self._fitting()
        shown = next(i for i, one in enumerate(picked) if one[:2] == self.series[self.first][:2])
        return {
            "format": "gradviz.histogram_stack/1",
            "title": self.title[:200],
            "mode": self.mode,
            "scale": self.scale,
            "split": self.split,
            "fp16": self.fp16,
            "tensor": shown,
            "at": self.at,
            "steps": sorted({step for one in picked for step in one.steps}),
            "tensors": [_packed(one, by) for one in picked],
            "per_octave": 4 >> by,
            "facts": list(FACTS),
            "note": note,
            "timeline": name_of(self.timeline),
        }

    def _fitting(self) -> tuple[list[Series], int, str]:
        """The tensors as they fit in a page: fewer rows, then wider bins, then fewer tensors, the shown one always."""
        notes: list[str] = []
        most = max(len(one.rows) for one in self.series)
        fits = [(rows, by) for by in (0, 2) for rows in range(min(ROWS, most), min(FEWEST, most) - 1, -4)]
        for rows, by in fits:
            thin = [_thinned(one, rows, self.at) for one in self.series]
            sizes = [_cells(one, by) for one in thin]
            if sum(sizes) <= CELLS:
                break
        kept, total = [self.first], sizes[self.first]
        for i, size in enumerate(sizes):
            if i != self.first and total + size <= CELLS and len(kept) < TENSORS:
                kept.append(i)
                total += size
        if any(len(thin[i].rows) < len(self.series[i].rows) for i in kept):
            notes.append(f"at most {rows} iterations of each are in the picture")
        if by:
            notes.append("bins are joined by four")
        if len(kept) < len(thin):
            notes.append(f"{len(thin) - len(kept)} tensors are left out: choose with names=")
        if any(not row.exact for i in kept for row in thin[i].rows):
            notes.append("counts are estimated from the histograms of the log")
        return [thin[i] for i in sorted(kept)], by, "; ".join(notes)

    def to_svg(self) -> str:
        """The picture of the tensor that is shown first."""
        return histogram_stack_svg.draw(self.to_json())

    def to_html(self) -> str:
        """The picture, a table of the shown iteration, and the script that steps, searches and switches."""
        from gradviz.widgets.replay import replay_html

        caption = f"Iteration {self.at} as a table"
        data = self.to_json()
        svg = histogram_stack_svg.draw(data)
        return replay_html("histogram_stack", data, svg, self.to_text(), self.table(), caption=caption)

    def table(self) -> list[list[str]]:
        """A row for each tensor at the iteration that is shown first."""
        head = [
            "tensor",
            "iteration",
            "values",
            "min",
            "max",
            "mean",
            "std",
            "0",
            "under fp16",
            "subnormal",
            "over fp16",
        ]
        rows = [head]
        for one in self.series:
            k = _at(one.steps, self.at)
            row = one.rows[k]
            numbers = [_said(getattr(row, name)) for name in ("min", "max", "mean", "std")]
            shares = [share(getattr(row, name), row) for name in ("zero", "under", "subnormal", "over")]
            rows.append([label(one), str(one.steps[k]), f"{row.n:g}", *numbers, *shares])
        return rows

    def to_text(self) -> str:
        """The text twin: the numbers of every tensor at one iteration."""
        rows = self.table()
        if len(rows) > 61:
            rows[31:-30] = [[f"… {len(rows) - 61} more"] + [""] * (len(rows[0]) - 1)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows]
        bad = [
            f"⚠ {label(one)}: {row.nan:g} NaN and {row.inf:g} infinite values at iteration {one.steps[k]}"
            for one in self.series
            for k, row in [(_at(one.steps, self.at), one.rows[_at(one.steps, self.at)])]
            if row.nan or row.inf
        ]
        span = f"iterations {self.steps[0]} to {self.steps[-1]}" if len(self.steps) > 1 else f"iteration {self.at}"
        return "\n".join([f"{self.title}, {span}", *lines, *bad[:8]])


def _at(steps: Sequence[int], step: int) -> int:
    """The place of the last step that is not after one; the first where all are."""
    return max((k for k, known in enumerate(steps) if known <= step), default=0)


def _thinned(one: Series, rows: int, at: int) -> Series:
    """At most so many rows, evenly chosen, the one that is shown among them."""
    total = len(one.rows)
    if total <= rows:
        return one
    kept = {round(k * (total - 1) / (rows - 1)) for k in range(rows)}
    place = _at(one.steps, at)
    if place not in kept:
        kept.discard(min(kept - {0, total - 1} or kept, key=lambda k: abs(k - place)))
        kept.add(place)
    order = sorted(kept)
    return Series(one.name, one.kind, [one.steps[k] for k in order], [one.rows[k] for k in order])


def _cells(one: Series, by: int) -> int:
    """About how many numbers a series is in a page."""
    bins = (bins for row in one.rows for bins in (row.linear, row.positive, row.negatives))
    return sum((len(counts) >> by) + 3 for _, counts in bins)


def _packed(one: Series, by: int) -> dict[str, Any]:
    """A series as the page gets it."""
    return {
        "name": label(one).removeprefix(f"{one.kind}/") if one.kind else label(one),
        "kind": one.kind,
        "steps": one.steps,
        "linear": [[round(math.log2(row.width)) + by, *_counts(coarser(row.linear, by))] for row in one.rows],
        "positive": [_counts(coarser(row.positive, by)) for row in one.rows],
        "negatives": [_counts(coarser(row.negatives, by)) for row in one.rows],
        "facts": [[_number(getattr(row, name)) for name in FACTS] for row in one.rows],
        "exact": all(row.exact for row in one.rows),
    }


def _counts(bins: Any) -> list[Any]:
    """The number of the first bin and the counts; whole numbers where they are."""
    first, counts = bins[0], np.asarray(bins[1], dtype=np.float64)
    return [int(first), [int(c) if c == int(c) else float(f"{c:.4g}") for c in counts.tolist()]]


def _number(value: Any) -> Any:
    """Nine digits: more than is ever shown; a whole number as it is."""
    if value is None or isinstance(value, int):
        return value
    short = float(f"{value:.9g}")
    return int(short) if short.is_integer() and abs(short) < 2**53 else plain(short)


def share(count: float, row: Distribution) -> str:
    """A count as a share of all values."""
    return f"{'' if row.exact else '≈ '}{100 * count / row.n:.4g}%" if row.n else "-"


def _said(value: float | None) -> str:
    return "-" if value is None else f"{value:.6g}"

"""From what a learner has to what `HistogramStack` shows: a history, a TensorBoard log, or tensors by name."""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from gradviz.core.tensor import Tensor
from gradviz.viz.measure import clean
from gradviz.widgets.history.history_bins import Distribution, distribution, of_histogram
from gradviz.widgets.history.history_data import FORMAT, KINDS, History

NAME = 80  # characters of a name


class Series(NamedTuple):
    """The distributions of one tensor, the oldest first."""

    name: str
    kind: str
    steps: list[int]
    rows: list[Distribution]


def series_of(source: Any) -> list[Series]:
    """What there is, tensor by tensor."""
    if isinstance(source, Mapping) and source.get("format") == FORMAT:
        source = History.from_json(source)
    if isinstance(source, History):
        return _of_history(source)
    if hasattr(source, "histograms") and hasattr(source, "scalars"):
        return _of_log(source)
    if isinstance(source, Mapping):
        return _of_dict(source)
    raise TypeError(
        f"HistogramStack: cannot read a {type(source).__name__}\n"
        "It takes what watch(..., histograms=True) or tensorboard.read() returned, or {name: [tensor, ...]}."
    )


def _of_history(history: History) -> list[Series]:
    found: dict[tuple[str, str], Series] = {}
    for row in history.rows:
        for (kind, name), one in row.histograms.items():
            series = found.setdefault((kind, name), Series(name, kind, [], []))
            series.steps.append(row.index)
            series.rows.append(one)
    if not found:
        why = "it has no histograms" if history.rows else "no iteration has ended yet"
        raise ValueError(f"HistogramStack: {why}\nAsk for them: watch(model, optimizer, histograms=True).")
    place = {name: i for i, name in enumerate([*history.parameters, *history.activations])}
    return sorted(found.values(), key=lambda one: (KINDS.index(one.kind), place.get(one.name, 0)))


def _of_log(log: Any) -> list[Series]:
    made = []
    for tag, several in log.histograms.items():
        rows: dict[int, Distribution] = {}
        for one in sorted(several, key=lambda one: one.step):  # of two at one step the later one counts
            known: dict[str, Any] = {"n": one.num, "min": one.min, "max": one.max}
            if one.num:
                known["mean"] = one.sum / one.num
                known["std"] = math.sqrt(max(0.0, one.sum_squares / one.num - known["mean"] ** 2))
            rows[int(one.step)] = of_histogram(one.edges, one.counts, **known)
        if rows:
            made.append(Series(str(tag), "", list(rows), list(rows.values())))
    if not made:
        raise ValueError("HistogramStack: the log holds no histogram\nSummaryWriter.add_histogram writes them.")
    return made


def _of_dict(source: Mapping[Any, Any]) -> list[Series]:
    made = []
    for name, several in source.items():
        if isinstance(several, (Tensor, np.ndarray)):
            several = [several]
        if not isinstance(several, Sequence) or isinstance(several, (str, bytes)):
            raise TypeError(f"HistogramStack: {str(name)[:80]!r} is no list of tensors but a {type(several).__name__}")
        rows = [_measured(one, str(name), k) for k, one in enumerate(several)]
        if rows:
            made.append(Series(str(name), "", list(range(len(rows))), rows))
    if not made:
        raise ValueError("HistogramStack: there is no tensor to show\nIt takes {name: [tensor, ...]}.")
    return made


def _measured(one: Any, name: str, k: int) -> Distribution:
    if isinstance(one, Distribution):
        return one
    array = np.asarray(one.device.to_numpy(one._array) if isinstance(one, Tensor) else one)
    if array.dtype.kind not in "fciubV":  # V: bfloat16
        raise TypeError(f"HistogramStack: number {k} of {name[:80]!r} holds no numbers but {array.dtype}")
    return distribution(array)


def chosen(series: list[Series], names: str | Sequence[str] | None) -> list[Series]:
    """Those that a pattern picks, by name or by kind/name."""
    if names is None:
        return series
    patterns = [names] if isinstance(names, str) else list(names)
    made = [
        one
        for one in series
        if any(fnmatch.fnmatchcase(text, p) for p in patterns for text in (one.name, f"{one.kind}/{one.name}"))
    ]
    if not made:
        there = few([label(one) for one in series])
        raise ValueError(f"HistogramStack: no tensor is called {', '.join(map(repr, patterns))}; there are {there}")
    return made


def few(things: Sequence[Any]) -> str:
    """Some of them, for an error."""
    texts = [str(thing)[:60] for thing in things]
    return ", ".join(texts if len(texts) <= 8 else [*texts[:6], "…", texts[-1]])


def label(one: Series) -> str:
    """`gradients/fc1.weight`, as one short line."""
    text = clean(one.name[: NAME + 1])
    text = text if len(text) <= NAME else text[: NAME - 1] + "…"
    return f"{one.kind}/{text}" if one.kind else text

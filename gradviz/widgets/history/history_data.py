"""`History`: the measured iterations of a run as plain data, to be drawn, saved as JSON and read again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from gradviz.core.summary import number
from gradviz.widgets.history.history_bins import Distribution

FORMAT = "gradviz.history/1"
KEPT_HISTOGRAMS = 64
GRADIENT = ("grad_norm", "grad_mean", "grad_nan", "grad_inf", "grad_zero")
WEIGHT = ("weight_norm", "weight_nan", "weight_inf")
CHANGE = ("update_norm", "ratio")
PARAMETER = (*GRADIENT, *WEIGHT, *CHANGE)
ACTIVATION = ("n", "units", "zero", "dead", "saturated", "mean", "std", "nan", "inf")
KINDS = ("parameters", "gradients", "activations")


class Iteration:
    """What was measured in one iteration.

    Attributes:
        index: which one it was, from 0.
        parameters: {name: {quantity: number}}, those of PARAMETER; None where nothing was to be measured.
        activations: {name: {quantity: number}}, those of ACTIVATION.
        histograms: {(kind, name): Distribution}, kind one of KINDS.
    """

    __slots__ = ("activations", "histograms", "index", "parameters")

    def __init__(self, index: int) -> None:
        self.index = index
        self.parameters: dict[str, dict[str, Any]] = {}
        self.activations: dict[str, dict[str, Any]] = {}
        self.histograms: dict[tuple[str, str], Distribution] = {}


class History:
    """Measured iterations of a run, as plain data.

    Attributes:
        rows: the iterations that were kept, the oldest first.
        shapes: {name: shape} of the parameters, in the order in which the modules that own them first ran.
        order: the modules and activations in the order in which they first ran.
        kinds: {module: name of its class}.
        stride: every how many iterations one was kept.
        count: how many iterations there were.
    """

    _spacing = 1  # every how many iterations one keeps its histograms

    def __init__(self) -> None:
        self.rows: list[Iteration] = []
        self.shapes: dict[str, list[int]] = {}
        self.order: list[str] = []
        self.kinds: dict[str, str] = {}
        self.stride = 1
        self.count = 0

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        kept = f", one in {self.stride} kept" if self.stride > 1 else ""
        what = f"{len(self.shapes)} parameters, {len(self.activations)} activations"
        return f"History({self.count} iterations{kept}; {what})"

    @property
    def iterations(self) -> list[int]:
        """The indices of the iterations that were kept."""
        return [row.index for row in self.rows]

    @property
    def activations(self) -> list[str]:
        """The activations, in the order in which they first ran."""
        known = {name for row in self.rows for name in row.activations}
        return [name for name in self.order if name in known] + sorted(known - set(self.order))

    @property
    def parameters(self) -> list[str]:
        """The parameters, those of the first module first."""
        place = {name: i for i, name in enumerate(self.order)}
        return sorted(self.shapes, key=lambda name: place.get(name.rpartition(".")[0], len(place)))

    def series(self, name: str, quantity: str) -> list[Any]:
        """One quantity of one parameter or activation over the iterations kept; None where it was not measured."""
        part, known = ("parameters", PARAMETER) if name in self.shapes else ("activations", ACTIVATION)
        if name not in self.shapes and name not in self.activations:
            raise KeyError(
                f"{name!r} was not watched; watched were {', '.join([*self.shapes, *self.activations][:12])}"
            )
        if quantity not in known:
            raise KeyError(f"{quantity!r} of {name!r} was not measured; measured were {', '.join(known)}")
        return self._column(part, name, quantity)

    def _column(self, part: str, name: str, quantity: str) -> list[Any]:
        return [getattr(row, part).get(name, {}).get(quantity) for row in self.rows]

    def to_json(self) -> dict[str, Any]:
        """All of it as plain data, by columns; `History.from_json` reads it."""

        def columns(part: str, names: Iterable[str], quantities: Sequence[str]) -> dict[str, Any]:
            return {name: {q: _plain(self._column(part, name, q)) for q in quantities} for name in names}

        spread = [
            {"index": row.index, "kind": kind, "name": name, **_spread(one)}
            for row in self.rows
            for (kind, name), one in row.histograms.items()
        ]
        return {
            "format": FORMAT, "count": self.count, "stride": self.stride, "iterations": self.iterations,
            "shapes": self.shapes, "order": self.order, "kinds": self.kinds,
            "parameters": columns("parameters", self.shapes, PARAMETER),
            "activations": columns("activations", self.activations, ACTIVATION), "histograms": spread,
        }  # fmt: skip

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> History:
        """The history that `to_json` wrote."""
        if data.get("format") != FORMAT:
            raise ValueError(f"this is no history: its format is {data.get('format')!r}, not {FORMAT!r}")
        made = History()
        made.count, made.stride = data["count"], data["stride"]
        made.order, made.kinds = list(data["order"]), dict(data["kinds"])
        made.shapes = {name: list(shape) for name, shape in data["shapes"].items()}
        for i, index in enumerate(data["iterations"]):
            row = Iteration(index)
            for part in ("parameters", "activations"):
                for name, columns in data[part].items():
                    facts = {q: _number(values[i]) for q, values in columns.items()}
                    if any(value is not None for value in facts.values()):
                        getattr(row, part)[name] = facts
            made.rows.append(row)
        by_index = {row.index: row for row in made.rows}
        for one in data["histograms"]:
            facts = {k: _bins(v) if isinstance(v, list) else _number(v) for k, v in one.items()}
            index, key = facts.pop("index"), (facts.pop("kind"), facts.pop("name"))
            by_index[index].histograms[key] = Distribution(**facts)
        return made

    def _thin(self, keep: int) -> None:
        """Let go of every second iteration while there are more than `keep`; the same for those with histograms."""
        while len(self.rows) > keep:
            self.stride *= 2
            self.rows = [row for row in self.rows if row.index % self.stride == 0]
        while sum(1 for row in self.rows if row.histograms) > KEPT_HISTOGRAMS:
            self._spacing *= 2
            for row in self.rows:
                if row.index % self._spacing:
                    row.histograms = {}


def _plain(values: list[Any]) -> list[Any]:
    return [None if v is None else number(v) for v in values]


def _number(value: Any) -> Any:
    return float(value) if value in ("nan", "inf", "-inf") else value


def _spread(one: Distribution) -> dict[str, Any]:
    plain = {k: v if v is None or isinstance(v, (bool, tuple)) else number(v) for k, v in vars(one).items()}
    return {k: [v[0], np.asarray(v[1]).tolist()] if isinstance(v, tuple) else v for k, v in plain.items()}


def _bins(pair: list[Any]) -> tuple[int, Any]:
    return pair[0], np.asarray(pair[1])

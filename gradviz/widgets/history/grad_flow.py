"""`GradFlow`: how large the gradient is in each layer, how far each step moves it, and which units are dead.

    with watch(model, optimizer) as history:
        ...                            # train
    GradFlow(history)                  # one iteration at a time, and over time

    loss.backward()
    GradFlow(model)                    # the gradients as they are now

Layers stand in the order in which they ran. It warns of gradients that vanish, explode or are not finite and of dead
units; the limits are settings and are drawn as lines.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from gradviz.core.summary import number as plain
from gradviz.viz.measure import clean
from gradviz.widgets.base import View
from gradviz.widgets.history import grad_flow_svg
from gradviz.widgets.history.grad_flow_layers import label, layers_of, listed, of_layer
from gradviz.widgets.history.grad_flow_warnings import KINDS, At, Finding, find, thresholds_of
from gradviz.widgets.history.history_data import History
from gradviz.widgets.timeline import Timeline, name_of

CELLS = 9_000  # numbers in a page
FEWEST = 12  # iterations in a page, however many layers there are
ROWS = 60  # of the text twin
SAID = 12  # sentences of an iteration in a page
BAND = (1e-4, 1e-2)
MEASURES = ("grad", "weight", "update", "ratio", "dead", "zero", "saturated", "mean", "std")


class GradFlow(View):
    """Gradient norm, update/weight ratio and dead units of each layer.

    Args:
        history: what `watch` returned, or its `to_json()`; or a module, or parameters, whose `.grad` is read now.
        by: "layer" takes the parameters of a module together as one vector; "parameter" shows each by itself.
        thresholds: any of ``vanishing`` (norm), ``ratio`` (norm by the last layer's), ``exploding`` (norm) and ``dead``
            (share of units), in the place of 1e-7, 1e-6, 1e3 and 0.9.
        band: between which ratios of update and weight a layer learns at a usual pace. "This ratio should be somewhere
            around 1e-3" (Karpathy, CS231n, Neural Networks Part 3, Ratio of weights:updates).
        at: the iteration to show first; without it the first one with a warning, else the last.
        title: over the picture.
        timeline: shared with other views.
    """

    def __init__(
        self,
        history: Any,
        *,
        by: str = "layer",
        thresholds: Mapping[str, float] | None = None,
        band: tuple[float, float] = BAND,
        at: int | None = None,
        title: str | None = None,
        timeline: Timeline | str | None = None,
    ) -> None:
        if by not in ("layer", "parameter"):
            raise ValueError(f"GradFlow: by must be 'layer' or 'parameter'; got {by!r}")
        self.history = _history(history)
        if not self.history.rows:
            raise ValueError(
                "GradFlow: the history is empty: no iteration has ended yet\n"
                "An iteration ends with optimizer.step(), or with history.step() in a loop of one's own."
            )
        self.by, self.thresholds, self.timeline = by, thresholds_of(thresholds), timeline
        try:
            self.band = (float(band[0]), float(band[1]))
        except (TypeError, ValueError, IndexError):
            raise ValueError(f"GradFlow: band must be a pair of ratios (low, high); got {band!r}") from None
        if not 0 < self.band[0] < self.band[1] < math.inf:
            raise ValueError(f"GradFlow: band must be (low, high) with 0 < low < high; got {band!r}")
        self.layers, self.left_out = layers_of(self.history, by)
        if not self.layers:
            raise ValueError("GradFlow: the history holds no parameter")
        self._columns = {name: self._measured(name) for name in MEASURES}
        self._bad = self._nonfinite()
        self.warnings = self._warnings()
        self._found: dict[int, list[Finding]] = {}
        for one in self.warnings:
            self._found.setdefault(one.iteration, []).append(one)
        self.at = self._first(at)
        flows = f"{len(self.layers)} {by}s" if len(self.layers) > 1 else f"1 {by}"
        self.title = clean(title) if title else f"Gradient flow through {flows}"

    # -- numbers ---------------------------------------------------------------------------------------------------
    @property
    def iterations(self) -> list[int]:
        """The iterations that were kept."""
        return self.history.iterations

    def series(self, layer: str, measure: str) -> list[float | None]:
        """One measure of a layer over the iterations: one of MEASURES; the last five are of its activation."""
        if measure not in MEASURES:
            raise KeyError(f"{measure!r} is not measured; measured are {', '.join(MEASURES)}")
        for i, one in enumerate(self.layers):
            if layer in (one["name"], one["of"]):
                return [row[i] for row in self._columns[measure]]
        raise KeyError(f"there is no layer {layer!r}; there are {', '.join(one['name'] for one in self.layers[:12])}")

    def _measured(self, measure: str) -> list[list[float | None]]:
        """A row for each iteration, a number for each layer."""
        return [[of_layer(row, layer, measure) for layer in self.layers] for row in self.history.rows]

    def _nonfinite(self) -> list[list[tuple[int, int, int, int] | None]]:
        keys = ("grad_nan", "grad_inf", "weight_nan", "weight_inf")
        rows = []
        for row in self.history.rows:
            known = [[row.parameters.get(p, {}) for p in layer["params"]] for layer in self.layers]
            sums = [tuple(sum(int(one.get(key) or 0) for one in layer) for key in keys) for layer in known]
            rows.append([one if any(one) else None for one in sums])
        return rows  # type: ignore[return-value]

    def _at(self, position: int) -> At:
        names, acts = [one["name"] for one in self.layers], self._acts(position)
        counts = [one["count"] for one in self.layers]
        grad, dead = (self._columns[name][position] for name in ("grad", "dead"))
        return At(names, counts, grad, self._bad[position], dead, acts)

    def _acts(self, position: int) -> list[tuple[str, int] | None]:
        """Of each layer the activation with most dead units, and how many units it has."""
        known = self.history.rows[position].activations
        found = [[(name, known[name]) for name in layer["acts"] if name in known] for layer in self.layers]
        worst = [max(acts, key=lambda act: act[1]["dead"]) if acts else None for acts in found]
        kinds = self.history.kinds
        return [None if one is None else (label(one[0], kinds), int(one[1]["units"])) for one in worst]

    def _warnings(self) -> list[Finding]:
        """Everything that is wrong at any iteration kept."""
        return [
            Finding(kind, self.layers[i]["name"], iteration, value, text)
            for position, iteration in enumerate(self.iterations)
            for kind, i, value, text in find(self._at(position), self.thresholds)
        ]

    def warnings_at(self, iteration: int) -> list[Finding]:
        """What is wrong at one iteration."""
        return self._found.get(iteration, [])

    def _first(self, at: int | None) -> int:
        if at is None:
            return self.warnings[0].iteration if self.warnings else self.iterations[-1]
        if at not in self.iterations:
            few = f"{self.iterations[:4]}...{self.iterations[-1]}" if len(self.iterations) > 5 else self.iterations
            raise ValueError(f"GradFlow: iteration {at!r} was not kept; kept were {few}")
        return at

    # -- the views of it -------------------------------------------------------------------------------------------
    def to_json(self) -> dict[str, Any]:
        """Everything the picture shows; of long runs of many layers evenly chosen iterations, and `note` says so."""
        kept, note = self._fitting()
        acts = [", ".join(label(act, self.history.kinds) for act in one["acts"][:4]) or None for one in self.layers]
        measures = {
            name: [[_short(v) for v in self._columns[name][k]] for k in kept]
            for name in MEASURES
            if any(v is not None for k in kept for v in self._columns[name][k])
        }
        return {
            "format": "gradviz.grad_flow/1",
            "title": self.title[:200],
            "by": self.by,
            "iterations": [self.iterations[k] for k in kept],
            "at": self.at,
            "single": len(self.iterations) == 1,
            "layers": [
                {"name": one["name"], "params": listed(one, self.history), "count": one["count"], "act": act}
                for one, act in zip(self.layers, acts, strict=True)
            ],
            "measures": measures,
            "bad": [[j, i, *bad] for j, k in enumerate(kept) for i, bad in enumerate(self._bad[k]) if bad],
            "marks": [self._marks(self.iterations[k]) for k in kept],
            "said": [self._sentences(self.iterations[k]) for k in kept],
            "thresholds": self.thresholds,
            "band": list(self.band),
            "note": note,
            "timeline": name_of(self.timeline),
        }

    def _marks(self, iteration: int) -> str:
        """For each layer a digit: 1 non-finite, 2 exploding, 4 vanishing, 8 dead units, and their sums."""
        digits = dict.fromkeys((one["name"] for one in self.layers), 0)
        for one in self.warnings_at(iteration):
            digits[one.layer] |= 1 << KINDS.index(one.kind)
        return "".join(f"{digit:x}" for digit in digits.values())

    def _sentences(self, iteration: int) -> list[list[Any]]:
        """The first sentences of an iteration, each with the number of its kind."""
        return [[KINDS.index(one.kind), one.text] for one in self.warnings_at(iteration)[:SAID]]

    def _fitting(self) -> tuple[list[int], str]:
        """The iterations that fit in a page, those with the first warning of each kind and the shown one among them."""
        total, notes = len(self.iterations), []
        there = sum(any(v is not None for row in rows for v in row) for rows in self._columns.values())
        most = max(FEWEST, CELLS // (len(self.layers) * there))
        kept = set(range(total))
        if total > most:
            kept = {round(k * (total - 1) / (most - 1)) for k in range(most)}
            first = {one.kind: one.iteration for one in reversed(self.warnings)}
            kept |= {self.iterations.index(i) for i in (*first.values(), self.at)}
            notes.append(f"{len(kept)} of {total} iterations are in the picture")
        if self.history.stride > 1:
            notes.append(f"one in {self.history.stride} of {self.history.count} iterations was measured")
        if self.left_out:
            notes.append(f"{self.left_out} more {self.by}s are left out")
        return sorted(kept), "; ".join(notes)

    def to_svg(self) -> str:
        """The picture at one iteration, and the lines over time."""
        return grad_flow_svg.draw(self.to_json(), self.warnings_at(self.at))

    def to_html(self) -> str:
        """The picture, its table, and the script that steps through the iterations where scripts run."""
        from gradviz.widgets.replay import replay_html

        caption = f"Iteration {self.at} as a table"
        return replay_html("grad_flow", self.to_json(), self.to_svg(), self.to_text(), self.table(), caption=caption)

    def table(self) -> list[list[str]]:
        """A row for each layer at the iteration that is shown first."""
        position = self.iterations.index(self.at)
        rows = [[self.by, "gradient norm", "weight norm", "update/weight", "dead units", "warning"]]
        kinds: dict[str, list[str]] = {}
        for one in self.warnings_at(self.at):
            kinds.setdefault(one.layer, []).append(one.kind)
        for i, layer in enumerate(self.layers):
            cells = [_said(self._columns[name][position][i]) for name in ("grad", "weight", "ratio")]
            dead = self._columns["dead"][position][i]
            share = "-" if dead is None else f"{100 * dead:.4g}%"
            rows.append([layer["name"], *cells, share, ", ".join(kinds.get(layer["name"], []))])
        return rows

    def to_text(self) -> str:
        """The text twin: one iteration's numbers, and every warning, each with the iteration it began at."""
        rows = self.table()
        if len(rows) > ROWS + 1:
            left = [f"… {len(rows) - 1 - ROWS} more"] + [""] * (len(rows[0]) - 1)
            rows[ROWS // 2 + 1 : -ROWS // 2] = [left]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows]
        where = "" if len(self.iterations) == 1 else f", iteration {self.at}"
        return "\n".join([f"{self.title}{where}", *lines, *self.summary()])

    def summary(self) -> list[str]:
        """A line for each kind of warning: where it began, the sentence, and how many layers it met."""
        lines = []
        for kind in dict.fromkeys(one.kind for one in sorted(self.warnings, key=lambda one: one.iteration)):
            found = [one for one in self.warnings if one.kind == kind]
            layers = len({one.layer for one in found})
            more = f" (and {layers - 1} more)" if layers > 1 else ""
            when = "" if len(self.iterations) == 1 else f"from iteration {found[0].iteration}: "
            lines.append(f"⚠ {kind}, {when}{found[0].text}{more}")
        if self.history.stride > 1:
            lines.append(f"One in {self.history.stride} of {self.history.count} iterations was measured.")
        return lines or ["No warnings."]


def _history(given: Any) -> History:
    if isinstance(given, History):
        return given
    if isinstance(given, Mapping) and "format" in given:
        return History.from_json(given)
    from gradviz.widgets.history.history import snapshot

    made = snapshot(given)
    if not any(facts["grad_norm"] is not None for row in made.rows for facts in row.parameters.values()):
        raise ValueError("GradFlow: no parameter has a gradient yet\nCall loss.backward() first.")
    return made


def _short(value: float | None) -> Any:
    """Nine digits: more than is ever shown."""
    return value if value is None else plain(float(f"{value:.9g}"))


def _said(value: float | None) -> str:
    return "-" if value is None else f"{value:.6g}"

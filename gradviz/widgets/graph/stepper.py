"""`BackpropStepper`: forward and backward of a real run, one operation at a time, with every number on the way."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Sequence
from typing import Any

from gradviz.core.events import observe
from gradviz.core.record import Recording
from gradviz.core.summary import number as plain
from gradviz.core.tensor import Tensor
from gradviz.widgets.graph.breakpoints import Hit, Stop, hits, stops_of
from gradviz.widgets.graph.embed import digits, line
from gradviz.widgets.graph.finite_difference import Check, checks
from gradviz.widgets.graph.graphview import GraphView
from gradviz.widgets.graph.hooked import hooked
from gradviz.widgets.graph.observed_pass import Pass
from gradviz.widgets.graph.tidy import tidy

LINES = 24  # of stops, and of checks, in the text
ORDER = {"bad": 0, "unsure": 1, "ok": 2}
WORDS = {"bad": "differs:", "unsure": "?", "ok": "agrees:"}
GRAVEST = ("bad", "stop", "changed", "unsure", "ok")


class BackpropStepper(GraphView):
    """Step, rewind and scrub through a computation and its backward pass.

    The backward pass is driven by the engine's own `Backward`, recorded, and taken back: `.grad` and the graph are as
    they were, so ``loss.backward()`` can still be called afterwards. A tape that went backward is shown as it ran.

    Args:
        source: the loss, a function that computes it, or the tape of ``with torch.record() as tape:``.
        title: shown above the graph.
        depth: how deep modules are unfolded; None shows everything, 0 one box for each outermost call.
        stop: where playing halts: names of operations, nodes or modules, or `Stop.nonfinite()`, `Stop.grad_norm(10.0)`
            (gradviz/widgets/graph/breakpoints.py). More can be set in the page. ValueError lists the names there are.
        gradient: what the backward pass starts with where the result is not one number, as in ``y.backward(gradient)``.
        check: hold every gradient against a finite difference (finite_difference.py beside this file): the operations
            are run again, in float64, and each box gets a badge: agrees, does not, or why that cannot be told.
    """

    backward = True

    def __init__(
        self,
        source: Any,
        *,
        title: str | None = None,
        depth: int | None = None,
        stop: str | Stop | Sequence[str | Stop] = (),
        check: bool = False,
        gradient: Any = None,
    ) -> None:
        self.gradient = gradient
        seen = Pass()
        with observe(seen) if check else contextlib.nullcontext():
            super().__init__(source, title=title, depth=depth)
        self.record = hooked(dict(self.record))
        self.stops = stops_of(stop, self.record)
        self.checks: list[Check] = []
        self.note = ""
        if check:
            if not isinstance(self.recording, Recording):
                raise TypeError(
                    "check=True runs the operations again, and real PyTorch keeps none that could be\n"
                    "Leave it out here, or run the program with `import gradviz as torch`."
                )
            found, self.note = checks(self.recording, seen, source if isinstance(source, Tensor) else None)
            self.checks = self._shown(found)

    def _shown(self, found: list[Check]) -> list[Check]:
        """The checks by the numbers of the record that is shown."""
        place = self._places
        return [
            c._replace(n=place[c.n], culprit=None if c.culprit is None else place.get(c.culprit))
            for c in found
            if c.n in place
        ]

    @functools.cached_property
    def _places(self) -> dict[int, int]:
        """From the recording's numbers to those of the record that is shown, which lacks the inside of Functions."""
        whole = self.recording.to_json()
        kept = tidy({**whole, "nodes": [{**node, "was": node["n"]} for node in whole["nodes"]]})["nodes"]
        return {node["was"]: i for i, node in enumerate(kept)}

    @property
    def hits(self) -> list[Hit]:
        """The steps of the record at which the stops halt."""
        return hits(self.record, self.stops)

    def parts(self) -> dict[str, Any]:
        if not self._steps_back():
            return {}
        stops = [stop.to_json() for stop in self.stops]
        for stop in stops:
            if "name" in stop:
                stop["name"] = line(stop["name"])  # as names are in the page
        made = {"quiz": None, "breaks": {"stops": stops} if stops else None}
        if any(step.get("hook") for step in self.record["steps"]):
            made["hooks"] = None
        return made | ({"checks": self._checks()} if self.checks else {})

    def to_text(self) -> str:
        told = [f"  stop: {hit.text}" for hit in self.hits[:LINES]]
        if len(self.hits) > LINES:
            told.append(f"  ... {len(self.hits) - LINES} more places to stop")
        if self.checks:
            told.append(f"  finite differences: {self._summary()}")
            told += [f"  {WORDS[c.kind]}  {c.text}" for c in sorted(self.checks, key=lambda c: ORDER[c.kind])[:LINES]]
        return "\n".join([super().to_text(), *told])

    def _summary(self) -> str:
        count = {kind: sum(c.kind == kind for c in self.checks) for kind in ORDER}
        one = {kind: n == 1 for kind, n in count.items()}
        words = {
            "bad": "differs" if one["bad"] else "differ",
            "unsure": "cannot be told",
            "ok": "agrees" if one["ok"] else "agree",
        }
        said = ", ".join(f"{count[kind]} {words[kind]}" for kind in ORDER if count[kind])
        return f"{said}. {self.note}" if self.note else said

    def marked(self, scene: dict[str, Any]) -> dict[str, Any]:
        marks = self._marks()
        nodes = []
        for node in scene["nodes"] if marks else ():
            inside = node.get("members") or [node["n"]]
            found = [marks[n] for n in inside if n in marks] if node["kind"] != "portal" else []
            worst = min(found, key=lambda badge: GRAVEST.index(badge["kind"]), default=None)
            nodes.append(node if worst is None else {**node, "badge": worst})
        return {**scene, "nodes": nodes} if marks else scene

    def _marks(self) -> dict[int, dict[str, str]]:
        """The marks on the boxes, as the parts of the viewer set them: of several on one box the gravest."""
        steps = self.record["steps"]
        told = [(c.n, c.kind, c.text) for c in self.checks]
        told += [
            (c.culprit, "bad", "The fault is here") for c in self.checks if c.kind == "bad" and c.culprit is not None
        ]
        told += [(steps[hit.step]["n"], "stop", f"Stop: {hit.text}") for hit in self.hits]
        told += [(step["n"], "changed", step["hook"]) for step in steps if step.get("hook")]
        told.sort(key=lambda mark: -GRAVEST.index(mark[1]))
        return {n: {"kind": kind, "text": text} for n, kind, text in told}

    def _checks(self) -> dict[str, Any]:
        """The checks for the page."""
        found = []
        for c in self.checks:
            rows = [[where, digits(plain(a)), digits(plain(b))] for where, a, b in c.rows]
            culprit = {} if c.culprit is None else {"culprit": c.culprit}
            found.append({"n": c.n, "kind": c.kind, "text": c.text, "rows": rows, **culprit})
        return {"list": found, **({"note": self.note} if self.note else {})}

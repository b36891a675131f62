"""`GraphGrowth.live()`: a graph that grows in the page while the cell that makes it runs.

Each step is heard on the thread that runs the learner's code, which only notes how far it has come; another thread
tells the page, at most a dozen times a second. Boxes keep their places (viz/pinned.py), so the picture never jumps.
"""

from __future__ import annotations

import functools
import sys
from types import FrameType, TracebackType
from typing import Any, Self

from gradviz.core.record import Recorder, Recording
from gradviz.viz.graph import Record
from gradviz.viz.pinned import Pinned
from gradviz.viz.scene import scene
from gradviz.widgets.live import Pump, interactive
from gradviz.widgets.whatif.edit_source import shown
from gradviz.widgets.whatif.growing import GraphGrowth, without_backward
from gradviz.widgets.whatif.growing_trace import Trace


class GrowingNow(GraphGrowth):
    """What `GraphGrowth.live()` makes: it is the view and the tape at once, and once the block is over a Replay."""

    def __init__(self, title: str | None = None) -> None:
        self.title = "The graph grows" if title is None else title
        self.depth = None
        self.recorder = Recorder()
        self.trace = Trace(self.recorder, heard=self._heard)
        self.over = False
        self._pins = Pinned()
        self._pump = Pump(self.renew, rate=12)
        self._count = (0, 0)
        self._running: Any = None
        self._with: tuple[FrameType, int] | None = None

    def __enter__(self) -> Self:
        frame = _caller()
        self._with = (frame, frame.f_lineno)
        _display(self)
        self._running = self.trace.running(frame)
        self._running.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.__exit__(kind, error, trace)
        last = self.trace.steps[-1] if self.trace.steps else None
        if last is not None and self._with is not None and last.line == self._with[1] and last.first == last.last:
            self.trace.steps.pop()  # Python comes back to the `with` line when its block is over
        with self.lock:
            self.over = True
            self._snapshot()
        self.renew()
        self.settle()

    @property
    def recording(self) -> Recording:  # type: ignore[override]
        """What was recorded so far."""
        return self.recorder.recording

    @property
    def still(self) -> bool:  # type: ignore[override]
        """Once the block is over, a Replay, which needs no kernel."""
        return self.over

    def _heard(self) -> None:
        """After each step, on the thread that runs the learner's code."""
        if self.shown and (len(self.recorder.nodes), len(self.trace.steps)) != self._count:
            with self.lock:
                self._snapshot()
            self._pump.wake()

    def _snapshot(self) -> None:
        self.recorder.finish()
        self._count = (len(self.recorder.nodes), len(self.trace.steps))
        self.__dict__.pop("scene", None)

    def renew(self) -> None:
        """Show what there is now."""
        with self.lock:
            super().renew()

    @property
    def record(self) -> Record:  # type: ignore[override]
        nodes, _ = self._count
        made = [dict(node) for node in self.recorder.nodes[:nodes]]
        ran = [step for step in list(self.recorder.steps) if step.get("n") is None or step["n"] < nodes]
        return without_backward(shown(_Part(made, ran), self.title))

    @functools.cached_property
    def scene(self) -> dict[str, Any]:
        """What there is so far: everything where it was when it came."""
        return pinned(scene(self.record, direction="lr", limit=10**6, portals=10**6), self.record, self._pins)

    def steps(self) -> list[dict[str, Any]]:
        return [step for step in super().steps() if not step["made"] or max(step["made"]) < len(self.record["nodes"])]

    def data(self) -> dict[str, Any]:
        with self.lock:
            made = super().data()
        made["extra"]["growth"]["live"] = not self.over
        return made


class _Part:
    """The first nodes of a recording that goes on."""

    def __init__(self, nodes: list[dict[str, Any]], steps: list[dict[str, Any]]) -> None:
        self.nodes, self.steps = nodes, steps

    def to_json(self) -> dict[str, Any]:
        return {"nodes": self.nodes, "steps": self.steps, "meta": {}}


def pinned(whole: dict[str, Any], record: Record, pins: Pinned) -> dict[str, Any]:
    """A scene in which every box has the place the pins give it; new boxes get one."""
    nodes, edges = whole["nodes"], whole["edges"]
    into: dict[int, list[dict[str, Any]]] = {}
    for edge in edges:
        into.setdefault(edge["to"], []).append(edge)
    leaf = {node["id"]: node["kind"] != "op" for node in nodes}
    for node in nodes:
        if leaf[node["id"]] or node["id"] in pins.boxes:
            continue
        given = [edge["from"] for edge in into.get(node["id"], ())]
        new = [i for i in dict.fromkeys(given) if leaf[i] and i not in pins.boxes]
        known = [pins.boxes[i] for i in given if i in pins.boxes]
        column = max([place.column for place in known] + ([0] if new else []), default=-1) + 1
        middle = sum(p.y + p.h / 2 for p in known) / len(known) if known else 0.0
        place = pins.put(node["id"], (node["w"], node["h"]), column, middle)
        for k, i in enumerate(new):  # in the column before, on both sides of the middle of what they make
            shift = (k - (len(new) - 1) / 2) * (nodes[i]["h"] + 16)
            pins.put(i, (nodes[i]["w"], nodes[i]["h"]), column - 1, place.y + place.h / 2 + shift)
    for node in nodes:
        if node["id"] not in pins.boxes:
            pins.add(node["id"], (node["w"], node["h"]), ())
    placed = []
    for node in nodes:
        at = pins.boxes[node["id"]]
        placed.append({**node, "x": at.x, "y": at.y, "w": at.w, "h": at.h})
    for arrivals in into.values():  # those of one box arrive together, in the order in which they come along
        keys = [(edge["from"], edge["to"], edge["slot"]) for edge in arrivals]
        pins.connect(keys, [edge["from"] for edge in arrivals], arrivals[0]["to"])
    drawn = []
    for edge in edges:
        points = pins.routes[edge["from"], edge["to"], edge["slot"]]
        drawn.append({**{k: v for k, v in edge.items() if k != "message"}, "points": [list(p) for p in points]})
    right = max((n["x"] + n["w"] for n in placed), default=200.0) + 16
    bottom = max((n["y"] + n["h"] for n in placed), default=40.0) + 16
    return {**whole, "nodes": placed, "edges": drawn, "groups": [], "width": right, "height": bottom}


def _caller() -> FrameType:
    """The innermost frame outside this package."""
    frame: Any = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("gradviz."):
        frame = frame.f_back
    return frame  # type: ignore[no-any-return]


def _display(view: Any) -> None:
    """Show a view under the running cell; nothing where there is no page."""
    if interactive():
        from IPython.display import display

        display(view)

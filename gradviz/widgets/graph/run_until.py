"""Stops on a real backward pass: the engine is stepped until one of them halts it.

session = Backward([loss])
hit = run_until(session, Stop.nonfinite())     what halted it, and where
session.back()                                 before it
back_until(session, "tanh")                    the stop before that
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from gradviz.core.backward import Backward
from gradviz.core.events import BackwardBegin, observe
from gradviz.core.node import AccumulateGrad
from gradviz.core.walk import of
from gradviz.widgets.graph.breakpoints import Hit, Stop, Watcher, stops_of, within


def run_until(session: Backward, *stops: str | Stop) -> Hit | None:
    """Step a real backward pass until a stop halts it; None when it has come to the end.

    `hit.step` is the engine's own position: `session.seek(hit.step - 1)` is just before the step that halted. Stops are
    those of `BackpropStepper(stop=...)`; names are those of the graph of the session's roots.

        session = Backward([loss])
        while hit := run_until(session, Stop.nonfinite()):
            print(hit.text)
    """
    for hit in _stepped(session, stops, len(session.plan)):
        return hit
    return None


def back_until(session: Backward, *stops: str | Stop) -> Hit | None:
    """Go back to the last place before this one at which a stop halts; to the start, and None, if there is none.

    The steps before this one are taken again to find it: hooks run again, and the bits are the same.
    """
    wanted = max(session.cursor - 1, 0)
    session.seek(0)
    last = None
    for hit in _stepped(session, stops, wanted):
        last = hit
    session.seek(last.step if last else 0)
    return last


def _stepped(session: Backward, stops: Sequence[str | Stop], until: int) -> Iterator[Hit]:
    """Every halt on the way to a position."""
    engine = _Engine(session)
    watcher = Watcher(stops_of(stops, engine.names))
    engine.look_back(watcher)
    while session.cursor < until:
        owner = engine.owner(session.plan[session.cursor])
        with contextlib.nullcontext() if owner is None else observe(owner):
            session.step()
        for step in () if owner is None else engine.heard(owner):
            found = watcher.see({"nodes": owner.nodes}, step)
            if found and step["kind"] != "backward_begin":
                yield Hit(session.cursor, *found)


class _Engine:
    """What the nodes of a session are called, and what its steps do, by recorders of its roots' graphs."""

    def __init__(self, session: Backward) -> None:
        self.session = session
        self.recorders = [of(root).recorder for root in session.roots]
        for recorder in self.recorders:
            recorder.finish()
            for node in recorder.nodes:
                node["label"] = node.get("variable") or node["label"]
            recorder(BackwardBegin(session))
            recorder.steps.clear()
        self.names = {"nodes": [node for recorder in self.recorders for node in recorder.nodes]}

    def owner(self, node: Any) -> Any:
        """The recorder that knows a node of the plan."""
        for recorder in self.recorders:
            leaf = isinstance(node, AccumulateGrad)
            if recorder._known(node.variable) is not None if leaf else _number(recorder, node) is not None:
                return recorder
        return None

    def heard(self, recorder: Any) -> list[dict[str, Any]]:
        steps = list(recorder.steps)
        recorder.steps.clear()
        return steps

    def look_back(self, watcher: Watcher) -> None:
        """What the watcher would know had it seen the steps taken so far."""
        session, fed = self.session, dict[Any, int]()
        for node in session.plan[: session.cursor]:
            for edge in node.parents:
                fed[edge] = fed.get(edge, 0) + 1
        for edge, g in session.grads.items():
            recorder = self.owner(edge.node)
            if recorder is not None and edge in fed:
                array = getattr(g, "_array", g)
                recorder._sent[edge] = (array, fed[edge], None, False)
                watcher.sums[recorder._of_edge(edge)] = recorder._summary(array, edge.node.device)
        watcher.fresh = session.cursor == 0
        taken = (n for n in reversed(session.plan[: session.cursor]) if not isinstance(n, AccumulateGrad))
        last = next(taken, None)
        recorder = None if last is None else self.owner(last)
        if recorder is not None:
            path = recorder.nodes[_number(recorder, last)]["path"] or ""
            for stop in watcher.stops:
                watcher.inside[stop] = "backward" if within(path, stop.name) else None


def _number(recorder: Any, node: Any) -> int | None:
    """The record's number of a graph node: of its first output that has one."""
    count = 1 if node.shape is not None else len(node.shapes)
    return next((recorder.by_seq[node.seq, nr] for nr in range(count) if (node.seq, nr) in recorder.by_seq), None)

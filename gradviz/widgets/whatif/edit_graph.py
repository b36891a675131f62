"""`EditGraph`: what if a leaf were another number? Drag it: forward, backward and every number in the picture follow.

Small graphs are computed again in the page, with no kernel (frontend/src/rerun.ts); what the browser cannot run goes
through the kernel and comes back as another recording. The picture says which of the two it was.
"""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from gradviz.core.record import Recording
from gradviz.viz.measure import clean
from gradviz.viz.numbers import brief
from gradviz.viz.scene import gradients, messages, scene
from gradviz.widgets.graph.embed import digits, embed, line
from gradviz.widgets.graph.graphview import GraphView
from gradviz.widgets.live import LiveView
from gradviz.widgets.whatif.edit_controls import KINDS, checked, control_of, listed, place_of, rank
from gradviz.widgets.whatif.edit_source import SHAPES, Source, answers, own_key, shape_of, shown
from gradviz.widgets.whatif.program import SMALL, why_not

CONTROLS = 24  # leaves that get a field of their own
VARIANTS = 24_000  # bytes of other shapes of the graph that a saved picture may hold


class EditGraph(GraphView, LiveView):
    """The stepper's picture of a computation whose leaves can be changed.

    Args:
        source: a function, called with the leaves that follow; or a loss, a function without leaves, or the tape of
            ``with torch.record() as tape:``. Only a function with leaves is called again, so that an ``if`` in it may
            turn out otherwise; of everything else the recorded operations are made again, and the picture says so.
        leaves: tensors or numbers. They are copied: yours stay as they are.
        title: shown above the graph.
        depth: how deep modules are unfolded; None shows everything.
        ranges: ``{"x": (-3, 3)}``, from where to where a leaf's slider goes, by the leaf's name.

    Raises RuntimeError where an operation cannot be made again, TypeError and KeyError for what makes no sense.
    What comes after an optimizer's step in a tape is left out: its state belongs to the real run.
    """

    view = "viewer"
    backward = True

    def __init__(
        self,
        source: Any,
        *leaves: Any,
        title: str | None = None,
        depth: int | None = None,
        ranges: Mapping[str, tuple[float, float]] | None = None,
    ) -> None:
        self.source = Source(source, leaves)
        self.title = "What if" if title is None else title
        self.depth = depth
        self.values: dict[str, list[Any]] = {}  # what was changed, by key
        self._take(self.source.base)
        self.controls = self._controls(dict(ranges or {}))

    # -- changing ------------------------------------------------------------------------------------------------
    def change(self, name: str, value: Any, index: Any = None) -> EditGraph:
        """Change a leaf, or one element of it, as the reader of the page does: `change("w", 0.5)`.

        Raises KeyError for an unknown leaf, ValueError for what does not fit its shape or type.
        """
        control = next((c for c in self.controls if name in (c["label"], c["key"])), None)
        if control is None:
            known = ", ".join(c["label"] for c in self.controls)
            raise KeyError(f"no leaf {name!r} can be changed here; there are: {known}")
        now = self.values.get(control["key"], control["data"])
        if index is None:
            given = np.asarray(getattr(value, "_array", value), dtype=object)
            if given.size not in (1, len(now)) or (given.size == 1 and len(now) != 1):
                raise ValueError(f"{control['label']!r} has shape {tuple(control['shape'])}; got {given.shape}")
            new = list(given.reshape(-1))
        else:
            new = list(now)
            new[place_of(index, control["shape"])] = value
        with self.lock:
            self._set({**self.values, control["key"]: [checked(v, control) for v in new]})
        return self

    def reset(self) -> EditGraph:
        """Back to the recorded values."""
        with self.lock:
            self._set({})
        return self

    def _set(self, values: dict[str, list[Any]]) -> None:
        made = self.source.run(values) if values else self.source.base
        self.values = values
        self._take(made)
        self.renew()
        self.settle()

    def _take(self, recording: Recording) -> None:
        """Show this recording from now on."""
        self.recording = recording
        self.record = shown(recording, self.title)
        self.backward = any(step["kind"] == "backward" for step in self.record["steps"])
        self.__dict__.pop("scenes", None)

    # -- the page ------------------------------------------------------------------------------------------------
    def hear(self, message: Any, buffers: Any = ()) -> None:
        """`{"edit": serial, "shape": ..., "values": {key: numbers}}`: all that the reader has changed.

        The answer has the same serial, and a picture only where the graph's shape is not the one the reader sees.
        """
        serial = message["edit"]
        try:
            known = {c["key"]: c for c in self.controls}
            values = {key: [checked(v, known[key]) for v in new] for key, new in message["values"].items()}
            made = self.source.run(values) if values else self.source.base
            answer: dict[str, Any] = {"edit": serial, "data": self._packed(made, message.get("shape"))}
        except Exception as error:
            answer = {"edit": serial, "failed": str(error).split("\n")[0] or type(error).__name__}
        self.tell(answer)

    @property
    def alone(self) -> bool:
        """Whether the browser can follow every change by itself: then the picture is a Replay, which needs no kernel.

        A function is called along the ranges of its leaves to see whether other branches turn up, and whether the
        graph itself tells which of them is taken.
        """
        if self.why is not None or self.source.calls is None:
            return self.why is None
        return len(self._found) == 1 or (len(self._found) < SHAPES and bool(self._variants))

    @property
    def still(self) -> bool:  # type: ignore[override]
        """A Replay where that is enough."""
        return self.alone

    @functools.cached_property
    def scenes(self) -> list[dict[str, Any]]:
        """The picture, in boxes wide enough for any number."""
        first = self.recording is self.source.base
        return [roomy(self.record, self.depth, "auto" if first else self._direction)]

    @functools.cached_property
    def _direction(self) -> str:
        """Which way the graph runs: the same in all its shapes."""
        first = self.recording is self.source.base
        whole = self.scenes[0] if first else roomy(shown(self.source.base, self.title), self.depth)
        return str(whole["direction"])

    def parts(self) -> dict[str, Any]:
        return {**super().parts(), "edit": self._needs(self._ours, self.record) | self._all()}

    def to_json(self) -> dict[str, Any]:
        """The picture, the record it shows, and what can be changed."""
        return {**super().to_json(), "controls": self.controls, "changed": self.values, "kernel": self.why}

    def to_text(self) -> str:
        """The twin; what was changed is said at its end."""
        known = {c["key"]: c for c in self.controls}
        changed = [
            f"  changed: {known[key]['label']} = {listed(now)}, recorded {listed(known[key]['data'])}"
            for key, now in self.values.items()
        ]
        return "\n".join([super().to_text(), *changed])

    @property
    def why(self) -> str | None:
        """Why this graph needs the kernel to be computed again; None where the browser can do it."""
        return why_not(self.record, _known(self._ours, self.record))

    # -- what the page is given ----------------------------------------------------------------------------------
    def _needs(self, recording: Recording, record: Mapping[str, Any]) -> dict[str, Any]:
        """What the part needs to know about one recording."""
        now = {node["was"]: node["n"] for node in record["nodes"]}
        nodes = {key: now[n] for key, n in self.source.places(recording).items() if n in now}
        why = why_not(record, _known(recording, record))
        known = sorted(_known(recording, record))
        given = {} if why else {str(n): exact(recording, record["nodes"][n]["was"]) for n in known}
        shape = hashlib.sha256(shape_of(record).encode()).hexdigest()[:12]
        return {"shape": shape, "nodes": nodes, "given": given, "why": why and clean(why), "asks": asks(record)}

    def _all(self) -> dict[str, Any]:
        """What does not change with the recording."""
        again = self.source.calls is not None
        return {"controls": self.controls, "again": again, "now": self.values, "variants": self._variants}

    def _packed(self, recording: Recording, seen: str | None = None) -> dict[str, Any]:
        """The viewer's data for another recording of this computation; no picture where its shape is the one seen."""
        record = shown(recording, self.title)
        needs = self._needs(recording, record)
        scenes = [] if needs["shape"] == seen else [roomy(record, self.depth, self._direction)]
        backward = any(step["kind"] == "backward" for step in record["steps"])
        parts = ["quiz", "edit"] if backward else ["edit"]
        return embed(record, scenes, title=self.title, backward=backward, parts=parts, extra={"edit": needs})

    @functools.cached_property
    def _found(self) -> list[Recording]:
        """The shapes that the function's graph takes along the ranges of its leaves."""
        return self.source.shapes({c["key"]: (c["range"][0], c["range"][1]) for c in self.controls})

    @functools.cached_property
    def _variants(self) -> list[dict[str, Any]]:
        """Every shape of the graph that was found, where the browser can take them on by itself and there is room."""
        if self.source.calls is None or self.why:
            return []
        from gradviz.widgets.replay import compact, pack

        found = self._found
        if len(found) < 2 or not self.source.told_apart(found):
            return []
        packed = [self._packed(recording) for recording in found]
        able = [p for p in packed if not p["extra"]["edit"]["why"]]
        if sum(len(pack(compact(p))) for p in able) > VARIANTS:
            return []
        return able if len(able) == len(found) else []

    @property
    def _ours(self) -> Recording:
        assert isinstance(self.recording, Recording)
        return self.recording

    def _controls(self, ranges: dict[str, tuple[float, float]]) -> list[dict[str, Any]]:
        """The leaves that can be changed: the function's own first, then leaves, then constants."""
        recording = self.source.base
        places = self.source.places(recording)
        found = []
        for i, leaf in enumerate(self.source.leaves if self.source.calls else ()):
            if (
                f"leaf {i}" not in places and leaf._array.size <= SMALL
            ):  # not used in this branch, but perhaps in another
                name = self.source.parameters[i]
                found.append(control_of(own_key(i), name, leaf._array, leaf.dtype.name, ranges))
        for key, n in places.items():
            node = recording.nodes[n]
            if math.prod(node["shape"]) <= SMALL and node["dtype"].startswith(KINDS) and n in _used(recording):
                found.append(control_of(key, node["label"], recording.recorder.arrays[n][0], node["dtype"], ranges))
        found.sort(key=lambda c: (rank(c["key"]), not c.pop("float")))
        if ranges:
            known = ", ".join(c["label"] for c in found)
            raise KeyError(f"ranges: no leaf {next(iter(ranges))!r} can be changed here; there are: {known}")
        return found[:CONTROLS]


def _used(recording: Recording) -> set[int]:
    return {given["n"] for node in recording.nodes for given in node["inputs"] if given.get("n") is not None}


def _known(recording: Recording, record: Mapping[str, Any]) -> set[int]:
    """The drawn nodes whose numbers were kept: leaves, constants, and what was written by no operation."""
    return {node["n"] for node in record["nodes"] if node["was"] in recording.recorder.arrays}


def exact(recording: Recording, n: int) -> list[Any]:
    """The numbers of a leaf, to the bit: nine digits tell any two numbers of single precision apart."""
    array, device = recording.recorder.arrays[n]
    host = np.asarray(device.to_numpy(array))
    flat = host.reshape(-1).tolist()
    if host.dtype == np.float32:
        flat = [digits(v) if math.isfinite(v) else v for v in flat]
    return [v if not isinstance(v, float) or math.isfinite(v) else str(v) for v in flat]


def asks(record: Mapping[str, Any]) -> list[list[Any]]:
    """The questions of the code: node, answer, and the line that asked."""
    found = []
    for n, answer in answers(record["nodes"]):
        where = record["nodes"][n]["line"]
        text = f"line {where['lineno']}: {where['text']}" if where else record["nodes"][n]["label"]
        found.append([n, answer, line(text, 120)])
    return found


# -- room for any number -------------------------------------------------------------------------------------------
_WIDEST = {1: -1.2345e-05, 2: 1.2345e-05, 3: 0.12345, 4: 0.1}  # by how many there are: as wide as a box writes them


def _wide(value: Mapping[str, Any] | None) -> Any:
    if not value or not value.get("data") or len(value["data"]) > 4 or value["dtype"] == "bool":
        return value
    return {**value, "data": [_WIDEST[len(value["data"])]] * len(value["data"])}


def roomy(record: Mapping[str, Any], depth: int | None, direction: str = "auto") -> dict[str, Any]:
    """The scene of a record with boxes as wide as any number needs: a number that changes must not move anything."""
    nodes = [{**node, "value": _wide(node["value"])} for node in record["nodes"]]
    steps = [
        {**step, **{key: _wide(step[key]) for key in ("grad", "after") if key in step}} for step in record["steps"]
    ]
    wide = scene({**record, "nodes": nodes, "steps": steps}, depth=depth, direction=direction)
    grads, said = gradients(record), messages(record)
    drawn = []
    for box in wide["nodes"]:
        value = record["nodes"][box["n"]]["value"] if box["n"] is not None else None
        texts = {"value": brief(value) if value else box.get("value", ""), "grad": brief(grads.get(box["n"]), "norm")}
        drawn.append(box | {key: text for key, text in texts.items() if key in box})
    edges = [
        edge | {"message": said.get((edge["n_from"], edge["n_to"], edge["slot"]), "")} if "message" in edge else edge
        for edge in wide["edges"]
    ]
    return {**wide, "nodes": drawn, "edges": edges, "record": record}

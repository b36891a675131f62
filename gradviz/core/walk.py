"""Recordings made from a graph: of a result that was not recorded, and with a backward pass added."""

from __future__ import annotations

from typing import Any

from .backward import Backward, order
from .events import observe
from .fold import open_all
from .formula import inputs_of
from .node import AccumulateGrad, Output, Scalar, edge_of
from .record import TAPES, Recorder, Recording
from .record_backward import slot_of
from .summary import plain
from .tensor import Tensor
from .whence import calling_frame, outermost


def with_backward(root: Tensor, recording: Recording | None = None, gradient: Tensor | None = None) -> Recording:
    """A recording with the backward pass from `root` added: a real Backward is run, recorded, and rewound to its start.

    Gradients, kept values and the graph are as before afterwards. Hooks run, as they would.
    """
    known = recording.recorder if recording is not None else of(root).recorder
    if known._known(root) is None and (root._edge is None or (root._edge.node.seq, root._edge.nr) not in known.by_seq):
        known = of(root).recorder
    session = Backward([root], None if gradient is None else [gradient])
    try:
        with observe(known):
            session.run()
    finally:  # a pass that fails, or is stopped, is taken back too
        session.seek(0)
    return Recording(known)


def of(root: Tensor, names: dict[str, Any] | None = None) -> Recording:
    """A recording of a result from its graph alone.

    Values come from what nodes kept, from computing again what follows from those, and from tapes that heard the graph
    being built; where none of them knows, the value is None.
    """
    recorder = Recorder(names)
    open_all([root])
    edge = edge_of(root)
    if edge is None:
        recorder.ordinal(root)
        return recorder.recording
    nodes = sorted(order([edge], to_run=False), key=lambda node: node.seq)
    for link in {node.path for node in nodes if node.path is not None}:
        recorder.name_parameters(outermost(link))
    walk = _Walk(recorder, {edge: root._array})
    for node in nodes:
        walk.kept_values(node)
    for node in nodes:
        if isinstance(node, AccumulateGrad):
            walk.values[node] = node.variable._array
            recorder.ordinal(node.variable)
    for node in nodes:
        if not isinstance(node, AccumulateGrad):
            walk.add(node)
    recorder.name_values(calling_frame())
    return recorder.recording


class _Walk:
    """The way from the leaves to a result, one graph node after another."""

    def __init__(self, recorder: Recorder, values: dict[Any, Any]) -> None:
        self.recorder = recorder
        self.values = values  # edge -> array
        heard = [tape() for tape in tuple(TAPES)]
        self.tapes = [tape for tape in heard if tape is not None and tape is not recorder and tape.by_seq]
        for tape in self.tapes:
            tape.finish()
        self.copied: dict[tuple[int, int], int] = {}  # a tape's node -> its copy here

    def kept_values(self, node: Any) -> None:
        """Collect what a node kept of its inputs and its result."""
        if node.op is None or not isinstance(node.saved, tuple) or (node.extra is not None and node.extra.packed):
            return
        for (kind, name), value in zip(node.op.kept, node.saved, strict=True):
            if kind == "out" and value is not None and not isinstance(value, tuple):
                self.values[node] = value
            elif kind == "input" and isinstance(value, Tensor):
                parent = node.parents[node.op.inputs.index(name)]
                if parent is not None:
                    self.values[parent] = value._array

    def add(self, node: Any) -> None:
        """One graph node as a record node; a node with several outputs becomes one per output."""
        op = node.op if node.op is not None else node.function
        single = node.shape is not None
        outputs = [node] if single else [Output(node, i, *made) for i, made in enumerate(node.shapes) if made]
        saved = node.saved if isinstance(node.saved, tuple) and node.op is not None else ()
        kept = dict(zip(((kind, name) for kind, name in getattr(op, "kept", ())), saved, strict=False))
        settings = {name: value for (kind, name), value in kept.items() if kind == "setting"}
        tape, heard = self._heard(node)
        inputs = [self._input(node, i, edge, kept, tape, heard) for i, edge in enumerate(node.parents)]
        if single and node not in self.values:
            self._compute(node, op, inputs, settings)
        for nr, edge in enumerate(outputs):
            array = self.values.get(edge)
            stand_in = array if array is not None else node.device.xp.empty(edge.shape, dtype=edge.dtype)
            made = Tensor._made(stand_in, node.device, edge)
            self.recorder._note(op, inputs, made, settings, nr, None)
            entry = self.recorder.nodes[-1]
            if array is None:
                entry["value"] = None
                self.recorder._later.pop(entry["n"], None)
            if heard is not None:
                entry.update(
                    {k: heard[k] for k in ("value", "line", "variable", "settings") if heard.get(k) is not None}
                )

    def _heard(self, node: Any) -> tuple[Any, Any]:
        """What a tape wrote down when this node was made."""
        for tape in self.tapes:
            n = tape.by_seq.get((node.seq, 0))
            if n is not None:
                return tape, tape.nodes[n]
        return None, None

    def _input(self, node: Any, i: int, edge: Any, kept: dict[Any, Any], tape: Any, heard: Any) -> dict[str, Any]:
        slots = inputs_of(node.op)
        slot = slots[i] if i < len(slots) and node.op is not None else slot_of(node, str(i))
        if edge is not None:
            return {"slot": slot, "n": self.recorder._of_edge(edge)}
        value = kept.get(("input", slot))
        if isinstance(value, Scalar):
            return {"slot": slot, "value": plain(value.number)}
        if isinstance(value, Tensor):
            return {"slot": slot, "n": self.recorder.ordinal(value)}
        told = next((x for x in heard["inputs"] if x["slot"] == slot), None) if heard is not None else None
        if told is not None and told.get("n") is not None:
            return {"slot": slot, "n": self._copy(tape, told["n"])}
        return {"slot": slot, "n": None} if told is None else told

    def _copy(self, tape: Any, n: int) -> int:
        """A constant that only the tape knows, taken over from it."""
        key = (id(tape), n)
        if key not in self.copied:
            self.copied[key] = len(self.recorder.nodes)
            entry = {**tape.nodes[n], "n": self.copied[key], "kind": "const", "inputs": [], "name": None}
            self.recorder.adopt(entry)
            if n in tape.arrays:
                self.recorder.arrays[self.copied[key]] = tape.arrays[n]
        return self.copied[key]

    def _compute(self, node: Any, op: Any, inputs: list[dict[str, Any]], settings: dict[str, Any]) -> None:
        """Run a forward again where all it needs is known."""
        if node.op is None or set(op.settings) - set(settings):
            return
        arguments = []
        for edge, given in zip(node.parents, inputs, strict=True):
            if edge is not None and edge in self.values:
                arguments.append(self.values[edge])
            elif edge is None and "value" in given:
                arguments.append(given["value"])
            elif edge is None and given.get("n") in self.recorder.arrays:
                arguments.append(self.recorder.arrays[given["n"]][0])
            else:
                return
        self.values[node] = node.device.wrap(node.device.forwards[op.name](*arguments, **settings))

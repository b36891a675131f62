"""What-if: run a recording's operations again on other leaf values, through the op table.

The new recording has the same nodes under the same numbers, so the two can be laid side by side. Operations are made
again in the order they ran; a backward pass that reached leaves is taken again where it was, into fresh `.grad`s. What
an optimizer did, and what came after it, is not: its state belongs to the real run.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .backward import Backward
from .events import Inplace, Written, emit, observe
from .inplace import overwrote
from .node import edge_of
from .op import OPS
from .record import Call, Recorder, Recording
from .summary import summary
from .tensor import Tensor


def replay(recording: Recording, changes: dict[Any, Any]) -> Recording:
    """The recording of the same operations with some leaves or constants changed; backward too if it was recorded.

    Raises KeyError for an unknown leaf, ValueError for a wrong shape, RuntimeError where a value was too large to keep
    or where an operation cannot be made again.
    """
    given = {recording.find(key): value for key, value in changes.items()}
    for n in given:
        if recording.nodes[n]["kind"] == "op":
            label = recording.nodes[n]["label"]
            raise ValueError(f"node {label!r} is computed; only leaves and constants can be changed")
    again = _Again(recording, given)
    inner = {n for part in _passes(recording) if part.runs for n in part.inner}
    for step in _until_an_update(recording):
        if isinstance(step, _Pass):
            again.backward(step)
        elif step["kind"] == "forward" and step["n"] not in inner:
            again.make(step["n"])
            again.recorder.steps.append(step)
        elif step["kind"] in ("module_enter", "module_exit"):
            again.recorder.steps.append(step)
    again.nodes_up_to(len(recording.nodes))
    return again.recorder.recording


class _Pass:
    """One backward pass of a recording: where it began, what it reached, and the nodes made inside it."""

    def __init__(self, root: int, steps: list[dict[str, Any]], later: list[dict[str, Any]], nodes: Any) -> None:
        self.root = root
        self.steps = steps
        self.inner = [step["n"] for step in steps if step["kind"] == "forward"]
        self.accumulates = any(step["kind"] == "accumulate" for step in steps)
        ran = {step["n"] for step in later if step["kind"] == "forward"}
        inside = set(self.inner)
        used = any(given.get("n") in inside for n in ran for given in nodes[n]["inputs"])
        # A gradient that was itself recorded and used: its operations are made again like all others.
        self.runs = not used
        passed = [message["to"] for step in steps for message in step.get("messages", ())]
        sent = {step["n"] for step in steps if step["kind"] == "backward"}
        self.ends = [n for n in dict.fromkeys(passed) if n not in sent]


def _parts(recording: Recording) -> Iterator[Any]:
    """The steps in order, each backward pass as one."""
    steps, i = recording.steps, 0
    while i < len(steps):
        if steps[i]["kind"] != "backward_begin":
            yield steps[i]
            i += 1
            continue
        end = next((k for k in range(i + 1, len(steps)) if steps[k]["kind"] == "backward_end"), len(steps))
        yield _Pass(steps[i]["root"], steps[i + 1 : end], steps[end + 1 :], recording.nodes)
        i = end + 1


def _passes(recording: Recording) -> list[_Pass]:
    return [part for part in _parts(recording) if isinstance(part, _Pass)]


def _until_an_update(recording: Recording) -> Iterator[Any]:
    for part in _parts(recording):
        if isinstance(part, dict) and part["kind"] in ("optimizer", "zero_grad", "error"):
            return
        yield part


class _Again:
    """The run that is made again: tensors by the numbers of the recording's nodes."""

    def __init__(self, recording: Recording, given: dict[int, Any]) -> None:
        self.recording, self.given = recording, given
        self.old = recording.recorder
        self.recorder = Recorder({}, self.old.thumbnails, self.old.meta.get("title", ""))
        self.recorder.meta = dict(self.old.meta)
        self.recorder.calls = dict(self.old.calls)
        self.values: dict[int, Tensor] = {}

    def make(self, n: int) -> None:
        """The value of one op node; of all results of its call, if that has several."""
        if n in self.values:
            return
        node = self.recording.nodes[n]
        call = self.old.calls.get(n) or _call_of(node)
        inputs = node["inputs"]
        if isinstance(call.op, Written):
            if n in self.old.arrays:
                self.recorder.arrays[n] = self.old.arrays[n]
            self._put(n, _write_again(call.op, self.old.arrays.get(n), [self.value(x["n"]) for x in inputs]))
            return
        run = getattr(call.op, "call", None) or getattr(call.op, "apply", None) or call.op
        arguments = [call.others[i] if i in call.others else self.value(x["n"]) for i, x in enumerate(inputs)]
        out = run(*arguments, **call.settings)
        made = [x for x in (out if isinstance(out, tuple) else (out,)) if isinstance(x, Tensor)]
        first = n - call.output if n not in self.old.calls else call.first
        for k, tensor in enumerate(made, first):
            self._put(k, tensor)

    def value(self, n: int) -> Tensor:
        """The tensor a node is; a leaf or constant is made when first asked for."""
        if n in self.values:
            return self.values[n]
        node = self.recording.nodes[n]
        if node["kind"] == "op":
            raise RuntimeError(f"{node['label']!r} was used before it was made, so this cannot be replayed")
        if n not in self.old.arrays:
            raise RuntimeError(
                f"the value of {node['label']!r} ({node['shape']}) was not kept, so this cannot be replayed"
            )
        array, device = self.old.arrays[n]
        if n in self.given:
            given = self.given[n]
            new = np.asarray(getattr(given, "_array", given), dtype=array.dtype)
            if new.shape != array.shape:
                raise ValueError(
                    f"{node['label']!r} has shape {tuple(array.shape)}; the new value has {tuple(new.shape)}"
                )
            array = device.wrap(new)
        self.recorder.arrays[n] = (array.copy(), device)
        return self._put(n, Tensor._of(array.copy(), device, node["requires_grad"]))

    def _put(self, n: int, tensor: Tensor) -> Tensor:
        """This tensor is that node."""
        self.values[n] = tensor
        self.nodes_up_to(n + 1)
        node = self.recorder.nodes[n]
        call = self.old.calls.get(n)
        if call is None:
            node["value"] = summary(tensor._array, tensor.device, self.old.thumbnails)
        else:
            value = self.recorder._value(call.op, node["inputs"], tensor)
            if value.__class__ is dict:
                node["value"] = value
            else:
                self.recorder._later[n] = value
        self.recorder._remember(tensor, n)
        edge = tensor._edge
        if edge is not None:
            self.recorder.by_seq[edge.node.seq, edge.nr] = n
        return tensor

    def nodes_up_to(self, count: int) -> None:
        """Copies of the recording's first nodes: a backward pass numbers what it makes from there on."""
        for node in self.recording.nodes[len(self.recorder.nodes) : count]:
            self.recorder.adopt(dict(node))
            if node["n"] in self.old.arrays and node["kind"] != "op":
                self.value(node["n"])

    def backward(self, part: _Pass) -> None:
        """Take a backward pass again."""
        if not part.runs:
            if part.accumulates:
                raise RuntimeError("a backward pass with create_graph=True into .grad cannot be replayed")
            for n in part.inner:
                self.make(n)
                self.recorder.steps.append({"kind": "forward", "n": n})
            return
        inputs = None if part.accumulates else [self.values[n] for n in part.ends]
        session = Backward([self.values[part.root]], inputs=inputs, accumulate=part.accumulates, retain_graph=True)
        session.retain_graph = not any(step.get("frees") for step in part.steps)
        before = len(self.recorder.nodes)
        with observe(self.recorder):
            session.run()
        for node, was in zip(self.recorder.nodes[before:], self.recording.nodes[before:], strict=False):
            node.update({key: was[key] for key in ("label", "path", "module", "line") if key in was})


def _call_of(node: dict[str, Any]) -> Call:
    """The call behind a node of a graph that no tape heard: its operation, with the settings the graph has kept."""
    op = OPS.get(node["op"])
    optional = getattr(getattr(op, "forward", None), "__kwdefaults__", None) or {}
    known = {k: tuple(v) if isinstance(v, list) else v for k, v in node["settings"].items()}
    lost = any("n" in given and given["n"] is None for given in node["inputs"])
    if op is None or lost or set(op.settings) - set(known) - set(optional):
        raise RuntimeError(
            f"how {node['label']!r} was called was not recorded, so this cannot be replayed\n"
            "Give the function that computes the result, or record it: with torch.record() as tape: ..."
        )
    others = {i: given.get("value") for i, given in enumerate(node["inputs"]) if "n" not in given}
    return Call(op, known, node.get("output", 0), node["n"] - node.get("output", 0), others)


def _write_again(op: Written, kept: Any, before: list[Any]) -> Tensor:
    """Values that nothing recorded led to, as they were."""
    if kept is None:
        raise RuntimeError(f"what {op.name} wrote was too large to be kept, so this cannot be replayed")
    array, device = kept
    made = Tensor._made(array.copy(), device, edge_of(before[0]) if before else None)
    if op.aside:
        emit(Inplace(op, made, tuple(before), {}))
    else:
        overwrote(made, op.name)
    return made

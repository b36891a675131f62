"""What-if: run a recording's operations again on other leaf values, through the op table."""

from __future__ import annotations

from typing import Any

import numpy as np

from .events import Inplace, Written, emit, observe
from .inplace import overwrote
from .node import edge_of
from .record import Recorder, Recording
from .tensor import Tensor
from .walk import with_backward


def replay(recording: Recording, changes: dict[Any, Any]) -> Recording:
    """The recording of the same operations with some leaves or constants changed; backward too if it was recorded.

    Raises KeyError for an unknown leaf, ValueError for a wrong shape, RuntimeError where a value was too large to keep.
    """
    old = recording.recorder
    given = {recording.find(key): value for key, value in changes.items()}
    values: dict[int, Any] = {}
    names: dict[str, Any] = {}
    for node in recording.nodes:
        n = node["n"]
        if node["kind"] == "op":
            if n in given:
                raise ValueError(f"node {node['label']!r} is computed; only leaves and constants can be changed")
            continue
        if n not in old.arrays:
            raise RuntimeError(
                f"the value of {node['label']!r} ({node['shape']}) was not kept, so this cannot be replayed"
            )
        array, device = old.arrays[n]
        if n in given:
            new = np.asarray(getattr(given[n], "_array", given[n]), dtype=array.dtype)
            if new.shape != array.shape:
                raise ValueError(
                    f"{node['label']!r} has shape {tuple(array.shape)}; the new value has {tuple(new.shape)}"
                )
            array = device.wrap(new)
        values[n] = Tensor._of(array.copy(), device, node["requires_grad"])
        names[node["label"]] = values[n]
    recorder = Recorder(names, old.thumbnails, old.meta.get("title", ""))
    with observe(recorder):
        for n in (step["n"] for step in recording.steps if step["kind"] == "forward"):
            _again(recording, old, n, values)
    made = recorder.recording
    for node, before in zip(
        [x for x in made.nodes if x["kind"] == "op"], [x for x in recording.nodes if x["kind"] == "op"], strict=False
    ):
        for key in ("label", "path", "module", "line", "variable"):
            if key in before:
                node[key] = before[key]
    roots = [step["root"] for step in recording.steps if step["kind"] == "backward_begin"]
    for root in roots[:1]:
        made = with_backward(values[root], made)
    return made


def _again(recording: Recording, old: Recorder, n: int, values: dict[int, Any]) -> None:
    """Make the value of one op node; of all results of its call, if that has several."""
    if n in values:
        return
    call = old.calls[n]
    given = recording.nodes[n]["inputs"]
    if isinstance(call.op, Written):
        values[n] = _write_again(call.op, old.arrays.get(n), [values[x["n"]] for x in given])
        return
    run = getattr(call.op, "call", None) or getattr(call.op, "apply", None) or call.op
    arguments = [call.others[i] if i in call.others else values[x["n"]] for i, x in enumerate(given)]
    out = run(*arguments, **call.settings)
    found = iter(out if isinstance(out, tuple) else (out,))
    made = [x for x in found if isinstance(x, Tensor)]
    values.update(enumerate(made, call.first))


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

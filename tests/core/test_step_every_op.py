"""Every operation can be recorded, stepped through, taken back, run again on its leaves, and drawn."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import gradviz
from gradviz.core import Backward
from gradviz.core.events import observe
from gradviz.core.record import Recorder, Recording
from gradviz.viz.scene import scene
from gradviz.viz.svg import to_svg
from gradviz.viz.text import to_text

from ..oracle.same import Sample, evaluate, functional, leaves
from ..oracle.same import _tensors as tensors_in
from ..oracle.same import _weighted as weighted
from ..oracle.samples import TABLES

DRAWN = 60  # steps up to which a picture is made


def chosen() -> Iterator[tuple[str, int, Sample]]:
    """(table, place, row) of the rows that are run."""
    for name, table in TABLES.items():
        for i, row in enumerate(table):
            yield name, i, row


def bits(value: Any) -> bytes:
    """The memory of a gradient."""
    array = getattr(value, "_array", value)
    return b"" if array is None else np.ascontiguousarray(array).tobytes()


def state(session: Backward, wanted: list[Any]) -> list[Any]:
    """Everything that a step changes."""
    flying = sorted((edge.node.seq, edge.nr, bits(g)) for edge, g in session.grads.items())
    return [flying, [None if x.grad is None else bits(x.grad) for x in wanted]]


def check(row: Sample) -> None:
    given = leaves(gradviz, row.made)
    wanted = [given[name] for name, spec in row.made.items() if spec.differentiable]
    tape = Recorder(given)
    with observe(tape), np.errstate(all="ignore"):
        try:
            out = evaluate(row.code, {"torch": gradviz, "F": functional(gradviz), "np": np, **given})
        except Exception:
            return  # what it raises is compared elsewhere
        outs = tensors_in(out, gradviz)
        loss = weighted(gradviz, outs, 1, None) if wanted else None
    recording = tape.recording
    as_json(recording)
    known_inputs(recording)
    if loss is not None:
        recording = with_steps(loss, wanted, recording)
    again(recording)
    drawn(recording)


def as_json(recording: Recording) -> None:
    """Plain data, through and through: it is the same after a journey as text."""
    made = recording.to_json()
    text = json.dumps(made, allow_nan=False)
    assert json.loads(text) == made
    assert "0x" not in text, "an address"
    assert "object at" not in text


def known_inputs(recording: Recording) -> None:
    for node in recording.nodes:
        for entry in node["inputs"]:
            assert entry.get("n", 0) is not None and 0 <= entry.get("n", 0) < node["n"], node["op"]


def with_steps(loss: Any, wanted: list[Any], recording: Recording) -> Recording:
    """A backward pass, step by step and back; recorded; its messages add up, and end in `.grad`."""
    session = Backward([loss])
    seen = [state(session, wanted)]
    while session.step() is not None:
        seen.append(state(session, wanted))
    final = [None if x.grad is None else x.grad._array.copy() for x in wanted]
    for position in reversed(range(len(session))):
        session.back()
        assert state(session, wanted) == seen[position], f"position {position} after going back"
    assert all(x.grad is None for x in wanted)
    with observe(recording.recorder):
        session.run()
    for x, g in zip(wanted, final, strict=True):
        assert (g is None) == (x.grad is None)
        assert bits(x.grad) == bits(g)
    made = Recording(recording.recorder)
    as_json(made)
    sums: dict[int, Any] = {}
    after: dict[int, Any] = {}
    for step in made.steps:
        if step["kind"] == "backward":
            assert step["n"] >= 0, "a step of an unknown node"
            node = made.nodes[step["n"]]
            if step["n"] in sums and node["output"] == 0:
                equal(step["grad"], sums[step["n"]], f"gradient of {node['label']}")
            for message in step["messages"]:
                assert message["to"] >= 0, f"a message of {node['label']} to an unknown node"
                assert 1 <= message["k"] <= message["of"]
                sums[message["to"]] = message["sum"]
        elif step["kind"] == "accumulate":
            equal(step["after"], sums[step["n"]], "what a leaf was sent")
            after[step["n"]] = step["after"]
    known = {id(x): made.recorder.ordinal(x) for x in wanted}
    for x in wanted:
        if x.grad is not None:
            equal(after[known[id(x)]], made.recorder._summary(x.grad._array, x.device), "the last .grad")
    session.seek(0)
    return made


def equal(a: Any, b: Any, what: str) -> None:
    if a != b and a["dtype"] == b["dtype"]:
        assert a == b, what


def again(recording: Recording) -> None:
    """The same operations on the same leaves give the same."""
    made = recording.replay({})
    for before, after in zip(recording.nodes, made.nodes, strict=True):
        assert before["op"] == after["op"]
        assert before["value"] == after["value"], before["op"]


def drawn(recording: Recording) -> None:
    if len(recording.steps) > DRAWN:
        return
    text = to_text(recording)
    assert text.startswith("graph of")
    picture = scene(recording)
    assert to_svg(picture).startswith("<svg")

"""Every operation can be recorded, stepped through, taken back, run again on its leaves, and drawn.

The rows are those of tests/oracle/samples.py: a few for each operation, type and kind of value, forward, backward and
backward of the backward.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np
import pytest

import gradviz
from gradviz.core import Backward
from gradviz.core.events import observe
from gradviz.core.op import OPS
from gradviz.core.record import Recorder, Recording
from gradviz.viz.scene import scene
from gradviz.viz.svg import to_svg
from gradviz.viz.text import to_text

from ..oracle.same import Sample, evaluate, functional, leaves
from ..oracle.same import _tensors as tensors_in
from ..oracle.same import _weighted as weighted
from ..oracle.samples import TABLES

FEW = 2  # runs of an operation on one type and kind of value
DRAWN = 40  # steps up to which a picture is made
# What only gradients of third order use, and what runs on its own: moves between devices, weights that are looked at.
UNSEEN = {
    "adaptive_max_pool2d_gather", "adaptive_max_pool3d_gather", "fractional_max_pool2d_gather",
    "fractional_max_pool3d_gather", "attention_product", "attention_weights", "bernoulli_number", "binomial",
    "cofactors_along", "ctc_loss_input", "grid_zeros", "masked_unlist", "to_device", "unseen", "zero_slices",
    "_standard_gamma", "_standard_gamma_grad", "_sample_dirichlet",
}  # fmt: skip
DONE: Counter[Any] = Counter()
SEEN: set[str] = set()
RAN: set[str] = set()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("table", TABLES)
def test_steps(table: str) -> None:
    failed = []
    RAN.add(table)
    with np.errstate(all="ignore"):
        for row in TABLES[table]:
            try:
                check(row)
            except Exception as error:
                failed.append(f"{row}\n    {type(error).__name__}: {error}")
    assert not failed, "\n".join(failed)


def test_every_operation_was_stepped_through() -> None:
    if set(TABLES) - RAN:
        pytest.skip("some tables ran in another process, or not at all")
    assert sorted(set(OPS) - SEEN - UNSEEN) == []


# -- one row -------------------------------------------------------------------------------------------------------
def check(row: Sample) -> None:
    given = leaves(gradviz, row.made)
    wanted = [given[name] for name, spec in row.made.items() if spec.differentiable]
    tape = Recorder(given)
    with observe(tape):
        try:
            out = evaluate(row.code, {"torch": gradviz, "F": functional(gradviz), "np": np, **given})
            outs = tensors_in(out, gradviz)
            loss = weighted(gradviz, outs, 1, None) if wanted and row.order else None
        except Exception:
            return  # what it raises is compared elsewhere
    kinds = kinds_of(tape.recording)
    if all(DONE[kind] >= FEW for kind in kinds):
        return
    DONE.update(kinds)
    plain_data(tape.recording)
    steps = loss is not None and loss.requires_grad
    recording = stepped(loss, wanted, tape.recording) if steps else tape.recording
    again(recording)
    drawn(recording)
    if steps and row.order > 1:
        twice(loss, wanted)


def twice(loss: Any, wanted: list[Any]) -> None:
    """The same for the backward of a backward, which is itself made of recorded operations."""
    tape = Recorder()
    with observe(tape):
        first = gradviz.autograd.grad(loss, wanted, create_graph=True, allow_unused=True)
        second = weighted(gradviz, list(first), 100, None)
    kinds_of(tape.recording)
    plain_data(tape.recording)
    if second is not None and second.requires_grad:
        for x in wanted:
            x.grad = None
        stepped(second, wanted, tape.recording, known=False)


def kinds_of(recording: Recording) -> set[Any]:
    """What each operation was run on, roughly."""
    ops = [node for node in recording.nodes if node["kind"] == "op"]
    SEEN.update(node["op"] for node in ops)
    found = set()
    for node in ops:
        value, shape = node["value"], node["shape"]
        odd = bool(value["nan"] or value["inf"]), 0 in shape, bool(shape)
        found.add((node["op"], node["dtype"], node["requires_grad"], *odd))
    return found


def plain_data(recording: Recording) -> None:
    """JSON through and through: the same after a journey as text, with no address in it and inputs that are known."""
    made = recording.to_json()
    text = json.dumps(made, allow_nan=False)
    assert json.loads(text) == made
    assert "0x" not in text
    assert "object at" not in text
    for node in recording.nodes:
        for entry in node["inputs"]:
            assert "value" in entry or 0 <= entry["n"] < node["n"], node["op"]


def stepped(loss: Any, wanted: list[Any], recording: Recording, known: bool = True) -> Recording:
    """A backward pass, step by step and back; recorded; its messages add up, and end in `.grad`."""
    session = Backward([loss], retain_graph=True)
    seen = [state(session, wanted)]
    while session.step() is not None:
        seen.append(state(session, wanted))
    final = [bits(x.grad) for x in wanted]
    for position in reversed(range(len(session))):
        session.seek(position)
        assert state(session, wanted) == seen[position], f"position {position} after going back"
    assert all(x.grad is None for x in wanted)
    with observe(recording.recorder):
        session.run()
    assert [bits(x.grad) for x in wanted] == final
    made = Recording(recording.recorder)
    plain_data(made)
    follow(made, wanted, known)
    session.seek(0)
    return made


def follow(made: Recording, wanted: list[Any], known: bool) -> None:
    """What is sent to a node adds up to its gradient, and a leaf's to `.grad`. `known`: all nodes were recorded."""
    sums: dict[int, Any] = {}
    after: dict[int, Any] = {}
    for step in made.steps:
        if step["kind"] == "backward":
            assert step["n"] >= 0 or not known, "a step of an unknown node"
            if step["n"] in sums:
                assert step["grad"] == sums[step["n"]], made.nodes[step["n"]]["label"]
            for message in step["messages"]:
                if known and made.nodes[step["n"]]["op"] not in ("copy_slices", "written"):
                    arrows = [(x["slot"], x.get("n")) for x in made.nodes[step["n"]]["inputs"]]
                    assert (message["slot"], message["to"]) in arrows, made.nodes[step["n"]]["label"]
                assert message["to"] >= 0 or not known, f"a message of {step['n']} to an unknown node"
                assert 1 <= message["k"] <= message["of"]
                if message["to"] >= 0:
                    sums[message["to"]] = message["sum"]
        elif step["kind"] == "accumulate":
            assert step["after"] == sums[step["n"]], "what a leaf was sent"
            after[step["n"]] = step["after"]
    for x in wanted:
        if x.grad is not None:
            assert after[made.recorder.ordinal(x)] == made.recorder._summary(x.grad._array, x.device), "the last .grad"


def state(session: Backward, wanted: list[Any]) -> list[Any]:
    """Everything that a step changes, to the bit."""
    flying = sorted((edge.node.seq, edge.nr, bits(g)) for edge, g in session.grads.items())
    return [flying, [bits(x.grad) for x in wanted]]


def bits(value: Any) -> bytes | None:
    array = getattr(value, "_array", value)
    return None if array is None else np.ascontiguousarray(array).tobytes()


def again(recording: Recording) -> None:
    """The same operations on the same leaves give the same, and the same gradients."""
    made = recording.replay({})
    for before, after in zip(recording.nodes, made.nodes, strict=True):
        assert (before["op"], before["value"]) == (after["op"], after["value"])
    ends = [[step for step in r.steps if step["kind"] == "accumulate"] for r in (recording, made)]
    assert ends[0] == ends[1]


def drawn(recording: Recording) -> None:
    if len(recording.steps) <= DRAWN:
        assert to_text(recording).startswith("graph of")
        assert to_svg(scene(recording)).startswith("<svg")

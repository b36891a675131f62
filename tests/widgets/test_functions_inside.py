"""Backward passes and writes inside a learner's own Function, as the stepper shows them."""

from __future__ import annotations

from typing import Any

import pytest

import gradviz as torch
from gradviz.utils.checkpoint import checkpoint
from gradviz.widgets import BackpropStepper


def leaves() -> tuple[Any, Any]:
    return tuple(torch.tensor(v, requires_grad=True) for v in ([1.0, 2.0], [3.0, 4.0]))  # type: ignore[return-value]


def ops(view: BackpropStepper) -> list[str]:
    return [node["op"] for node in view.record["nodes"] if node["kind"] == "op"]


@pytest.mark.parametrize("times", [1, 3])
def test_a_pass_inside_a_pass_leaves_the_outer_counts_alone(times: int) -> None:
    """A reentrant checkpoint goes backward within its own backward: x is fed by it and by the product beside it."""
    x, w = leaves()
    parts = [lambda a: (a * w).tanh()] * times

    def loss() -> Any:
        return (sum(checkpoint(part, x, use_reentrant=True) for part in parts) + x * w).sum()

    view = BackpropStepper(loss)
    labels = {node["n"]: node["op"] for node in view.record["nodes"]}
    sent = [m for s in view.record["steps"] if s["kind"] == "backward" for m in s["messages"] if m["to"] == 0]
    assert [(m["k"], m["of"]) for m in sent] == [(k, times + 1) for k in range(1, times + 2)]
    assert labels[0] is None
    loss().backward()
    assert sent[-1]["sum"]["data"] == [float(g) for g in x.grad]
    arrived = [s for s in view.record["steps"] if s["kind"] == "accumulate" and s["n"] == 0]
    assert [s["after"]["data"] for s in arrived] == [sent[-1]["sum"]["data"]]


class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        x.mul_(2).add_(0)
        ctx.mark_dirty(x)
        return x

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:  # noqa: ARG004
        return g * 2


class Refusing(Doubled):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:  # noqa: ARG004
        raise ValueError("not today")


def test_what_a_function_writes_is_its_result() -> None:
    x, w = leaves()
    view = BackpropStepper(lambda: (Doubled.apply(x * 1) * w).sum())
    assert ops(view) == ["mul", "Doubled", "mul", "sum"]
    made = {node["op"]: node for node in view.record["nodes"][:3]}
    assert made["Doubled"]["inputs"][0]["n"] == made["mul"]["n"]
    assert made["mul"]["value"]["data"] == [1.0, 2.0]
    assert made["Doubled"]["value"]["data"] == [2.0, 4.0]
    arrivals = {s["n"]: s["grad"]["data"] for s in view.record["steps"] if s["kind"] == "backward"}
    assert arrivals[made["Doubled"]["n"]] == [3.0, 4.0]
    assert arrivals[made["mul"]["n"]] == [6.0, 8.0]


def test_a_function_that_raised_is_forgotten() -> None:
    x, w = leaves()
    with torch.record() as tape:
        for kind in (Refusing, Doubled):
            try:
                y = kind.apply(x * 1)
            except ValueError:
                continue
        loss = (y * w).sum()
    assert loss.item() == 22.0
    named = [node["op"] for node in tape.recording.nodes]
    assert named.count("Doubled") == 1
    assert "written" not in named


def test_the_learners_own_write_stays() -> None:
    x, w = leaves()

    def loss() -> Any:
        y = x * 1
        y.mul_(3)
        return (Doubled.apply(y) * w).sum()

    assert ops(BackpropStepper(loss)) == ["mul", "mul", "Doubled", "mul", "sum"]

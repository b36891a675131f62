"""Replaying a recording: the same nodes under the same numbers, and the gradients that `.backward()` gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradviz as torch
import gradviz.nn as nn
import gradviz.nn.functional as F
from gradviz.widgets.graph.source import recorded


class Cube(torch.autograd.Function):  # type: ignore[misc, name-defined]
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x * x * x

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (x,) = ctx.saved_tensors
        return g * 3 * x * x


def shape(recording: Any) -> list[Any]:
    keys = ("kind", "op", "label", "path", "shape", "dtype", "inplace")
    return [tuple(str(node[key]) for key in keys) for node in recording.nodes]


def steps(recording: Any) -> list[Any]:
    return [(step["kind"], step.get("n"), step.get("path")) for step in recording.steps]


def last(recording: Any) -> dict[str, Any]:
    return {recording.nodes[s["n"]]["label"]: s["after"]["data"] for s in recording.steps if s["kind"] == "accumulate"}


def leaves() -> tuple[Any, Any]:
    return torch.tensor([0.5, -1.0], requires_grad=True), torch.tensor([2.0, 3.0], requires_grad=True)


def in_place(w: Any, x: Any) -> Any:
    y = w * x
    y.add_(1)
    y *= 2
    return (y * y).sum()


PROGRAMS = {
    "plain": lambda w, x: ((w * x).tanh() - 1).square().sum(),
    "own function": lambda w, x: (Cube.apply(w) * x).sum(),
    "in place": in_place,
    "several results": lambda w, x: sum(p * (i + 1) for i, p in enumerate((w * x).unbind())),
    "fan-out": lambda w, x: (w * w * x + w).sum() * w.mean(),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_same_nodes_and_the_gradients_of_the_changed_leaves(name: str) -> None:
    program = PROGRAMS[name]
    w, x = leaves()
    with torch.record({"w": w, "x": x}) as tape:
        loss = program(w, x)
    recording = recorded(tape)
    made = recording.replay({"w": [1.5, 0.25]})
    assert loss.requires_grad
    assert shape(made) == shape(recording)
    assert steps(made) == steps(recording)
    v, y = torch.tensor([1.5, 0.25], requires_grad=True), x.detach().clone().requires_grad_()
    program(v, y).backward()
    assert last(made) == {"w": v.grad.tolist(), "x": y.grad.tolist()}
    assert (w.grad, x.grad) == (None, None)
    same = recording.replay()
    assert [n["value"] for n in same.nodes] == [n["value"] for n in recording.nodes]
    assert same.steps == recording.steps


def test_writing_through_a_view() -> None:
    def program(w: Any, x: Any) -> Any:
        y = w * x
        y[0] = 0.5
        return (y * y).sum()

    w, x = leaves()
    recording = recorded(lambda: program(w, x))
    made = recording.replay({"w": [1.5, 0.25]})
    assert shape(made) == shape(recording)
    v, y = torch.tensor([1.5, 0.25], requires_grad=True), x.detach().clone().requires_grad_()
    program(v, y).backward()
    assert last(made) == {"w": v.grad.tolist(), "x": y.grad.tolist()}


def test_modules_keep_their_steps_and_names() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2))
    inputs, target = torch.randn(4, 2), torch.tensor([0, 1, 1, 0])
    recording = recorded(lambda: F.cross_entropy(net(inputs), target))
    made = recording.replay({"inputs": inputs + 1})
    assert steps(made) == steps(recording)
    assert shape(made) == shape(recording)
    loss = F.cross_entropy(net(inputs + 1), target)
    loss.backward()
    assert last(made)["0.weight"] == net[0].weight.grad.reshape(-1).tolist()


def test_two_passes_accumulate() -> None:
    w, x = leaves()
    with torch.record() as tape:
        (w * x).sum().backward()
        (w * w).sum().backward()
    made = tape.recording.replay({"w": [1.0, 2.0]})
    after = [s for s in made.steps if s["kind"] == "accumulate" and made.nodes[s["n"]]["label"] == "w"]
    assert [s["after"]["data"] for s in after] == [[2.0, 3.0], [4.0, 7.0]]
    assert after[1]["before"]["data"] == [2.0, 3.0]


def test_a_gradient_of_a_gradient() -> None:
    w = torch.tensor(2.0, requires_grad=True)

    def penalty() -> Any:
        (slope,) = torch.autograd.grad(w**3, w, create_graph=True)
        return slope * slope

    made = recorded(penalty).replay({"w": 3.0})
    assert last(made) == {"w": [36 * 3.0**3]}


def test_a_gradient_that_is_only_handed_out() -> None:
    w, x = leaves()
    with torch.record() as tape:
        torch.autograd.grad((w * x).sum(), w)
    made = tape.recording.replay({"x": [5.0, 7.0]})
    sent = {m["to"]: m["product"]["data"] for s in made.steps if s["kind"] == "backward" for m in s["messages"]}
    assert sent[made.find("w")] == [5.0, 7.0]
    assert not last(made)


def test_it_ends_at_the_first_update() -> None:
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    sgd = torch.optim.SGD([w], lr=0.1)
    with torch.record() as tape:
        for _ in range(2):
            (w * w).sum().backward()
            sgd.step()
    made = tape.recording.replay({"w": [3.0, 4.0]})
    assert last(made) == {"w": [6.0, 8.0]}
    assert not [s for s in made.steps if s["kind"] == "optimizer"]


def test_a_graph_that_no_tape_heard() -> None:
    w, x = leaves()
    kept = ((w * x).tanh() * w).sum()
    made = recorded(kept).replay({"w": [1.0, 2.0]})
    v = torch.tensor([1.0, 2.0], requires_grad=True)
    ((v * x).tanh() * v).sum().backward()
    assert last(made)["w"] == v.grad.tolist()
    with pytest.raises(RuntimeError, match=r"how 'sub' was called was not recorded(.|\n)*torch.record"):
        recorded((w - 1).sum()).replay({"w": [1.0, 2.0]})


def test_dropout_drops_the_same() -> None:
    x = torch.ones(64, requires_grad=True)
    recording = recorded(lambda: F.dropout(x).sum())
    made = recording.replay().replay({"x": np.full(64, 2.0)})
    assert made.nodes[-1]["value"]["data"] != recording.nodes[-1]["value"]["data"]
    total = next(n for n in recording.nodes if n["op"] == "sum")
    assert made.nodes[total["n"]]["value"]["data"][0] == 2 * total["value"]["data"][0]


def test_errors_say_what_can_be_changed() -> None:
    w, x = leaves()
    recording = recorded(lambda: (w * x).sum())
    with pytest.raises(KeyError, match="its leaves and constants are: w, x"):
        recording.replay({"v": 1.0})
    with pytest.raises(ValueError, match="is computed"):
        recording.replay({"mul": [1.0, 2.0]})
    with pytest.raises(ValueError, match=r"has shape \(2,\); the new value has \(3,\)"):
        recording.replay({"w": [1.0, 2.0, 3.0]})

"""A record is the same whenever its statistics are worked out: at the end, or as soon as somebody looks."""

from __future__ import annotations

import json
from typing import Any

import pytest

import gradviz as torch
from gradviz.core.record import Recorder


def network() -> Any:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(6, 9), torch.nn.ReLU(), torch.nn.Linear(9, 3))


def train(net: Any, tape: Recorder, look: bool) -> None:
    """Two steps of a small network; `look` reads the record after each part."""
    x, y = torch.randn(5, 6), torch.tensor([0, 1, 2, 0, 1])
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    for _ in range(2):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(x), y)
        assert not look or tape.recording.nodes[-1]["value"]["data"] == [loss.item()]
        loss.backward()
        assert not look or all(step["grad"]["shape"] is not None for step in tape.steps if "grad" in step)
        optimizer.step()


@pytest.mark.parametrize("thumbnails", [False, True])
def test_looking_changes_nothing(thumbnails: bool) -> None:
    made = []
    for look in (False, True):
        net = network()
        with torch.record(thumbnails=thumbnails) as tape:
            train(net, tape, look)
        made.append(json.dumps(tape.recording.to_json()))
    assert made[0] == made[1]


def test_what_is_overwritten_later_was_seen_before() -> None:
    """Statistics are put off, the numbers are not: gradients and results are written over before anybody looks."""
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    with torch.record() as tape:
        y = x * 3
        y.sum().backward()
        with torch.no_grad():
            x.grad.fill_(100.0)
            y.zero_()
    accumulated = next(step for step in tape.steps if step["kind"] == "accumulate")
    assert accumulated["after"]["data"] == [3.0, 3.0]
    made = next(node for node in tape.recording.nodes if node["op"] == "mul")
    assert made["value"]["data"] == [3.0, 6.0]


def test_a_hook_that_writes_into_the_gradient_is_seen() -> None:
    """What arrives is not what was sent, though it lies in the same memory."""

    def tripled(g: Any) -> None:
        g.mul_(3.0)

    for watched in ("leaf", "result"):
        x = torch.tensor([1.0, 2.0], requires_grad=True)
        with torch.record() as tape:
            y = x * x
            (x if watched == "leaf" else y).register_hook(tripled)
            (y * y).sum().backward()
        last = [step for step in tape.steps if step["kind"] == "accumulate"][-1]
        assert last["after"]["data"] == [float(g) for g in x.grad], watched
        arrived = {step["n"]: step["grad"]["data"] for step in tape.steps if step["kind"] == "backward"}
        product = next(n["n"] for n in tape.recording.nodes if n["op"] == "mul")
        assert arrived[product] == ([2.0, 8.0] if watched == "leaf" else [6.0, 24.0]), watched


def test_lines_are_those_of_the_user() -> None:
    with torch.record() as tape:
        a = torch.ones(2) * 2
        b = a + 1
        b.relu_()
    lines = [node["line"] for node in tape.recording.nodes if node["kind"] == "op"]
    assert [line["text"] for line in lines[-2:]] == ["b = a + 1", "b.relu_()"]
    assert {line["file"] for line in lines} == {"test_record.py"}

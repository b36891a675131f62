"""A graph too large for a page is drawn as runs of operations, and the page keeps what the picture shows."""

from __future__ import annotations

import json

import pytest

import gradviz as torch
from gradviz.viz.scene import scene
from gradviz.widgets import BackpropStepper, GraphView
from gradviz.widgets.graph.condense import INSIDE, MOST, condensed
from gradviz.widgets.graph.stepper import BackpropStepper as Stepper


def chain(count: int) -> torch.Tensor:
    x = torch.tensor(1.0, requires_grad=True)
    w = torch.tensor(1.0001, requires_grad=True)
    x.name, w.name = "x", "w"
    y = x
    for _ in range(count):
        y = y * w
    return y


@pytest.fixture(scope="module")
def deep() -> Stepper:
    return BackpropStepper(chain(MOST + 500))


def test_the_picture_says_what_a_box_stands_for(deep: Stepper) -> None:
    drawn = deep.scenes[0]
    boxes = [node for node in drawn["nodes"] if node["kind"] == "group"]
    assert 300 < len(boxes) <= 400
    assert drawn["note"] == f"{MOST + 502:,} nodes: each box stands for 32 operations, in the order they ran"
    assert (boxes[0]["title"], boxes[0]["sub"]) == ("mul", "32 ops")
    inside = [n for box in boxes for n in box["members"]]
    assert sorted(inside) == [n["n"] for n in deep.record["nodes"] if n["label"] != "w"]


def test_what_is_kept_is_what_was_recorded(deep: Stepper) -> None:
    record, scenes = condensed(deep.record, deep.scenes)
    assert [node["n"] for node in record["nodes"]] == list(range(len(record["nodes"])))
    assert len(record["nodes"]) < 1000
    by_label = {node["label"]: node for node in deep.record["nodes"]}
    for node in record["nodes"]:
        assert node["value"] == by_label[node["label"]]["value"]
        for given in node["inputs"]:
            assert given.get("value") == INSIDE or given["n"] < node["n"]
    sums = {}
    for step in record["steps"]:
        for message in step.get("messages", ()):
            sums[message["to"]] = message["sum"]
        if step["kind"] == "backward" and step["n"] in sums:
            assert step["grad"] == sums[step["n"]]
    ends = {s["n"]: s["after"] for s in record["steps"] if s["kind"] == "accumulate"}
    whole = {
        deep.record["nodes"][s["n"]]["label"]: s["after"] for s in deep.record["steps"] if s["kind"] == "accumulate"
    }
    assert {record["nodes"][n]["label"]: after for n, after in ends.items()} == {"w": whole["w"]}  # x is in a box
    for picture in scenes:
        for node in picture["nodes"]:
            assert node["n"] is None or 0 <= node["n"] < len(record["nodes"])
    json.dumps([record, scenes], allow_nan=False)


def test_a_page_stays_small_and_a_small_record_is_left_alone(deep: Stepper) -> None:
    assert len(deep.to_html()) < 500_000
    small = GraphView(chain(20))
    assert condensed(small.record, small.scenes) == (small.record, small.scenes)


def test_modules_are_folded_before_runs_are() -> None:
    cell = torch.nn.LSTMCell(2, 3)
    with torch.record() as tape:
        h = c = torch.zeros(1, 3)
        for _ in range(700):
            h, c = cell(torch.ones(1, 2), (h, c))
        h.sum()
    drawn = scene(tape.recording)
    assert any("LSTMCell" in node["title"] for node in drawn["nodes"])
    assert "operations" not in drawn["note"]

"""GraphGrowth: which line ran when and what it made; nothing moves; what it follows is left alone."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from typing import Any

import pytest

import gradviz as torch
import gradviz.nn as nn
from gradviz.viz.numbers import full
from gradviz.viz.pinned import LANE, Pinned
from gradviz.widgets.whatif.growing import GraphGrowth
from tests.growth import growth

HOSTILE = "\"><img src=x onerror=alert(1)><script>alert(1)</script>\u202e&amp;'\n" + "x" * 10_000


def gate(z: Any) -> Any:
    if z > 0:
        return z.tanh()
    return z * 0.1


def rolled(x: Any, w: Any) -> Any:
    h = x
    for _ in range(3):
        h = gate(w * h) + x
    loss = (h - 1) ** 2
    return loss


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 3)

    def forward(self, x: Any) -> Any:
        h = self.fc(x)
        return x + h.relu()


def leaves() -> tuple[Any, Any]:
    return torch.tensor(1.0), torch.tensor(0.5, requires_grad=True)


def codes(view: GraphGrowth) -> list[str]:
    return [row[2] for row in view.table()[1:]]


def adds(view: GraphGrowth) -> list[str]:
    return [row[3] for row in view.table()[1:] if row[3]]


# -- lines ---------------------------------------------------------------------------------------------------------
def test_every_time_a_line_ran() -> None:
    view = GraphGrowth(rolled, *leaves())
    body = ["h = gate(w * h) + x", "if z > 0:", "return z.tanh()", "h = gate(w * h) + x  (goes on)"]
    loop = "for _ in range(3):"
    want = ["h = x", loop, *body, loop, *body, loop, *body, loop, "loss = (h - 1) ** 2", "return loss"]
    assert codes(view) == want
    steps = view.steps()
    assert [(s["time"], s["times"]) for s in steps if codes(view)[steps.index(s)] == body[1]] == [
        (1, 3),
        (2, 3),
        (3, 3),
    ]
    assert [s["depth"] for s in steps[:6]] == [1, 1, 1, 2, 2, 1]
    made = [n for s in steps for n in s["made"]]
    assert sorted(made) == list(range(len(view.record["nodes"]))), "every node is made by exactly one line"
    labels = [node["label"] for node in view.record["nodes"]]
    assert {"z", "z #2", "h #3", "loss", "gt_3"} <= set(labels)


def test_numbers_are_the_engines() -> None:
    x, w = leaves()
    view = GraphGrowth(rolled, x, w)
    values = {n["label"]: full(n["value"]) for n in view.record["nodes"]}
    h, seen = x, {}
    for i in range(3):
        z = w * h
        h = z.tanh() + x
        seen |= {f"z #{i + 1}" if i else "z": z, f"h #{i + 1}" if i else "h": h}
    for label, tensor in seen.items():
        assert values[label] == format(tensor.item(), ".6g")
    assert f"loss = sub ** 2 = {format(rolled(x, w).item(), '.6g')}" in adds(view)[-1]


def test_modules_comprehensions_generators_and_lambdas() -> None:
    net = nn.Sequential(Block(), Block())
    view = GraphGrowth(net, torch.ones(2, 3))
    assert [p.name for p in view.trace.pieces] == ["Block.forward"]
    assert codes(view) == ["h = self.fc(x)", "return x + h.relu()"] * 2
    assert [s["time"] for s in view.steps()] == [1, 1, 2, 2]

    def many(x: Any) -> Any:
        def parts() -> Any:
            for i in range(2):
                yield x * i

        doubled = [p * 2 for p in parts()]
        square = lambda t: t * t
        return sum(map(square, doubled), x)

    view = GraphGrowth(many, torch.tensor(3.0, requires_grad=True))
    assert [p.name for p in view.trace.pieces] == ["many"], "what is inside a function is shown with it"
    assert len([n for s in view.steps() for n in s["made"]]) == len(view.record["nodes"])
    assert "yield x * i" in codes(view)


def test_other_peoples_code_belongs_to_the_line_that_called_it() -> None:
    def program(x: Any) -> Any:
        pairs = list(itertools.starmap(lambda a, b: a * b, [(x, 2.0)]))
        copied = json.loads(json.dumps([1.0]))
        return pairs[0] + copied[0]

    view = GraphGrowth(program, torch.tensor(3.0, requires_grad=True))
    assert {p.file for p in view.trace.pieces} == {__file__}


def test_a_tape_and_a_result() -> None:
    x = torch.tensor(1.5, requires_grad=True)
    with torch.record() as tape:
        y = x * 2
        z = (y + 1) ** 2
        z.backward()
    view = GraphGrowth(tape)
    assert codes(view) == ["y = x * 2", "z = (y + 1) ** 2"]
    assert adds(view)[0] == "x = 1.5; y = x * 2 = 3"
    assert codes(GraphGrowth(x.exp() * 2)) in (["exp = exp(x)", "mul = exp * 2"], ["mul = exp * 2"])


# -- left alone ----------------------------------------------------------------------------------------------------
def test_what_runs_is_left_alone() -> None:
    net = nn.Sequential(nn.Dropout(), Block()).eval()
    x = torch.ones(2, 3, requires_grad=True)
    state = torch.get_rng_state().tolist()
    before = sys.gettrace()
    GraphGrowth(net, x)
    assert sys.gettrace() is before
    assert torch.get_rng_state().tolist() == state
    assert x.grad is None
    assert not net.training


def test_an_error_comes_through_and_nothing_stays_behind() -> None:
    def broken(x: Any) -> Any:
        y = x * 2
        raise ZeroDivisionError(str(y.item()))

    before = sys.gettrace()
    with pytest.raises(ZeroDivisionError, match=r"3\.0"):
        GraphGrowth(broken, torch.tensor(1.5))
    assert sys.gettrace() is before
    grown = GraphGrowth.live()
    with pytest.raises(IndexError), grown:
        (torch.tensor(1.0) * 2)["no index"]
    assert sys.gettrace() is before
    assert len(grown.recording.nodes) == 2


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(TypeError, match="expected a tensor, a function or a tape"):
        GraphGrowth(5)
    with pytest.raises(TypeError, match="returned int, not a tensor"):
        GraphGrowth(lambda: 5)


# -- nothing moves -------------------------------------------------------------------------------------------------
def test_live_boxes_keep_their_places() -> None:
    x, w = leaves()
    places: dict[int, tuple[float, ...]] = {}
    routes: dict[tuple[int, int, str], Any] = {}
    with GraphGrowth.live() as grown:
        h = x
        for _ in range(5):
            h = gate(w * h) + x * h
            grown._snapshot()
            for box in grown.scene["nodes"]:
                now = (box["x"], box["y"], box["w"], box["h"])
                assert places.setdefault(box["id"], now) == now, "a box has moved"
            for edge in grown.scene["edges"]:
                key = (edge["from"], edge["to"], edge["slot"])
                assert routes.setdefault(key, edge["points"]) == edge["points"], "an arrow has moved"
    boxes = grown.scene["nodes"]
    assert len(places) > 15
    for a, b in itertools.combinations(boxes, 2):
        apart = (
            a["x"] + a["w"] <= b["x"]
            or b["x"] + b["w"] <= a["x"]
            or a["y"] + a["h"] <= b["y"]
            or b["y"] + b["h"] <= a["y"]
        )
        assert apart, (a["title"], b["title"])
    for edge in grown.scene["edges"]:
        for (x0, y0), (x1, y1) in itertools.pairwise(edge["points"]):
            if y0 == y1:
                cut = [
                    b["title"]
                    for b in boxes
                    if b["y"] < y0 < b["y"] + b["h"] and b["x"] < x1 - 1 and x0 + 1 < b["x"] + b["w"]
                ]
                assert cut == [], f"an arrow crosses {cut}"


def test_pins() -> None:
    pins = Pinned()
    a = pins.add("a", (100, 40), [])
    b = pins.add("b", (300, 40), ["a"])
    c = pins.add("c", (100, 40), ["b"])
    d = pins.add("d", (100, 40), ["b"])
    assert [place.column for place in (a, b, c, d)] == [0, 1, 2, 2]
    assert b.w < 300, "no box is wider than its column"
    assert c.y + c.h < d.y or d.y + d.h < c.y
    pins.connect(["ad"], ["a"], "d")
    lane = pins.routes["ad"][1][1]
    assert lane + LANE / 2 <= b.y or lane - LANE / 2 >= b.y + b.h
    assert pins.boxes == {"a": a, "b": b, "c": c, "d": d}


def test_live_without_a_notebook_is_a_view_afterwards() -> None:
    x, w = leaves()
    with GraphGrowth.live(title="Here") as grown:
        y = w * x
        z = gate(y)
    assert z.requires_grad
    assert codes(grown) == ["y = w * x", "z = gate(y)", "if z > 0:", "return z.tanh()"]
    assert grown.over
    assert grown._repr_mimebundle_().keys() == {"text/plain", "text/html"}
    assert repr(grown).startswith("Here: 5 nodes made in 4 steps")


# -- as a view -----------------------------------------------------------------------------------------------------
def test_the_same_bytes_every_time() -> None:
    code = (
        "from tests.widgets.test_growing import *\nview = GraphGrowth(rolled, *leaves())\n"
        "import hashlib\ntext = view.to_html() + repr(view) + json.dumps(view.to_json())\n"
        "print(hashlib.sha256(text.encode()).hexdigest())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "77")
    }  # fmt: skip
    assert len(found) == 1


def test_hostile_source_and_names_are_text() -> None:
    x = torch.tensor(1.0, requires_grad=True)
    note = "</script><img src=x onerror=alert(1)>"
    with torch.record({HOSTILE: x}) as tape:
        x * 2  # </script><img src=x onerror=alert(1)>
    view = GraphGrowth(tape, title=HOSTILE)
    assert note in view.table()[1][2]
    for text in (view.to_html(), view.to_svg()):
        assert "<img src=x" not in text
        assert "<script>alert" not in text
    assert "\u202e" not in view.to_text()


def test_small_and_quick_on_a_long_run() -> None:
    def grown(steps: int) -> GraphGrowth:
        def long(x: Any) -> Any:
            for i in range(steps):
                x = x * 0.99 + i
                if i % 2:
                    pass
            return x

        view = GraphGrowth(long, torch.tensor(1.0, requires_grad=True))
        view.to_html()
        return view

    assert growth(grown, 100, 400) < 12
    view = grown(400)
    html = view.to_html()
    assert len(html) < 300_000
    json.dumps(view.to_json())
    short = GraphGrowth(rolled, *leaves()).to_html()
    assert len(short) < 120_000


def test_lines_that_made_nothing_are_left_out_of_very_long_runs() -> None:
    def idle(x: Any) -> Any:
        for _ in range(1200):
            pass
        return x * 2

    view = GraphGrowth(idle, torch.tensor(1.0))
    assert len(view.steps()) < 1600
    assert "lines that made nothing are left out" in view.data()["extra"]["growth"]["note"]
    assert codes(view)[-1] == "return x * 2"

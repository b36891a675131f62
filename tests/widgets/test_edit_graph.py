"""EditGraph: a changed leaf gives what the engine gives; what it is given is left alone; bad input is refused."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import gradviz as torch
import gradviz.nn as nn
import gradviz.nn.functional as F
from gradviz.widgets.whatif.edit_graph import EditGraph

HOSTILE = "\"><img src=x onerror=alert(1)><script>alert(1)</script>\u202e&amp;'\n" + "x" * 10_000


def bent(x: Any, w: Any, b: Any) -> Any:
    z = w * x + b
    if z > 0:
        return (z.tanh() - 1) ** 2
    return z * z


def grads(view: EditGraph) -> dict[str, list[float]]:
    nodes = view.record["nodes"]
    return {nodes[s["n"]]["label"]: s["after"]["data"] for s in view.record["steps"] if s["kind"] == "accumulate"}


def result(view: EditGraph) -> float:
    root = next(s["root"] for s in view.record["steps"] if s["kind"] == "backward_begin")
    value: float = view.record["nodes"][root]["value"]["data"][0]
    return value


def heard(view: EditGraph, values: dict[str, list[Any]], shape: str | None = None) -> dict[str, Any]:
    """What the kernel answers."""
    told: list[dict[str, Any]] = []
    view.tell = lambda message, buffers=(): told.append(message)  # type: ignore[method-assign]
    view.hear({"edit": 7, "shape": shape, "values": values}, [])
    (answer,) = told
    assert answer["edit"] == 7
    return answer


# -- the numbers ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("at", [(2.0, -0.5, 1.25), (5.0, -0.5, 1.25), (-1.0, 3.0, 0.5), (0.0, 0.0, 0.0)])
def test_a_function_is_called_again(at: tuple[float, float, float]) -> None:
    view = EditGraph(bent, 2.0, -0.5, 1.25)
    for name, value in zip("xwb", at, strict=True):
        view.change(name, value)
    leaves = [torch.tensor(v, requires_grad=True) for v in at]
    loss = bent(*leaves)
    loss.backward()
    assert result(view) == loss.item()
    assert grads(view) == {name: [leaf.grad.item()] for name, leaf in zip("xwb", leaves, strict=True)}
    assert ("tanh" in [n["op"] for n in view.record["nodes"]]) == (at[0] * at[1] + at[2] > 0)
    assert result(view.reset()) == bent(*map(torch.tensor, (2.0, -0.5, 1.25))).item()


def test_a_network_and_one_element_of_a_tensor() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2))
    inputs, target = torch.randn(4, 2), torch.tensor([0, 1, 1, 0])
    view = EditGraph(lambda: F.cross_entropy(net(inputs), target))
    view.change("0.weight", 1.5, (2, 1)).change("target", 1, 0)
    with torch.no_grad():
        net[0].weight[2, 1] = 1.5
        target[0] = 1
    loss = F.cross_entropy(net(inputs), target)
    loss.backward()
    assert result(view) == loss.item()
    assert grads(view) == {name: p.grad.reshape(-1).tolist() for name, p in net.named_parameters()}


def test_what_a_function_finds_outside_is_replayed() -> None:
    k = torch.tensor(3.0, requires_grad=True)
    view = EditGraph(lambda x: (x * k).exp(), 0.5)
    view.change("k", -1.0).change("x", 2.0)
    assert result(view) == pytest.approx(math.exp(-2.0), rel=1e-6)
    assert k.item() == 3.0
    assert k.grad is None


def test_a_tape_a_result_and_a_module() -> None:
    w = torch.tensor(2.0, requires_grad=True)
    with torch.record() as tape:
        loss = (w * 3).exp()
    assert result(EditGraph(tape).change("w", 0.0)) == 1.0
    assert result(EditGraph(loss).change("w", 1.0)) == pytest.approx(math.exp(3), rel=1e-6)
    net = nn.Linear(2, 1)
    view = EditGraph(net, torch.tensor([1.0, 2.0]))
    bias = net.bias.item()
    before = view.record["nodes"][-1]["value"]["data"][0]
    assert view.change("bias", bias + 1).record["nodes"][-1]["value"]["data"][0] == pytest.approx(before + 1, rel=1e-6)
    assert net.bias.item() == bias


def test_forward_alone_where_nothing_needs_a_gradient() -> None:
    view = EditGraph(lambda x: x * 2, torch.tensor(3.0))
    assert not view.backward
    assert view.change("x", 4.0).record["nodes"][-1]["value"]["data"] == [8.0]
    assert "edit" in view.parts()
    assert "quiz" not in view.parts()


def test_what_it_is_given_is_left_alone() -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    x.grad = torch.tensor([5.0, 5.0])
    net = nn.Sequential(nn.Dropout(), nn.Linear(2, 1)).train()
    state = torch.get_rng_state().tolist()
    view = EditGraph(lambda x: net(x).sum(), x)
    view.change("x", [3.0, 4.0])
    view.to_html()
    heard(view, {"leaf 0": [0.5, 0.5]})
    assert torch.get_rng_state().tolist() == state
    assert x.tolist() == [1.0, 2.0]
    assert x.grad.tolist() == [5.0, 5.0]
    assert all(p.grad is None for p in net.parameters())
    assert net.training


def test_the_same_dropout_every_time() -> None:
    x = torch.ones(40, requires_grad=True)
    view = EditGraph(lambda x: F.dropout(x).sum(), x)
    first = result(view)
    assert result(view.change("x", [2.0] * 40)) == 2 * first


# -- what the kernel answers ---------------------------------------------------------------------------------------
def test_the_kernel_answers_with_new_numbers() -> None:
    view = EditGraph(bent, 2.0, -0.5, 1.25)
    seen = view.data()["extra"]["edit"]["shape"]
    same = heard(view, {"leaf 1": [0.25]}, seen)["data"]
    assert same["scenes"] == [], "the picture is the one that the reader sees"
    other = heard(view, {"leaf 0": [9.0]}, seen)["data"]
    assert len(other["scenes"]) == 1
    assert other["extra"]["edit"]["shape"] != seen
    assert other["extra"]["edit"]["nodes"].keys() == {"leaf 0", "leaf 1", "leaf 2"}
    assert [node["label"] for node in other["record"]["nodes"]][-1] == "mul_2"
    assert result(view) == pytest.approx(0.570148, rel=1e-5), "an answer changes nothing here"


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"leaf 0": ["abc"]}, "'abc' is not a number"),
        ({"leaf 0": [1.0, 2.0]}, "reshape"),
        ({"leaf 9": [1.0]}, "leaf 9"),
    ],
)
def test_the_kernel_says_what_was_wrong(values: dict[str, list[Any]], why: str) -> None:
    answer = heard(EditGraph(bent, 2.0, -0.5, 1.25), values)
    assert why in answer["failed"]


def test_the_learners_own_error_comes_back() -> None:
    def picky(x: Any) -> Any:
        if x.item() > 3:
            raise ValueError("too large for me\nand more")
        return x * x

    view = EditGraph(picky, 1.0)
    assert heard(view, {"leaf 0": [4.0]})["failed"] == "too large for me"
    assert result(view) == 1.0
    with pytest.raises(ValueError, match="too large"):
        view.change("x", 4.0)
    assert result(view) == 1.0
    assert view.values == {}


# -- other branches ------------------------------------------------------------------------------------------------
def test_other_branches_are_found_beforehand() -> None:
    view = EditGraph(bent, 2.0, -0.5, 1.25)
    variants = view.data()["extra"]["edit"]["variants"]
    assert len(variants) == 2
    assert view.alone
    assert {v["extra"]["edit"]["asks"][0][1] for v in variants} == {True, False}
    assert "if z > 0:" in variants[0]["extra"]["edit"]["asks"][0][2]
    assert len({v["scenes"][0]["direction"] for v in variants}) == 1


def test_a_loop_whose_length_depends_on_a_leaf() -> None:
    def halve(x: Any) -> Any:
        while x > 1:
            x = x * 0.5
        return x

    view = EditGraph(halve, 3.0, ranges={"x": (0.5, 7)})
    counts = sorted(len(v["record"]["nodes"]) for v in view.data()["extra"]["edit"]["variants"])
    assert counts == [2, 4, 6, 8]
    assert view.alone


def test_a_branch_that_leaves_no_trace_needs_the_kernel() -> None:
    def silent(x: Any) -> Any:
        return x * 2 if x.item() > 1 else x.exp()

    view = EditGraph(silent, 3.0, ranges={"x": (0, 4)})
    assert view.data()["extra"]["edit"]["variants"] == []
    assert not view.alone


def test_looking_for_branches_is_not_seen(capsys: pytest.CaptureFixture[str]) -> None:
    def loud(x: Any) -> Any:
        print("called")
        return 1 / x if x > 0 else x

    view = EditGraph(loud, 1.0)
    assert capsys.readouterr().out == "called\n"
    assert len(view.data()["extra"]["edit"]["variants"]) == 2
    assert capsys.readouterr().out == ""


# -- bad input -----------------------------------------------------------------------------------------------------
def test_what_makes_no_sense_is_refused() -> None:
    view = EditGraph(lambda x, n: x * n, 2.0, torch.tensor(3))
    with pytest.raises(KeyError, match=r"no leaf 'y' can be changed here; there are: x, n"):
        view.change("y", 1.0)
    with pytest.raises(ValueError, match="'abc' is not a number"):
        view.change("x", "abc")
    with pytest.raises(ValueError, match="finite"):
        view.change("x", math.inf)
    with pytest.raises(ValueError, match="holds whole numbers"):
        view.change("n", 0.5)
    with pytest.raises(ValueError, match="int64, which goes from"):
        view.change("n", 1e30)
    with pytest.raises(ValueError, match=r"shape \(\); got \(2,\)"):
        view.change("x", [1.0, 2.0])
    with pytest.raises(ValueError, match="index"):
        view.change("x", 1.0, 3)
    assert view.values == {}
    with pytest.raises(KeyError, match="no leaf 'z'"):
        EditGraph(lambda x: x * 2, 1.0, ranges={"z": (0, 1)})
    for bad in (5, (1,), (2, 1), (0, math.inf), "ab"):
        with pytest.raises(ValueError, match="range of 'x'"):
            EditGraph(lambda x: x * 2, 1.0, ranges={"x": bad})
    with pytest.raises(TypeError, match="a leaf is a tensor or a number, got str"):
        EditGraph(lambda x: x, "a")
    with pytest.raises(TypeError, match="returned float, not a tensor"):
        EditGraph(lambda x: 1.0, 2.0)
    with pytest.raises(TypeError, match="expected a tensor, a function or a tape"):
        EditGraph(5)
    with pytest.raises(RuntimeError, match="scalar"):
        EditGraph(lambda x: x * 2, torch.ones(3, requires_grad=True))


def test_types_and_limits() -> None:
    many = torch.ones(65, requires_grad=True)
    flag, byte = torch.tensor([True, False]), torch.tensor(7, dtype=torch.uint8)
    half = torch.tensor(2.0, dtype=torch.float16, requires_grad=True)
    view = EditGraph(lambda: (many.sum() * flag.sum() * byte * half).float())
    kinds = {c["label"]: c["kind"] for c in view.controls}
    assert kinds == {"flag": "bool", "byte": "int", "half": "float"}, "65 numbers are too many for fields"
    assert view.why == "many has more than 64 numbers"
    view.change("byte", 255).change("flag", [True, True]).change("half", 0.5)
    assert result(view) == 65 * 2 * 255 * 0.5
    with pytest.raises(ValueError, match="uint8, which goes from 0 to 255"):
        view.change("byte", 256)
    with pytest.raises(ValueError, match="bool, which goes from 0 to 1"):
        view.change("flag", 2, 0)


# -- as a view -----------------------------------------------------------------------------------------------------
def test_the_same_bytes_every_time() -> None:
    code = (
        "from tests.widgets.test_edit_graph import *\n"
        "view = EditGraph(bent, 2.0, -0.5, 1.25)\n"
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


def test_hostile_names_are_text() -> None:
    x = torch.tensor(1.0, requires_grad=True)
    with torch.record({HOSTILE: x}) as tape:
        x * 2
    view = EditGraph(tape, title=HOSTILE)
    for text in (view.to_html(), view.to_svg()):
        assert "<img src=x" not in text
        assert "<script>alert" not in text
    assert len(view.controls[0]["label"]) < 200
    assert "\n" not in view.controls[0]["label"]


def test_small_enough() -> None:
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    assert len(EditGraph(bent, 2.0, -0.5, 1.25).to_html()) < 120_000
    assert len(EditGraph(net, torch.ones(4)).to_html()) < 120_000


def test_boxes_have_room_for_any_number() -> None:
    view = EditGraph(bent, 2.0, -0.5, 1.25)
    before = {n["id"]: (n["x"], n["y"], n["w"], n["h"]) for n in view.scenes[0]["nodes"]}
    view.change("w", -0.123456e-4)
    after = {n["id"]: (n["x"], n["y"], n["w"], n["h"]) for n in view.scenes[0]["nodes"]}
    assert before == after
    letters = [(n["w"] - 36) / 7.08 for n in view.scenes[0]["nodes"] if n["kind"] == "leaf"]
    assert min(letters) >= len("-1.235e-05"), "as frontend/src/svgraph.ts cuts them"


def test_it_is_a_view_in_words_and_data() -> None:
    view = EditGraph(bent, 2.0, -0.5, 1.25)
    assert "w.grad = " in view.to_text()
    assert "changed" not in view.to_text()
    assert EditGraph(bent, 2.0, -0.5, 1.25).change("w", 3).to_text().endswith("changed: w = 3, recorded -0.5")
    assert view._repr_mimebundle_().keys() == {"text/plain", "text/html"}
    made = view.to_json()
    json.dumps(made)
    assert [c["label"] for c in made["controls"]] == ["x", "w", "b"]
    assert made["kernel"] is None
    assert np.all([c["range"][0] < c["range"][1] for c in made["controls"]])

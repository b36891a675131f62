"""GraphDiff: what is the same is paired, what is not is told, and both stand on one layout."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

import gradviz as torch
import gradviz.nn as nn
from gradviz.widgets.graph.graph_align import align
from gradviz.widgets.graph.graph_diff import GraphDiff

HOSTILE = "\"><img src=x onerror=alert(1)><script>alert(2)</script>&'\n\u202e" + "x" * 10_000


def leaf(*values: float) -> Any:
    return torch.tensor(values or (1.0, 2.0), requires_grad=True)


def plain() -> Any:
    w = leaf()
    h = w * 3
    return (h * h).sum()


def detached() -> Any:
    w = leaf()
    h = w * 3
    return (h * h.detach()).sum()


def other_number() -> Any:
    w = leaf()
    h = w * 4
    return (h * h).sum()


def with_relu() -> Any:
    w = leaf()
    h = torch.relu(w * 3)
    return (h * h).sum()


def with_tanh() -> Any:
    w = leaf()
    h = torch.tanh(w * 3)
    return (h * h).sum()


def chain(*names: str) -> Callable[[], Any]:
    def run() -> Any:
        x = leaf()
        for name in names:
            x = getattr(torch, name)(x)
        return x.sum()

    return run


def kinds(view: GraphDiff) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {"added": [], "removed": [], "changed": []}
    for d in view.differences:
        found[d["kind"]].append(d["label"])
    return found


def what(view: GraphDiff, label: str) -> dict[str, list[str]]:
    found: list[list[str]] = next(d["what"] for d in view.differences if d["label"] == label)
    return {name: texts for name, *texts in found}


def test_the_same_program_has_no_difference() -> None:
    view = GraphDiff(plain, plain)
    assert view.differences == []
    assert view.summary == "the same: 4 nodes in both, with equal numbers"
    assert all(x == y for x, y in view.pairs)


def test_with_and_without_detach() -> None:
    view = GraphDiff(plain, detached, labels=("plain", "detached"))
    assert kinds(view) == {"added": ["detach"], "removed": [], "changed": ["mul_2", "w", "mul"]}
    assert what(view, "w") == {"gradient": ["[18, 36]", "[9, 18]"]}
    assert what(view, "mul_2") == {"input b": ["mul", "detach"]}
    assert "+ detach: only in detached; value [3, 6]" in view.to_text()


def test_another_number() -> None:
    view = GraphDiff(plain, other_number)
    assert what(view, "mul") == {
        "value": ["[3, 6]", "[4, 8]"],
        "gradient": ["[6, 12]", "[8, 16]"],
        "input b": ["3", "4"],
    }
    assert kinds(view)["added"] == kinds(view)["removed"] == []


def test_one_operation_for_another() -> None:
    view = GraphDiff(with_relu, with_tanh)
    assert (kinds(view)["removed"], kinds(view)["added"]) == (["relu"], ["tanh"])


def test_train_and_eval() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Dropout(0.5), nn.Linear(6, 2))
    x = torch.randn(3, 4)

    def run(mode: bool) -> Callable[[], Any]:
        return lambda: (net.train(mode)(x) ** 2).mean()

    before = torch.random.get_rng_state()
    view = GraphDiff(run(True), run(False), labels=("train", "eval"))
    assert not torch.equal(torch.random.get_rng_state(), before)  # the programs themselves drew; nothing else did
    assert {"bernoulli_", "div", "mul"} <= set(kinds(view)["removed"])
    assert all(label.startswith("const_") for label in kinds(view)["added"])  # the running mean and variance
    assert "native_batch_norm" in kinds(view)["changed"]
    assert all(p.grad is None for p in net.parameters())
    for part in view.scenes[1]["groups"]:
        assert "Dropout" not in part["label"]


def test_losses_and_tapes_and_pytorch() -> None:
    w = leaf()
    one, two = (w * 3).sum(), (w * 3 + 1).sum()
    assert kinds(GraphDiff(one, two))["added"] == ["add"]
    with torch.record() as tape:
        tape.kept = (w * 3).sum()
    assert GraphDiff(one, tape).summary.startswith("the same")
    assert w.grad is None
    real = pytest.importorskip("torch")
    v = real.tensor([1.0, 2.0], requires_grad=True)
    assert not kinds(GraphDiff(lambda: (w * 3).sum(), lambda: (v * 3).sum()))["added"]


def test_without_gradients() -> None:
    view = GraphDiff(lambda: leaf() * 3, lambda: leaf() * 4)
    assert what(view, "mul")["value"] == ["[3, 6]", "[4, 8]"]
    assert not any("gradient" in name for d in view.differences for name, *_ in d["what"])
    view = GraphDiff(plain, other_number, backward=False)
    assert not any(step["kind"] == "backward" for record in view.records for step in record["steps"])


@pytest.mark.parametrize("removed", [0, 3, 7])
def test_alignment_finds_the_one_that_was_taken_out(removed: int) -> None:
    names = ["tanh", "exp", "sin", "tanh", "cos", "exp", "tanh", "sin"]
    short = names[:removed] + names[removed + 1 :]
    view = GraphDiff(chain(*names), chain(*short), backward=False)
    assert [d["label"].partition("_")[0] for d in view.differences if d["kind"] == "removed"] == [names[removed]]
    assert view.counts["added"] == 0


def test_every_pair_of_small_chains_is_aligned_in_order() -> None:
    programs = [("tanh",), ("tanh", "exp"), ("exp", "tanh"), ("sin", "tanh", "exp"), ("exp", "exp", "sin")]
    for a, b in itertools.product(programs, programs):
        view = GraphDiff(chain(*a), chain(*b), backward=False)
        counts = view.counts
        x, y = (len(record["nodes"]) for record in view.records)
        assert counts["both"] + counts["removed"] == x
        assert counts["both"] + counts["added"] == y
        for side in (0, 1):
            ops = [
                p[side]
                for p in view.pairs
                if p[side] is not None and view.records[side]["nodes"][p[side]]["kind"] == "op"
            ]
            assert ops == sorted(ops)
        for n, m in view.pairs:
            if n is not None and m is not None:
                assert view.records[0]["nodes"][n]["op"] == view.records[1]["nodes"][m]["op"]


def test_alignment_is_the_best_one() -> None:
    """Against trying every subsequence: on sequences that only differ in names, as many pairs as can be."""

    def nodes(names: str) -> list[dict[str, Any]]:
        return [
            {"n": i, "kind": "op", "op": c, "path": "", "inputs": [], "shape": [], "output": 0, "label": c}
            for i, c in enumerate(names)
        ]

    def longest(a: str, b: str) -> int:
        subsets = ({"".join(c) for r in range(len(x) + 1) for c in itertools.combinations(x, r)} for x in (a, b))
        first, second = subsets
        return max(map(len, first & second))

    for a, b in [("abcab", "acb"), ("aabb", "bbaa"), ("abc", "cba"), ("abcd", "abcd"), ("", "ab"), ("xayb", "aby")]:
        pairs = align(nodes(a), nodes(b))
        assert sum(x is not None and y is not None for x, y in pairs) == longest(a, b)


def test_numbers_are_the_engines() -> None:
    view = GraphDiff(plain, other_number)
    for record, run in zip(view.records, (plain, other_number), strict=True):
        assert record["nodes"][-1]["value"]["data"] == [run().item()]


def test_one_layout() -> None:
    view = GraphDiff(with_relu, detached)
    places = [{(n["x"], n["y"], n["w"], n["h"]) for n in s["nodes"]} for s in view.scenes]
    holes = [{(h["x"], h["y"], h["w"], h["h"]) for h in s["holes"]} for s in view.scenes]
    assert places[0] | holes[0] == places[1] | holes[1]
    assert not places[0] & holes[0]
    assert len(holes[0]) == view.counts["added"]
    assert len(holes[1]) == view.counts["removed"]
    for scene, record in zip(view.scenes, view.records, strict=True):
        given = {(i["n"], n["n"], i["slot"]) for n in record["nodes"] for i in n["inputs"] if i.get("n") is not None}
        assert {(e["n_from"], e["n_to"], e["slot"]) for e in scene["edges"]} == given


def test_outputs() -> None:
    view = GraphDiff(plain, detached)
    assert view.to_json()["format"] == "gradviz.diff/1"
    assert view.to_svg().startswith("<svg")
    assert view.to_svg(theme="dark") != view.to_svg()
    assert repr(view) == view.to_text()
    assert len(view.to_html()) < 120_000
    assert set(view._repr_mimebundle_()) == {"text/plain", "text/html"}
    assert all(len(row) == 5 for row in view.table())


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="labels must be two names"):
        GraphDiff(plain, plain, labels="ab")
    with pytest.raises(ValueError, match="direction"):
        GraphDiff(plain, plain, direction="up")
    with pytest.raises(TypeError, match="got int") as error:
        GraphDiff(plain, 3, labels=("old", "new"))
    assert "This was 'new'" in error.value.__notes__[0]


def test_hostile_names() -> None:
    w = leaf()
    with torch.record({HOSTILE: w}) as tape:
        tape.kept = (w * 3).sum()
    view = GraphDiff(tape, plain, labels=(HOSTILE, "b"), title=HOSTILE)
    for page in (view.to_svg(), view.to_html()):
        assert "<img src=x" not in page
        assert "\u202e" not in page
    assert len(view.to_html()) < 120_000


def test_folded_modules() -> None:
    blocks = [nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Dropout(0.5)) for _ in range(30)]
    net, x = nn.Sequential(*blocks), torch.ones(2, 4)
    torch.manual_seed(0)
    view = GraphDiff(lambda: net.train()(x).sum(), lambda: net.eval()(x).sum(), labels=("train", "eval"))
    assert len(view.to_html()) < 250_000
    folded = GraphDiff(lambda: net.train()(x).sum(), lambda: net.eval()(x).sum(), depth=0)
    kinds_of = [[(n["kind"], n["sub"]) for n in s["nodes"] if n["kind"] == "group"] for s in folded.scenes]
    assert kinds_of == [[("group", "180 ops")], [("group", "90 ops")]]
    assert {n["badge"]["kind"] for s in folded.scenes for n in s["nodes"] if n["kind"] == "group"} == {"changed"}


def test_large_graphs() -> None:
    names = ["tanh", "sin"] * 400
    view = GraphDiff(chain(*names), chain(*names[:300], "exp", *names[300:]), backward=False)
    assert kinds(view)["added"] == ["exp"]
    assert len(view.to_html()) < 500_000


PROGRAM = """
import hashlib
from gradviz.widgets.graph.graph_diff import GraphDiff
from tests.widgets.test_graph_diff import detached, plain, with_relu
views = [GraphDiff(plain, detached), GraphDiff(with_relu, detached, direction="auto")]
print([hashlib.sha256((v.to_html() + repr(v)).encode()).hexdigest() for v in views])
"""


def test_bytes_are_the_same_in_every_process() -> None:
    seen = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={"PYTHONHASHSEED": seed, "PATH": "", "PYTHONPATH": "."},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert len(seen) == 1

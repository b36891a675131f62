"""Stops: where a record halts, where a real pass halts, and that the two are the same places."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import gradviz as torch
from gradviz import nn
from gradviz.core.backward import Backward
from gradviz.widgets import BackpropStepper
from gradviz.widgets.graph.breakpoints import Stop, hits, stops_of
from gradviz.widgets.graph.run_until import back_until, run_until

HOSTILE = "\"><img src=x onerror=alert(1)><script>alert(2)</script>&'\n\u202e" + "x" * 10_000
# What the page finds is compared with this file by frontend/test/breaks.test.ts.
SHARED = Path(__file__).resolve().parents[2] / "frontend/test/stops.json"


def leaf(value: Any, name: str | None = None) -> Any:
    made = torch.tensor(value, requires_grad=True)
    made.name = name
    return made


def root() -> Any:
    """A gradient that is infinite at one of two elements."""
    x, w = leaf([0.0, 4.0], "x"), leaf(3.0, "w")
    return lambda: ((x.sqrt() * w) * x + x.sqrt()).sum()


def layers() -> Any:
    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))
    for p in net.parameters():
        p.data.fill_(0.5)
    x = torch.tensor([[1.0, -2.0], [3.0, 0.5]])
    return lambda: net(x).pow(2).sum()


def where(view: Any) -> list[tuple[str, str]]:
    """(kind of step, label of its node) of each halt."""
    steps, nodes = view.record["steps"], view.record["nodes"]
    return [(steps[h.step]["kind"], nodes[steps[h.step]["n"]]["label"]) for h in view.hits]


def test_an_operation_by_its_name() -> None:
    view = BackpropStepper(root(), stop="mul")
    assert where(view) == [("forward", "mul"), ("forward", "mul_2"), ("backward", "mul_2"), ("backward", "mul")]
    assert [h.text for h in view.hits][1] == "mul_2 (mul) is computed"


def test_a_node_by_its_label() -> None:
    view = BackpropStepper(root(), stop=["mul_2", Stop.node("x")])
    assert where(view) == [("forward", "mul_2"), ("backward", "mul_2"), ("accumulate", "x")]


def test_a_module_where_each_pass_enters_it() -> None:
    view = BackpropStepper(layers(), stop="0")
    assert [h.text for h in view.hits] == ["forward enters module 0", "backward enters module 0"]
    assert where(view)[1][0] == "backward"


def test_a_module_that_is_called_twice_in_a_row_halts_twice() -> None:
    layer = nn.Linear(2, 2)
    outer = nn.Sequential(layer, layer)
    x = torch.ones(1, 2)
    view = BackpropStepper(lambda: outer(x).sum(), stop=Stop.module("0"))
    assert [kind for kind, _ in where(view)].count("forward") == 2


def test_the_operation_goes_before_the_node_and_that_before_the_module() -> None:
    record = BackpropStepper(root()).record
    assert stops_of(["mul", "mul_2", "w"], record) == [Stop.op("mul"), Stop.node("mul_2"), Stop.node("w")]
    assert stops_of("sum", record) == [Stop.op("sum")]
    assert stops_of([Stop.nonfinite(), Stop.nonfinite()], record) == [Stop.nonfinite()]


@pytest.mark.parametrize(
    ("stop", "error", "says"),
    [
        ("mull", ValueError, ["'mull'", "did you mean 'mul'", "operations: sqrt, mul", "nodes: x", "modules: none"]),
        (Stop.module("fc1"), ValueError, ["no module is called 'fc1'", "modules: none"]),
        (Stop.op("w"), ValueError, ["no operation is called 'w'"]),
        ([3], TypeError, ["a stop is a name or a Stop, got int", "Stop.nonfinite()"]),
        (HOSTILE, ValueError, ["nothing to stop at is called"]),
    ],
)
def test_a_wrong_name_is_an_error_that_lists_what_there_is(stop: Any, error: Any, says: list[str]) -> None:
    with pytest.raises(error) as caught:
        BackpropStepper(root(), stop=stop)
    assert all(text in str(caught.value) for text in says)
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize(
    "make",
    [lambda: Stop.grad_norm(), lambda: Stop.grad_norm(-1.0), lambda: Stop.op(3)],
    ids=["no limit", "negative", "no text"],
)
def test_a_stop_that_means_nothing_is_refused(make: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        make()


# -- NaN and infinity -------------------------------------------------------------------------------------------------
NONFINITE = {
    "a gradient": (
        root(),
        ["what sqrt_2 passes on to x holds 1 inf of 2", "what sqrt passes on to x holds 1 NaN of 2"],
    ),
    "a value": (lambda: (leaf([1.0, 0.0]).log() * 0).sum(), ["log holds 1 inf of 2", "mul holds 1 NaN of 2"]),
    "a scalar": (lambda: leaf(-1.0).sqrt() + 1, ["sqrt is NaN"]),
    "a difference": (lambda: leaf(1e38) * 10 - leaf(1e38) * 10, ["mul is inf", "mul_2 is inf", "sub is NaN"]),
    "a mask": (lambda: leaf([1.0, 2.0]).masked_fill(torch.tensor([True, False]), float("-inf")).softmax(0)[1], []),
    "nothing": (lambda: leaf(2.0) * 3, []),
}


@pytest.mark.parametrize("case", NONFINITE)
def test_where_nan_and_infinity_come_up(case: str) -> None:
    program, expected = NONFINITE[case]
    found = [h.text for h in BackpropStepper(program, stop=Stop.nonfinite()).hits]
    assert found[: len(expected)] == expected
    assert bool(found) == bool(expected)


def test_a_sum_of_messages_may_be_what_overflows() -> None:
    x = leaf(1.0)
    view = BackpropStepper(lambda: x * 2e38 + x * 2e38, stop=Stop.nonfinite())
    assert "the gradient of x is inf" in [h.text for h in view.hits]


def test_adding_into_grad_may_overflow() -> None:
    x = leaf(1.0)
    x.grad = torch.tensor(3e38)
    assert [h.text for h in BackpropStepper(lambda: x * 3e38, stop=Stop.nonfinite()).hits] == ["x.grad is inf"]


# -- the norm of a gradient -------------------------------------------------------------------------------------------
def test_a_norm_that_passes_a_limit() -> None:
    x = leaf([3.0, 4.0])
    view = BackpropStepper(lambda: ((x * 2).pow(2) * 10).sum(), stop=Stop.grad_norm(25.0))
    (hit, *more) = view.hits
    assert hit.text == "the gradient of mul has norm 200, over the limit 25"
    assert not more, "only where it passes, not wherever it is over"


def test_a_norm_that_vanishes() -> None:
    x = leaf([3.0, 4.0])
    view = BackpropStepper(lambda: (x * 1e-4).sum(), stop=Stop.grad_norm(below=1e-3))
    assert [h.text for h in view.hits] == ["the gradient of x has norm 0.000141421, under the limit 0.001"]


def test_a_pass_that_begins_over_the_limit_says_so() -> None:
    x = leaf(2.0)
    view = BackpropStepper(lambda: x * 0.001, stop=Stop.grad_norm(0.5))
    assert [h.text for h in view.hits] == ["the gradient of mul has norm 1, over the limit 0.5"]


def test_only_the_whole_gradient_counts_not_a_part_of_it() -> None:
    x = leaf(2.0)
    view = BackpropStepper(lambda: (x * 100 - x * 99.5) * 1.0, stop=Stop.grad_norm(1.5))
    assert view.hits == []


def test_several_reasons_are_all_said() -> None:
    x = leaf(2.0)
    view = BackpropStepper(lambda: (x * 100) * 1.0, stop=[Stop.op("mul"), Stop.grad_norm(10.0)])
    assert view.hits[-1].text == "mul passes its gradient on; the gradient of x has norm 100, over the limit 10"
    assert view.hits[-1].stop == Stop.op("mul")


# -- a real pass ------------------------------------------------------------------------------------------------------
ALL = [Stop.op("mul"), Stop.op("relu"), Stop.module("0"), Stop.nonfinite(), Stop.grad_norm(2.0)]


@pytest.mark.parametrize("program", [root, layers])
def test_the_engine_halts_where_the_record_does(program: Any) -> None:
    run = program()
    view = BackpropStepper(run)
    known = {h.text for stop in ALL if not _unknown(stop, view.record) for h in hits(view.record, [stop])}
    stops = [stop for stop in ALL if not _unknown(stop, view.record)]
    backward = [h.text for h in hits(view.record, stops) if view.record["steps"][h.step]["kind"] != "forward"]
    session, found = Backward([run()]), []
    while hit := run_until(session, *stops):
        assert hit.step == session.cursor
        found.append(hit.text)
    assert session.done
    assert found == backward
    assert known


def _unknown(stop: Stop, record: Any) -> bool:
    try:
        stops_of(stop, record)
    except ValueError:
        return True
    return False


def test_back_to_the_stop_before() -> None:
    session = Backward([root()()])
    places = []
    while hit := run_until(session, "mul", Stop.nonfinite()):
        places.append(hit.step)
    assert len(places) == 4
    for step in reversed(places):
        hit = back_until(session, "mul", Stop.nonfinite())
        assert hit is not None
        assert hit.step == session.cursor == step
    assert back_until(session, "mul", Stop.nonfinite()) is None
    assert session.cursor == 0


def test_stepping_by_stops_gives_the_bits_of_backward() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3))
    x = torch.randn(6, 5)
    net(x).pow(2).mean().backward()
    once = [p.grad.numpy().copy() for p in net.parameters()]
    for p in net.parameters():
        p.grad = None
    session = Backward([net(x).pow(2).mean()])
    for stop in ("2", "tanh", "0.weight"):
        run_until(session, stop)
        back_until(session, "addmm")
    session.run()
    for p, g in zip(net.parameters(), once, strict=True):
        assert (p.grad.numpy() == g).all()


def test_sums_that_were_under_way_are_known() -> None:
    x = leaf(1.0)
    session = Backward([x * 100 + x * 1])
    session.seek(2)
    hit = run_until(session, Stop.grad_norm(50.0))
    assert hit is not None
    assert hit.text == "the gradient of x has norm 101, over the limit 50"


def test_a_session_of_several_roots() -> None:
    x, w = leaf(2.0), leaf(3.0)
    session = Backward([x * 2, w.exp()])
    found = []
    while hit := run_until(session, "mul", "exp", "w"):
        found.append(hit.text)
    assert found == ["exp passes its gradient on", "w gets its .grad", "mul passes its gradient on"]


def test_a_wrong_name_on_a_real_pass_lists_what_there_is() -> None:
    session = Backward([leaf(2.0) * 3])
    with pytest.raises(ValueError, match="operations: mul"):
        run_until(session, "add")
    assert session.cursor == 0


# -- in the picture ---------------------------------------------------------------------------------------------------
def test_marks_text_and_page() -> None:
    view = BackpropStepper(root(), stop=["mul", Stop.nonfinite()])
    assert view.to_svg(animated=False).count("■") == 4
    assert "  stop: what sqrt_2 passes on to x holds 1 inf of 2" in view.to_text()
    assert view.data()["extra"]["breaks"]["stops"] == [{"kind": "op", "name": "mul"}, {"kind": "nonfinite"}]
    assert view.to_html() == BackpropStepper(root(), stop=["mul", Stop.nonfinite()]).to_html()
    assert "badge" not in json.dumps(view.data()["scenes"]), "in the page the part sets them, and takes them away"


def test_hostile_names() -> None:
    w = leaf(2.0)
    with torch.record({HOSTILE: w}) as tape:
        loss = w * w
    view = BackpropStepper(tape, stop=HOSTILE)
    assert len(view.hits) == 1
    assert len(view.hits[0].text) < 80
    assert "<script>" not in view.to_svg()
    stop = view.data()["extra"]["breaks"]["stops"][0]["name"]
    assert stop == view.data()["record"]["nodes"][0]["label"], "the page finds it by the name it has there"
    del loss


def test_words() -> None:
    assert str(Stop.grad_norm(10.0, below=1e-6)) == "gradient norm > 10 or < 1e-06"
    assert re.fullmatch(r"node x{39}…", str(Stop.node("x" * 500)))


# -- the same places in the page --------------------------------------------------------------------------------------
def shared() -> list[dict[str, Any]]:
    """Records, stops and halts, for the test of the page; all numbers are exact on every machine."""
    x = leaf(1.0)
    x.grad = torch.tensor(3e38)
    programs = {
        "root": (root(), [Stop.op("mul"), Stop.nonfinite()]),
        "limits": (root(), [Stop.grad_norm(5.0, below=0.5), Stop.node("w")]),
        "layers": (layers(), [Stop.module("0"), Stop.module("2"), Stop.grad_norm(3.0)]),
        "values": (NONFINITE["a difference"][0], [Stop.nonfinite()]),
        "overflow": (lambda: x * 3e38, [Stop.nonfinite()]),
    }
    found = []
    for name, (run, stops) in programs.items():
        view = BackpropStepper(run, title=name)
        told = [[h.step, h.text] for h in hits(view.record, stops)]
        found.append({"name": name, "stops": [s.to_json() for s in stops], "hits": told, "data": view.data()})
    return found


def test_what_the_page_is_compared_with_is_what_python_finds() -> None:
    """Written anew with GRADVIZ_WRITE_SHARED=1."""
    import os

    made = shared()
    if os.environ.get("GRADVIZ_WRITE_SHARED"):
        SHARED.write_text(json.dumps(made, indent=None, separators=(",", ":")) + "\n", encoding="utf-8")
    kept = json.loads(SHARED.read_text("utf-8"))
    assert [[p["name"], p["stops"], p["hits"]] for p in kept] == [[p["name"], p["stops"], p["hits"]] for p in made]
    assert [len(p["data"]["record"]["steps"]) for p in kept] == [len(p["data"]["record"]["steps"]) for p in made]

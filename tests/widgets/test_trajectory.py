"""`TrajectoryView`: the walk is torch's, the picture is deterministic, and what the browser cannot do is said."""

from __future__ import annotations

import functools
import json
import math
import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest

import gradviz
from gradviz.widgets import TrajectoryView
from gradviz.widgets.program import KNOWN, NeedsKernel, program
from gradviz.widgets.trajectory import box, on_grid
from gradviz.widgets.trajectory_svg import ticks


def bowl(theta: Any) -> Any:
    return (theta - 2) ** 2


def valley(x: Any, y: Any) -> Any:
    return 0.5 * x * x + 2 * y * y


WALKS = [
    (bowl, 0.0, 0.1, {}),
    (valley, (-4.0, 2.0), 0.1, {}),
    (valley, (-4.0, 2.0), 0.6, {}),
    (valley, (-4.0, 2.0), 0.05, {"momentum": 0.9}),
    (valley, (1.0, 1.0), 0.05, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
]


@pytest.mark.parametrize(("fn", "start", "lr", "settings"), WALKS)
def test_the_walk_is_torchs_walk(fn: Any, start: Any, lr: float, settings: Any) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed: walks are not compared")
    view = TrajectoryView(fn, start, lr, 25, optimizer=functools.partial(gradviz.optim.SGD, **settings))
    point = [torch.tensor(v, requires_grad=True) for v in np.atleast_1d(start).tolist()]
    stepper = torch.optim.SGD(point, lr=lr, **settings)
    for place, loss, slopes in zip(view.path, view.losses, view.grads, strict=True):
        assert place == pytest.approx([p.item() for p in point], rel=1e-5, abs=1e-6)
        stepper.zero_grad()
        out = fn(*point)
        out.backward()
        assert loss == pytest.approx(out.item(), rel=1e-5, abs=1e-6)
        assert slopes == pytest.approx([p.grad.item() for p in point], rel=1e-5, abs=1e-6)
        stepper.step()


def views() -> list[TrajectoryView]:
    return [TrajectoryView(fn, start, lr, 10) for fn, start, lr, settings in WALKS if not settings]


def test_everything_is_deterministic_and_well_formed() -> None:
    for a, b in zip(views(), views(), strict=True):
        assert a._repr_mimebundle_() == b._repr_mimebundle_()
        ET.fromstring(a.to_svg())
        assert json.loads(json.dumps(a.to_json(), allow_nan=False)) == a.to_json()
        assert set(a._repr_mimebundle_()) == {"text/plain", "text/html"}
        assert len(a.to_html()) < 60_000


def test_the_text_twin_has_a_row_for_each_step() -> None:
    lines = TrajectoryView(bowl, 0.0, 0.1, 3).to_text().splitlines()
    assert lines[0] == "SGD, rate 0.1, 3 steps from theta = 0"
    assert lines[1].split() == ["step", "theta", "loss", "slope", "theta"]
    assert [line.split()[:2] for line in lines[2:]] == [["0", "0"], ["1", "0.4"], ["2", "0.72"], ["3", "0.976"]]


def test_a_long_walk_is_shortened_in_the_middle() -> None:
    table = TrajectoryView(bowl, 0.0, 0.1, 200).table()
    assert len(table) == 26
    assert table[13][0] == "..."
    assert table[-1][0] == "200"


def test_divergence_is_shown_and_not_warned_of() -> None:
    view = TrajectoryView(bowl, 0.0, 3.0, 200)
    assert view.to_json()["losses"][-1] in ("nan", "inf")
    ET.fromstring(view.to_svg())
    assert "nan" in view.to_text()


def branch(x: Any) -> Any:
    return x * x if x.item() > 0 else -x


def compared(x: Any) -> Any:
    return x * x if x > 0 else -x


def vector(x: Any) -> Any:
    return (x * gradviz.tensor([1.0, 2.0])).sum()


def unknown(x: Any) -> Any:
    return gradviz.erf(x) + x


def constant(x: Any) -> Any:
    return x * gradviz.tensor(3.0) + gradviz.tensor(1.0)


@pytest.mark.parametrize(
    ("fn", "why"),
    [(branch, "different things"), (compared, "gt"), (vector, "single numbers"), (unknown, "erf")],
)
def test_what_needs_the_kernel_says_so(fn: Any, why: str) -> None:
    view = TrajectoryView(fn, 1.0, 0.1, 3, bounds=(-2, 2))
    assert view.program is None
    assert why in view.why


def test_another_optimiser_needs_the_kernel() -> None:
    class Mine(gradviz.optim.SGD):
        pass

    view = TrajectoryView(bowl, 0.0, 0.1, 3, optimizer=Mine)
    assert view.program is None
    assert "Mine" in view.why


def test_constants_are_part_of_the_program() -> None:
    made = program(constant, [[1.0], [2.0]])
    assert made == {"inputs": 1, "nodes": [["mul", [0, [3.0]], {}], ["add", [1, [1.0]], {}]]}


def test_a_program_of_nothing() -> None:
    with pytest.raises(NeedsKernel, match="nothing"):
        program(lambda x: x, [[1.0]])


def test_the_browser_knows_what_python_says_it_knows(repo: Any) -> None:
    import re

    text = (repo / "frontend" / "src" / "scalar.ts").read_text(encoding="utf-8")
    table = text[text.index("export const OPS") : text.index("\n};")]
    assert set(re.findall(r"^  (\w+): (?:one|two)\(", table, re.MULTILINE)) == KNOWN


@pytest.mark.parametrize(
    ("start", "lr", "steps", "bounds", "text"),
    [
        ((1, 2, 3), 0.1, 5, None, "one or two numbers; the start has 3"),
        (0.0, 0.0, 5, None, "positive rate"),
        (0.0, -1.0, 5, None, "positive rate"),
        (0.0, 0.1, 0, None, "at least one step"),
        (0.0, 0.1, 5, (2, 1), "bounds must be"),
        (0.0, 0.1, 5, ((0, 1), (0, 1)), "bounds must be"),
    ],
)
def test_what_cannot_be_drawn(start: Any, lr: float, steps: int, bounds: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        TrajectoryView(bowl, start, lr, steps, bounds=bounds)


def test_the_grid_is_the_function_in_one_go_or_one_by_one() -> None:
    xs = np.linspace(-2, 2, 21)
    assert on_grid(bowl, [xs]) == pytest.approx((xs - 2) ** 2, abs=1e-5)
    one_by_one = on_grid(branch, [xs])
    assert one_by_one == pytest.approx(np.where(xs > 0, xs * xs, -xs), abs=1e-5)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-5, 5), (0.001, 0.0042), (-1e6, 3e6), (2, 2.5)])
def test_ticks_are_round_and_inside(low: float, high: float) -> None:
    found = ticks(low, high)
    assert 3 <= len(found) <= 11
    assert low <= found[0]
    assert found[-1] <= high
    assert found == sorted(set(found))


def test_the_box_ignores_what_ran_away() -> None:
    ((low, high),) = box(None, [[0.0], [1.0], [1e9], [math.inf]])
    assert -2 < low < 0
    assert 1 < high < 3


def test_names_are_text() -> None:
    made: dict[str, Any] = {}
    exec("def f(x): return x * x", made)
    view = TrajectoryView(made["f"], 1.0, 0.1, 2)
    view.names = ["<script>&"]
    ET.fromstring(view.to_svg())
    assert "<script>&" not in view.to_html().replace('<script type="text/plain"', "")

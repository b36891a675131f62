"""`TrajectoryView`: the walk is torch's, each step opens into what made it, and what the browser cannot do is said."""

from __future__ import annotations

import functools
import json
import math
import os
import random
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest

import gradviz
from gradviz.widgets import TrajectoryView
from gradviz.widgets.optim.terrain import box
from gradviz.widgets.timeline import Timeline
from gradviz.widgets.whatif.program import NeedsKernel, program


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
@pytest.mark.parametrize("clip", [None, 0.5])
def test_the_walk_is_torchs_walk(fn: Any, start: Any, lr: float, settings: Any, clip: float | None) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed: walks are not compared")
    view = TrajectoryView(fn, start, lr, 25, optimizer=functools.partial(gradviz.optim.SGD, **settings), clip=clip)
    point = [torch.tensor(v, requires_grad=True) for v in np.atleast_1d(start).tolist()]
    stepper = torch.optim.SGD(point, lr=lr, **settings)
    for k, (place, loss, slopes) in enumerate(zip(view.path, view.losses, view.grads, strict=True)):
        assert place == pytest.approx([p.item() for p in point], rel=1e-5, abs=1e-6)
        stepper.zero_grad()
        out = fn(*point)
        out.backward()
        assert loss == pytest.approx(out.item(), rel=1e-5, abs=1e-6)
        assert slopes == pytest.approx([p.grad.item() for p in point], rel=1e-5, abs=1e-6)
        if clip is not None:
            torch.nn.utils.clip_grad_norm_(point, clip)
            if k < 25:
                clipped = view.walk.terms["c"][k]
                assert clipped == pytest.approx([p.grad.item() for p in point], rel=1e-5, abs=1e-6)
        stepper.step()


def test_the_buffers_shown_are_the_optimisers_own() -> None:
    """Read from `state` while stepping by hand: the same numbers, and the step is the difference of two places."""
    point = [gradviz.tensor(v, requires_grad=True) for v in (-4.0, 2.0)]
    stepper = gradviz.optim.Adam(point, lr=0.1)
    view = TrajectoryView(valley, (-4.0, 2.0), 0.1, 12, optimizer=gradviz.optim.Adam)
    for k in range(12):
        stepper.zero_grad()
        valley(*point).backward()
        stepper.step()
        for name, key in (("m", "exp_avg"), ("v", "exp_avg_sq")):
            assert view.walk.terms[name][k] == [stepper.state[p][key].item() for p in point]
        moved = [b - a for a, b in zip(view.path[k], view.path[k + 1], strict=True)]
        assert view.walk.terms["step"][k] == moved
        told = view.explain(k)
        assert "θ ← θ − η m̂/(√v̂ + ε)" in told
        for name in ("m", "v", "mhat", "vhat"):
            for value in view.walk.terms[name][k]:
                assert format(value, ".6g") in told


def test_a_learners_own_optimiser_shows_its_buffers() -> None:
    class Heavy:
        def __init__(self, params: Any, lr: float) -> None:
            self.params, self.lr = list(params), lr
            self.speed = [gradviz.zeros(()) for _ in self.params]

        def step(self) -> None:
            with gradviz.no_grad():
                for i, p in enumerate(self.params):
                    self.speed[i] = 0.5 * self.speed[i] + p.grad
                    p -= self.lr * self.speed[i]

    view = TrajectoryView(valley, (-4.0, 2.0), 0.1, 3, optimizer=Heavy)
    assert view.program is None
    assert view.walk.terms["state.speed"][0] == [-4.0, 8.0]
    assert view.walk.terms["state.speed"][1] == pytest.approx([-5.6, 8.8])
    assert "speed" in view.explain(1)


def views() -> list[TrajectoryView]:
    return [TrajectoryView(fn, start, lr, 10) for fn, start, lr, settings in WALKS if not settings]


def test_everything_is_deterministic_and_well_formed() -> None:
    for a, b in zip(views(), views(), strict=True):
        assert a._repr_mimebundle_() == b._repr_mimebundle_()
        ET.fromstring(a.to_svg())
        assert json.loads(json.dumps(a.to_json(), allow_nan=False)) == a.to_json()
        assert set(a._repr_mimebundle_()) == {"text/plain", "text/html"}
        assert len(a.to_html()) < 90_000


def test_the_bytes_do_not_depend_on_the_hash_seed() -> None:
    code = (
        "import hashlib, gradviz as torch; from gradviz.widgets import TrajectoryView;"
        "v = TrajectoryView(lambda x, y: x * x + torch.sin(y), (1.0, 2.0), 0.1, 9, optimizer=torch.optim.Adam);"
        "print(hashlib.sha256((v.to_html() + v.to_svg('3d') + v.to_text()).encode()).hexdigest())"
    )
    found = set()
    for seed in ("0", "1", "77"):
        env = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
        found.add(done.stdout)
    assert len(found) == 1


def test_nothing_outside_is_changed() -> None:
    def noisy(x: Any, y: Any) -> Any:
        return (x + gradviz.randn(()) + random.random() + np.random.rand()) ** 2 + y * y  # noqa: NPY002

    gradviz.manual_seed(3)

    def states() -> Any:
        return gradviz.get_rng_state().tolist(), random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002

    before = states()
    with gradviz.no_grad():
        a = TrajectoryView(noisy, (1.0, 1.0), 0.1, 8)
        assert not gradviz.is_grad_enabled()
    assert states() == before
    assert a.to_html() == TrajectoryView(noisy, (1.0, 1.0), 0.1, 8).to_html(), "the seed makes it the same again"
    assert a.path != TrajectoryView(noisy, (1.0, 1.0), 0.1, 8, seed=1).path
    assert "different things" in a.why


def test_the_text_twin_has_a_row_for_each_step() -> None:
    lines = TrajectoryView(bowl, 0.0, 0.1, 3).to_text().splitlines()
    assert lines[0] == "SGD, rate 0.1, 3 steps from theta = 0"
    assert lines[1].split() == ["step", "theta", "loss", "slope", "theta"]
    assert [line.split()[:2] for line in lines[2:]] == [["0", "0"], ["1", "0.4"], ["2", "0.72"], ["3", "0.976"]]


def test_a_long_walk_is_shortened_in_the_middle_and_kept_in_part() -> None:
    view = TrajectoryView(bowl, 0.0, 0.001, 1234)
    assert len(view.table()) == 26
    assert view.table()[13][0] == "..."
    assert view.table()[-1][0] == "1234"
    data = view.to_json()
    assert data["every"] == 3
    assert len(data["walk"]["losses"]) == math.ceil(1234 / 3) + 1
    assert data["walk"]["path"][-1] == pytest.approx(view.path[-1])
    assert data["walk"]["path"][2] == pytest.approx(view.path[6])
    assert len(view.to_html()) < 120_000


def test_divergence_is_shown_and_not_warned_of() -> None:
    view = TrajectoryView(bowl, 0.0, 3.0, 200)
    assert view.to_json()["walk"]["losses"][-1] in ("nan", "inf")
    ET.fromstring(view.to_svg())
    assert "nan" in view.to_text()


def branch(x: Any) -> Any:
    return x * x if x.item() > 0 else -x


def vector(x: Any) -> Any:
    return (x * gradviz.tensor([1.0, 2.0])).sum()


def constant(x: Any) -> Any:
    return x * gradviz.tensor(3.0) + gradviz.tensor(1.0)


@pytest.mark.parametrize("fn", [branch, vector])
def test_what_needs_the_kernel_says_so(fn: Any) -> None:
    view = TrajectoryView(fn, 1.0, 0.1, 3, bounds=(-2, 2))
    assert view.program is None
    assert view.why


def test_another_optimiser_needs_the_kernel() -> None:
    class Mine(gradviz.optim.SGD):
        pass

    view = TrajectoryView(bowl, 0.0, 0.1, 3, optimizer=Mine)
    assert view.program is None
    assert "Mine" in view.why
    hooked = functools.partial(gradviz.optim.SGD)

    def make(params: Any, lr: float) -> Any:
        stepper = hooked(params, lr=lr)
        stepper.register_step_post_hook(lambda *_: None)
        return stepper

    assert "hooks" in TrajectoryView(bowl, 0.0, 0.1, 3, optimizer=make).why


def test_constants_are_part_of_the_program() -> None:
    made = program(constant, [[1.0], [2.0]])
    assert [node[0] for node in made["nodes"]] == ["mul", "add"]
    with pytest.raises(NeedsKernel):
        program(lambda x: x, [[1.0]])


@pytest.mark.parametrize(
    ("start", "lr", "steps", "more", "text"),
    [
        ((1, 2, 3), 0.1, 5, {}, "one or two numbers; the start has 3"),
        (0.0, 0.0, 5, {}, "positive rate"),
        (0.0, -1.0, 5, {}, "positive rate"),
        (0.0, 0.1, 0, {}, "at least one step"),
        (0.0, 0.1, 5, {"bounds": (2, 1)}, "bounds must be"),
        (0.0, 0.1, 5, {"bounds": ((0, 1), (0, 1))}, "bounds must be"),
        (0.0, 0.1, 5, {"bounds": "wide"}, "bounds must be"),
        (math.nan, 0.1, 5, {}, "must be finite"),
        (0.0, 0.1, 5, {"clip": 0}, "clip is the largest norm"),
        (0.0, 0.1, 5, {"view": "4d"}, "view must be"),
        (0.0, 0.1, 5, {"view": "3d"}, "needs a function of two numbers"),
    ],
)
def test_what_cannot_be_drawn(start: Any, lr: float, steps: int, more: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        TrajectoryView(bowl, start, lr, steps, **more)


def test_wrong_functions_are_explained() -> None:
    with pytest.raises(TypeError, match="must be a number or a pair"):
        TrajectoryView(bowl, "here")
    with pytest.raises(TypeError, match=r"Do not call \.item"):
        TrajectoryView(lambda x: x.item() ** 2, 1.0)
    with pytest.raises(ValueError, match=r"Add \.sum"):
        TrajectoryView(lambda x: x * gradviz.tensor([1.0, 2.0]), 1.0)
    with pytest.raises(IndexError, match="steps 0 to 4"):
        TrajectoryView(bowl, 0.0, 0.1, 5).explain(5)


def test_from_the_side() -> None:
    view = TrajectoryView(valley, (-4.0, 2.0), 0.1, 20)
    flat, side = view.to_svg(), view.to_svg("3d")
    assert TrajectoryView(valley, (-4.0, 2.0), 0.1, 20, view="3d").to_svg() == side
    ET.fromstring(side)
    assert len(side) < 120_000
    assert len(re.findall(r'<path d="[^"]+" fill="#', side)) > 500, "faces"
    assert 'class="t0"' in side
    assert 'class="t0"' not in flat


def test_the_box_ignores_what_ran_away() -> None:
    ((low, high),) = box(None, [[[0.0], [1.0], [1e9], [math.inf]]])
    assert -2 < low < 0
    assert 1 < high < 3


def test_schedules_and_timelines() -> None:
    def make(params: Any, lr: float) -> Any:
        stepper = gradviz.optim.SGD(params, lr=lr)
        return stepper, gradviz.optim.lr_scheduler.StepLR(stepper, 2, 0.5)

    view = TrajectoryView(valley, (1.0, 1.0), 0.1, 6, optimizer=make, timeline=Timeline("shared"))
    rates = [row[0] for row in view.to_json()["recipe"]["schedule"]["lr"]]
    assert rates == pytest.approx([0.1, 0.1, 0.05, 0.05, 0.025, 0.025])
    assert view.to_json()["timeline"] == "shared"
    for k, rate in enumerate(rates):
        assert view.walk.terms["step"][k] == pytest.approx([-rate * g for g in view.grads[k]], rel=1e-5)


def test_names_are_text() -> None:
    made: dict[str, Any] = {}
    exec(f"def f({'x' * 10_000}, y): return {'x' * 10_000} ** 2 + y", made)
    Evil = type('</script><b onmouseover="x">\u202e\n' + "z" * 10_000, (gradviz.optim.SGD,), {})
    view = TrajectoryView(made["f"], (1.0, 1.0), 0.1, 2, optimizer=Evil)
    for text in (view.to_html(), view.to_svg(), view.to_svg("3d")):
        assert "<b onmouseover" not in text
        assert "\u202e" not in text
        assert len(text) < 120_000
    ET.fromstring(view.to_svg())
    assert "x" * 50 not in view.to_text()

"""`MomentumPlane`: the mathematics against eigenvalues by NumPy, the walks against real SGD, the page against both."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys

import numpy as np
import pytest

import gradviz as torch
from gradviz.widgets.optim import momentum_math as mm
from gradviz.widgets.optim.momentum_plane import FASTEST, MomentumPlane, said_factor

RAVINE = (1.0, 100.0)


def matrix(push: float, beta: float, curvature: float = 1.0) -> np.ndarray:
    """The pair of velocity and error, one step on; the rate is `push / curvature`."""
    rate = push / curvature
    return np.array([[beta, curvature], [-rate * beta, 1 - push]])


@pytest.mark.parametrize("curvature", [0.3, 1.0, 50.0])
def test_eigenvalues_and_fates_are_those_of_the_matrix(curvature: float) -> None:
    rng = np.random.default_rng(0)
    seen = set()
    for push, beta in zip(rng.uniform(0.01, 4.2, 400), rng.uniform(0, 1, 400), strict=True):
        values = np.linalg.eigvals(matrix(push, beta, curvature))
        found, what = mm.roots(push, beta), mm.fate(push, beta)
        assert found.radius == pytest.approx(max(abs(values)), rel=1e-6)
        complex_pair = abs(values[0].imag) > 1e-9
        expected = "swings" if complex_pair else "creeps" if values.real.min() > 0 else "jumps"
        assert what == ("diverges" if values.real.min() < -1 else expected)
        seen.add(what)
    assert seen == set(mm.FATES)


def test_the_borders_are_where_the_fate_changes() -> None:
    for beta in (0.1, 0.5, 0.9):
        for edge, below, above in (
            (mm.border(beta, -1), "creeps", "swings"),
            (mm.border(beta, 1), "swings", "jumps"),
            (2 * (1 + beta), "jumps", "diverges"),
        ):
            assert (mm.fate(edge - 1e-6, beta), mm.fate(edge + 1e-6, beta)) == (below, above)


@pytest.mark.parametrize("curvatures", [(1.0, 1.0), (1.0, 10.0), RAVINE, (0.5, 3.0)])
def test_no_point_of_a_grid_is_better_than_the_best(curvatures: tuple[float, float]) -> None:
    rate, beta = mm.best(curvatures)
    least = mm.factor(rate, beta, curvatures)
    assert least == pytest.approx(math.sqrt(beta), abs=1e-6)
    for lr in np.linspace(0.001, 4.2, 160) / curvatures[1]:
        for momentum in np.linspace(0, 1, 80):
            assert mm.factor(lr, momentum, curvatures) >= least - 1e-9
    slow = mm.best_plain(curvatures)
    plain = mm.factor(slow, 0.0, curvatures)
    assert plain == pytest.approx((curvatures[1] - curvatures[0]) / (curvatures[1] + curvatures[0]), abs=1e-12)
    assert all(mm.factor(slow * by, 0.0, curvatures) >= plain for by in (0.9, 0.99, 1.01, 1.1))


@pytest.mark.parametrize("curvatures", [(1.0, 1.0), (1.0, 10.0), RAVINE])
@pytest.mark.parametrize("level", [0.3, 0.6, 0.85, 0.95, 0.99])
def test_a_contour_is_the_edge_of_its_region(curvatures: tuple[float, float], level: float) -> None:
    corners = mm.contour(level, curvatures)
    least = math.sqrt(mm.best(curvatures)[1])
    assert bool(corners) == (level >= least)
    if not corners:
        return
    middle = np.mean(corners, axis=0)
    for a, b in zip(corners, [*corners[1:], corners[0]], strict=True):
        for share in (0.1, 0.5, 0.9):
            place = np.array(a) * (1 - share) + np.array(b) * share
            if place[1] > 0:  # the lower side lies on momentum 0, where the plane ends
                assert mm.factor(*place, curvatures) == pytest.approx(level, abs=1e-6)
            inside = place + (middle - place) * 1e-3
            assert mm.factor(*inside, curvatures) <= level + 1e-9


@pytest.mark.parametrize(
    ("lr", "momentum"), [(0.02, 0.5), (4 / 121, 81 / 121), (0.0351, 0.2), (2 / 101, 0.0), (0.03, 1.0)]
)
def test_the_walk_is_that_of_sgd(lr: float, momentum: float) -> None:
    view = MomentumPlane(RAVINE, lr, momentum, start=(-4.0, 0.5), steps=40)
    place = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (-4.0, 0.5)]
    optimizer = torch.optim.SGD(place, lr=lr, momentum=momentum)
    for step in range(41):
        loss = 0.5 * RAVINE[0] * place[0] * place[0] + 0.5 * RAVINE[1] * place[1] * place[1]
        assert [p.item() for p in place] == view.walk.path[step]
        assert loss.item() == view.walk.losses[step]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if momentum and step < 40:
            kept = [optimizer.state[p]["momentum_buffer"].item() for p in place]
            assert kept == view.walk.velocity[step + 1]


def test_the_factor_is_how_the_walk_shrinks() -> None:
    view = MomentumPlane(RAVINE, 0.02, 0.5, start=(-4.0, 0.5), steps=200)
    a, b = (math.hypot(*view.walk.path[k]) for k in (120, 200))
    assert (b / a) ** (1 / 80) == pytest.approx(view.factor, rel=1e-6)
    assert view.fates() == ["creeps", "swings"]
    assert view.to_text().splitlines()[0].endswith("factor 0.9582 a step: a digit every 53.9 steps")


def test_what_is_said_of_a_factor() -> None:
    assert said_factor(1.5).endswith("it diverges")
    assert said_factor(1.0).endswith("it never comes to rest")
    assert said_factor(0.1).endswith("a digit every 1 steps")
    assert said_factor(0.0).endswith("there at once")
    assert "without end" in MomentumPlane(momentum=1.0).to_text()
    assert "there at once" in MomentumPlane((2.0, 2.0), 0.5, 0.0).to_text()


def test_nothing_outside_is_changed() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state().tolist()
    with torch.no_grad():
        view = MomentumPlane()
        assert not torch.is_grad_enabled()
    view.to_html()
    assert torch.get_rng_state().tolist() == before


def test_the_bytes_are_the_same_every_time() -> None:
    assert MomentumPlane().to_html() == MomentumPlane().to_html()
    code = (
        "from gradviz.widgets.optim.momentum_plane import MomentumPlane as M; print(hash(M().to_html()) * 0, end='');"
    )
    code += "import hashlib; print(hashlib.sha256(M().to_html().encode()).hexdigest())"
    runs = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed, "PATH": ""}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(runs) == 1
    assert len(MomentumPlane().to_html()) < 60_000


def test_every_view_of_the_farthest_walk_is_finite_text() -> None:
    view = MomentumPlane(RAVINE, FASTEST / 100, 1.0, start=(1e6, 1e6), steps=200)
    json.dumps(view.to_json(), allow_nan=False)
    for text in (view.to_svg(), view.to_html(), view.to_text()):
        assert not re.search(r"(?<![\w+/])nan(?![\w+/=])", text, re.IGNORECASE)  # the letters of a picture say nothing
    assert view.fates() == ["swings", "diverges"]


def test_a_title_is_text() -> None:
    view = MomentumPlane(title='<script>"\u202e\n' + "x" * 10_000)
    assert '<script>"' not in view.to_svg()
    assert "\u202e" not in view.to_text()
    assert len(view.title) <= 200
    assert len(view.to_html()) < 60_000


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"curvatures": (10.0, 1.0)}, ValueError, "the smaller one first"),
        ({"curvatures": (0.0, 1.0)}, ValueError, "two positive curvatures"),
        ({"curvatures": 3.0}, TypeError, "curvatures must be two numbers"),
        ({"curvatures": (1.0, math.inf)}, ValueError, "must be finite"),
        ({"lr": 0.0}, ValueError, "rates above 0"),
        ({"lr": 3.0}, ValueError, "here 2"),
        ({"momentum": 1.1}, ValueError, "momenta from 0 to 1"),
        ({"start": (0.0, 1.0)}, ValueError, "from 1e-6 to 1e6"),
        ({"start": "no"}, TypeError, "start must be two numbers"),
        ({"steps": 0}, ValueError, "from 1 to 200"),
        ({"steps": 2.5}, ValueError, "from 1 to 200"),
    ],
)
def test_bad_input(given: dict[str, object], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        MomentumPlane(**given)  # type: ignore[arg-type]

"""The numbers in the prose of lesson 07 are true."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("jupytext", reason="jupytext is not installed: the lessons' sources cannot be read")

from gradviz.teach import source
from gradviz.teach.course import lesson
from gradviz.widgets import MomentumPlane
from gradviz.widgets.optim.momentum_math import best, best_plain, factor, fate
from tests.notebooks.run_plain import code_of, run_cells

RAVINE = (1.0, 100.0)


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    """What the solved lesson's cells have made."""
    made: dict[str, Any] = {"__name__": "__main__"}
    run_cells(code_of(source.solved(lesson("07"))), made)
    return made


def test_it_arrives_seven_times_sooner(names: dict[str, Any]) -> None:
    near = [
        next(step for step, theta in enumerate(names["descend"](0.01, beta, 400)) if abs(theta - 2) < 0.01)
        for beta in (0.0, 0.9)
    ]
    assert [step - 1 for step in near] == [262, 36]
    assert round(near[0] / near[1]) == 7


def test_the_points_that_the_prose_names() -> None:
    assert best_plain(RAVINE) == 2 / 101
    assert factor(2 / 101, 0.0, RAVINE) == pytest.approx(99 / 101)
    lr, beta = best(RAVINE)
    assert (lr, beta) == (pytest.approx(4 / 121), pytest.approx(81 / 121))
    assert factor(lr, beta, RAVINE) == pytest.approx(9 / 11)
    start = MomentumPlane(RAVINE, lr=0.005, momentum=0.0, start=(-4.0, 0.5))
    assert start.fates() == ["creeps", "creeps"]
    fates = [fate(100 * rate, 0.0) for rate in (0.0099, 0.0101, 0.0199, 0.0201)]
    assert fates == ["creeps", "jumps", "jumps", "diverges"]


def test_momentum_rises_first_and_runs_to_the_other_side() -> None:
    lr, beta = best(RAVINE)
    walk = MomentumPlane(RAVINE, lr, beta, start=(-4.0, 0.5)).walk
    assert walk.losses[1] > walk.losses[0]
    assert walk.path[1][1] < 0 < walk.path[0][1]


def test_the_answers_are_those_of_the_plane(names: dict[str, Any]) -> None:
    pairs = [(0.01, 0.5), (0.01, 0.9), (1.4, 0.2), (1.4, 0.5)]
    assert names["fates"] == [fate(2 * lr, beta) for lr, beta in pairs]
    assert fate(0.02, names["largest"] - 1e-6) == "creeps"
    assert fate(0.02, names["largest"] + 1e-6) == "swings"

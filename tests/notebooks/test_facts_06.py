"""The numbers in the prose of lesson 06 are true, and the view's run is the one that the solved exercise makes."""

from __future__ import annotations

import math
from typing import Any

import pytest

pytest.importorskip("jupytext", reason="jupytext is not installed: the lessons' sources cannot be read")

import gradviz as torch
from gradviz.teach import source
from gradviz.teach.course import lesson
from gradviz.widgets import BatchSizes
from tests.notebooks.run_plain import code_of, run_cells


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    """What the solved lesson's cells have made."""
    made: dict[str, Any] = {"__name__": "__main__"}
    run_cells(code_of(source.solved(lesson("06"))), made)
    return made


def test_the_curvature_is_5_70_and_the_limit_0_35(names: dict[str, Any]) -> None:
    inputs = torch.stack([names["x"], torch.ones(64, dtype=torch.float64)], 1)
    steepest = torch.linalg.eigvalsh(2 * inputs.T @ inputs / 64)[-1].item()
    assert f"{steepest:.2f}" == "5.70"
    assert f"{2 / steepest:.2f}" == "0.35"
    falls, rises = (names["train"](64, rate, 30) for rate in (1.98 / steepest, 2.02 / steepest))
    assert falls[-1] < falls[0] < rises[0] < rises[-1]


def test_the_view_is_the_learners_own_loop(names: dict[str, Any]) -> None:
    """`minibatches` under torch.manual_seed(0) makes the view's run, bit for bit."""
    x, y, loss = names["x"], names["y"], names["loss"]
    view = BatchSizes(loss, (x, y), start=(-1.0, 2.5), lr=0.05, size=8)
    for run in view.runs:
        torch.manual_seed(0)
        w, b = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (-1.0, 2.5))
        optimizer = torch.optim.SGD([w, b], lr=0.05)
        path = [[w.item(), b.item()]]
        for _ in range(10):
            for some, same in names["minibatches"](x, y, run.size):
                optimizer.zero_grad()
                loss(w, b, some, same).mean().backward()
                optimizer.step()
                path.append([w.item(), b.item()])
        assert run.path[: len(path)] == path


def test_the_linear_rule_and_its_end(names: dict[str, Any]) -> None:
    runs = [names["train"](size, lr, 5) for size, lr in ((8, 0.05), (16, 0.1), (32, 0.2), (64, 0.4))]
    for run in runs[1:3]:
        assert run == pytest.approx(runs[0], rel=0.11)
    assert runs[3] == sorted(runs[3])


def test_sorted_rows_stay_where_they_are_stuck(names: dict[str, Any]) -> None:
    assert max(names["shuffled"][-4:]) < min(names["in_order"][-4:])
    assert max(names["in_order"][-4:]) - min(names["in_order"][-4:]) < 1e-3


def test_recall() -> None:
    order = torch.arange(64).split(10)
    assert (len(order), len(order[-1])) == (7, 4)
    quarter = [(64 - 4 * b) / 63 / (4 * b) / ((64 - b) / 63 / b) for b in (1, 4, 8)]
    assert all(math.sqrt(share) < 0.5 for share in quarter)  # a little less than four times is enough
    assert quarter == sorted(quarter, reverse=True)


def test_seconds_become_epochs_when_a_step_is_free(names: dict[str, Any]) -> None:
    """The two charts are the same when only rows cost."""
    view = BatchSizes(names["loss"], (names["x"], names["y"]), (-1.0, 2.5), overhead=0)
    assert all(view.ends(run)[0] == view.ends(run)[1] for run in view.runs)

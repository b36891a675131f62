"""What the prose of lesson 14 says of its networks is true."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("jupytext", reason="jupytext is not installed: the lessons' sources cannot be read")

from gradviz.teach import source
from gradviz.teach.course import lesson
from gradviz.widgets import SignalPropagation
from tests.notebooks.run_plain import code_of, run_cells


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    """What the solved lesson's cells have made."""
    made: dict[str, Any] = {"__name__": "__main__"}
    run_cells(code_of(source.solved(lesson("14"))), made)
    return made


@pytest.fixture(scope="module")
def view(names: dict[str, Any]) -> SignalPropagation:
    """The lesson's own picture."""
    network, activations = names["network"], names["activations"]
    return SignalPropagation({name: network(f) for name, f in activations.items()}, depth=20, gain=1.0)


def test_a_thousandth_at_the_ends_and_a_thirtieth_in_the_middle(names: dict[str, Any]) -> None:
    outputs, grads = names["signals"](names["torch"].relu, gain=1.0)
    sizes = [[names["size"](t) for t in some] for some in (outputs, grads)]
    assert 1 / 2000 < sizes[0][-1] / sizes[0][0] * 0.7 < 1 / 500
    assert 1 / 2000 < sizes[1][0] / sizes[1][-1] < 1 / 500
    for some in sizes:
        assert 1 / 40 < some[10] < 1 / 15


def test_the_four_moves_on_the_sliders(view: SignalPropagation) -> None:
    relu, tanh, sigmoid = view.grid
    ratios = {gain: relu[2][j].ratio for j, gain in enumerate(view.gains)}
    assert 0.1 < ratios[1.41] < 10
    assert ratios[1.0] < 0.01
    assert ratios[2.0] > 100
    for j, gain in enumerate(view.gains):
        if 0.7 < gain < 2.1:
            assert 0.05 < relu[0][j].ratio < 20  # at depth 5 a wrong gain is hardly seen
    assert tanh[2][-1].ratio > 1000
    assert max(one.rms for one in tanh[2][-1].outputs) <= 1
    assert all(run.ratio < 1e-3 for run in sigmoid[2])


def test_the_size_of_the_picture_is_that_of_the_lesson(names: dict[str, Any], view: SignalPropagation) -> None:
    outputs, grads = names["signals"](names["torch"].relu, gain=1.0)
    for tensors, layers in ((outputs, view.now.outputs), (grads, view.now.grads)):
        for tensor, one in zip(tensors, layers, strict=True):
            assert one.rms == pytest.approx(names["size"](tensor), rel=1e-5)

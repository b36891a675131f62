"""`Timeline` in Python: names, positions, and what is no position."""

from __future__ import annotations

import math
from typing import Any

import pytest

from gradviz.widgets.timeline import Timeline, name_of
from gradviz.widgets.training.loss_curve import LossCurve


def test_names_tell_timelines_apart() -> None:
    a, b = Timeline(), Timeline()
    assert a.name != b.name
    assert repr(Timeline("run")) == "Timeline('run')"
    assert (name_of(Timeline("x")), name_of("y"), name_of(None)) == ("x", "y", None)


def test_without_a_page_the_position_is_what_python_says() -> None:
    time = Timeline("t")
    assert (time.iteration, time.phase, time.op) == (None, None, None)
    assert time.moment() == {}
    time.go(12, "forward", op=3)
    assert (time.iteration, time.phase, time.op) == (12, "forward", 3)
    assert time.moment() == {"move": 1, "iteration": 12, "phase": "forward", "op": 3}


def test_a_picture_starts_where_the_timeline_is() -> None:
    time = Timeline("t")
    assert LossCurve([1, 2, 3], timeline=time).to_json()["at"] is None
    time.go(2)
    shown = LossCurve([1, 2, 3], timeline=time).to_json()
    assert (shown["at"], shown["timeline"]) == (2, "t")


@pytest.mark.parametrize("where", ["3", None, math.nan, math.inf, True])
def test_what_is_no_iteration_is_refused(where: Any) -> None:
    with pytest.raises(TypeError, match="iteration"):
        Timeline().go(where)


def test_what_is_no_phase_is_refused() -> None:
    with pytest.raises(ValueError, match="forward, backward, update"):
        Timeline().go(1, "sideways")

"""Level lines: every point lies on its level, lines are joined, saddles are split, nothing depends on chance."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from gradviz.widgets.optim.contour import contour, levels

XS, YS = np.linspace(-5, 5, 61), np.linspace(-3, 3, 41)
X, Y = np.meshgrid(XS, YS)


def test_a_bowl_gives_one_closed_ring_on_its_level() -> None:
    (ring,) = contour(XS, YS, X * X + Y * Y, 4.0)
    assert ring[0] == ring[-1]
    assert max(abs(math.hypot(x, y) - 2) for x, y in ring) < 0.01
    assert sum(math.dist(a, b) for a, b in itertools.pairwise(ring)) == pytest.approx(4 * math.pi, rel=0.01)


def test_a_plane_gives_one_straight_line() -> None:
    (line,) = contour(XS, YS, X, 0.05)
    assert {round(x, 9) for x, _ in line} == {0.05}
    assert len(line) == len(YS)


@pytest.mark.parametrize(("level", "count"), [(-1.0, 2), (0.0, 2), (0.3, 2)])
def test_a_saddle_gives_two_lines_that_do_not_cross(level: float, count: int) -> None:
    lines = contour(XS, YS, (X + 0.013) * (Y + 0.017), level)
    assert len(lines) == count


def test_holes_and_flat_functions() -> None:
    assert levels(np.zeros((3, 3))) == []
    assert levels(np.full((3, 3), np.nan)) == []
    values = X * X + Y * Y
    values[20, :] = np.nan
    lines = contour(XS, YS, values, 4.0)
    assert len(lines) == 2
    assert all(math.isfinite(v) for line in lines for point in line for v in point)


def test_levels_lie_inside_and_are_denser_below() -> None:
    found = levels(X * X + Y * Y, 11)
    gaps = np.diff(found)
    assert 0 < found[0] < found[-1] < 34
    assert (np.diff(gaps) > 0).all()


def test_the_same_every_time() -> None:
    assert contour(XS, YS, np.sin(X) * Y, 0.4) == contour(XS, YS, np.sin(X) * Y, 0.4)

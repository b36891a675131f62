"""Lesson 07 in a real JupyterLab: the moves that the prose asks for on the plane, and the race."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("jupytext", reason="jupytext is not installed: the lessons' sources cannot be read")

from gradviz.teach.course import lesson
from gradviz.widgets import MomentumPlane
from tests.browser.lab import Page
from tests.browser.test_lessons import index_of, opened, said, view_in

NOW = "view => ({ ...view.plane, shown: view.dataset.fates })"


def test_the_plane_of_lesson_07(page: Page) -> None:
    it = lesson("07")
    opened(page, it)
    view = view_in(page, index_of(it, "MomentumPlane((1.0"))
    view.focus()

    def press(key: str) -> Any:
        view.keyboard.press(key)
        return view.element.evaluate(NOW)

    def until(key: str, fates: str) -> Any:
        for _ in range(20):
            got = press(key)
            if got["shown"] == fates:
                return got
        raise AssertionError(f"never {fates}, but {got['shown']}")

    assert press("Home")["shown"] == "creeps creeps"
    until("Alt+Shift+ArrowRight", "creeps jumps")
    assert until("Alt+Shift+ArrowRight", "creeps diverges")["lr"] > 2 / 100
    plain = press("p")
    assert (plain["lr"], plain["momentum"]) == (2 / 101, 0)
    assert plain["factor"] == pytest.approx(99 / 101)
    assert until("Alt+Shift+ArrowUp", "creeps swings")["momentum"] > 0
    best = press("b")
    assert (best["lr"], best["momentum"]) == (pytest.approx(4 / 121), pytest.approx(81 / 121))
    assert best["shown"] == "creeps jumps"
    assert best["factor"] == pytest.approx(9 / 11)
    python = MomentumPlane((1.0, 100.0), best["lr"], best["momentum"], start=(-4.0, 0.5))
    assert [[float(v) for v in row] for row in best["path"]] == python.walk.path
    assert view.element.locator(".facts").inner_text().count("0.8182 twice") == 2
    press("l")
    assert view.element.get_by_text("the factor, step by step").is_visible()
    both = until("Alt+Shift+ArrowUp", "swings swings")
    assert both["factor"] == pytest.approx(both["momentum"] ** 0.5)
    assert press("Alt+Shift+ArrowLeft")["factor"] == pytest.approx(both["factor"])
    assert page.cell_count() == page.tab.locator(".jp-Notebook .jp-Cell").count()  # no key reached the notebook


def test_the_race_of_lesson_07(page: Page) -> None:
    it = lesson("07")
    opened(page, it)
    at = index_of(it, "OptimizerRace(")
    view = view_in(page, at)
    view.press("Home", 0)
    view.press("ArrowRight", 1)
    view.press("End", 80)
    standing = view.element.evaluate("view => view.shadowRoot.textContent")
    assert "momentum" in standing
    assert "plain" in standing
    counts = said(page, at + 2).split("\n")
    assert [line.split(":")[0] for line in counts if "steps until" in line] == ["plain", "momentum"]


def test_answers_of_lesson_07(page: Page) -> None:
    it = lesson("07")
    opened(page, it, **{"07_1": 'fates = ["creeps", "swings", "diverges", "swings"]', "07_2": "largest = 0.9"})
    assert "All four." in said(page, index_of(it, "# Exercise 07.1"))
    assert "Go down." in said(page, index_of(it, "# Exercise 07.2"))

"""The curve of lesson 04 in a real JupyterLab: h by keys and by the mouse, the other formula, the other type."""

from __future__ import annotations

import pytest

pytest.importorskip("jupytext", reason="jupytext is not installed: the lessons' sources cannot be read")

from gradviz.teach.course import lesson
from tests.browser.lab import Page
from tests.browser.test_lessons import index_of, opened, said, view_in


def test_the_step_of_lesson_04_can_be_dragged(page: Page) -> None:
    it = lesson("04")
    opened(page, it)
    view = view_in(page, index_of(it, "DifferenceCurve(cube"))
    host = view.element
    view.press("Home", 0)
    assert host.get_attribute("data-h") == "1e-15"
    view.press("End", 112)
    assert host.get_attribute("data-h") == "0.1"
    view.press("Shift+ArrowLeft", 102)
    assert "truncation" in host.locator(".said").inner_text()
    plot = host.locator("svg.plot").first
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    page.tab.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + box["height"] * 0.5)
    page.tab.mouse.down()
    page.tab.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.5, steps=6)
    page.tab.mouse.up()
    page.tab.wait_for_function("v => Number(v.dataset.h) < 1e-9", arg=host.element_handle())
    assert "rounding" in host.locator(".said").inner_text()
    host.get_by_role("button", name="float32").click()
    host.get_by_role("button", name="Central").click()
    page.tab.wait_for_function(
        "v => v.dataset.type === 'float32' && v.dataset.formula === 'central'", arg=host.element_handle()
    )
    assert "lost" in host.locator(".told").inner_text()


def test_a_right_answer_in_lesson_04_turns_green(page: Page) -> None:
    it = lesson("04")
    page = opened(page, it, **{"04_2": 'wrong = "leaky"'})
    red = said(page, index_of(it, "# Exercise 04.2"))
    assert "not yet" in red
    assert "corner" in red

"""Lesson 02 in a real JupyterLab: the graph grows line by line, and a slider flips an `if`."""

from __future__ import annotations

import pytest

pytest.importorskip("jupytext", reason="jupytext is not installed: the lessons' sources cannot be read")

from gradviz.teach.course import lesson
from tests.browser.lab import Page, View
from tests.browser.test_lessons import index_of, opened, said, view_in

BOXES = (
    "host => [...host.shadowRoot.querySelectorAll('g.node:not(.ghost):not(.portal) .title')].map(t => t.textContent)"
)


def boxes(view: View) -> list[str]:
    return list(view.element.evaluate(BOXES))


def test_the_graph_grows_as_lines_run(page: Page) -> None:
    it = lesson("02")
    opened(page, it)
    view = view_in(page, index_of(it, "GraphGrowth(double"))
    last = view.length
    view.press("Home", 0)
    assert boxes(view) == []
    seen = []
    for step in range(1, last + 1):
        view.press("ArrowRight", step)
        seen.append(len(boxes(view)))
    assert seen == sorted(seen)
    # x, three products, four comparisons
    assert seen[-1] == 8
    assert sum(title.startswith("lt") for title in boxes(view)) == 4


def test_a_slider_flips_the_if(page: Page) -> None:
    it = lesson("02")
    opened(page, it)
    view = view_in(page, index_of(it, "EditGraph(gate"))
    assert "pow" in boxes(view)
    field = view.element.locator(".knob[aria-label='x'] input")
    before = view.element.get_attribute("data-edit")
    field.fill("-2")
    field.press("Enter")
    page.tab.wait_for_function(
        "([host, before]) => host.getAttribute('data-edit') !== before", arg=[view.element.element_handle(), before]
    )
    assert "pow" not in boxes(view)
    assert "False" in view.element.locator(".about").inner_text()
    slide = view.element.locator(".knob[aria-label='x'] .slide")
    slide.focus()
    for _ in range(60):
        if float(slide.get_attribute("aria-valuenow")) > 0:
            break
        before = view.element.get_attribute("data-edit")
        page.tab.keyboard.press("Shift+ArrowRight")
        page.tab.wait_for_function(
            "([host, before]) => host.getAttribute('data-edit') !== before", arg=[view.element.element_handle(), before]
        )
    assert "pow" in boxes(view)


def test_answers_turn_green_and_red(page: Page) -> None:
    it = lesson("02")
    page = opened(page, it, **{"02_1": "def power(x, n):\n    return x ** (n + 1)"})
    assert "stand behind it" in said(page, index_of(it, "# Exercise 02.1"))

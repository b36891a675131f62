"""Lesson 10 in a real JupyterLab: walk in the module tree, and read the two curves."""

from __future__ import annotations

import pytest

pytest.importorskip("jupytext", reason="jupytext is not installed: the lessons' sources cannot be read")

from gradviz.teach.course import lesson
from tests.browser.lab import Page
from tests.browser.test_lessons import index_of, opened, said, view_in

TEXT = "view => view.shadowRoot.textContent"


def test_the_tree_of_lesson_10(page: Page) -> None:
    it = lesson("10")
    opened(page, it)
    view = view_in(page, index_of(it, "ModuleTree(net, x)"))
    text = view.element.evaluate(TEXT)
    for name in ("hidden", "drop", "out", "(32, 16)"):
        assert name in text
    row = view.element.locator("[role=row], [role=treeitem]").filter(has_text="hidden").last
    row.click()
    page.tab.keyboard.press("ArrowDown")
    assert "hidden" in view.element.evaluate(TEXT)


def test_the_curves_of_lesson_10(page: Page) -> None:
    it = lesson("10")
    opened(page, it)
    view = view_in(page, index_of(it, "LossCurve({"))
    text = view.element.evaluate(TEXT)
    assert "zero_grad" in text
    assert "forgotten" in text
    both = view.element.locator("path.raw").count()
    toggle = view.element.locator(".legend button").filter(has_text="forgotten")
    toggle.click()
    view.element.locator(".legend button[aria-pressed=false]").wait_for()
    page.tab.wait_for_function(
        "([v, n]) => v.shadowRoot.querySelectorAll('path.raw').length < n", arg=[view.element.element_handle(), both]
    )
    toggle.click()
    page.tab.wait_for_function(
        "([v, n]) => v.shadowRoot.querySelectorAll('path.raw').length === n", arg=[view.element.element_handle(), both]
    )
    view.focus()
    page.tab.keyboard.press("ArrowRight")
    assert "forgotten" in view.element.locator(".said").inner_text()


def test_answers_of_lesson_10(page: Page) -> None:
    it = lesson("10")
    opened(page, it, **{"10_1": 'order = "dbeca"', "10_2": 'loop, how = "C", "cleared"'})
    assert "as if nothing had moved" in said(page, index_of(it, "# Exercise 10.1"))
    assert "right" in said(page, index_of(it, "# Exercise 10.2"))

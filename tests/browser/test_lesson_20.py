"""Lesson 20 in a real JupyterLab: run to the first NaN and back, and the picture of the classic mistake."""

from __future__ import annotations

import pytest

pytest.importorskip("jupytext", reason="jupytext is not installed: the lessons' sources cannot be read")

from gradviz.teach.course import lesson
from tests.browser.lab import Page
from tests.browser.test_lessons import index_of, opened, said, view_in

TEXT = "view => view.shadowRoot.textContent"
STATUS = "[role=status]"


def test_scrubbing_back_to_the_first_nan(page: Page) -> None:
    it = lesson("20")
    opened(page, it)
    view = view_in(page, index_of(it, "BackpropStepper(loss, stop="))
    end = view.length
    view.press("End", end)
    stops = []
    for _ in range(2):
        before = view.step
        view.focus()
        page.tab.keyboard.press("p")
        page.tab.wait_for_function(
            "([v, at]) => Number(v.dataset.step) < at", arg=[view.element.element_handle(), before]
        )
        stops.append((view.step, view.element.locator(STATUS).first.inner_text()))
    (last, told_last), (first, told_first) = stops
    assert first < last < end
    assert "what mul passes on to gap" in told_last
    assert "what distance passes on to squared" in told_first
    assert "inf" in told_first
    view.press("ArrowLeft", first - 1)
    view.press("Home", 0)
    view.focus()
    page.tab.keyboard.press("n")
    view.wait_step(first)


def test_the_error_graph_names_who_wrote_and_who_needed(page: Page) -> None:
    it = lesson("20")
    opened(page, it)
    view = view_in(page, index_of(it, "ErrorGraph(broken)"))
    text = view.element.evaluate(TEXT)
    assert "y.add_(1)" in text
    assert "loss = (y * y).sum()" in text


def test_answers_of_lesson_20(page: Page) -> None:
    it = lesson("20")
    opened(page, it, **{"20_1": 'node = "score"', "20_5": 'node = "share"'})
    red = said(page, index_of(it, "# Exercise 20.1"))
    assert "not yet" in red
    assert "Go further back" in red
    assert "right" in said(page, index_of(it, "# Exercise 20.5"))

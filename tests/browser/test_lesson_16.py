"""Lesson 16 in JupyterLab: slide the scale, read the scaler's events, and both exercises answered."""

from __future__ import annotations

import pytest

pytest.importorskip("jupytext", reason="jupytext is not installed: the lessons' sources cannot be read")

from gradviz.teach import source
from gradviz.teach.course import lesson
from tests.browser.lab import Page
from tests.browser.test_lessons import index_of, opened, said, view_in


def test_the_number_line_of_lesson_16(page: Page) -> None:
    it = lesson("16")
    opened(page, it)
    view = view_in(page, index_of(it, 'title="Gradients after 40 steps"'))
    lost = view.element.locator(".fate b").first
    before = lost.inner_text()
    assert before.startswith("40")
    for step in range(9, 24):
        view.press("ArrowRight", step)
    assert "Fewer than 1 % are lost, none overflows" in view.element.evaluate("v => v.shadowRoot.textContent")
    view.press("End", 40)
    assert "inf" in view.element.locator(".said").inner_text()
    view.element.get_by_role("button", name="bfloat16").click()
    page.tab.wait_for_function("v => v.dataset.dtype === 'bfloat16'", arg=view.element.element_handle())

    log = view_in(page, index_of(it, "ScalerTimeline(log)"))
    log.element.get_by_role("button", name="Next event").click()
    page.tab.wait_for_function("v => v.dataset.step === '1'", arg=log.element.element_handle())
    assert "step skipped, scale 2^27 becomes 2^26" in log.element.locator(".said").inner_text()


def test_solutions_of_lesson_16_are_green_in_jupyterlab(page: Page) -> None:
    it = lesson("16")
    opened(page, it, **{number.replace(".", "_"): text for number, text in source.solutions(it).items()})
    for number in ("16.1", "16.2"):
        assert "right" in said(page, index_of(it, f"# Exercise {number}"))

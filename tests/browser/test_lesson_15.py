"""Lesson 15 in JupyterLab: the two state_dicts side by side, and both exercises answered."""

from __future__ import annotations

from gradviz.teach import source
from gradviz.teach.course import lesson
from tests.browser.lab import Page
from tests.browser.test_lessons import index_of, opened, said, view_in


def test_the_two_state_dicts_of_lesson_15(page: Page) -> None:
    it = lesson("15")
    opened(page, it)
    view = view_in(page, index_of(it, 'names=("saved", "new model")'))
    assert "other numbers" in view.element.locator(".rows").inner_text()
    view.press("ArrowRight", 1)
    assert "16 numbers copied" in view.element.locator(".said").inner_text()
    assert "largest difference 0" in view.element.locator(".far").inner_text()
    view.press("End", 5)
    assert "returns" in view.element.locator(".said").inner_text()

    other = view_in(page, index_of(it, 'names=("saved", "longer")'))
    other.press("End", 7)
    assert "3 of another shape, 2 missing" in other.element.locator(".said").inner_text()
    other.element.get_by_role("button", name="strict=False").click()
    said_now = other.element.locator(".said").inner_text()
    assert "3 of another shape" in said_now
    assert "missing" not in said_now


def test_solutions_of_lesson_15_are_green_in_jupyterlab(page: Page) -> None:
    it = lesson("15")
    opened(page, it, **{number.replace(".", "_"): text for number, text in source.solutions(it).items()})
    for number in ("15.1", "15.2"):
        assert "right" in said(page, index_of(it, f"# Exercise {number}"))

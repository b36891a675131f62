"""Lesson 15 in JupyterLab: the two state_dicts side by side, and both exercises answered."""

from __future__ import annotations

from gradviz.teach import source
from gradviz.teach.course import lesson
from tests.browser.lab import Page
from tests.browser.test_lessons import index_of, opened, said, view_in


def test_the_two_state_dicts_of_lesson_15(page: Page) -> None:
    it = lesson("15")
    opened(page, it)
    view = view_in(page, index_of(it, "TensorInspector(both"))
    for name in ("0.weight: saved", "0.weight: new model", "0.weight: difference"):
        view.element.locator("b").get_by_text(name, exact=True).click()
        view.element.locator(f"[aria-label^='Heatmap of {name},']").wait_for()


def test_solutions_of_lesson_15_are_green_in_jupyterlab(page: Page) -> None:
    it = lesson("15")
    opened(page, it, **{number.replace(".", "_"): text for number, text in source.solutions(it).items()})
    for number in ("15.1", "15.2"):
        assert "right" in said(page, index_of(it, f"# Exercise {number}"))

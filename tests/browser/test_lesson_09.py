"""Lesson 09 in a real JupyterLab: a tick while the rule is right, an exclamation mark once it is spoilt."""

from __future__ import annotations

import pytest

pytest.importorskip("jupytext", reason="jupytext is not installed: the lessons' sources cannot be read")

from gradviz.teach import build
from gradviz.teach.course import lesson
from tests.browser.lab import Page
from tests.browser.test_lessons import index_of, opened, view_in


def badges(page: Page, index: int) -> set[str]:
    """The kinds of the badges at the last step of the view in a cell."""
    view = view_in(page, index)
    view.press("End", view.length)
    found = view.element.locator("g.badge")
    found.first.wait_for(state="attached")
    return {kind for kind in ("ok", "bad", "unsure") if view.element.locator(f"g.badge.{kind}").count()}


def test_the_badge_of_lesson_09_turns_red(page: Page) -> None:
    it = lesson("09")
    opened(page, it)
    at = index_of(it, "factor = 3")
    assert badges(page, at) == {"ok"}
    notebook = build.load(it.notebook)
    for cell in notebook.cells:
        cell.source = cell.source.replace("factor = 3", "factor = 2")
    page.server.write("spoilt.ipynb", notebook)
    page.open("spoilt.ipynb").run_all()
    assert "bad" in badges(page, at)

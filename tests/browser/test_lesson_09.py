"""Lesson 09 in a real JupyterLab: the light turns while the rule is rewritten, and so do the badges in the graph."""

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


def test_the_light_of_lesson_09_turns_while_the_rule_is_rewritten(page: Page) -> None:
    it = lesson("09")
    opened(page, it)
    view = view_in(page, index_of(it, "RuleEditor(lambda"))
    field = view.element.get_by_label("backward returns")
    light = view.element.locator(".light")

    def turns(text: str, state: str, words: str) -> None:
        field.fill(text)
        light.and_(view.element.locator(f".light.{state}")).wait_for()
        assert words in light.inner_text()

    turns("3 * x ** 2", "wrong", "80 of 81 points differ")
    turns("grad * 3 * x ** 2", "right", "all 81 points agree")
    turns("grad * 3 * abs(out) ** (2 / 3)", "right", "all 81 points agree")
    view.element.get_by_role("button", name="Reset").click()
    view.element.get_by_role("button", name="nothing").click()
    assert "all 81 points agree" in light.inner_text()
    view.element.get_by_role("button", name="squared").click()
    assert "differ" in light.inner_text()
    field.fill("grad * alert(1)")
    status = view.element.locator(".status[data-level=error]")
    status.wait_for()
    assert '"alert" is not a function here' in status.inner_text()


def test_the_badges_of_lesson_09_turn_green_with_the_right_function(page: Page) -> None:
    it = lesson("09")
    opened(page, it)
    at = index_of(it, "y = Forgetful.apply(x)")
    assert badges(page, at) == {"ok", "bad"}
    notebook = build.load(it.notebook)
    for cell in notebook.cells:
        cell.source = cell.source.replace("y = Forgetful.apply(x)", "y = Cube.apply(x)")
    page.server.write("mended.ipynb", notebook)
    page.open("mended.ipynb").run_all()
    assert badges(page, at) == {"ok"}

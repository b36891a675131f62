"""Lesson 01 in a real JupyterLab: two shapes stretch, other shapes are typed, and the inspector tells who shares."""

from __future__ import annotations

import pytest

pytest.importorskip("jupytext", reason="jupytext is not installed: the lessons' sources cannot be read")

from gradviz.teach.course import lesson
from tests.browser.lab import Page
from tests.browser.test_lessons import index_of, opened, said, view_in


def test_two_shapes_stretch_and_an_impossible_pair_says_why(page: Page) -> None:
    it = lesson("01")
    opened(page, it)
    before = page.cell_count()
    view = view_in(page, index_of(it, "Broadcasting(column, row"))
    for step in range(1, view.length + 1):
        view.press("ArrowRight", step)
    view.keyboard.press("Control+ArrowDown")
    assert "a[1, 0] + b[0] = 2 + 10 = 12" in view.element.locator(".sum").inner_text()
    for name, shape in (("a", "(3, 2)"), ("b", "(3,)")):
        field = view.element.get_by_label(f"shape of {name}")
        field.fill(shape)
        field.press("Enter")
    view.press("End", 2)
    assert (
        "must match the size of tensor b (3) at non-singleton dimension 1" in view.element.locator(".sum").inner_text()
    )
    assert page.cell_count() == before


def test_the_inspector_tells_who_shares(page: Page) -> None:
    it = lesson("01")
    opened(page, it)
    view = view_in(page, index_of(it, 'TensorInspector({"t"'))
    text = view.element.locator(".view").inner_text()
    assert "shares memory with" in " ".join(text.split())
    assert "v, v.T" in " ".join(text.split())


def test_answers_turn_green_and_red(page: Page) -> None:
    it = lesson("01")
    page = opened(
        page, it,
        **{
            "01_1": "column = torch.tensor([[0.0], [1.0], [-2.0]])\nrow = torch.tensor([[5.0, 7.0, 4.0, 9.0]])",
            "01_2": "shapes = [(4, 4), (2, 3), (2, 3, 5), (6,), None]",
        },
    )  # fmt: skip
    assert "right" in said(page, index_of(it, "# Exercise 01.1"))
    assert "(b) does not fit" in said(page, index_of(it, "# Exercise 01.2"))

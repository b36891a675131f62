"""Lesson 19 in a real JupyterLab: two lines that cross, what is measured in the kernel, and the exercises answered."""

from __future__ import annotations

import pytest

pytest.importorskip("jupytext", reason="jupytext is not installed: the lessons' sources cannot be read")

from gradviz.teach import build, source
from gradviz.teach.course import lesson
from tests.browser.lab import Page
from tests.browser.test_device_crossover_page import state, until
from tests.browser.test_lessons import index_of, opened, said, view_in

VIEW = "DeviceCrossover("


def test_the_crossover_of_lesson_19_is_walked_and_measured(page: Page) -> None:
    it = lesson("19")
    opened(page, it)
    view = view_in(page, index_of(it, VIEW))
    view.focus()
    assert view.element.get_attribute("data-from") == "73"
    view.keyboard.press("Home")
    until(view, "n", "1")
    assert state(view)["cost"]["launch"] > 0.9 * state(view)["total"]  # all launch
    view.keyboard.press("End")
    until(view, "faster", "gpu")
    view.element.get_by_role("button", name="keep on the GPU").click()
    until(view, "from", "58")
    assert state(view)["cost"]["copy"] == 0
    view.element.get_by_role("button", name="a + b").click()
    until(view, "from", "19550")
    view.element.get_by_role("button", name="copy every time").click()
    until(view, "from", "none")
    view.element.get_by_role("button", name="LeNet step").click()
    assert 4 < int(view.element.get_attribute("data-from") or "0") < 64
    assert "computed from published rates, not measured" in view.element.locator(".status").inner_text()
    before = page.cell_count()
    for which, key in ((2, "m"), (0, "w")):  # LeNet by the key; then a + b by the button
        if key == "w":
            view.keyboard.press("w")
            view.element.get_by_role("button", name="Measure here").click()
        else:
            view.keyboard.press("m")
        until(view, "measured", str(which))
        view.keyboard.press("Home")
        until(view, "n", "1")
        got = state(view)
        assert got["measured"][0] is True
        assert 1e-8 < got["cpu"] < 10
    assert page.cell_count() == before
    assert "measured" in view.element.locator(".bars").inner_text()
    saved = str(page.outputs(index_of(it, VIEW)))
    assert "nothing here was measured" in saved


def test_without_a_kernel_nothing_is_offered_to_be_measured(page: Page) -> None:
    it = lesson("19")
    page.server.write("saved.ipynb", build.load(it.notebook))
    page.open("saved.ipynb", kernel=False)
    page.trust()
    view = view_in(page, index_of(it, VIEW))
    view.focus()
    assert view.element.get_by_role("button", name="Measure here").count() == 0
    assert "Run the cell in JupyterLab" in view.element.locator(".status").inner_text()
    view.keyboard.press("k")
    until(view, "from", "58")


def test_solutions_of_lesson_19_are_green_in_jupyterlab(page: Page) -> None:
    it = lesson("19")
    opened(page, it, **{number.replace(".", "_"): text for number, text in source.solutions(it).items()})
    for number in ("19.1", "19.2", "19.3"):
        assert "right" in said(page, index_of(it, f"# Exercise {number}"))

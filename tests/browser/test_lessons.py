"""The lessons in a real JupyterLab: run from top to bottom, and each interactive moment used as a learner uses it."""

from __future__ import annotations

import re
from typing import Any

import pytest

pytest.importorskip("jupytext", reason="jupytext is not installed: the lessons' sources cannot be read")

from gradviz.teach import build, source
from gradviz.teach.course import Lesson, lesson, lessons
from tests.browser.lab import Page, View

OUTPUT = ".jp-Notebook .jp-Cell-outputArea"


def opened(page: Page, it: Lesson, **changes: str) -> Page:
    """The committed notebook on the server, with some cells' texts replaced; open and run."""
    notebook = build.load(it.notebook)
    for cell in notebook.cells:
        for old, new in changes.items():
            if cell.cell_type == "code" and source.exercise_of(cell.source) == old.replace("_", "."):
                cell.source = source.solve(cell.source, new)
    page.server.write(f"{it.folder}.ipynb", notebook)
    return page.open(f"{it.folder}.ipynb").run_all()


def index_of(it: Lesson, text: str) -> int:
    """The cell that holds this text."""
    return next(i for i, cell in enumerate(source.read(it).cells) if text in cell.source)


def view_in(page: Page, index: int) -> View:
    """The view in the output of this cell, once painted."""
    cell = page.tab.locator(".jp-Notebook .jp-Cell").nth(index)
    cell.scroll_into_view_if_needed()
    view = cell.locator("[data-ready]").first
    view.wait_for(state="visible")
    return View(view)


def said(page: Page, index: int) -> str:
    """The text of a cell's output."""
    return str(page.tab.locator(".jp-Notebook .jp-Cell").nth(index).locator(OUTPUT.split()[-1]).inner_text())


@pytest.mark.parametrize("it", lessons(), ids=lambda it: it.id)
def test_a_lesson_runs_from_top_to_bottom(page: Page, it: Lesson) -> None:
    opened(page, it)
    for i, cell in enumerate(source.read(it).cells):
        if cell.cell_type == "code":
            assert not [o for o in page.outputs(i) if o["output_type"] == "error"], cell.source
        number = source.exercise_of(cell.source)
        if number and "check(" in cell.source:
            assert "not attempted" in said(page, i)
    assert page.tab.locator(".jp-RenderedMermaid img, .jp-RenderedMermaid svg").count() >= text_of(it).count(
        "```mermaid"
    )
    assert page.tab.locator("details").count() >= 3


def text_of(it: Lesson) -> str:
    return it.source.read_text(encoding="utf-8")


def test_the_self_test_lights(page: Page) -> None:
    it = lesson("00")
    opened(page, it)
    view = view_in(page, index_of(it, "lights = SelfTest()"))
    check = index_of(it, 'check("00.1"')
    page.run_cell(check)
    assert "not attempted" in said(page, check)
    view.element.get_by_role("button", name="Press me").click()
    page.tab.wait_for_function("view => view.dataset.lit === '6'", arg=view.element.element_handle())
    states = view.element.locator("li").evaluate_all("all => all.map(li => [li.dataset.name, li.dataset.state])")
    assert [name for name, _ in states] == ["kernel", "round trip", "engine", "dot", "data", "GPU"]
    assert {state for _, state in states} <= {"ok", "extra"}
    page.run_cell(check)
    assert "right" in said(page, check)


def test_keys_in_a_view_are_not_commands_of_jupyterlab(page: Page) -> None:
    it = lesson("05")
    opened(page, it)
    before = page.cell_count()
    view = view_in(page, index_of(it, "TrajectoryView(loss"))
    view.focus()
    for key in "ddab":
        page.tab.keyboard.press(key)
    assert page.cell_count() == before


def test_the_stepper_of_lesson_03(page: Page) -> None:
    it = lesson("03")
    opened(page, it)
    view = view_in(page, index_of(it, "BackpropStepper(y)"))
    last = view.length
    view.press("Home", 0)
    for step in range(1, last + 1):
        view.press("ArrowRight", step)
    card = view.card("x")
    assert re.search(r"\b12\b", card), card
    for step in range(last - 1, -1, -1):
        view.press("ArrowLeft", step)


@pytest.mark.parametrize("which", ["TrajectoryView(loss", "TrajectoryView(valley", "TrajectoryView(askew"])
def test_the_trajectories_of_lesson_05(page: Page, which: str) -> None:
    it = lesson("05")
    opened(page, it)
    host = view_in(page, index_of(it, which)).element
    host.focus()
    start, rate = host.get_attribute("data-start"), host.get_attribute("data-lr")
    page.tab.keyboard.press("Alt+ArrowRight")
    page.tab.keyboard.press("+")
    handle = host.element_handle()
    page.tab.wait_for_function(
        "([v, start, rate]) => v.dataset.start !== start && v.dataset.lr !== rate", arg=[handle, start, rate]
    )
    box = host.locator("svg.plot").first.bounding_box()
    host.locator("svg.plot").first.scroll_into_view_if_needed()
    box = host.locator("svg.plot").first.bounding_box()
    moved = host.get_attribute("data-start")
    page.tab.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.3)
    page.tab.mouse.down()
    page.tab.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.4, steps=5)
    page.tab.mouse.up()
    page.tab.wait_for_function("([v, moved]) => v.dataset.start !== moved", arg=[handle, moved])


def test_the_kernel_of_lesson_12_slides_and_can_be_edited(page: Page) -> None:
    it = lesson("12")
    opened(page, it)
    view = view_in(page, index_of(it, "ConvStepper(image"))
    view.press("ArrowRight", 2)
    field = view.element.get_by_label("padding", exact=True)
    field.fill("1")
    field.press("Enter")
    assert "= 7" in view.element.locator(".size").inner_text()
    view.element.get_by_label("Kernel", exact=True).select_option(label="blur")
    view.focus()
    view.press("End", 98)
    assert "gradient" in view.element.locator(".sum-line").inner_text()


def test_answering_an_exercise_turns_it_green(page: Page) -> None:
    it = lesson("05")
    page = opened(page, it, **{"05_1": "lr = 0.4", "05_2": "smallest = 0.5"})
    assert "right" in said(page, index_of(it, "# Exercise 05.1"))
    red = said(page, index_of(it, "# Exercise 05.2"))
    assert "not yet" in red
    assert "Go up." in red


def test_a_guess_is_recorded_and_compared(page: Page) -> None:
    it = lesson("03")
    notebook: Any = build.load(it.notebook)
    for cell in notebook.cells:
        cell.source = cell.source.replace("guess=...", "guess=6")
    page.server.write("guessed.ipynb", notebook)
    page.open("guessed.ipynb").run_all()
    assert "Recorded." in said(page, index_of(it, '"03.p1",\n'))
    assert "You said 6." in said(page, index_of(it, 'predict("03.p1", answer'))

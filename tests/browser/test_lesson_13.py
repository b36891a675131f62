"""Lesson 13 in JupyterLab: a run that is paused, taken one step on, turned, and resumed; feature maps that step."""

from __future__ import annotations

from typing import Any

from gradviz.teach import build, source
from gradviz.teach.course import lesson
from tests.browser.lab import DONE, Page
from tests.browser.test_lessons import index_of, view_in


def until(page: Page, host: Any, what: str) -> None:
    """Until an expression of the panel's dataset `d` holds."""
    page.tab.wait_for_function(f"host => {{ const d = host.dataset; return {what}; }}", arg=host.element_handle())


def test_the_run_of_lesson_13_can_be_steered(page: Page) -> None:
    it = lesson("13")
    page.server.write("cnn.ipynb", build.load(it.notebook))
    page.open("cnn.ipynb")
    start, wait = index_of(it, "running = panel.run()"), index_of(it, "finished = panel.wait()")
    for i, cell in enumerate(source.read(it).cells[: start + 1]):
        if cell.cell_type == "code":
            page.run_cell(i)
    host = view_in(page, index_of(it, "panel = TrainerPanel(")).element
    until(page, host, "Number(d.iteration) >= 2")
    host.focus()
    host.locator("[data-do=pause]").click()
    until(page, host, "d.state === 'paused'")
    at = int(host.get_attribute("data-iteration"))
    assert at < 300
    host.locator("[data-do=step]").click()
    until(page, host, f"d.iteration === '{at + 1}' && d.state === 'paused'")
    rate = host.locator("input[data-set=lr]")
    rate.fill("0.01")
    rate.press("Enter")
    host.locator("[data-do=go]").click()
    until(page, host, f"Number(d.iteration) > {at + 1}")
    page.select_cell(wait)
    page.command("notebook:run-cell")
    page.tab.wait_for_function(DONE, timeout=120_000)
    assert host.get_attribute("data-state") == "finished"
    assert host.get_attribute("data-iteration") == "300"
    assert "better than guessing: True" in str(page.outputs(wait))


def test_the_feature_maps_of_lesson_13_step_forward_and_back(page: Page) -> None:
    it = lesson("13")
    page.server.write("cnn.ipynb", build.load(it.notebook))
    page.open("cnn.ipynb")
    last = index_of(it, "FeatureMaps(net, small")
    for i, cell in enumerate(source.read(it).cells[: last + 1]):
        if cell.cell_type == "code":
            page.run_cell(i)
    view = view_in(page, last)
    view.press("Home", 0)
    view.press("ArrowRight", 1)
    view.press("End", view.length)
    view.press("ArrowLeft", view.length - 1)

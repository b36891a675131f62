"""Lesson 14 in a real JupyterLab: two sliders over networks that the kernel runs anew, or over a saved grid."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("jupytext", reason="jupytext is not installed: the lessons' sources cannot be read")

from gradviz.teach import build, source
from gradviz.teach.course import lesson
from gradviz.widgets.history.signal_runs import signals_of
from tests.browser.lab import Page
from tests.browser.test_lessons import index_of, opened, view_in
from tests.notebooks.run_plain import code_of, run_cells


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    """What the solved lesson's cells have made."""
    made: dict[str, Any] = {"__name__": "__main__"}
    run_cells(code_of(source.solved(lesson("14"))), made)
    return made


def shown(view: Any, net: int, names: dict[str, Any]) -> dict[str, Any]:
    """Wait until the page shows the place of its sliders, and compare that with a run made here."""
    view.element.page.wait_for_function(
        "([v, net]) => v.getAttribute('data-shown') === v.dataset.at && v.signals.net === net",
        arg=[view.element.element_handle(), net],
    )
    got: dict[str, Any] = view.element.evaluate("v => v.signals")
    assert got["net"] == net
    activation = list(names["activations"].values())[net]
    run = signals_of(names["network"](activation), got["depth"], got["gain"])
    assert [f"{one['size']:.4g}" for one in got["grads"]] == [f"{one.rms:.4g}" for one in run.grads]
    assert [f"{one['size']:.4g}" for one in got["outputs"]] == [f"{one.rms:.4g}" for one in run.outputs]
    return got


def test_the_sliders_of_lesson_14_run_the_network_anew(page: Page, names: dict[str, Any]) -> None:
    it = lesson("14")
    opened(page, it)
    view = view_in(page, index_of(it, "SignalPropagation({"))
    view.focus()
    assert shown(view, 0, names)["gain"] == 1
    assert "the kernel builds and runs" in view.element.locator(".status").inner_text()
    between = []
    for _ in range(40):  # as the prose says: until the hills stand one below the other
        view.keyboard.press("Alt+ArrowRight")
        got = shown(view, 0, names)
        between.append(got["gain"])
        if 0.5 < got["ratio"] < 2:
            break
    assert len(between) > 3  # places that are not in the saved grid
    assert 1.3 < got["gain"] < 1.55
    assert "level" in view.element.locator(".badge").inner_text()
    view.keyboard.press("Alt+ArrowDown")
    assert shown(view, 0, names)["depth"] == 19
    for _ in range(25):  # faster than the kernel can answer: the last one counts
        view.keyboard.press("Alt+ArrowRight")
    assert shown(view, 0, names)["ratio"] > 10
    view.keyboard.press("n")
    view.keyboard.press("End")
    assert shown(view, 1, names)["outputs"][-1]["size"] <= 1
    view.keyboard.press("n")
    view.element.get_by_label("depth, layers").fill("19")
    got = shown(view, 2, names)
    assert got["depth"] == 20
    for place in ("0", "10", "66"):
        view.element.get_by_label("gain of the weights").fill(place)
        assert shown(view, 2, names)["ratio"] < 0.1
    assert page.cell_count() == page.tab.locator(".jp-Notebook .jp-Cell").count()


def test_without_a_kernel_the_sliders_step_through_the_saved_grid(page: Page, names: dict[str, Any]) -> None:
    it = lesson("14")
    page.server.write("saved.ipynb", build.load(it.notebook))
    page.open("saved.ipynb", kernel=False)
    page.trust()
    view = view_in(page, index_of(it, "SignalPropagation({"))
    view.focus()
    assert "step through 28 runs" in view.element.locator(".status").inner_text()
    view.keyboard.press("Alt+ArrowRight")
    got = shown(view, 0, names)
    assert (got["depth"], got["gain"]) == (20, 1.41)
    view.keyboard.press("Alt+ArrowUp")
    assert shown(view, 0, names)["depth"] == 40
    view.keyboard.press("n")
    view.element.get_by_label("gain of the weights").fill("6")
    got = shown(view, 1, names)
    assert got["gain"] == 4
    assert got["ratio"] > 10

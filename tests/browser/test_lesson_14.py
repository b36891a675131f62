"""The histograms of lesson 14 in a real JupyterLab: walk through the layers, choose another gain."""

from __future__ import annotations

import pytest

pytest.importorskip("jupytext", reason="jupytext is not installed: the lessons' sources cannot be read")

from gradviz.teach.course import lesson
from tests.browser.lab import Page
from tests.browser.test_lessons import index_of, opened, view_in


def test_the_layers_of_lesson_14(page: Page) -> None:
    it = lesson("14")
    opened(page, it)
    view = view_in(page, index_of(it, "HistogramStack(runs"))
    view.press("Home", 0)
    view.press("ArrowRight", 1)
    view.press("End", 19)
    chooser = view.element.locator("select").first
    labels = chooser.locator("option").all_inner_texts()
    assert sum("sigmoid" in label for label in labels) == 5
    assert sum("relu" in label for label in labels) == 5

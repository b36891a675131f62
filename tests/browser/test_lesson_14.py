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
    view.element.get_by_text("sigmoid 4.0", exact=True).first.click()
    page.tab.wait_for_function(
        "v => v.shadowRoot.querySelector('.said').textContent.includes('sigmoid 4.0')",
        arg=view.element.element_handle(),
    )

"""Lesson 06 in a real JupyterLab: slide the batch size, compare in seconds, and hand in answers, right and wrong."""

from __future__ import annotations

import pytest

pytest.importorskip("jupytext", reason="jupytext is not installed: the lessons' sources cannot be read")

from gradviz.teach import source
from gradviz.teach.course import lesson
from tests.browser.lab import Page
from tests.browser.test_lessons import index_of, opened, said, view_in

PATH = "(view, size) => view.batches.find(run => run.size === size).path.slice(0, 81)"


def test_the_batch_sizes_of_lesson_06(page: Page) -> None:
    it = lesson("06")
    opened(page, it)
    view = view_in(page, index_of(it, "BatchSizes(loss"))
    view.press("Home", 0)
    view.press("ArrowRight", 1)
    assert "of this batch (8 rows)" in view.element.locator(".told").inner_text()
    view.press("End", 80)
    before = {size: view.element.evaluate(PATH, size) for size in (8, 64)}
    view.press("n", 80)
    after = {size: view.element.evaluate(PATH, size) for size in (8, 64)}
    assert before[8] != after[8]
    for old, new in zip(before[64], after[64], strict=True):  # all rows: the order only rounds
        assert new == pytest.approx(old, rel=1e-12)
    view.press("r", 80)
    view.press("PageDown", 160)
    assert "loss" in view.element.locator(".said").inner_text()
    view.press("s", view.element.evaluate("view => view.batches[0].ends.seconds"))


def test_answers_of_lesson_06(page: Page) -> None:
    it = lesson("06")
    solved = source.solutions(it)
    opened(
        page,
        it,
        **{
            "06_1": solved["06.1"],
            "06_2": "def noise_of(g, size):\n    return g.std(correction=0) / size**0.5",
            "06_3": "lr = 0.04",
        },
    )
    assert "the last batch is kept" in said(page, index_of(it, "# Exercise 06.1"))
    assert "could be drawn twice" in said(page, index_of(it, "# Exercise 06.2"))
    assert "as far to go" in said(page, index_of(it, "# Exercise 06.3"))

"""Lesson 11 in a real JupyterLab: the conveyor as the prose asks for it, and answers, right and wrong."""

from __future__ import annotations

import pytest

pytest.importorskip("jupytext", reason="jupytext is not installed: the lessons' sources cannot be read")

from gradviz.teach import source
from gradviz.teach.course import lesson
from tests.browser.lab import Page, View
from tests.browser.test_lessons import index_of, opened, said, view_in

ORDER = "view => view.conveyor.map(epoch => epoch.steps)"
LABELS = "view => [...view.shadowRoot.querySelectorAll('.tray .card')].slice(0, 4).map(card => card.title)"


def announced(view: View) -> str:
    return str(view.element.locator(".said").inner_text())


def test_the_conveyor_of_lesson_11(page: Page) -> None:
    it = lesson("11")
    opened(page, it)
    view = view_in(page, index_of(it, "BatchConveyor(loader"))
    view.press("Home", 0)
    view.press("ArrowRight", 1)
    assert "takes place 1 of 4" in announced(view)
    view.press("Control+ArrowRight", 4)
    first = view.element.evaluate(ORDER)
    assert set(first[0][20:]) != set(first[1][20:])  # the prose: which rows are dropped, and in which epoch
    view.element.locator(f".shelf .card[data-row='{first[0][-1]}']").click()
    assert "epoch 1 dropped" in announced(view)
    view.element.get_by_label("shuffle").uncheck()
    assert all("disc" in text for text in view.element.evaluate(LABELS))
    view.element.get_by_label("shuffle").check()
    view.focus()
    page.tab.keyboard.press("n")
    assert view.element.evaluate(ORDER) != first
    seed = view.element.get_by_label("Seed")
    seed.fill("0")
    seed.press("Enter")
    assert view.element.evaluate(ORDER) == first
    size = view.element.get_by_label("batch_size", exact=True)
    kept = {}
    for rows in range(1, 23):
        size.fill(str(rows))
        size.press("Enter")
        kept[rows] = view.element.evaluate("view => view.conveyor[0].dropped")
    assert kept == {rows: 22 % rows for rows in range(1, 23)}


def test_the_weighted_sampler_of_lesson_11(page: Page) -> None:
    it = lesson("11")
    opened(page, it)
    view = view_in(page, index_of(it, "uneven = "))
    view.press("End", 44)
    facts = view.element.locator(".facts").inner_text()
    assert "more than once" in facts
    assert "never drawn" in facts
    assert page.cell_count() == len(source.read(it).cells), "no key may reach the notebook"


def test_answers_of_lesson_11(page: Page) -> None:
    it = lesson("11")
    own = (
        "def normalise(train, test):\n"
        "    return tuple((x - x.mean((0, 2, 3), True)) / x.std((0, 2, 3), keepdim=True) for x in (train, test))"
    )
    opened(page, it, **{"11_1": own, "11_2": source.solutions(it)["11.2"]})
    assert "numbers of their own" in said(page, index_of(it, "# Exercise 11.1"))
    assert "the stored image is left alone" in said(page, index_of(it, "# Exercise 11.2"))

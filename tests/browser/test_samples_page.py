"""SampleGrid and ConfusionMatrix on a plain page: choosing by keys and mouse, filters, epochs."""

from __future__ import annotations

from typing import Any

import pytest

import gradviz as torch
from gradviz.widgets.cnn.confusion_matrix import ConfusionMatrix
from gradviz.widgets.cnn.sample_grid import SampleGrid
from tests.browser.lab import View

LABELS, SAID = [0, 1, 2, 0, 1, 2], [0, 1, 1, 0, 0, 2]
NAMES = ["cat", "<b>dog</b>", "bird"]
IMAGES = torch.rand(6, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def said(view: View) -> str:
    return str(view.element.locator(".said").inner_text())


def test_a_sample_is_chosen_and_filtered(show: Any) -> None:
    view = show(SampleGrid(IMAGES, LABELS, SAID, classes=NAMES).to_html())
    tiles = view.element.locator(".tile")
    assert tiles.count() == 6
    assert said(view) == "Sample 0: ✓ cat"
    view.focus()
    view.keyboard.press("ArrowRight")
    view.keyboard.press("ArrowRight")
    assert said(view) == "Sample 2: ✗ <b>dog</b>, is bird"
    tiles.nth(4).click()
    assert said(view) == "Sample 4: ✗ cat, is <b>dog</b>"
    view.element.get_by_label("Samples shown").select_option(label="only wrong")
    assert tiles.count() == 2
    assert view.element.locator("header .chip").inner_text() == "4 of 6 right"
    view.keyboard.press("Home")
    assert view.element.locator("[aria-selected=true]").count() == 1


def test_the_pixels_are_the_images(show: Any) -> None:
    grey = IMAGES[:2, 0]
    view = show(SampleGrid(grey).to_html())
    pixels = view.element.locator(".tile canvas").first.evaluate(
        "canvas => [...canvas.getContext('2d').getImageData(0, 0, 8, 8).data].filter((_, i) => i % 4 === 0)"
    )
    assert pixels == [round(v * 255) for v in grey[0].flatten().tolist()]


def test_cells_epochs_and_shares(show: Any) -> None:
    view = show(ConfusionMatrix(LABELS, [[0] * 6, SAID], classes=NAMES, images=IMAGES).to_html())
    cells = view.element.locator("td")
    assert cells.all_inner_texts() == ["2", "", "", "1", "1", "", "", "1", "1"]
    assert said(view) == "<b>dog</b> taken for cat: once"
    assert view.element.locator(".tiles .tile").count() == 1
    view.focus()
    view.keyboard.press("Control+ArrowDown")
    assert said(view) == "bird taken for cat: never"
    view.press("ArrowLeft", 0)
    assert cells.all_inner_texts() == ["2", "", "", "2", "", "", "2", "", ""]
    assert said(view) == "bird taken for cat: 2 times"
    view.press("End", 1)
    view.element.get_by_label("What the cells show").select_option(label="share of the true class")
    assert cells.all_inner_texts()[3:5] == ["0.50", "0.50"]
    cells.nth(8).click()
    assert said(view) == "bird, recognised: once"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_two_matrices_share_a_timeline(show: Any, scheme: str) -> None:
    epochs = [[0] * 6, SAID, LABELS]
    pieces = [ConfusionMatrix(LABELS, epochs, classes=NAMES, timeline="run").to_html() for _ in range(2)]
    view = show(*pieces, scheme=scheme)
    view.element.page.locator(".gradviz [data-ready]").nth(1).wait_for()
    view.press("Home", 0)
    other = View(view.element.page.locator(".gradviz [data-ready]").nth(1))
    other.wait_step(0)
    other.press("ArrowRight", 1)
    view.wait_step(1)

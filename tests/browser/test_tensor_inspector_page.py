"""The tensor inspector on a plain page: what is read off the screen is what the tensor holds; and live, in the lab."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradviz as torch
from gradviz.viz.numbers import number
from gradviz.widgets.tensors.tensor_inspector import TensorInspector
from tests.browser.lab import Page

CONTRAST = (Path(__file__).parent / "contrast.js").read_text("utf-8")
NAMELESS = (
    "host => [...host.shadowRoot.querySelectorAll('input,select,button,canvas,[tabindex],[role=option]')]"
    ".filter(e => e.checkVisibility() && !e.ariaLabel && !e.textContent.trim() && !e.closest('label')).length"
)


def weight() -> Any:
    torch.manual_seed(0)
    layer = torch.nn.Linear(6, 4)
    layer(torch.randn(3, 6)).pow(2).sum().backward()
    return layer.weight


def drawn(host: Any, change: Any) -> None:
    """Do something and wait until it has been painted."""
    before = host.get_attribute("data-drawn")
    change()
    host.page.wait_for_function("([h, b]) => h.dataset.drawn !== b", arg=[host.element_handle(), before])


def press(host: Any, *keys: str) -> None:
    for key in keys:
        drawn(host, lambda key=key: host.page.keyboard.press(key))


def said(host: Any) -> str:
    return " ".join(host.locator(".said").inner_text().split())


def test_every_cell_is_told_as_it_is(show: Any) -> None:
    w = weight()
    host = show(TensorInspector(w).to_html()).element
    host.focus()
    press(host, "ArrowRight")
    for r in range(4):
        press(host, "Home")
        for c in range(6):
            value, grad = (format(x[r, c].item(), ".6g") for x in (w, w.grad))
            assert said(host) == f"[{r}, {c}] value {value} gradient {grad}"
            if c < 5:
                press(host, "ArrowRight")
        if r < 3:
            press(host, "ArrowDown")
    text = host.locator("table.stats").inner_text()
    for x in (w, w.grad):
        for told in (x.double().mean(), x.double().std(), x.double().norm(), x.min(), x.max()):
            assert number(told.item()) in text


def test_the_mouse_points_and_clicks(show: Any) -> None:
    w = weight()
    host = show(TensorInspector(w).to_html()).element
    box = host.locator("canvas").first.bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    host.page.mouse.move(*middle)
    tip = host.locator(".tip").inner_text().split()
    drawn(host, lambda: host.page.mouse.click(*middle))
    assert said(host).split() == tip
    assert host.get_attribute("data-cell") == "[1, 2]"
    drawn(host, lambda: host.locator("[data-go=max]").first.click())
    assert host.get_attribute("data-cell") == str(list(divmod(int(w.argmax().item()), 6)))


def test_colours_are_those_of_the_numbers(show: Any) -> None:
    x = torch.tensor([[1.0, -1.0], [0.0, float("nan")]])
    host = show(TensorInspector(x).to_html()).element
    pixels = host.evaluate(
        """host => {
          const canvas = host.shadowRoot.querySelector('canvas'), pen = canvas.getContext('2d');
          const k = canvas.width / canvas.clientWidth;
          return [[100, 24], [160, 24], [100, 54]].map(([x, y]) =>
            [...pen.getImageData(x * k, y * k, 1, 1).data].slice(0, 3).join());
        }"""
    )
    assert pixels[0] == "29,95,196"
    assert pixels[1] == "176,71,8"
    assert pixels[2] == "255,255,255"


def test_slices_tiles_and_other_dimensions(show: Any) -> None:
    x = torch.arange(3 * 40 * 50 * 2).reshape(3, 40, 50, 2).float()
    host = show(TensorInspector(x, rows=1, columns=2).to_html()).element
    host.focus()
    press(host, "ArrowRight")
    assert said(host) == "[0, 0, 0, 0] 0"
    press(host, "Control+ArrowRight")
    assert said(host).endswith("[0, 0, 0, 1] 1")
    host.locator("[data-dim='0']").focus()
    press(host, "ArrowRight", "ArrowRight")
    assert said(host).endswith(f"[2, 0, 0, 1] {2 * 4000 + 1}")
    select = host.locator(".dims select").nth(3)
    drawn(host, lambda: select.select_option("columns"))
    host.focus()
    press(host, "ArrowRight", "ArrowRight")
    assert said(host) == "[2, 0, 0, 1] 8001"
    press(host, "End", "Shift+ArrowDown")
    assert said(host) == f"[2, 10, 49, 1] {int(x[2, 10, 49, 1].item())}"


def test_zooming_in_shows_numbers_and_dragging_moves(show: Any) -> None:
    x = torch.randn(80, 90)
    host = show(TensorInspector(x).to_html()).element
    host.focus()
    press(host, "ArrowRight", "Enter")
    box = host.locator("canvas").first.bounding_box()
    drawn(host, lambda: host.page.mouse.click(box["x"] + 100, box["y"] + 30))
    before = host.get_attribute("data-cell")
    mouse = host.page.mouse
    mouse.move(box["x"] + 400, box["y"] + 300)
    mouse.down()
    mouse.move(box["x"] + 100, box["y"] + 100, steps=4)
    mouse.up()
    drawn(host, lambda: mouse.click(box["x"] + 100, box["y"] + 30))
    assert host.get_attribute("data-cell") != before
    near = host.get_attribute("data-drawn")
    host.locator("button", has_text="fit").click()
    host.page.wait_for_function("([h, b]) => h.dataset.drawn !== b", arg=[host.element_handle(), near])
    drawn(host, lambda: mouse.click(box["x"] + 100, box["y"] + 30))
    column = int(host.get_attribute("data-cell").strip("]").split()[-1])
    assert column > 9, "small cells again"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [600, 1600])
def test_it_fits_is_named_and_can_be_read(show: Any, width: int, scheme: str) -> None:
    rng = np.random.default_rng(0)
    many = {f"layer{i}.weight": torch.tensor(rng.standard_normal((3, 4, 5))) for i in range(9)}
    many["layer0.weight"][0, 0, 0] = float("inf")
    view = show(TensorInspector(many).to_html(), width=width, scheme=scheme)
    host = view.element
    assert host.get_attribute("data-theme") == scheme
    assert host.evaluate("host => host.scrollWidth <= host.clientWidth + 1")
    assert host.evaluate(NAMELESS) == 0
    poor = [text for text in host.evaluate(CONTRAST) if text["ratio"] < 4.5]
    assert poor == []
    host.focus()
    host.page.keyboard.press("/")
    host.page.keyboard.type("layer7")
    assert host.locator("[role=option]").count() == 1
    drawn(host, lambda: host.locator("[role=option]").click())
    host.focus()
    press(host, "ArrowRight")
    assert said(host) == f"[0, 0, 0] {format(many['layer7.weight'][0, 0, 0].item(), '.6g')}"
    host.page.keyboard.press("t")
    assert host.locator(".twin li").count() > 3


def test_live_in_jupyterlab(page: Page) -> None:
    cell = (
        "import gradviz as torch\nfrom gradviz.widgets.tensors.tensor_inspector import TensorInspector\n"
        "torch.manual_seed(0)\nx = torch.randn(700, 600)\nTensorInspector(x, live=True)"
    )
    page.server.write("live.ipynb", [cell, "print(format(x[699, 599].item(), '.6g'))"])
    page.open("live.ipynb").run_all()
    host = page.ready().element
    host.focus()
    press(host, "ArrowRight", "End", *["Shift+ArrowDown"] * 12)
    told = said(host)
    assert "mean" in told
    drawn(host, lambda: host.page.keyboard.press("Enter"))
    press(host, "ArrowRight", "End", *["Shift+ArrowDown"] * 7)
    assert host.get_attribute("data-cell") == "[699, 599]"
    assert said(host).split()[-1] == "".join(page.outputs(1)[0]["text"]).strip()

"""`LandscapeView` on a plain page: what the cross-hair reads are the losses that the model gave."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

import gradviz as torch
from gradviz import nn
from gradviz.viz.numbers import number
from gradviz.widgets.optim.landscape_view import LandscapeView
from gradviz.widgets.timeline import Timeline

CONTRAST = (Path(__file__).parent / "contrast.js").read_text("utf-8")
NAMELESS = """host => [...host.shadowRoot.querySelectorAll('input,button,select,[tabindex]')]
  .filter(e => !e.getAttribute('aria-label') && !e.textContent.trim()).length"""
HOSTILE = "\"><img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>\u202e&amp;'\n"


def landscape(kind: str = "random", **options: Any) -> LandscapeView:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    x, y = torch.randn(32, 2), torch.randn(32, 1)
    first = copy.deepcopy(model.state_dict())
    o = torch.optim.SGD(model.parameters(), lr=0.2)
    with LandscapeView.record_path(model) as path:
        for _ in range(12):
            o.zero_grad()
            nn.MSELoss()(model(x), y).backward()
            o.step()
    more = {"random": {}, "pca": {"path": path}, "line": {"between": (first, model.state_dict())}}[kind]
    return LandscapeView(model, nn.MSELoss(), (x, y), resolution=11, progress=False, **more, **options)


def said(view: Any) -> str:
    return str(view.element.locator(".said").inner_text())


def cell(view: Any, act: Any) -> tuple[int, int]:
    before = view.element.get_attribute("data-drawn")
    act()
    view.element.page.wait_for_function(
        "([host, before]) => host.getAttribute('data-drawn') !== before", arg=[view.element.element_handle(), before]
    )
    column, row = view.element.get_attribute("data-cell").split(",")
    return int(column), int(row)


def test_the_cross_hair_reads_the_models_losses(show: Any) -> None:
    python = landscape()
    view = show(python.to_html())
    keys = view.element.page.keyboard
    view.focus()
    assert view.element.get_attribute("data-cell") == "5,5"
    assert f"loss {number(python.here)}. These are the model's weights." in said(view)
    for key, where in (
        ("ArrowRight", (6, 5)),
        ("Control+ArrowUp", (6, 6)),
        ("Control+ArrowLeft", (5, 6)),
        ("End", (10, 6)),
    ):
        assert cell(view, lambda key=key: keys.press(key)) == where
        assert f"loss {number(float(python.values[where[1], where[0]]))}." in said(view)
    box = view.element.locator(".terrain").bounding_box()
    c, r = cell(
        view, lambda: view.element.page.mouse.click(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.3)
    )
    assert f"loss {number(float(python.values[r, c]))}." in said(view)
    assert (c, r) != (10, 6)


def test_the_path_is_walked(show: Any) -> None:
    python = landscape("pca")
    view = show(python.to_html())
    assert view.step == 12
    for key, step in (("Home", 0), ("ArrowRight", 1), ("Shift+ArrowRight", 11)):
        view.press(key, step)
        assert f"Step {step}: loss {number(python.true[step])}" in said(view)
    view.element.page.keyboard.press("t")
    row = view.element.locator(".twin [aria-current] td").all_text_contents()
    assert row == ["11", *(number(v) for v in python.places[11]), number(python.true[11]), number(python.off[11])]
    assert f"{100 * python.explained[0]:.3g} %" in view.element.locator(".facts").inner_text()


def test_from_the_side_it_can_be_turned(show: Any) -> None:
    view = show(landscape(view="3d").to_html())
    canvas = view.element.locator(".terrain canvas")
    picture = "canvas => canvas.toDataURL()"
    first = canvas.evaluate(picture)
    view.focus()
    view.element.page.keyboard.press("Control+ArrowLeft")
    turned = canvas.evaluate(picture)
    assert turned != first
    box = view.element.locator(".terrain").bounding_box()
    mouse = view.element.page.mouse
    mouse.move(box["x"] + 50, box["y"] + 40)
    mouse.down()
    mouse.move(box["x"] + 150, box["y"] + 40)
    mouse.up()
    assert canvas.evaluate(picture) != turned
    view.element.locator("[data-pick='2d']").click()
    assert not view.element.locator(".terrain.side").count()


def test_the_line(show: Any) -> None:
    python = landscape("line")
    view = show(python.to_html())
    view.press("Home", 0)
    view.press("ArrowRight", 1)
    assert f"loss {number(float(python.values[0, 1]))}." in said(view)
    plot = view.element.locator("svg.plot").bounding_box()
    view.element.page.mouse.click(plot["x"] + plot["width"] - 20, plot["y"] + 50)
    view.wait_step(10)


def test_two_views_share_a_timeline(show: Any) -> None:
    time = Timeline("landscapes")
    view = show(landscape("pca", timeline=time).to_html(), landscape("pca", timeline=time, title="other").to_html())
    page = view.element.page
    page.wait_for_function("() => document.querySelectorAll('[data-drawn]:not([data-drawn=\"\"])').length === 2")
    view.press("Home", 0)
    other = page.locator(".gradviz [data-ready]").nth(1)
    page.wait_for_function("e => e.getAttribute('data-step') === '0'", arg=other.element_handle())


@pytest.mark.parametrize(
    ("kind", "width", "scheme"), [("pca", 600, "dark"), ("random", 1600, "light"), ("line", 600, "light")]
)
def test_it_fits_is_named_and_can_be_read(show: Any, kind: str, width: int, scheme: str) -> None:
    view = show(landscape(kind, title=HOSTILE).to_html(), width=width, scheme=scheme)
    host = view.element
    assert host.evaluate("host => host.scrollWidth <= host.clientWidth + 1")
    assert host.evaluate(NAMELESS) == 0
    assert host.page.title() == ""
    for found in host.evaluate(CONTRAST):
        assert found["ratio"] >= 4.5, found

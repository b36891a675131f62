"""The stepper on a plain page from a file: no Jupyter, no server, no kernel."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import gradviz as torch
from gradviz.widgets import BackpropStepper, GraphView
from tests.browser.lab import Page, View

CONTRAST = (Path(__file__).parent / "contrast.js").read_text("utf-8")
HOSTILE = "\"><img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>\u202e&amp;'\n"


MESSAGES = ".message:not([data-slot^=sum]) text"


def neuron() -> BackpropStepper:
    x = torch.tensor(2.0)
    w = torch.tensor(-0.5, requires_grad=True)
    b = torch.tensor(0.75, requires_grad=True)
    b.grad = torch.tensor(0.25)
    with torch.record({"x": x, "w": w, "b": b}) as tape:
        z = w * x + b
        h = torch.tanh(z)
        loss = (h - 1.0) * (h - 1.0) + 0.1 * w * w
    shown = BackpropStepper(tape, title="One neuron")
    loss.backward()
    shown.expected = {"w": w.grad.item(), "b": b.grad.item()}
    return shown


def texts(view: View, css: str) -> list[str]:
    return [text.strip() for text in view.element.locator(css).all_text_contents()]


def test_steps_by_keys_and_mouse(show: Any) -> None:
    view = show(neuron().to_html())
    start, last = view.step, view.length
    assert 0 < start < last, "it starts where the forward pass ends"
    view.press("ArrowRight", start + 1)
    view.press("ArrowLeft", start)
    view.press("Shift+ArrowLeft", max(0, start - 10))
    view.press("End", last)
    view.press("Home", 0)
    view.do("next", 1)
    view.do("previous", 0)
    view.do("last", last)
    view.do("first", 0)
    slider = view.element.locator("input[type=range]")
    box = slider.bounding_box()
    mouse = view.element.page.mouse
    mouse.click(box["x"] + box["width"] - 4, box["y"] + box["height"] / 2)
    view.wait_step(last)
    mouse.move(box["x"] + box["width"] - 8, box["y"] + box["height"] / 2)
    mouse.down()
    mouse.move(box["x"] + 2, box["y"] + box["height"] / 2, steps=6)
    mouse.up()
    view.wait_step(0)


def test_plays_and_pauses(show: Any) -> None:
    view = show(neuron().to_html())
    view.press("Home", 0)
    for _ in range(3):
        view.element.page.keyboard.press("]")
    view.element.page.keyboard.press(" ")
    view.wait_step(2)
    view.element.locator("[data-do=play]").click()
    at = view.step
    view.element.page.wait_for_timeout(400)
    assert view.step <= at + 1


def test_numbers_on_screen_are_the_engines(show: Any) -> None:
    stepper = neuron()
    view = show(stepper.to_html())
    nodes, steps = stepper.record["nodes"], stepper.record["steps"]
    view.press("End", view.length)
    for label, value in stepper.expected.items():
        assert f"{label}.grad = " in view.card(label)
        assert format(value, ".6g") in view.card(label)
    for node in nodes:
        if node["kind"] == "op" and node["value"]["data"]:
            assert format(node["value"]["data"][0], ".6g") in view.card(node["label"]), node["label"]
    view.press("Home", 0)
    told = {}
    for at in range(1, view.length + 1):
        view.press("ArrowRight", at)
        if texts(view, MESSAGES):
            told[texts(view, ".said")[0].split(" ")[0]] = texts(view, MESSAGES)
    for step in steps:
        if step["kind"] == "backward" and step["messages"]:
            shown = told[nodes[step["n"]]["label"]]
            for message, text in zip(step["messages"], shown, strict=True):
                up, local, product = (
                    format(v["data"][0], ".4g") for v in (step["grad"], message["local"], message["product"])
                )
                assert text == f"{up} × {local} = {product}"


def test_partial_sums_are_announced(show: Any) -> None:
    view = show(neuron().to_html())
    seen = []
    for at in range(view.step + 1, view.length + 1):
        view.press("ArrowRight", at)
        seen += [text for text in texts(view, ".row .part") if text and text not in seen]
    assert sorted(seen) == ["1/2", "1/3", "2/3"]
    assert view.element.locator(".said").get_attribute("aria-live") == "polite"


def test_two_views_of_one_graph_do_not_clash(show: Any, tab: Page) -> None:
    html = neuron().to_html()
    first = show(html, html)
    second = tab.ready(1)
    first.press("Home", 0)
    second.press("End", second.length)
    assert first.step == 0
    assert second.step == second.length
    first.press("ArrowRight", 1)
    assert second.step == second.length


def test_what_a_user_names_is_never_markup(show: Any, tab: Page) -> None:
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    with torch.record({HOSTILE: w}) as tape:
        loss = (w * w).sum()
    html = BackpropStepper(tape, title=HOSTILE).to_html()
    del loss
    view = show(html)
    view.press("End", view.length)
    view.element.page.keyboard.press("t")
    assert tab.tab.title() != "owned"
    assert view.element.locator("img, script").count() == 0
    assert view.element.locator("h3").inner_text().startswith('"><img')


def test_endless_names_leave_the_layout_alone(show: Any) -> None:
    w = torch.tensor(1.0, requires_grad=True)
    with torch.record({HOSTILE + "x" * 10_000: w}) as tape:
        loss = w * w + w
    view = show(BackpropStepper(tape, title=HOSTILE + "y" * 10_000).to_html(), width=800)
    heights = set()
    for at in range(view.step, view.length + 1):
        view.press("End" if at == view.length else "ArrowRight", min(at + 1, view.length))
        heights.add(view.element.bounding_box()["height"])
    assert max(heights) < 900
    assert view.element.evaluate("e => e.ownerDocument.documentElement.scrollWidth") <= 800
    assert loss.item() == 2.0


def test_search_twin_walk_and_leave(show: Any) -> None:
    view = show(neuron().to_html())
    keyboard = view.element.page.keyboard
    view.focus()
    keyboard.press("/")
    keyboard.type("tanh")
    assert texts(view, "aside.card strong") == ["h"]
    keyboard.press("Escape")
    keyboard.press("Control+ArrowUp")
    assert texts(view, "aside.card strong") == ["z"]
    keyboard.press("t")
    assert view.element.locator(".twin li").count() == view.length
    view.element.locator(".twin li").nth(1).click()
    view.wait_step(2)
    keyboard.press("Escape")
    assert not view.element.locator(".twin").is_visible()


def test_zoom_and_pan(show: Any) -> None:
    view = show(neuron().to_html())
    world = view.element.locator("svg.graph > g")
    before = world.get_attribute("transform")
    view.element.get_by_role("button", name="Zoom in").click()
    zoomed = world.get_attribute("transform")
    assert zoomed != before
    box = view.element.locator("svg.graph").bounding_box()
    mouse = view.element.page.mouse
    mouse.move(box["x"] + 30, box["y"] + box["height"] - 20)
    mouse.down()
    mouse.move(box["x"] + 90, box["y"] + box["height"] - 60, steps=4)
    mouse.up()
    assert world.get_attribute("transform") != zoomed
    view.element.get_by_role("button", name="Fit the graph").click()
    assert world.get_attribute("transform") == before


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [620, 800, 1280, 1600])
def test_fits_and_can_be_read(show: Any, scheme: str, width: int) -> None:
    view = show(neuron().to_html(), width=width, scheme=scheme)
    assert view.element.get_attribute("data-theme") == scheme
    page = view.element.page
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), "no sideways scrolling"
    measured = view.element.evaluate(CONTRAST)
    assert len(measured) > 20
    low = [entry for entry in measured if entry["ratio"] < 4.5]
    assert low == []


def test_graph_view(show: Any) -> None:
    w = torch.tensor([[1.0, -2.0], [0.5, 3.0]], requires_grad=True)
    x = torch.tensor([1.0, 2.0])
    view = show(GraphView(lambda: torch.tanh(w @ x).sum(), title="a layer").to_html())
    card = view.card("tanh")
    assert "TanhBackward0" in card
    assert "test_replay_page.py" in texts(view, ".status")[0], "a click walks to the source line"


def test_large_graph_is_drawn_on_a_canvas_and_steps_fast(show: Any) -> None:
    w = torch.tensor(0.999, requires_grad=True)
    with torch.record({"w": w}) as tape:
        y = w
        for _ in range(1000):
            y = y * w
    stepper = BackpropStepper(tape)
    html = stepper.to_html()
    assert len(html) <= 500_000
    view = show(html)
    view.press("End", view.length)
    view.press("ArrowLeft", view.length - 1)
    assert json.dumps(texts(view, ".said"))

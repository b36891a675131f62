"""`SignalPropagation`: sliders, keys and mouse step through the grid, each run with its numbers; and a busy kernel."""

from __future__ import annotations

from typing import Any

import pytest

import gradviz as torch
from gradviz.widgets.history.signal_propagation import SignalPropagation
from tests.browser.lab import DONE, Page
from tests.widgets.test_signal_propagation import made, relu


def at(view: Any, net: int, depth: int, gain: float) -> dict[str, Any]:
    """Wait until the page shows this run, and compare it with the engine's."""
    key = f"{net} {depth} {gain:g}"
    view.element.page.wait_for_function(
        "([v, key]) => v.getAttribute('data-shown') === key", arg=[view.element.element_handle(), key]
    )
    got: dict[str, Any] = view.element.evaluate("v => v.signals")
    python = made()
    run = python.grid[net][python.depths.index(depth)][python.gains.index(gain)]
    for kind in ("outputs", "grads"):
        for shown, one in zip(got[kind], getattr(run, kind), strict=True):
            assert f"{shown['size']:.4g}" == f"{one.rms:.4g}"
            assert f"{shown['zero']:.4g}" == f"{one.zero:.4g}"
            assert (shown["first"], len(shown["heights"])) == (int(one.heights.split(":")[0]), len(one.hill) - 2)
            assert shown["heights"] == pytest.approx([y for _, y in one.hill[1:-1]])
    assert got["ratio"] == pytest.approx(run.ratio, rel=2e-3)
    assert view.element.locator("path.hill").count() == 2 * depth
    return got


def test_keys_and_sliders_step_through_the_grid(show: Any) -> None:
    view = show(made().to_html())
    at(view, 0, 5, 1)
    view.focus()
    view.keyboard.press("Alt+ArrowRight")
    at(view, 0, 5, 2)
    assert "level" in view.element.locator(".badge").inner_text()
    view.keyboard.press("Alt+ArrowUp")
    at(view, 0, 9, 2)
    assert "exploding" in view.element.locator(".badge").inner_text()
    view.keyboard.press("n")
    at(view, 1, 9, 2)
    view.element.get_by_label("gain of the weights").fill("0")
    at(view, 1, 9, 0.5)
    assert "vanishing" in view.element.locator(".badge").inner_text()
    view.keyboard.press("r")
    at(view, 0, 5, 1)
    assert "28 runs" not in view.element.locator(".status").inner_text()
    assert "step through 9 runs" in view.element.locator(".status").inner_text()


def test_layers_by_keys_and_mouse(show: Any) -> None:
    view = show(made().to_html())
    view.focus()
    table = made().table()
    one = view.element.locator(".one")
    for key, layer in (("ArrowRight", 2), ("End", 5), ("ArrowRight", 5), ("Home", 1)):
        view.keyboard.press(key)
        words = one.inner_text()
        assert words.startswith(f"layer {layer} of 5:")
        assert f"outputs {table[layer][1]}" in words
        assert f"gradients {table[layer][3]}" in words
    box = view.element.locator(".panel .plot").nth(1).bounding_box()
    view.element.page.mouse.click(box["x"] + 150, box["y"] + 0.86 * box["height"])
    assert one.inner_text().startswith("layer 5 of 5:")
    view.keyboard.press("t")
    assert view.element.locator(".twin tr[aria-current]").inner_text().split() == table[5]


@pytest.mark.parametrize("width", [600, 800, 1600])
def test_nothing_sticks_out(show: Any, width: int) -> None:
    view = show(SignalPropagation(relu, depths=(3, 40), gains=(1.0,), depth=40).to_html(), width=width)
    assert view.element.evaluate(
        "v => [...v.shadowRoot.querySelectorAll('.body,.stage,.knobs')].every(e => e.scrollWidth <= e.clientWidth + 1)"
    )


VIEW = """import gradviz as torch
from gradviz.widgets import SignalPropagation

def network(depth, gain):
    torch.manual_seed(0)
    h = torch.randn(8, 8, requires_grad=True)
    outputs = []
    for _ in range(depth):
        h = torch.relu(h @ torch.randn(8, 8) * gain)
        h.retain_grad()
        outputs.append(h)
    h.sum().backward()
    return outputs, [h.grad for h in outputs]

SignalPropagation(network, depths=(2, 9), gains=(0.5, 1.0), depth=2)"""
BUSY = """import time
torch.manual_seed(7)
numbers = []
for _ in range(40):
    time.sleep(0.1)
    numbers.append(torch.randn(1).item())
print(numbers)"""


def test_a_network_waits_for_the_cell_that_runs_and_does_not_disturb_it(page: Page) -> None:
    page.server.write("busy.ipynb", [VIEW, BUSY])
    page.open("busy.ipynb").run_cell(0)
    view = page.ready()
    page.select_cell(1)
    page.command("notebook:run-cell")
    page.tab.wait_for_function("() => document.querySelectorAll('.jp-Cell')[1].textContent.includes('[*]')")
    view.focus()
    view.keyboard.press("Alt+ArrowUp")
    view.element.get_by_text("The kernel is busy").wait_for()
    assert view.element.get_attribute("data-shown") != view.element.get_attribute("data-at")
    page.tab.wait_for_function(DONE)
    page.tab.wait_for_function(
        "v => v.dataset.shown === v.dataset.at && v.dataset.at.startsWith('0 3')", arg=view.element.element_handle()
    )
    text = page.outputs(1)[0]["text"]
    assert ("".join(text)).strip() == str(again())


def again() -> list[float]:
    """The numbers of the cell, drawn here."""
    torch.manual_seed(7)
    return [torch.randn(1).item() for _ in range(40)]

"""Drag the start and the rate: the browser's walk is the engine's walk. A plain page from a file, no kernel."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import gradviz as torch
from gradviz.widgets import TrajectoryView
from tests.browser.lab import Page


def bowl(theta: Any) -> Any:
    return (theta - 2) ** 2


def valley(x: Any, y: Any) -> Any:
    return 0.5 * x * x + 2 * y * y


def waves(x: Any, y: Any) -> Any:
    return torch.sin(x) * torch.cos(2 * y) + torch.exp(-x * x / 4) / (1 + y**2) + 0.05 * (x - y) ** 4


def many(x: Any, y: Any) -> Any:
    near = torch.tanh(x) - torch.sigmoid(-y) + torch.sqrt(4 + x * x) + torch.log(3 + y * y) - torch.relu(y - 1)
    return (
        near + abs(x - y) + 2 ** (x / 3) + torch.maximum(x, y) - torch.minimum(x, 2 * y) + torch.atan(y) + 1 / (x + 9)
    )


@pytest.fixture
def show(tab: Page, tmp_path: Path) -> Callable[..., Any]:
    def open_page(view: TrajectoryView, width: int = 1280, scheme: str = "light") -> Any:
        file = tmp_path / "page.html"
        file.write_text(
            f"<!doctype html><meta charset='utf-8'><body style='margin:8px'>{view.to_html()}", encoding="utf-8"
        )
        tab.tab.set_viewport_size({"width": width, "height": 900})
        tab.tab.emulate_media(color_scheme=scheme)
        tab.tab.goto(file.as_uri())
        return tab.ready().element

    return open_page


def drawn(host: Any, change: Callable[[], None]) -> dict[str, Any]:
    """Do something, wait until it has been painted, and return the walk that is shown."""
    before = host.get_attribute("data-drawn")
    change()
    host.page.wait_for_function(
        "([host, before]) => host.dataset.drawn !== before", arg=[host.element_handle(), before]
    )
    walk: dict[str, Any] = host.evaluate("host => host.walk")
    start = [float(v) for v in host.get_attribute("data-start").split(",")]
    return {**walk, "start": start, "lr": float(host.get_attribute("data-lr"))}


def same(host: Any, fn: Any, shown: dict[str, Any], settings: dict[str, Any]) -> None:
    """What is shown equals what the engine computes from the same start with the same rate."""
    steps = len(shown["path"]) - 1
    optimizer = functools.partial(torch.optim.SGD, **settings)
    mine = TrajectoryView(fn, shown["start"], shown["lr"], steps, optimizer=optimizer)
    for name, engine in (("path", mine.path), ("grads", mine.grads)):
        for a, b in zip(shown[name], engine, strict=True):
            assert a == pytest.approx(b, rel=1e-6, abs=1e-6), name
    assert shown["losses"] == pytest.approx(mine.losses, rel=1e-6, abs=1e-6)


CASES = [
    (bowl, (0.5,), 0.1, {}),
    (valley, (-4.0, 2.0), 0.1, {}),
    (valley, (-4.0, 2.0), 0.05, {"momentum": 0.9, "nesterov": True}),
    (valley, (-4.0, 2.0), 0.05, {"momentum": 0.5, "dampening": 0.25, "weight_decay": 0.1}),
    (waves, (1.0, 0.5), 0.05, {}),
    (many, (1.0, 0.5), 0.02, {"momentum": 0.3}),
]


@pytest.mark.parametrize(("fn", "start", "lr", "settings"), CASES)
def test_the_browsers_numbers_are_the_engines(show: Any, fn: Any, start: Any, lr: float, settings: Any) -> None:
    bounds = ((-5, 5), (-3, 3))[: len(start)]
    optimizer = functools.partial(torch.optim.SGD, **settings)
    view = TrajectoryView(fn, start, lr, 30, optimizer=optimizer, bounds=bounds, max_lr=0.2)
    assert view.why == ""
    host = show(view)
    first = host.evaluate("host => host.walk")
    assert first["path"] == view.path
    keys = host.page.keyboard
    host.focus()
    for key in ("ArrowRight", "]", "Shift+ArrowLeft", "["):
        same(host, fn, drawn(host, lambda key=key: keys.press(key)), settings)
    rate = host.locator("input[type=number]").first
    same(host, fn, drawn(host, lambda: (rate.fill("0.0125"), rate.press("Enter"))), settings)
    plot = host.locator("svg.plot").first.bounding_box()
    middle = (plot["x"] + plot["width"] * 0.6, plot["y"] + plot["height"] * 0.4)
    same(host, fn, drawn(host, lambda: host.page.mouse.click(*middle)), settings)
    host.focus()
    reset = drawn(host, lambda: keys.press("Home"))
    assert (reset["start"], reset["lr"]) == (list(start), lr)
    same(host, fn, reset, settings)


def test_dragging_redraws_on_the_way(show: Any) -> None:
    host = show(TrajectoryView(valley, (-4.0, 2.0), 0.1, 20, bounds=((-5, 5), (-3, 3))))
    trail = host.locator("path.trail").first
    box = host.locator("svg.plot").first.bounding_box()
    mouse, seen = host.page.mouse, set()
    mouse.move(box["x"] + 150, box["y"] + 100)
    mouse.down()
    for far in range(0, 300, 60):
        drawn(host, lambda far=far: mouse.move(box["x"] + 160 + far, box["y"] + 120))
        seen.add(trail.get_attribute("d"))
    mouse.up()
    assert len(seen) == 5
    before = host.get_attribute("data-start")
    mouse.move(box["x"] + 100, box["y"] + 100)
    assert host.get_attribute("data-start") == before, "it is dragged only while the button is down"
    slider = host.locator("input[type=range]")
    knob = slider.bounding_box()
    drawn(host, lambda: mouse.click(knob["x"] + knob["width"] * 0.9, knob["y"] + knob["height"] / 2))
    assert float(host.get_attribute("data-lr")) > 0.3


def test_divergence_is_said(show: Any) -> None:
    host = show(TrajectoryView(bowl, 0.0, 0.1, 40, bounds=(-2, 6), max_lr=1.2))
    rate = host.locator("input[type=number]").first
    drawn(host, lambda: (rate.fill("3"), rate.press("Enter")))
    assert "diverges" in host.locator(".said").inner_text()
    drawn(host, lambda: (rate.fill("0.5"), rate.press("Enter")))
    assert "theta = 2, loss 0" in host.locator(".said").inner_text()


def test_nonsense_in_the_fields_changes_nothing(show: Any) -> None:
    host = show(TrajectoryView(bowl, 0.0, 0.1, 10, bounds=(-2, 6)))
    rate, steps = host.locator("input[type=number]").nth(0), host.locator("input[type=number]").nth(1)
    for field, text in ((rate, "-1"), (rate, ""), (rate, "0"), (steps, "")):
        shown = drawn(host, lambda field=field, text=text: (field.fill(text), field.press("Enter")))
        assert (shown["lr"], len(shown["path"])) == (0.1, 11)
    assert len(drawn(host, lambda: (steps.fill("99999"), steps.press("Enter")))["path"]) == 501
    assert host.locator(".status").get_attribute("data-level") == "note"


def test_what_needs_the_kernel_says_so_and_stays_a_picture(show: Any) -> None:
    host = show(TrajectoryView(lambda x: torch.erf(x) + x * x, 1.0, 0.1, 5, bounds=(-2, 2)))
    assert "erf" in host.locator(".status").inner_text()
    assert host.locator("circle.stop").count() == 6
    assert host.locator("input[type=range]").is_disabled()
    host.focus()
    host.page.keyboard.press("t")
    assert host.locator(".walk tr").count() == 7


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [600, 1600])
def test_it_fits_and_is_named(show: Any, width: int, scheme: str) -> None:
    host = show(TrajectoryView(valley, (-4.0, 2.0), 0.1, 20, bounds=((-5, 5), (-3, 3))), width, scheme)
    assert host.evaluate("host => host.scrollWidth <= host.clientWidth + 1")
    assert host.get_attribute("data-theme") == scheme
    assert host.get_attribute("data-lm-suppress-shortcuts") == "true"
    nameless = (
        "host => [...host.shadowRoot.querySelectorAll('input,button')].filter(e => !e.ariaLabel && !e.textContent)"
    )
    assert host.evaluate(f"host => ({nameless})(host).length") == 0
    host.focus()
    host.page.keyboard.press("t")
    assert host.locator(".walk tr").nth(1).inner_text().split() == ["0", "-4", "2", "16", "-4", "8"]

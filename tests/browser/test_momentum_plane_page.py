"""`MomentumPlane` on a plain page: moved by keys, buttons, fields and mouse, its walk is the engine's bit for bit."""

from __future__ import annotations

from typing import Any

import pytest

from gradviz.widgets.optim.momentum_math import best, factor
from gradviz.widgets.optim.momentum_plane import MomentumPlane
from gradviz.widgets.timeline import Timeline

RAVINE = (1.0, 100.0)
NOW = "view => ({ ...view.plane, shown: view.dataset.fates })"


def made(lr: float = 0.02, momentum: float = 0.5, **more: Any) -> MomentumPlane:
    return MomentumPlane(RAVINE, lr, momentum, start=(-4.0, 0.5), **more)


def same(view: Any) -> dict[str, Any]:
    """What the page shows now, once it has been compared with the engine's walk from the same point."""
    got: dict[str, Any] = view.element.evaluate(NOW)
    python = made(got["lr"], got["momentum"])
    for kind in ("path", "velocity"):  # large floats come as whole numbers
        assert [[float(v) for v in row] for row in got[kind]] == getattr(python.walk, kind)
    assert [float(v) for v in got["losses"]] == python.walk.losses
    assert got["factor"] == pytest.approx(python.factor, rel=1e-14)
    assert got["shown"].split() == python.fates()
    rows = view.element.locator(".facts tbody tr").evaluate_all(
        "all => all.map(r => [...r.cells].map(c => c.innerText))"
    )
    for shown, row in zip(rows, python.summary()[1:], strict=True):
        assert shown[1:-1] == row[1:-1]
        assert shown[-1].split()[-1] == row[-1]
    return got


def test_keys_move_the_point_and_the_walk_is_the_engines(show: Any) -> None:
    view = show(made().to_html())
    same(view)
    view.press("Home", 0)
    view.press("ArrowRight", 1)
    for key, lr, momentum in (
        ("Alt+ArrowRight", 0.0202, 0.5),
        ("Alt+ArrowUp", 0.0202, 0.505),
        ("Alt+Shift+ArrowLeft", 0.0182, 0.505),
        ("Alt+Shift+ArrowDown", 0.0182, 0.455),
    ):
        view.keyboard.press(key)
        got = same(view)
        assert got["lr"] == pytest.approx(lr, abs=1e-12)
        assert got["momentum"] == pytest.approx(momentum, abs=1e-12)
    view.keyboard.press("b")
    got = same(view)
    assert (got["lr"], got["momentum"]) == best(RAVINE)
    assert got["shown"] == "creeps jumps"
    view.keyboard.press("p")
    got = same(view)
    assert got["factor"] == pytest.approx(99 / 101)
    view.keyboard.press("r")
    assert same(view)["lr"] == 0.02
    assert view.step == 1


def test_the_mouse_moves_the_point_and_finds_the_best(show: Any) -> None:
    view = show(made().to_html())
    plane, page = view.element.locator(".plane"), view.element.page
    star = view.element.locator(".star").bounding_box()
    box = plane.bounding_box()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.4 * box["height"])
    page.mouse.down()
    first = same(view)
    page.mouse.move(box["x"] + 0.93 * box["width"], box["y"] + 0.6 * box["height"])
    assert same(view)["shown"].endswith("diverges")
    page.mouse.move(star["x"] + star["width"] / 2 + 2, star["y"] + star["height"] / 2)
    page.mouse.up()
    got = same(view)
    assert (got["lr"], got["momentum"]) == best(RAVINE)
    assert got["factor"] < first["factor"]
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
    assert same(view)["lr"] == got["lr"]


def test_fields_and_bad_numbers(show: Any) -> None:
    view = show(made().to_html())
    rate, beta = view.element.get_by_label("Rate"), view.element.get_by_label("Momentum", exact=True)
    rate.fill("0.0123")
    rate.press("Enter")
    beta.fill("0.9")
    beta.press("Enter")
    got = same(view)
    assert (got["lr"], got["momentum"]) == (0.0123, 0.9)
    assert got["factor"] == pytest.approx(factor(0.0123, 0.9, RAVINE))
    for text in ("-1", "0", ""):
        rate.fill(text)
        rate.press("Enter")
        assert same(view)["lr"] == 0.0123
    beta.fill("7")
    beta.press("Enter")
    assert same(view)["momentum"] == 1
    assert "never comes to rest" in view.element.locator(".sum").inner_text()


def test_the_errors_can_be_seen_by_size(show: Any) -> None:
    view = show(made().to_html())
    line = view.element.locator("path.x").last
    before = line.get_attribute("d")
    view.focus()
    view.keyboard.press("l")
    assert line.get_attribute("d") != before
    assert view.element.get_by_text("the factor, step by step").is_visible()
    view.keyboard.press("l")
    assert line.get_attribute("d") == before


def test_the_text_twin_and_a_shared_timeline(show: Any) -> None:
    time = Timeline()
    view = show(made(timeline=time).to_html(), made(0.01, 0.9, timeline=time).to_html())
    view.press("Home", 0)
    view.press("Shift+ArrowRight", 10)
    other = view.element.page.locator("[data-ready]").nth(1)
    assert other.get_attribute("data-step") == "10"
    view.keyboard.press("t")
    marked = view.element.locator(".twin tr[aria-current]").inner_text().split()
    row = made().table()[11]
    assert marked == row


@pytest.mark.parametrize("width", [600, 800, 1600])
def test_nothing_sticks_out(show: Any, width: int) -> None:
    view = show(made().to_html(), width=width)
    assert view.element.evaluate(
        "v => [...v.shadowRoot.querySelectorAll('.body,.stage,.knobs')].every(e => e.scrollWidth <= e.clientWidth + 1)"
    )

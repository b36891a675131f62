"""`ClipView` on a plain page: whatever threshold is dragged to, the numbers are the engine's."""

from __future__ import annotations

import functools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradviz as torch
from gradviz.widgets.optim import clip_cliff
from gradviz.widgets.optim.clip_view import ClipView
from gradviz.widgets.timeline import Timeline

CONTRAST = (Path(__file__).parent / "contrast.js").read_text("utf-8")
NAMELESS = """host => [...host.shadowRoot.querySelectorAll('input,button,select,[tabindex]')]
  .filter(e => !e.getAttribute('aria-label') && !e.textContent.trim()).length"""
HOSTILE = "\"><img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>\u202e&amp;'\n"


def gradients(steps: int = 24, size: int = 2) -> list[Any]:
    rng = np.random.default_rng(0)
    return [(rng.normal(size=size) * math.exp(rng.normal())).astype(np.float32) for _ in range(steps)]


def drawn(view: Any, act: Any) -> Any:
    """Do something that changes the threshold, and what the page then holds."""
    host = view.element
    before = host.get_attribute("data-drawn")
    act()
    host.page.wait_for_function(
        "([host, before]) => host.getAttribute('data-drawn') !== before", arg=[host.element_handle(), before]
    )
    return host.evaluate("host => host.walk")


def typed(view: Any, value: float) -> Any:
    field = view.element.locator("input[type=number]")
    return drawn(view, lambda: (field.fill(str(value)), field.press("Enter")))


def pick(view: Any, *names: str) -> None:
    for name in names:
        drawn(view, lambda name=name: view.element.locator(f"[data-pick='{name}']").click())


@pytest.mark.parametrize(("mode", "order"), [("norm", "2"), ("norm", "1"), ("norm", "inf"), ("value", "2")])
def test_every_threshold_gives_the_engines_numbers(show: Any, mode: str, order: str) -> None:
    given = gradients()
    view = show(ClipView(given, max_norm=1.0).to_html())
    pick(view, *([mode] if mode != "norm" else []), *([order] if order != "2" else []))
    for limit in (0.3, 1.7):
        page = typed(view, limit)
        python = ClipView(given, max_norm=limit, mode=mode, norm_type=float(order))
        assert [now["after"] for now in page["all"]] == [a for a, _ in python.after]
        assert [now["degrees"] for now in page["all"]] == pytest.approx([t for _, t in python.after], abs=1e-6)
        assert view.element.get_attribute("data-hits") == str(len(python.hits()))
        assert f"{len(python.hits())} of 24 steps would be clipped" in view.element.locator(".verdict").inner_text()


@pytest.mark.parametrize("mode", ["norm", "value"])
def test_large_gradients_by_what_python_worked_out(show: Any, mode: str) -> None:
    given = gradients(12, 400)
    view = show(ClipView(given, max_norm=9.0, clip_value=1.0, mode=mode).to_html())
    page = typed(view, 2.0)
    limit = float(view.element.get_attribute("data-limit"))
    python = ClipView(given, max_norm=limit, mode=mode)
    assert [now["after"] for now in page["all"]] == pytest.approx([a for a, _ in python.after], rel=1e-3)
    assert [now["degrees"] for now in page["all"]] == pytest.approx([t for _, t in python.after], rel=1e-3, abs=1e-3)
    assert view.element.get_attribute("data-hits") == str(len(python.hits()))


@pytest.mark.parametrize(
    "make",
    [
        torch.optim.SGD,
        functools.partial(torch.optim.SGD, momentum=0.9, nesterov=True, weight_decay=0.1),
        functools.partial(torch.optim.Adam, betas=(0.8, 0.9)),
        torch.optim.Rprop,
    ],
    ids=["SGD", "momentum", "Adam", "Rprop"],
)
def test_the_walk_is_made_again_as_the_engine_makes_it(show: Any, make: Any) -> None:
    python = ClipView(lambda x, y: x * x + 10 * y * y, (2.0, -1.0), make, max_norm=1.0, lr=0.06, steps=20)
    view = show(python.to_html())
    first = view.element.evaluate("host => host.walk")
    assert first["walk"]["path"] == python.walks[1].path
    for mode, limit in (("norm", 0.5), ("value", 2.0)):
        if mode == "value":
            pick(view, mode)
        page = typed(view, limit)
        wanted = clip_cliff.walk(lambda x, y: x * x + 10 * y * y, (2.0, -1.0), make, 0.06, 20, (mode, limit, 2.0))
        assert page["walk"]["path"] == wanted.path
        assert page["walk"]["losses"] == wanted.losses


def test_the_line_and_the_start_can_be_dragged(show: Any) -> None:
    view = show(ClipView(ClipView.cliff, (4.0, -2.5), max_norm=0.5, lr=1.0, steps=20).to_html())
    mouse = view.element.page.mouse
    line = view.element.locator("path.limit").last.bounding_box()
    mouse.move(line["x"] + 60, line["y"])
    mouse.down()
    drawn(view, lambda: mouse.move(line["x"] + 60, line["y"] - 25))
    mouse.up()
    assert float(view.element.get_attribute("data-limit")) > 0.6
    start = view.element.get_attribute("data-start")
    box = view.element.locator(".terrain").bounding_box()
    drawn(view, lambda: mouse.click(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.25))
    assert view.element.get_attribute("data-start") != start


def test_keys_step_and_move_the_threshold(show: Any) -> None:
    python = ClipView(gradients(), max_norm=1.0, names=["w", "b"])
    view = show(python.to_html())
    view.press("Home", 0)
    view.press("ArrowRight", 1)
    assert f"Step 1: norm {python.steps[1].norm(2.0):.6g}" in view.element.locator(".said").inner_text()
    drawn(view, lambda: view.element.page.keyboard.press("Control+ArrowDown"))
    assert float(view.element.get_attribute("data-limit")) < 1
    view.element.page.keyboard.press("t")
    assert view.element.locator(".twin [aria-current] td").first.inner_text() == "1"
    slider = view.element.locator("input[aria-label=Threshold]")
    limit = view.element.get_attribute("data-limit")
    drawn(view, lambda: slider.press("ArrowRight"))
    assert view.element.get_attribute("data-limit") != limit, "the slider's arrows are its own"
    assert view.step == 1


@pytest.mark.parametrize("size", [2, 40])
def test_what_is_not_finite_is_said(show: Any, size: int) -> None:
    given = [[1.0] * size, [math.nan] * size, [math.inf] + [1.0] * (size - 1), [2.0] * size]
    view = show(ClipView(given, max_norm=1.0).to_html())
    for step, text in ((1, "nan"), (2, "inf")):
        view.press("Home", 0)
        for _ in range(step):
            view.element.page.keyboard.press("ArrowRight")
        view.wait_step(step)
        assert f"the norm is {text}: clipping cannot repair that" in view.element.locator(".said").inner_text()
    pick(view, "value")
    assert view.element.locator(".status").get_attribute("data-level") == "note"


def test_a_walk_that_runs_away(show: Any) -> None:
    view = show(ClipView(lambda x, y: x * x + 10 * y * y, (2.0, -1.0), max_norm=1.0, lr=3.0, steps=200).to_html())
    view.focus()
    drawn(view, lambda: view.element.page.keyboard.press("Control+ArrowUp"))
    view.press("Home", 0)
    assert view.element.locator(".status").get_attribute("data-level") == "note"


def test_another_optimizer_says_what_it_needs(show: Any) -> None:
    class Mine(torch.optim.SGD):
        pass

    view = show(ClipView(ClipView.cliff, (4.0, -2.5), Mine, steps=8).to_html())
    assert "Mine" in view.element.locator(".verdict").inner_text()
    assert view.element.locator("input[aria-label=Threshold]").is_disabled()
    view.press("Home", 0)


def test_two_views_share_a_timeline(show: Any) -> None:
    time = Timeline("clips")
    pieces = [ClipView(gradients(), max_norm=c, timeline=time).to_html() for c in (0.5, 1.0)]
    view = show(*pieces)
    page = view.element.page
    page.wait_for_function("() => document.querySelectorAll('[data-drawn]:not([data-drawn=\"\"])').length === 2")
    view.press("End", 23)
    other = page.locator(".gradviz [data-ready]").nth(1)
    page.wait_for_function("e => e.getAttribute('data-step') === '23'", arg=other.element_handle())


@pytest.mark.parametrize(("width", "scheme"), [(600, "dark"), (1600, "light")])
def test_it_fits_is_named_and_can_be_read(show: Any, width: int, scheme: str) -> None:
    cliff = ClipView(ClipView.cliff, (4.0, -2.5), max_norm=0.5, lr=1.0, title=HOSTILE, names=[HOSTILE, "b"])
    view = show(cliff.to_html(), width=width, scheme=scheme)
    host = view.element
    assert host.evaluate("host => host.scrollWidth <= host.clientWidth + 1")
    assert host.evaluate(NAMELESS) == 0
    assert host.page.title() == ""
    for found in host.evaluate(CONTRAST):
        assert found["ratio"] >= 4.5, found

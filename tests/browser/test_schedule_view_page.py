"""`ScheduleView` on a plain page: the cursor goes through every panel; what is said are the schedule's own rates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import gradviz as torch
from gradviz.optim import lr_scheduler as S
from gradviz.viz.numbers import number
from gradviz.widgets.optim.schedule_view import ScheduleView
from gradviz.widgets.timeline import Timeline

CONTRAST = (Path(__file__).parent / "contrast.js").read_text("utf-8")
NAMELESS = """host => [...host.shadowRoot.querySelectorAll('input,button,select,[tabindex]')]
  .filter(e => !e.getAttribute('aria-label') && !e.textContent.trim()).length"""
HOSTILE = "\"><img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>\u202e&amp;'\n"


def optimizer() -> Any:
    return torch.optim.SGD([torch.zeros(2, requires_grad=True)], lr=0.1, momentum=0.9)


def sequence(**options: Any) -> ScheduleView:
    o = optimizer()
    parts = [S.LinearLR(o, 0.1, total_iters=5), S.OneCycleLR(optimizer(), 0.2, total_steps=40)]
    return ScheduleView({"warm": S.SequentialLR(o, [parts[0], S.StepLR(o, 10)], [5]), "one": parts[1]}, 40, **options)


def said(view: Any) -> str:
    return str(view.element.locator(".said").inner_text())


def test_steps_by_keys_and_mouse_and_the_rates_are_the_schedules(show: Any) -> None:
    python = sequence()
    view = show(python.to_html())
    rates = [r.rates[0] for r in python.runs]
    for key, step in (("ArrowRight", 1), ("Shift+ArrowRight", 11), ("ArrowLeft", 10), ("End", 39), ("Home", 0)):
        view.press(key, step)
        for name, values in zip(("warm", "one"), rates, strict=True):
            assert f"{name} {number(values[step])}" in said(view)
    view.do("last", 39)
    plot = view.element.locator("svg.plot").first.bounding_box()
    view.element.page.mouse.click(plot["x"] + 71, plot["y"] + 80)
    view.wait_step(0)
    assert view.element.locator(".keys b").all_text_contents()[:2] == [number(r[0]) for r in rates]


def test_parts_turns_and_words(show: Any) -> None:
    view = show(sequence().to_html())
    view.press("Home", 0)
    band = view.element.locator(".bands [aria-current]")
    assert band.inner_text() == "LinearLR"
    for _ in range(5):
        view.element.page.keyboard.press("ArrowRight")
    view.wait_step(5)
    assert band.inner_text() == "StepLR"
    assert "StepLR takes over" in said(view)
    assert "every 10 steps" in view.element.locator(".words").inner_text()
    assert view.element.locator("svg.plot").count() == 2, "rate and momentum"


def test_the_table_and_the_logarithmic_axis(show: Any) -> None:
    python = sequence()
    view = show(python.to_html())
    view.press("ArrowRight", 1)
    view.element.page.keyboard.press("t")
    row = view.element.locator(".twin [aria-current] td").all_text_contents()
    assert row[:3] == ["1", *(number(r.rates[0][1]) for r in python.runs)]
    view.element.page.keyboard.press("Escape")
    before = view.element.locator("path.rate").first.get_attribute("d")
    view.element.locator("[data-pick=log]").click()
    assert view.element.locator("path.rate").first.get_attribute("d") != before


def test_two_views_share_a_timeline(show: Any) -> None:
    time = Timeline("schedules")
    a = ScheduleView(S.StepLR(optimizer(), 3), 12, timeline=time)
    b = ScheduleView(S.ExponentialLR(optimizer(), 0.9), 12, timeline=time)
    view = show(a.to_html(), b.to_html())
    view.element.page.wait_for_function(
        "() => document.querySelectorAll('[data-drawn]:not([data-drawn=\"\"])').length === 2"
    )
    view.press("End", 11)
    other = view.element.page.locator(".gradviz [data-ready]").nth(1)
    view.element.page.wait_for_function("e => e.getAttribute('data-step') === '11'", arg=other.element_handle())


def test_skipped_steps_are_crossed(show: Any) -> None:
    scales = [8.0, 8.0, 4.0, 4.0, 2.0, 2.0]
    view = show(ScheduleView(S.StepLR(optimizer(), 3), 6, scales=scales).to_html())
    assert view.element.locator("path.cross").last.get_attribute("d").count("l10 10") == 2
    view.press("ArrowRight", 1)
    assert "overflow" in said(view)


@pytest.mark.parametrize(("width", "scheme"), [(600, "dark"), (1600, "light")])
def test_it_fits_is_named_and_can_be_read(show: Any, width: int, scheme: str) -> None:
    view = show(sequence(title=HOSTILE).to_html(), width=width, scheme=scheme)
    host = view.element
    assert host.evaluate("host => host.scrollWidth <= host.clientWidth + 1")
    assert host.get_attribute("data-theme") == scheme
    assert host.evaluate(NAMELESS) == 0
    assert host.page.title() == ""
    for found in host.evaluate(CONTRAST):
        assert found["ratio"] >= 4.5, found

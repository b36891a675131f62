"""Two views that share a timeline move together on a plain page, by keys, mouse and playing, and never in circles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz.widgets.timeline import Timeline
from gradviz.widgets.training.loss_curve import LossCurve


def two(show: Callable[..., Any], time: Timeline, *more: LossCurve) -> list[Any]:
    every = LossCurve({"loss": np.sqrt(np.arange(200.0))}, timeline=time, title="A")
    some = LossCurve({"accuracy": (np.arange(0, 200, 20), np.arange(10))}, timeline=time, title="B")
    first = show(*(view.to_html() for view in (every, some, *more))).element
    hosts = first.page.locator(".gradviz [data-ready]")
    hosts.nth(1 + len(more)).wait_for()
    first.page.evaluate(
        """() => { window.told = [];
             const join = gradvizKit.join('run', m => told.push(m.iteration)); }"""
    )
    return [hosts.nth(i) for i in range(2 + len(more))]


def step(host: Any) -> str:
    return str(host.locator(".said").inner_text()).split(":")[0]


def wait_step(host: Any, number: int) -> None:
    host.page.wait_for_function("([h, s]) => h.dataset.step === s", arg=[host.element_handle(), str(number)])


def test_they_move_together_without_an_echo(show: Callable[..., Any]) -> None:
    a, b = two(show, Timeline("run"))
    a.focus()
    press = a.page.keyboard.press
    press("Home")
    for _ in range(3):
        press("Shift+ArrowRight")
    wait_step(a, 30)
    wait_step(b, 40)
    assert (step(a), step(b)) == ("Step 30", "Step 40")
    assert a.page.evaluate("() => told") == [0, 10, 20, 30], "what follows does not speak"
    b.focus()
    press("ArrowRight")
    wait_step(a, 60)
    assert a.page.evaluate("() => told.slice(4)") == [60]
    box = a.locator("svg.plot").bounding_box()
    a.page.mouse.move(box["x"] + box["width"] - 14, box["y"] + 50)
    wait_step(b, 180)


def test_playing_one_plays_the_other_and_ends(show: Callable[..., Any]) -> None:
    a, b = two(show, Timeline("run"))
    b.focus()
    a.page.keyboard.press("Home")
    a.page.keyboard.press(" ")
    wait_step(a, 180)
    wait_step(b, 180)


def test_views_of_other_timelines_stay(show: Callable[..., Any]) -> None:
    other = LossCurve([1.0, 2.0, 3.0], timeline=Timeline("other"))
    a, _b, c = two(show, Timeline("run"), other)
    a.focus()
    a.page.keyboard.press("Home")
    wait_step(a, 0)
    assert step(c) == "Step 2"
    assert c.get_attribute("data-step") is None


def test_they_start_where_python_has_put_them(show: Callable[..., Any]) -> None:
    time = Timeline("run")
    time.go(63)
    a, b = two(show, time)
    wait_step(a, 63)
    wait_step(b, 60)

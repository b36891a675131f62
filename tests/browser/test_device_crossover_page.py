"""DeviceCrossover on a plain page: keys, slider and mouse, and every number is the one that Python computes."""

from __future__ import annotations

from typing import Any

import pytest

from gradviz.widgets.device.crossover import DeviceCrossover
from gradviz.widgets.device.crossover_model import cost, sizes
from gradviz.widgets.device.crossover_svg import time_text
from tests.widgets.test_device_crossover import A100, CORE, HOSTILE, T4, add, work


def made() -> DeviceCrossover:
    return DeviceCrossover(
        {"a @ b": work(unit="rows"), "a + b": add(most=2**20), "many": work(launches=107, most=512)},
        cpu=CORE,
        gpus={"T4": T4, "A100": A100},
        cpu_name="core",
    )


def state(view: Any) -> dict[str, Any]:
    """What the page shows, as numbers."""
    got: dict[str, Any] = view.element.evaluate("v => v.crossover")
    return got


def until(view: Any, what: str, value: Any) -> None:
    view.element.page.wait_for_function(
        "([v, what, value]) => v.dataset[what] === value", arg=[view.element.element_handle(), what, value]
    )


def agrees(view: Any, it: DeviceCrossover) -> None:
    """What the page shows now is what Python computes for the same work, GPU, copies and n."""
    got = state(view)
    one, card = it.works[got["work"]], it.gpus[got["gpu"]]
    want = cost(card, one, got["n"], got["copies"])
    mine = cost(it.cpu, one, got["n"], False).total
    assert (got["cpu"], got["total"]) == (mine, want.total)
    assert [got["cost"][part] for part in ("launch", "copy", "work")] == [want.launch, want.copy, want.work]
    assert got["measured"] == [False, False]
    shown = view.element.locator(".bar b").all_inner_texts()
    assert shown == [time_text(mine), time_text(want.total)]


def test_keys_walk_along_n_and_change_everything_else(show: Any) -> None:
    it = made()
    view = show(it.to_html())
    view.focus()
    stops = sizes(4096)
    agrees(view, it)
    for key, place in (
        ("Home", 0),
        ("ArrowRight", 1),
        ("Shift+ArrowRight", 11),
        ("ArrowLeft", 10),
        ("End", len(stops) - 1),
    ):
        view.keyboard.press(key)
        until(view, "n", str(stops[place]))
        agrees(view, it)
    for key, origin in (("k", "58"), ("g", "57"), ("k", "64"), ("w", "none")):
        view.keyboard.press(key)
        until(view, "from", origin)
        agrees(view, it)
    assert "faster at no n up to 1,048,576" in view.element.locator(".verdict").inner_text()
    view.keyboard.press("w")
    agrees(view, it)
    assert "107 launches" in view.element.locator(".sum").inner_text()
    assert "Run the cell in JupyterLab" in view.element.locator(".status").inner_text()
    assert view.element.get_by_role("button", name="Measure here").count() == 0
    view.keyboard.press("m")  # nothing to measure with
    agrees(view, it)
    view.keyboard.press("t")
    rows = view.element.locator(".twin tbody tr")
    assert rows.count() == len(sizes(512))


def test_mouse_and_slider(show: Any) -> None:
    it = made()
    view = show(it.to_html())
    plot = view.element.locator("svg.plot")
    box = plot.bounding_box()
    tab = view.element.page
    tab.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] / 2)
    tab.mouse.down()
    before = state(view)["n"]
    tab.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + box["height"] / 2, steps=4)
    tab.mouse.up()
    assert state(view)["n"] > 4 * before
    agrees(view, it)
    view.element.get_by_label("n", exact=True).fill("3")
    until(view, "n", "4")
    view.element.get_by_role("button", name="A100").click()
    view.element.get_by_role("button", name="a + b").click()
    agrees(view, it)
    assert (state(view)["gpu"], state(view)["n"]) == (1, sizes(2**20)[len(sizes(2**20)) // 2])
    view.element.get_by_role("button", name="a @ b").click()
    assert state(view)["n"] == 4  # where it was left


@pytest.mark.parametrize("width", [600, 1600])
def test_names_of_any_kind_stay_inside(show: Any, width: int) -> None:
    it = DeviceCrossover(
        {HOSTILE: work(unit=HOSTILE), "b": add()},
        cpu=CORE,
        gpus={HOSTILE: T4, "A": A100},
        cpu_name=HOSTILE,
        title=HOSTILE,
    )
    view = show(it.to_html(), width=width)
    wide = view.element.evaluate("v => [v.shadowRoot.querySelector('.view').scrollWidth, v.clientWidth]")
    assert wide[0] <= wide[1]
    assert view.element.evaluate("v => v.shadowRoot.querySelectorAll('script,img').length") == 0

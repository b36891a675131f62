"""Step, open a step, drag the start and the rate: the browser's walk is the engine's walk. A plain page, no kernel."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import gradviz as torch
from gradviz.widgets import TrajectoryView

HERE = Path(__file__).parent


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


def branch(x: Any) -> Any:
    return x * x if x.item() > 0 else -x


BOX = ((-5, 5), (-3, 3))


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


def same(fn: Any, shown: dict[str, Any], optimizer: Any, clip: float | None) -> None:
    """What is shown equals what the engine computes from the same start with the same rate."""
    steps = len(shown["path"]) - 1
    mine = TrajectoryView(fn, shown["start"], shown["lr"], steps, optimizer=optimizer, clip=clip)
    for name, engine in (("path", mine.path), ("grads", mine.grads)):
        for a, b in zip(shown[name], engine, strict=True):
            assert a == pytest.approx(b, rel=1e-6, abs=1e-6), name
    assert shown["losses"] == pytest.approx(mine.losses, rel=1e-6, abs=1e-6)
    for name, rows in mine.walk.terms.items():
        for a, b in zip(shown["terms"][name], rows, strict=False):
            assert a == pytest.approx(b, rel=1e-4, abs=1e-5), name


def sgd(**settings: Any) -> Any:
    return functools.partial(torch.optim.SGD, **settings)


CASES = [
    (bowl, (0.5,), 0.1, sgd(), None),
    (valley, (-4.0, 2.0), 0.05, sgd(momentum=0.9, nesterov=True), None),
    (valley, (-4.0, 2.0), 0.05, sgd(momentum=0.5, dampening=0.25, weight_decay=0.1), 2.0),
    (waves, (1.0, 0.5), 0.05, torch.optim.Adam, None),
    (many, (1.0, 0.5), 0.02, torch.optim.RMSprop, None),
]


@pytest.mark.parametrize(("fn", "start", "lr", "optimizer", "clip"), CASES)
def test_the_browsers_numbers_are_the_engines(
    show: Any, fn: Any, start: Any, lr: float, optimizer: Any, clip: float | None
) -> None:
    view = TrajectoryView(fn, start, lr, 30, optimizer=optimizer, bounds=BOX[: len(start)], max_lr=lr * 4, clip=clip)
    assert view.why == ""
    host = show(view.to_html()).element
    first = host.evaluate("host => host.walk")
    assert first["path"] == [pytest.approx(place, rel=1e-8) for place in view.path]
    keys = host.page.keyboard
    host.focus()
    for key in ("Alt+ArrowRight", "+", "Alt+Shift+ArrowLeft", "-"):
        same(fn, drawn(host, lambda key=key: keys.press(key)), optimizer, clip)
    rate = host.locator("input[type=number]").first
    same(fn, drawn(host, lambda: (rate.fill("0.0125"), rate.press("Enter"))), optimizer, clip)
    plot = host.locator("svg.plot").first.bounding_box()
    middle = (plot["x"] + plot["width"] * 0.72, plot["y"] + plot["height"] * 0.12)
    same(fn, drawn(host, lambda: host.page.mouse.click(*middle)), optimizer, clip)
    host.focus()
    reset = drawn(host, lambda: keys.press("r"))
    assert (reset["start"], reset["lr"]) == (list(start), lr)
    same(fn, reset, optimizer, clip)


def test_steps_open_into_what_made_them(show: Any) -> None:
    made = TrajectoryView(valley, (-4.0, 2.0), 0.1, 20, optimizer=torch.optim.Adam, bounds=BOX, clip=3.0)
    view = show(made.to_html())
    view.press("Home", 0)
    view.press("ArrowRight", 1)
    view.press("Shift+ArrowRight", 11)
    view.press("ArrowLeft", 10)
    inside = view.element.locator(".anatomy")
    rows = [row.split() for row in inside.locator("tbody tr").all_inner_texts()]
    keys = ["g", "c", "m", "v", "mhat", "vhat", "step"]
    for row, key in zip(rows, keys, strict=True):
        assert row[-2:] == [format(v, ".6g") for v in made.walk.terms[key][10]]
    formula = inside.locator(".formula").inner_text()
    assert "θ ← θ − η m̂/(√v̂ + ε)" in formula
    assert "η = 0.1" in formula
    assert "max_norm = 3" in formula
    assert "Step 10 of 20" in view.element.locator(".said").inner_text()
    # a click on a step opens it
    at = view.element.locator("svg.plot").first.bounding_box()
    x, y = made.terrain.plot().at(*made.path[6])
    view.element.page.mouse.click(at["x"] + x / 689 * at["width"], at["y"] + y / 423 * at["height"])
    view.wait_step(6)
    view.press("End", 20)
    assert "ends here" in inside.inner_text()
    view.do("first", 0)
    view.press(" ", 2)


def test_from_the_side(show: Any) -> None:
    view = show(TrajectoryView(valley, (-4.0, 2.0), 0.1, 20, bounds=BOX).to_html())
    host, mouse = view.element, view.element.page.mouse
    view.focus()
    ink = "host => { const c = host.shadowRoot.querySelector('canvas'); return c.toDataURL(); }"
    flat = host.evaluate(ink)
    drawn(host, lambda: view.keyboard.press("v"))
    side = host.evaluate(ink)
    assert host.get_attribute("data-view") == "3d"
    assert side != flat
    view.keyboard.press("Control+ArrowLeft")
    turned = host.evaluate(ink)
    assert turned != side
    box = host.locator(".terrain").bounding_box()
    mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.1)
    mouse.down()
    mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.15, steps=3)
    mouse.up()
    assert host.evaluate(ink) != turned
    assert host.get_attribute("data-start") == "-4,2", "turning does not move the start"
    drawn(host, lambda: host.get_by_role("button", name="Map").click())
    assert host.evaluate(ink) == flat


def test_dragging_redraws_on_the_way(show: Any) -> None:
    host = show(TrajectoryView(valley, (-4.0, 2.0), 0.1, 20, bounds=BOX).to_html()).element
    box = host.locator("svg.plot").first.bounding_box()
    mouse, seen = host.page.mouse, set()
    mouse.move(box["x"] + 150, box["y"] + 100)
    mouse.down()
    for far in range(0, 300, 60):
        shown = drawn(host, lambda far=far: mouse.move(box["x"] + 160 + far, box["y"] + 120))
        seen.add(tuple(shown["start"]))
    mouse.up()
    assert len(seen) == 5
    before = host.get_attribute("data-start")
    mouse.move(box["x"] + 100, box["y"] + 100)
    assert host.get_attribute("data-start") == before, "it is dragged only while the button is down"
    slider = host.locator(".knobs input[type=range]")
    knob = slider.bounding_box()
    drawn(host, lambda: mouse.click(knob["x"] + knob["width"] * 0.9, knob["y"] + knob["height"] / 2))
    assert float(host.get_attribute("data-lr")) > 0.3


def test_divergence_is_said(show: Any) -> None:
    host = show(TrajectoryView(bowl, 0.0, 0.1, 40, bounds=(-2, 6), max_lr=1.2).to_html()).element
    rate = host.locator("input[type=number]").first
    drawn(host, lambda: (rate.fill("3"), rate.press("Enter")))
    assert "diverges" in host.locator(".said").inner_text()
    drawn(host, lambda: (rate.fill("0.5"), rate.press("Enter")))
    assert "theta = 2, loss 0" in host.locator(".said").inner_text()


def test_nonsense_in_the_fields_changes_nothing(show: Any) -> None:
    host = show(TrajectoryView(bowl, 0.0, 0.1, 10, bounds=(-2, 6)).to_html()).element
    rate, steps = host.locator("input[type=number]").nth(0), host.locator("input[type=number]").nth(1)
    for field, text in ((rate, "-1"), (rate, ""), (rate, "0"), (steps, "")):
        shown = drawn(host, lambda field=field, text=text: (field.fill(text), field.press("Enter")))
        assert (shown["lr"], len(shown["path"])) == (0.1, 11)
    assert len(drawn(host, lambda: (steps.fill("99999"), steps.press("Enter")))["path"]) == 501
    assert host.locator(".status").get_attribute("data-level") == "note"


def test_what_needs_the_kernel_says_so_and_still_steps(show: Any) -> None:
    view = show(TrajectoryView(branch, 1.0, 0.1, 5, bounds=(-2, 2)).to_html())
    host = view.element
    assert "different things" in host.locator(".status").inner_text()
    assert host.locator(".knobs input[type=range]").is_disabled()
    view.press("ArrowLeft", 4)
    before = host.evaluate("host => host.walk.path")
    host.page.keyboard.press("Alt+ArrowRight")
    host.page.keyboard.press("t")
    assert host.locator(".walk tr").count() == 7
    assert host.evaluate("host => host.walk.path") == before


@pytest.mark.parametrize("width", [600, 1600])
def test_it_fits_and_is_named(show: Any, width: int) -> None:
    made = TrajectoryView(valley, (-4.0, 2.0), 0.1, 20, bounds=BOX, clip=2.0)
    for scheme in ("light", "dark"):
        host = show(made.to_html(), width=width, scheme=scheme).element
        host.page.wait_for_function("([h, s]) => h.dataset.theme === s", arg=[host.element_handle(), scheme])
        host.focus()
        for key in ("ArrowLeft", "t"):
            host.page.keyboard.press(key)
        assert host.evaluate((HERE / "sticks_out.js").read_text("utf-8")) == []
        assert host.evaluate((HERE / "unnamed.js").read_text("utf-8")) == []
        low = [entry for entry in host.evaluate((HERE / "contrast.js").read_text("utf-8")) if entry["ratio"] < 4.5]
        assert low == []
        assert host.get_attribute("data-lm-suppress-shortcuts") == "true"
        assert host.locator(".walk tr").nth(1).inner_text().split() == ["0", "-4", "2", "16", "-4", "8"]
        host.page.keyboard.press("?")
        assert "move the start" in host.locator(".help").inner_text()
        host.page.keyboard.press("Escape")
        assert host.locator(".help").is_hidden()

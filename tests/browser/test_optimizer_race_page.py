"""A race on a plain page: played, scrubbed, dragged; and in JupyterLab, where the kernel runs a learner's own class."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import gradviz as torch
from gradviz import nn
from gradviz.optim import SGD, Adam, RMSprop
from gradviz.widgets.optim.optimizer_race import OptimizerRace
from tests.browser.lab import Page, View

HERE = Path(__file__).parent
BOX = ((-5, 5), (-3, 3))


def valley(x: Any, y: Any) -> Any:
    return 0.5 * x * x + 2 * y * y


class Mine:
    def __init__(self, params: Any, lr: float) -> None:
        self.params, self.lr = list(params), lr

    def step(self) -> None:
        with torch.no_grad():
            for p in self.params:
                p -= self.lr * p.grad.sign()


MAKERS: dict[str, Any] = {
    "SGD": lambda p: SGD(p, lr=0.1),
    "momentum": lambda p: SGD(p, lr=0.05, momentum=0.9),
    "Adam": lambda p: Adam(p, lr=0.3),
    "wild": lambda p: SGD(p, lr=0.9),
    "mine": lambda p: Mine(p, lr=0.1),
}


LIVE = [
    """
import gradviz as torch
from gradviz.optim import SGD
from gradviz.widgets.optim.optimizer_race import OptimizerRace


class Mine:
    def __init__(self, params, lr):
        self.params, self.lr = list(params), lr

    def step(self):
        with torch.no_grad():
            for p in self.params:
                p -= self.lr * p.grad.sign()


def valley(x, y):
    return 0.5 * x * x + 2 * y * y
""",
    """
makers = {"SGD": lambda p: SGD(p, lr=0.1), "mine": lambda p: Mine(p, 0.1)}
OptimizerRace(valley, (-4.0, 2.0), makers, 40, bounds=((-5, 5), (-3, 3)))
""",
]


def race(**more: Any) -> OptimizerRace:
    return OptimizerRace(valley, (-4.0, 2.0), MAKERS, 40, bounds=BOX, **more)


def settled(view: View, change: Callable[[], Any]) -> list[dict[str, Any]]:
    """Do something, wait until it has been painted, and return the runners as they are shown."""
    host = view.element
    before = host.get_attribute("data-drawn")
    change()
    host.page.wait_for_function("([h, before]) => h.dataset.drawn !== before", arg=[host.element_handle(), before])
    return runners(view)


def runners(view: View) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = view.element.evaluate("host => host.race")
    return found


def test_steps_and_numbers(show: Any) -> None:
    made = race()
    view = show(made.to_html())
    assert view.step == 40
    view.press("Home", 0)
    view.press("ArrowRight", 1)
    view.press("Shift+ArrowRight", 11)
    board = view.element.locator(".board tbody tr")
    assert board.count() == 5
    order = sorted(range(5), key=lambda i: made.walks[i].losses[11])
    for i, walk in enumerate(made.walks):
        cells = board.nth(i).locator("td").all_inner_texts()
        assert cells[1] == str(order.index(i) + 1)
        assert cells[2] == format(walk.losses[11], ".4g")
        reached = made.reached(walk)
        assert cells[3].removeprefix("✓ ") == ("–" if reached is None else str(reached))
    assert made.runners[order[0]].name in view.element.locator(".said").inner_text()
    assert made.fate(made.walks[3]) in board.nth(3).inner_text()
    view.keyboard.press("t")
    twin = view.element.locator(".twin").inner_text()
    for walk in made.walks:
        assert format(walk.losses[11], ".6g") in twin
    view.keyboard.press("Escape")
    view.do("last", 40)
    box = view.element.locator("svg.losses").bounding_box()
    view.element.page.mouse.click(box["x"] + box["width"] * (60 + 615 / 4) / 689, box["y"] + 40)
    view.wait_step(10)
    view.press(" ", 12)


def test_a_chosen_runner_is_taken_apart(show: Any) -> None:
    made = race()
    view = show(made.to_html())
    view.press("Home", 0)
    view.press("Shift+ArrowRight", 10)
    settled(view, lambda: view.element.get_by_role("button", name="Adam").click())
    inside = view.element.locator(".anatomy")
    rows = {row.split()[0]: row.split()[-2:] for row in inside.locator("tbody tr").all_inner_texts()}
    terms = made.walks[2].terms
    for symbol, key in (("g", "g"), ("m", "m"), ("v̂", "vhat"), ("Δθ", "step")):
        assert rows[symbol] == [format(v, ".6g") for v in terms[key][10]]
    view.focus()
    settled(view, lambda: [view.keyboard.press("ArrowDown") for _ in range(2)])
    assert "mine" in inside.inner_text()
    settled(view, lambda: view.keyboard.press("h"))
    assert not view.element.get_by_label("Show mine").is_checked()
    settled(view, lambda: view.element.get_by_label("Show mine").check())
    aim = view.element.get_by_label("Target loss")
    settled(view, lambda: (aim.fill("1"), aim.press("Enter")))
    step = next(k for k, loss in enumerate(made.walks[0].losses) if loss <= 1)
    assert view.element.locator(".board tbody tr").nth(0).locator("td").nth(3).inner_text() == f"✓ {step}"


@pytest.mark.parametrize("how", ["keys", "pointer"])
def test_another_start_is_run_again_here(show: Any, how: str) -> None:
    view = show(race().to_html())
    view.focus()
    if how == "keys":
        shown = settled(view, lambda: view.keyboard.press("Alt+Shift+ArrowRight"))
    else:
        at = view.element.locator("svg.plot").first.bounding_box()
        shown = settled(view, lambda: view.element.page.mouse.click(at["x"] + at["width"] * 0.8, at["y"] + 40))
    start = [float(v) for v in view.element.get_attribute("data-start").split(",")]
    assert start != [-4, 2]
    engine = OptimizerRace(valley, start, MAKERS, 40, bounds=BOX)
    for i, (mine, theirs) in enumerate(zip(engine.walks, shown, strict=True)):
        if i == 4:
            assert theirs["state"] == "stale"
            assert theirs["walk"]["path"][0] == [-4, 2], "what needs the kernel keeps its trail, in grey"
            continue
        assert theirs["state"] == "fresh"
        for a, b in zip(theirs["walk"]["path"], mine.path, strict=True):
            assert a == pytest.approx(b, rel=1e-6, abs=1e-6, nan_ok=True)
    assert "needs the kernel" in view.element.locator(".board tbody tr").nth(4).inner_text()
    view.focus()
    back = settled(view, lambda: view.keyboard.press("r"))
    assert [r["state"] for r in back] == ["fresh"] * 5
    assert view.element.get_attribute("data-start") == "-4,2"


def test_in_jupyterlab_the_kernel_runs_the_rest(page: Page) -> None:
    page.server.write("race.ipynb", LIVE)
    page.open("race.ipynb").run_all()
    view = page.ready()
    view.focus()
    settled(view, lambda: view.keyboard.press("Alt+Shift+ArrowRight"))
    view.keyboard.press("Alt+ArrowUp")
    page.tab.wait_for_function(
        "h => h.dataset.start === '-3,2.06' && h.race.every(r => r.state === 'fresh')",
        arg=view.element.element_handle(),
    )
    engine = OptimizerRace(valley, (-3.0, 2.06), {"mine": lambda p: Mine(p, 0.1)}, 40, bounds=BOX)
    shown = runners(view)[1]["walk"]["path"]
    for a, b in zip(shown, engine.walks[0].path, strict=True):
        assert a == pytest.approx(b, rel=1e-6, abs=1e-6)
    assert view.element.locator(".status").get_attribute("data-level") == "note"


def test_models_race_without_a_map(show: Any) -> None:
    torch.manual_seed(0)
    model, x = nn.Linear(3, 1), torch.ones(4, 3)
    made = OptimizerRace(lambda m: ((m(x) - 1) ** 2).mean(), model=model, optimizers=[SGD, RMSprop], lr=0.02, steps=30)
    view = show(made.to_html())
    assert view.element.locator("canvas").count() == 0
    view.press("Home", 0)
    view.press("ArrowRight", 1)
    cells = view.element.locator(".board tbody tr").nth(1).locator("td").all_inner_texts()
    assert cells[2] == format(made.walks[1].losses[1], ".4g")


@pytest.mark.parametrize("width", [600, 1600])
def test_it_fits_and_is_named(show: Any, width: int) -> None:
    evil = "<b onmouseover='x'>" + "W" * 300
    made = OptimizerRace(valley, (-4.0, 2.0), {**MAKERS, evil: SGD}, 40, bounds=BOX, lr=0.01)
    for scheme in ("light", "dark"):
        view = show(made.to_html(), width=width, scheme=scheme)
        host = view.element
        host.page.wait_for_function("([h, s]) => h.dataset.theme === s", arg=[host.element_handle(), scheme])
        view.focus()
        for key in ("Alt+ArrowRight", "ArrowLeft", "h", "v"):
            settled(view, lambda key=key, view=view: view.keyboard.press(key))
        assert host.get_attribute("data-view") == "3d"
        for script in ("sticks_out", "unnamed"):
            assert host.evaluate((HERE / f"{script}.js").read_text("utf-8")) == [], script
        low = [entry for entry in host.evaluate((HERE / "contrast.js").read_text("utf-8")) if entry["ratio"] < 4.5]
        assert low == []
        view.keyboard.press("?")
        assert "choose a runner" in host.locator(".help").inner_text()
        assert host.evaluate("h => h.shadowRoot.querySelectorAll('b').length") < 20
        assert host.evaluate("h => h.shadowRoot.querySelector('[onmouseover]')") is None

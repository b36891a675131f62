"""The stepper's parts in a real page: stops, checks, quiz, the card alone; and the live stepper in JupyterLab."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import gradviz as torch
from gradviz.widgets import BackpropStepper
from gradviz.widgets.graph.breakpoints import Stop
from gradviz.widgets.graph.chain_rule_card import ChainRuleCard
from tests.browser.lab import Page, View

CONTRAST = (Path(__file__).parent / "contrast.js").read_text("utf-8")
HOSTILE = '"><img src=x onerror="document.title=\'owned\'">'


class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (x,) = ctx.saved_tensors
        return g * 2 * x**2


def stepper(**options: Any) -> BackpropStepper:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    w = torch.tensor(0.5, requires_grad=True)
    b = torch.tensor([0.0, 1.0], requires_grad=True)
    return BackpropStepper(lambda: (Cube.apply(x * w) * w + b.sqrt()).sum(), title="Stops and checks", **options)


def status(view: View) -> str:
    return str(view.element.locator(".status").inner_text())


def test_runs_from_stop_to_stop(show: Any) -> None:
    shown = stepper(stop=["Cube", Stop.nonfinite()])
    view = show(shown.to_html())
    view.press("Home", 0)
    frames = [i for i, s in enumerate(shown.record["steps"]) if s["kind"] != "backward_end"]
    for hit in shown.hits:
        view.press("n", frames.index(hit.step) + 1)
        assert status(view) == f"Stopped: {hit.text}"
    for hit in reversed(shown.hits[:-1]):
        view.press("p", frames.index(hit.step) + 1)
    view.element.get_by_role("button", name="Next stop").click()
    view.wait_step(frames.index(shown.hits[1].step) + 1)
    assert view.element.locator(".badge.stop").count() >= 2


def test_playing_halts_and_says_why(show: Any) -> None:
    shown = stepper(stop="Cube")
    view = show(shown.to_html())
    view.press("Home", 0)
    for _ in range(3):
        view.keyboard.press("]")
    view.keyboard.press(" ")
    view.wait_step(shown.hits[0].step + 1)
    view.element.get_by_role("button", name="Play (Space)").wait_for()
    assert status(view) == "Stopped: Cube is computed"


def test_stops_are_set_and_removed_in_the_page(show: Any) -> None:
    view = show(stepper().to_html())
    assert view.element.locator(".badge.stop").count() == 0
    view.element.get_by_role("button", name="Stops").click()
    view.element.get_by_label("Kind of stop").select_option("nonfinite")
    view.element.get_by_role("button", name="Add", exact=True).click()
    assert view.element.locator(".badge.stop").count() == 1
    view.press("Home", 0)
    view.keyboard.press("n")
    view.element.locator(".status", has_text="holds 1 inf of 2").wait_for()
    view.element.get_by_role("button", name="Remove the stop at NaN or inf").click()
    assert view.element.locator(".badge.stop:not(.none)").count() == 0
    view.keyboard.press("?")
    assert "run to the next stop" in view.element.locator(".help").inner_text()


def test_checks_are_in_the_page_without_a_kernel(show: Any) -> None:
    shown = stepper(check=True)
    view = show(shown.to_html())
    panel = view.element.locator(".checks")
    assert panel.is_visible(), "something is wrong: it is open"
    assert "your Function Cube passes on 0.25 to mul" in panel.inner_text()
    kinds = [c.kind for c in shown.checks]
    for kind in ("ok", "bad", "unsure"):
        assert view.element.locator(f".badge.{kind}").count() >= (kind in kinds)
    rows = panel.locator("tbody tr").count()
    assert rows == sum(max(1, len(c.rows)) for c in shown.checks)
    panel.get_by_role("button", name="w", exact=True).first.click()
    assert view.element.locator("aside.card strong").inner_text() == "w"
    view.element.get_by_role("button", name="Check", exact=True).click()
    assert not panel.is_visible()


def test_the_quiz_asks_for_an_element_of_a_tensor(show: Any) -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    view = show(BackpropStepper(lambda: (x * 3.0).pow(2).sum()).to_html())
    view.element.get_by_role("button", name="Quiz").click()
    view.press("ArrowRight", view.step + 1)
    view.keyboard.press("ArrowRight")
    quiz = view.element.locator(".quiz")
    quiz.get_by_text("What does sum pass on to pow, at [0]?").wait_for()
    quiz.get_by_role("button", name="Hint").click()
    at = view.step
    quiz.locator("input").fill("1")
    quiz.locator("input").press("Enter")
    view.wait_step(at + 1)
    assert "right" in quiz.inner_text()


def test_the_card_alone_steps_through_its_contributions(show: Any) -> None:
    w = torch.tensor(-0.5, requires_grad=True)
    view = show(ChainRuleCard(lambda: w * w + w, "w", title=HOSTILE).to_html())
    last = view.step
    card = view.element.locator("aside.card")
    assert "(3 of 3)" in card.inner_text()
    view.press("Home", 0)
    assert "not reached" in card.inner_text()
    view.press("ArrowRight", 1)
    assert "partial 1 of 3" in card.inner_text()
    view.press("End", last)
    card.get_by_role("button", name="mul", exact=True).first.click()
    assert card.locator("strong").inner_text() == "mul"
    view.element.get_by_role("button", name="Back to w").click()
    assert card.locator("strong").inner_text() == "w"
    assert view.element.page.title() != "owned"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [620, 1280])
def test_fits_and_can_be_read(show: Any, scheme: str, width: int) -> None:
    view = show(stepper(stop=["Cube", Stop.nonfinite()], check=True).to_html(), width=width, scheme=scheme)
    view.focus()
    view.keyboard.press("n")
    view.element.locator(".status", has_text="Stopped").wait_for()
    page = view.element.page
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), "no sideways scrolling"
    assert [entry for entry in view.element.evaluate(CONTRAST) if entry["ratio"] < 4.5] == []


LEAVES = """w = torch.tensor(3.0, requires_grad=True)
b = torch.tensor(1.0, requires_grad=True)
w.grad = torch.tensor(10.0)
loss = (w * 2 + b) ** 2"""
LIVE = [
    "import gradviz as torch\nfrom gradviz.widgets.graph.live_stepper import LiveStepper",
    LEAVES,
    "live = LiveStepper(loss)\nlive",
    "print(w.grad, b.grad)",
    "live.back(); None",
    "live.close(); print(w.grad, b.grad)",
]


def kernel_at(view: View, step: int) -> None:
    view.element.page.wait_for_function(
        "([view, step]) => view.getAttribute('data-kernel') === String(step)", arg=[view.element.element_handle(), step]
    )


def printed(page: Page, cell: int) -> str:
    page.run_cell(cell)
    return str(page.outputs(cell)[0]["text"]).strip()


def test_the_page_drives_the_pass_in_the_kernel(page: Page) -> None:
    page.server.write("live_stepper.ipynb", LIVE)
    page.open("live_stepper.ipynb")
    for cell in range(3):
        page.run_cell(cell)
    view = page.ready()
    kernel_at(view, 0)
    assert printed(page, 3) == "tensor(10.) None"
    view.press("End", view.length)
    kernel_at(view, 5)
    assert printed(page, 3) == "tensor(38.) tensor(14.)"
    view.press("ArrowLeft", view.length - 1)
    kernel_at(view, 4)
    assert printed(page, 3) == "tensor(10.) tensor(14.)", "stepping back takes .grad back"
    assert "b.grad = 14" in view.element.locator(".live").inner_text()
    page.run_cell(4)
    kernel_at(view, 3)
    view.wait_step(view.length - 2)
    page.run_cell(5)
    assert str(page.outputs(5)[0]["text"]).strip() == "tensor(10.) None", "closing leaves nothing half-done"
    view.element.locator(".live", has_text="closed").wait_for()

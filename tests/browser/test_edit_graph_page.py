"""Changing leaves in the page: alone on a page from a file, and in JupyterLab with the kernel behind it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import gradviz as torch
import gradviz.nn.functional as F
from gradviz.viz.numbers import number
from gradviz.widgets.whatif.edit_graph import EditGraph
from tests.browser.lab import Page, View

HERE = Path(__file__).parent
CONTRAST, UNNAMED, STICKS_OUT = (
    (HERE / f"{name}.js").read_text("utf-8") for name in ("contrast", "unnamed", "sticks_out")
)
SLIDE = ".knob[aria-label='{}'] .slide"
FIELD = ".knob[aria-label='{}'] input"


def bent(x: Any, w: Any, b: Any) -> Any:
    z = w * x + b
    if z > 0:
        return (z.tanh() - 1) ** 2
    return z * z


def changed(view: View, act: Any) -> None:
    """Do something, and wait until the picture that follows has been painted."""
    before = view.element.get_attribute("data-edit")
    act()
    view.element.page.wait_for_function(
        "([host, before]) => host.getAttribute('data-edit') !== before", arg=[view.element.element_handle(), before]
    )


def boxes(view: View) -> dict[str, list[str]]:
    """The numbers in every box, by its title."""
    found: dict[str, list[str]] = view.element.evaluate(
        "host => Object.fromEntries([...host.shadowRoot.querySelectorAll('g.node')].map(g => ["
        "g.querySelector('.title').textContent,"
        "[...g.querySelectorAll('.row:not(.off) .number')].map(t => t.textContent)]))"
    )
    return found


def expected(function: Any, *leaves: float) -> dict[str, list[str]]:
    """What the engine says of these leaves: value and gradient as a box writes them."""
    view = EditGraph(function, *leaves)
    grads = {s["n"]: s["after"]["data"][0] for s in view.record["steps"] if s["kind"] == "accumulate"}
    return {
        node["label"]: [number(node["value"]["data"][0], 4), number(grads[node["n"]], 4)]
        for node in view.record["nodes"] if node["kind"] == "leaf"
    }  # fmt: skip


def place(view: View, css: str) -> tuple[float, float]:
    box = view.element.locator(css).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_by_keys_by_typing_and_by_dragging(show: Any) -> None:
    view = show(EditGraph(bent, 2.0, -0.5, 1.25, ranges={"w": (-1, 1)}).to_html())
    page = view.element.page
    assert view.element.get_attribute("data-where") == "recorded"
    slide = view.element.locator(SLIDE.format("w"))
    slide.focus()
    changed(view, lambda: page.keyboard.press("ArrowRight"))
    assert slide.get_attribute("aria-valuenow") == "-0.49"
    assert view.element.get_attribute("data-where") == "here"
    step = view.step
    changed(view, lambda: page.keyboard.press("Shift+ArrowLeft"))
    assert slide.get_attribute("aria-valuenow") == "-0.59"
    assert view.step == step, "the arrow keys of a slider do not step the timeline"
    field = view.element.locator(FIELD.format("x"))
    field.fill("1.5")
    changed(view, lambda: field.press("Enter"))
    now = boxes(view)
    for label, texts in expected(bent, 1.5, -0.59, 1.25).items():
        assert now[label] == texts
    x, y = place(view, SLIDE.format("b"))
    page.mouse.move(x + 30, y)
    changed(view, page.mouse.down)
    changed(view, lambda: page.mouse.move(x + 60, y + 30, steps=2))
    page.mouse.up()
    b = float(view.element.locator(SLIDE.format("b")).get_attribute("aria-valuenow"))
    for label, texts in expected(bent, 1.5, -0.59, b).items():
        assert boxes(view)[label] == texts
    changed(view, lambda: view.element.locator("button", has_text="Reset").click())
    assert view.element.get_attribute("data-where") == "recorded"
    for label, texts in expected(bent, 2.0, -0.5, 1.25).items():
        assert boxes(view)[label] == texts


def test_the_number_in_the_picture_can_be_dragged(show: Any) -> None:
    view = show(EditGraph(lambda x, w: (x * w).tanh(), 2.0, -0.5).to_html())
    page = view.element.page
    row = view.element.locator("g.node.can", has=page.locator("text.title", has_text="w")).locator(".row.value")
    box = row.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    changed(view, lambda: page.mouse.move(box["x"] + box["width"] / 2 + 40, box["y"] + box["height"] / 2, steps=3))
    page.mouse.up()
    w = float(view.element.locator(SLIDE.format("w")).get_attribute("aria-valuenow"))
    assert w > -0.5
    for label, texts in expected(lambda x, w: (x * w).tanh(), 2.0, w).items():
        assert boxes(view)[label] == texts


def test_a_drag_across_an_if_changes_the_shape_and_goes_on(show: Any) -> None:
    """With no kernel: the other branch was found beforehand."""
    view = show(EditGraph(bent, 2.0, -0.5, 1.25, ranges={"x": (0, 8)}).to_html())
    page = view.element.page
    assert "pow" in boxes(view)
    about = view.element.locator(".about")
    assert "if z > 0:" in about.inner_text()
    assert about.inner_text().endswith("True")
    x, y = place(view, SLIDE.format("x"))
    page.mouse.move(x - 60, y)
    changed(view, page.mouse.down)
    changed(view, lambda: page.mouse.move(x + 80, y, steps=6))
    after = boxes(view)
    assert "pow" not in after, "the other branch has no power"
    assert about.inner_text().endswith("False")
    changed(view, lambda: page.mouse.move(x + 100, y, steps=2))
    page.mouse.up()
    now = float(view.element.locator(SLIDE.format("x")).get_attribute("aria-valuenow"))
    for label, texts in expected(bent, now, -0.5, 1.25).items():
        assert boxes(view)[label] == texts
    at, length = view.step, view.length
    assert at == length, "still at the end, where all gradients are"
    view.press("Home", 0)
    view.press("ArrowRight", 1)


def test_what_cannot_be_taken_is_said_beside_the_field(show: Any) -> None:
    scores = torch.tensor([[0.5, -0.25, 1.0]], requires_grad=True)
    target = torch.tensor([1])
    view = show(EditGraph(lambda: F.cross_entropy(scores, target)).to_html())
    before = boxes(view)
    cases = [
        ("scores", "abc", "not a number"), ("scores", "inf", "finite"), ("scores", "1e99", "float32"),
        ("scores", "", "type a number"), ("target", "0.5", "not whole"), ("target", "1e30", "int64"),
        ("target", "7", "classes"),
    ]  # fmt: skip
    for label, text, why in cases:
        field = view.element.locator(FIELD.format(label)).first
        field.fill(text)
        field.press("Enter")
        wrong = view.element.locator(f".knob[aria-label='{label}'] .wrong")
        wrong.get_by_text(why).wait_for()
        assert boxes(view) == before, text
        field.press("Escape")
    field = view.element.locator(FIELD.format("target")).first
    field.fill("2")
    changed(view, lambda: field.press("Enter"))
    want = F.cross_entropy(scores, torch.tensor([2])).item()
    assert boxes(view)["nll_loss"][0] == number(want, 4)


def test_the_card_and_the_text_twin_follow(show: Any) -> None:
    view = show(EditGraph(lambda x, w: (x * w).exp(), 2.0, -0.5).to_html())
    view.focus()
    view.keyboard.press("t")
    field = view.element.locator(FIELD.format("x"))
    field.fill("3")
    changed(view, lambda: field.press("Enter"))
    lines = view.element.locator(".twin li").all_text_contents()
    value = number(torch.tensor(-1.5).exp().item())
    assert f"= {value}" in lines[1], lines
    view.focus()
    view.keyboard.press("Escape")
    card = view.card("x")
    assert "3" in card.split()
    grad = EditGraph(lambda x, w: (x * w).exp(), 3.0, -0.5).record["steps"]
    after = next(s["after"]["data"][0] for s in grad if s["kind"] == "accumulate" and s["n"] == 0)
    assert f"x.grad = {number(after)}" in card


def test_without_a_kernel_it_says_what_needs_one(show: Any) -> None:
    big = torch.ones(100, requires_grad=True)
    k = torch.tensor(2.0, requires_grad=True)
    view = show(EditGraph(lambda: (big * k).sum()).to_html())
    about = view.element.locator(".about").inner_text()
    assert "big has more than 64 numbers" in about
    assert "Run this cell in JupyterLab" in about
    assert view.element.locator(FIELD.format("k")).is_disabled()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_names_contrast_and_room(show: Any, scheme: str) -> None:
    weights = torch.tensor([[0.123456, -1.0, 2.0], [1e-5, 0.0, 3.0]], requires_grad=True)
    view = show(EditGraph(lambda x: (weights * x).tanh().sum(), 2.0).to_html(), scheme=scheme)
    field = view.element.locator(FIELD.format("weights")).first
    field.fill("abc")
    field.press("Enter")
    view.element.locator(".knob[aria-label='weights'] .wrong").get_by_text("not a number").wait_for()
    assert view.element.evaluate(UNNAMED) == []
    assert [entry for entry in view.element.evaluate(CONTRAST) if entry["ratio"] < 4.5] == []
    for width in (600, 800, 1600):
        view.element.page.set_viewport_size({"width": width, "height": 900})
        view.element.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert view.element.evaluate(STICKS_OUT) == [], width


# -- in JupyterLab -------------------------------------------------------------------------------------------------
HEAD = "import gradviz as torch\nfrom gradviz.widgets.whatif.edit_graph import EditGraph"


def test_the_kernel_computes_what_the_browser_cannot(page: Page) -> None:
    make = "big = torch.linspace(0, 1, 100).requires_grad_()\nk = torch.tensor(2.0, requires_grad=True)"
    page.server.write(
        "edit.ipynb", [HEAD, f"{make}\nview = EditGraph(lambda: (big * k).sum())\nview", "print(big.grad, k.grad)"]
    )
    page.open("edit.ipynb").run_all()
    view = page.ready()
    field = view.element.locator(FIELD.format("k"))
    field.fill("3")
    changed(view, lambda: field.press("Enter"))
    view.element.page.wait_for_function("host => host.dataset.where === 'kernel'", arg=view.element.element_handle())
    big = torch.linspace(0, 1, 100)
    assert boxes(view)["sum"][0] == number((big * 3.0).sum().item(), 4)
    assert boxes(view)["k"] == ["3", number(big.sum().item(), 4)]
    (printed,) = page.outputs(2)
    assert printed["text"] == "None None\n", "the learner's tensors are left alone"


def test_the_kernel_runs_the_code_again(page: Page) -> None:
    """An `if` that asks a Python number leaves no trace in the graph: only the code itself knows."""
    code = (
        "def f(x):\n    if x.item() > 1:\n        return (x * 2).exp()\n    return x * x * x\n"
        "EditGraph(f, 0.5, ranges={'x': (0, 2)})"
    )
    page.server.write("again.ipynb", [HEAD, code])
    page.open("again.ipynb").run_all()
    view = page.ready()
    assert "exp" not in boxes(view)
    slide = view.element.locator(SLIDE.format("x"))
    slide.focus()
    view.keyboard.press("End")
    view.element.page.wait_for_function(
        "host => [...host.shadowRoot.querySelectorAll('.title')].some(t => t.textContent === 'exp')",
        arg=view.element.element_handle(),
    )
    view.element.page.wait_for_function("host => host.dataset.where === 'kernel'", arg=view.element.element_handle())
    assert boxes(view)["exp"][0] == number(torch.tensor(4.0).exp().item(), 4)

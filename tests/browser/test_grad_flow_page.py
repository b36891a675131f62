"""`GradFlow` on a plain page: the numbers are Python's at every iteration, by keys and mouse, in both themes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import gradviz as torch
import gradviz.nn.functional as F
from gradviz.widgets.history.grad_flow import GradFlow
from gradviz.widgets.history.history import watch
from gradviz.widgets.timeline import Timeline
from tests.browser.lab import Page, Server

nn = torch.nn
HERE = Path(__file__).resolve().parent
CONTRAST, UNNAMED, STICKS_OUT = (
    (HERE / f"{name}.js").read_text(encoding="utf-8") for name in ("contrast", "unnamed", "sticks_out")
)


def flow(lr: float = 8.0, steps: int = 12, **options: Any) -> GradFlow:
    """A rate that is too high: it explodes, units die, gradients vanish."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    x, y = torch.randn(64, 32), torch.randint(0, 10, (64,))
    with watch(net, optimizer) as history:
        for _ in range(steps):
            optimizer.zero_grad()
            F.cross_entropy(net(x), y).backward()
            optimizer.step()
    return GradFlow(history, **options)


def numbers(view: GradFlow, k: int) -> list[str]:
    """What the rows must say: all gradients, then all ratios, then all dead units."""
    out = []
    at = {one: [w.kind for w in view.warnings_at(view.iterations[k]) if w.layer == one] for one in names(view)}
    glyphs = {"exploding": "▲ ", "vanishing": "▼ ", "non-finite": "✕ ", "dead": "○ "}
    for measure in ("grad", "ratio", "dead"):
        for name in names(view):
            value = view.series(name, measure)[k]
            marked = [m for m in at[name] if (m == "dead") == (measure == "dead")] if measure != "ratio" else []
            text = "–" if value is None else f"{100 * value:.4g}%" if measure == "dead" else f"{value:.4g}"
            out.append("".join(glyphs[m] for m in marked) + text)
    return out


def names(view: GradFlow) -> list[str]:
    return [one["name"] for one in view.layers]


def test_every_iteration_shows_the_numbers_and_the_sentences(show: Any) -> None:
    view = flow(at=0)
    page = show(view.to_html())
    for k in range(len(view.iterations)):
        if k:
            page.press("ArrowRight", k)
        assert page.element.locator(".rows .num").all_text_contents() == numbers(view, k)
        said = [one.text for one in view.warnings_at(k)] or ["no warnings at this iteration"]
        listed = page.element.locator(".wrong li").all_inner_texts()
        assert [text.split(" ", 1)[1] for text in listed] == said
    assert {"exploding", "vanishing", "dead"} <= {one.kind for one in view.warnings}


def test_keys_mouse_and_the_lines(show: Any) -> None:
    view = flow()
    page = show(view.to_html())
    assert page.step == view.iterations.index(view.at)
    page.press("End", 11)
    page.press("Shift+ArrowLeft", 1)
    page.do("first", 0)
    lines = page.element.locator("svg.time")
    lines.scroll_into_view_if_needed()
    box = lines.bounding_box()
    mouse = page.element.page.mouse
    mouse.click(box["x"] + 66 + (box["width"] - 194) * 5 / 11, box["y"] + 60)
    page.wait_step(5)
    mouse.down()
    mouse.move(box["x"] + 66 + (box["width"] - 194) * 9 / 11, box["y"] + 90, steps=4)
    mouse.up()
    page.wait_step(9)
    page.focus()
    page.keyboard.press("Control+ArrowDown")
    page.keyboard.press("Control+ArrowDown")
    assert page.element.get_attribute("data-layer") == "2 Linear"
    detail = page.element.locator(".detail")
    assert f"gradient norm {view.series('2', 'grad')[9]:.6g}" in detail.inner_text()
    page.element.locator(".rows").click(position={"x": 60, "y": 50 + 11})
    assert page.element.get_attribute("data-layer") == "0 Linear"
    page.keyboard.press("/")
    page.keyboard.type("4 l")
    assert page.element.get_attribute("data-layer") == "4 Linear"
    page.keyboard.press("Escape")
    page.keyboard.press("t")
    assert page.element.locator(".twin li").count() == 3


def test_two_views_share_a_timeline(show: Any) -> None:
    time = Timeline("both")
    page = show(flow(timeline=time, at=0).to_html() + flow(steps=6, timeline=time, by="parameter").to_html())
    page.press("End", 11)
    other = page.element.page.locator("[data-ready]").nth(1)
    other.page.wait_for_function("view => view.dataset.step === '5'", arg=other.element_handle())


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [600, 1600])
def test_it_fits_has_names_and_can_be_read(show: Any, width: int, scheme: str) -> None:
    page = show(flow().to_html(), width=width, scheme=scheme)
    page.focus()
    page.keyboard.press("Enter")
    element = page.element
    assert element.evaluate("host => host.scrollWidth <= host.clientWidth + 1")
    assert element.evaluate(STICKS_OUT) == []
    assert element.evaluate(UNNAMED) == []
    assert [one for one in element.evaluate(CONTRAST) if one["ratio"] < 4.5] == []
    assert element.get_attribute("data-lm-suppress-shortcuts") == "true"


def test_three_hundred_layers_stay_quick(show: Any) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(*(nn.Linear(4, 4) for _ in range(300)))
    history = watch(net)
    for _ in range(4):
        net.zero_grad()
        net(torch.ones(2, 4)).sum().backward()
        history.step()
    history.close()
    page = show(GradFlow(history).to_html())
    took = page.element.evaluate(
        """host => { const press = key => host.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}));
        const start = performance.now(); for (const key of ['Home', 'ArrowRight', 'ArrowRight', 'End']) press(key);
        return (performance.now() - start) / 4; }"""
    )
    assert took < 250, "milliseconds a step, on any machine"


def test_a_history_goes_on_from_cell_to_cell(page: Page, lab: Server) -> None:
    cells = [
        "import gradviz as torch\nfrom gradviz.widgets.history.history import watch",
        "from gradviz.widgets.history.grad_flow import GradFlow\nfrom gradviz.nn import Linear, ReLU",
        "net = torch.nn.Sequential(Linear(2, 4), ReLU(), Linear(4, 1))",
        "optimizer = torch.optim.SGD(net.parameters(), lr=0.01)\nhistory = watch(net, optimizer)",
        "for _ in range(4):\n    optimizer.zero_grad(); net(torch.ones(3, 2)).sum().backward(); optimizer.step()",
        "history.close()\nGradFlow(history)",
        "assert all(row.activations for row in history.rows), history",
    ]
    lab.write("flow.ipynb", cells)
    page.open("flow.ipynb").run_all()
    view = page.ready()
    assert view.length == 3
    view.press("Home", 0)
    view.press("ArrowRight", 1)
    assert page.outputs(6) == []

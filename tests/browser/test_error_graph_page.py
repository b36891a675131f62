"""ErrorGraph and GraphDiff on a plain page from a file: the blame is shown, the keys work, everything can be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import gradviz as torch
from gradviz.widgets.errors.error_graph import ErrorGraph
from gradviz.widgets.graph.graph_diff import GraphDiff
from tests.browser.lab import Page, View
from tests.widgets import error_programs as P
from tests.widgets.test_graph_diff import detached, plain

HERE = Path(__file__).parent
CONTRAST, UNNAMED, STICKS_OUT = (
    (HERE / f"{name}.js").read_text("utf-8") for name in ("contrast", "unnamed", "sticks_out")
)
CONTRAST = CONTRAST.replace(":scope > rect", ":scope > rect, :scope > circle")  # what a badge's glyph stands on
HOSTILE = "\"><img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>\u202e&amp;'\n"


def cut() -> ErrorGraph:
    w = P.vector()
    with ErrorGraph(leaves={"w": w}, show=False) as view:
        view.kept = P.by_item(w)  # type: ignore[attr-defined]
    return view


VIEWS = {
    "inplace": lambda: ErrorGraph(P.add_in_place),
    "freed": lambda: ErrorGraph(P.shared_part),
    "shape": lambda: ErrorGraph(P.SHAPES["linear"][0]),
    "cut": cut,
    "nan": lambda: ErrorGraph(P.softmax_by_hand),
    "diff": lambda: GraphDiff(plain, detached, labels=("plain", "with detach")),
}


@pytest.mark.parametrize("name", VIEWS)
def test_can_be_read_at_every_width_in_both_themes(show: Any, tab: Page, name: str) -> None:
    view = show(VIEWS[name]().to_html(), width=600)
    assert view.element.evaluate(UNNAMED) == []
    for width in (600, 800, 1280, 1600):
        tab.tab.set_viewport_size({"width": width, "height": 900})
        view.element.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert view.element.evaluate(STICKS_OUT) == [], width
    view.focus()
    for key in ("?", "Escape", "Home", "ArrowRight", "End", "t", "Escape", "Enter", "Escape"):
        view.keyboard.press(key)
    assert view.element.evaluate("host => !host.shadowRoot.querySelector('.status[data-level=error]')")
    for scheme in ("light", "dark"):
        tab.tab.emulate_media(color_scheme=scheme)
        tab.tab.wait_for_function(
            "([host, theme]) => host.dataset.theme === theme", arg=[view.element.element_handle(), scheme]
        )
        assert [e for e in view.element.evaluate(CONTRAST) if e["ratio"] < 4.5] == [], scheme


def text(view: View, css: str) -> list[str]:
    return [t.strip() for t in view.element.locator(css).all_text_contents()]


def test_the_blame_leads_to_the_nodes(show: Any) -> None:
    made = ErrorGraph(P.add_in_place)
    view = show(made.to_html())
    assert text(view, ".verdict")[0].endswith(made.said["headline"])
    assert text(view, ".blame code")[:3] == ["z = y * y", "y += 1", "z.sum().backward()"]
    assert text(view, ".remark") == ["keeps v0", "v0 → v1"] or text(view, ".remark") == ["v0 → v1", "keeps v0"]
    assert view.step == view.length
    view.element.locator(".blame button.line").first.click()
    assert view.element.locator("aside.card strong").first.inner_text() == "z"
    view.element.locator(".blame button.line").nth(1).click()
    assert view.element.locator("aside.card strong").first.inner_text() == "y"
    assert "overwritten here" in view.element.locator(".said").inner_text()
    view.press("Home", 0)
    view.press("End", view.length)


def test_the_failing_box_says_what_does_not_fit(show: Any) -> None:
    view = show(ErrorGraph(P.SHAPES["linear"][0]).to_html())
    box = view.element.locator("g.node.current")
    assert box.locator(".number").first.text_content() == "✗ 4 ≠ 5"
    assert box.locator(".badge").count() == 1
    assert sorted(text(view, ".remark")) == ["2", "2×[5]", "3×[4]"]


def wait(view: View, at: str) -> None:
    view.element.page.wait_for_function(
        "([host, at]) => host.dataset.at === at", arg=[view.element.element_handle(), at]
    )


def test_differences_one_after_another(show: Any) -> None:
    made = GraphDiff(plain, detached, labels=("plain", "with detach"))
    view = show(made.to_html())
    marks = [
        f"{i}:{'' if d['a'] is None else d['a']},{'' if d['b'] is None else d['b']}"
        for i, d in enumerate(made.differences, 1)
    ]
    wait(view, marks[0])
    for mark in marks[1:]:
        view.focus()
        view.keyboard.press("ArrowRight")
        wait(view, mark)
    assert text(view, ".chosen tbody tr.differs")
    view.element.locator(".list button").first.click()
    wait(view, marks[0])
    first = next(n for n, m in made.pairs if n is not None and m is not None)
    label = made.records[0]["nodes"][first]["label"]
    view.element.locator(".side").first.locator("text.title").get_by_text(label, exact=True).click(force=True)
    assert view.element.locator(".chosen strong").inner_text() == label
    assert view.element.locator("g.node.selected").count() == 2


def test_one_above_the_other_where_it_is_narrow(show: Any, tab: Page) -> None:
    view = show(GraphDiff(plain, detached).to_html(), width=700)
    boxes = [view.element.locator(".side").nth(k).bounding_box() for k in (0, 1)]
    assert boxes[1]["y"] >= boxes[0]["y"] + boxes[0]["height"] - 1
    tab.tab.set_viewport_size({"width": 1280, "height": 900})
    tab.tab.wait_for_function("host => host.clientWidth > 1000", arg=view.element.element_handle())
    boxes = [view.element.locator(".side").nth(k).bounding_box() for k in (0, 1)]
    assert boxes[0]["y"] == boxes[1]["y"]


def test_names_stay_text(show: Any, tab: Page) -> None:
    w = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    with ErrorGraph(leaves={HOSTILE: w}, title=HOSTILE, show=False) as error:
        error.kept = P.by_detach(w)  # type: ignore[attr-defined]
    with torch.record({HOSTILE: w}) as tape:
        tape.kept = (w * 3).sum()
    show(error.to_html(), GraphDiff(tape, plain, labels=(HOSTILE, HOSTILE), title=HOSTILE).to_html())
    assert tab.tab.title() != "owned"


def test_in_jupyterlab_the_error_goes_on_and_the_picture_is_shown(page: Page) -> None:
    code = (
        "import gradviz as torch\nfrom gradviz.widgets.errors.error_graph import ErrorGraph\n"
        "x = torch.tensor([1.0, 2.0], requires_grad=True)\nwith ErrorGraph() as e:\n"
        "    y = x * 2\n    z = y * y\n    y += 1\n    z.sum().backward()"
    )
    assert page.server is not None
    page.server.write("error.ipynb", [code])
    page.open("error.ipynb")
    page.run_all()
    view = page.ready()
    assert "z keeps y for its gradient" in view.element.locator(".verdict").inner_text()
    assert page.tab.locator(".jp-OutputArea-output", has_text="modified by an inplace operation").count()

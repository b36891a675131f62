"""Broadcasting on a plain page: the shapes stretch, the numbers meet, and shapes can be changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gradviz.widgets.tensors.broadcasting import Broadcasting
from tests.browser.lab import View

HERE = Path(__file__).parent
CONTRAST, UNNAMED, STICKS_OUT = (
    (HERE / f"{name}.js").read_text("utf-8") for name in ("contrast", "unnamed", "sticks_out")
)


def grid(view: View, which: str) -> list[str]:
    return list(view.element.locator(f"figure.{which} .cell text").all_text_contents())


def shape_row(view: View) -> list[str]:
    return list(view.element.locator(".shapes .size").all_text_contents())


def test_align_stretch_combine(show: Any) -> None:
    made = Broadcasting((3, 1), (4,))
    view = show(made.to_html())
    assert view.length == 4
    assert grid(view, "a") == ["1", "2", "3"]
    assert shape_row(view)[:4] == ["3", "1", "4", ""]
    view.press("ArrowRight", 1)
    assert shape_row(view)[:4] == ["3", "1", "1", "4"]
    view.press("ArrowRight", 2)
    assert grid(view, "a") == ["1"] * 4 + ["2"] * 4 + ["3"] * 4
    assert view.element.locator("figure.a .cell.ghost").count() == 9
    assert grid(view, "out") == []
    view.press("ArrowRight", 3)
    assert grid(view, "b") == ["10", "20", "30", "40"] * 3
    view.press("ArrowRight", 4)
    assert [float(text) for text in grid(view, "out")] == made.out.reshape(-1).tolist()
    view.element.locator("figure.out .cell").nth(6).click()
    assert view.element.locator(".sum").inner_text() == "result[1, 2] = a[1, 0] + b[2] = 2 + 30 = 32"
    view.focus()
    view.keyboard.press("Control+ArrowDown")
    assert view.element.locator(".sum").inner_text() == "result[2, 2] = a[2, 0] + b[2] = 3 + 30 = 33"
    view.press("Home", 0)


def test_other_shapes_and_one_that_does_not_fit(show: Any) -> None:
    view = show(Broadcasting((3, 1), (1, 4)).to_html())
    first, second = view.element.get_by_label("shape of a"), view.element.get_by_label("shape of b")
    first.fill("2, 3, 1")
    first.press("Enter")
    view.press("End", 5)
    wanted = Broadcasting((2, 3, 1), (1, 4))
    assert [float(text) for text in grid(view, "out")] == wanted.out.reshape(-1).tolist()
    first.fill("(3, 2)")
    first.press("Enter")
    second.fill("(3,)")
    second.press("Enter")
    view.press("End", 2)
    assert view.element.locator(".sum").inner_text() == f"RuntimeError: {Broadcasting((3, 2), (3,)).error}"
    assert view.element.locator(".size.bad").all_text_contents() == ["2", "3", "✕"]
    second.fill("9")
    second.press("Enter")
    assert "from 1 to 6" in view.element.locator(".status").inner_text()
    view.element.get_by_role("button", name="Reset").click()
    assert first.input_value() == "(3, 1)"
    assert view.element.locator(".status").inner_text() == ""


def test_names_contrast_and_room(show: Any) -> None:
    for scheme in ("light", "dark"):
        view = show(Broadcasting((2, 3, 1), (4,)).to_html(), width=640, scheme=scheme)
        view.press("End", 5)
        assert view.element.evaluate(UNNAMED) == []
        assert view.element.evaluate(STICKS_OUT) == []
        assert [entry for entry in view.element.evaluate(CONTRAST) if entry["ratio"] < 4.5] == []

"""ConvStepper on a plain page: the window moves, the kernel is edited, the gradients come back."""

from __future__ import annotations

from typing import Any

import pytest

import gradviz as torch
from gradviz.widgets.cnn.conv_stepper import ConvStepper
from tests.browser.lab import View

X = (torch.arange(36.0).reshape(6, 6) * 7) % 11
W = torch.tensor([[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]])


def matrix(view: View, label: str) -> list[float]:
    """The numbers in a picture's cells, as far as they are there."""
    texts = view.element.get_by_role("img", name=label, exact=True).locator("text").all_text_contents()
    return [float(text) for text in texts if text]


def test_forward_then_backward(show: Any) -> None:
    made = ConvStepper(X, W)
    view = show(made.to_html())
    assert view.step == 1
    assert len(matrix(view, "Output")) == 1
    view.press("ArrowRight", 2)
    assert view.element.locator(".sum-line b").inner_text() == f"{made.out[0, 0, 1]:g}"
    view.press("Control+ArrowDown", 6)
    assert matrix(view, "Output") == made.out.flatten().tolist()[:6]
    view.press("End", 32)
    assert matrix(view, "Image") == made.gx.flatten().tolist()
    kernel = [float(field.input_value()) for field in view.element.locator(".kernel input").all()]
    assert kernel == made.gw.flatten().tolist()
    view.press("Home", 0)
    assert matrix(view, "Output") == []


def test_an_edited_kernel_gives_what_the_engine_gives(show: Any) -> None:
    view = show(ConvStepper(X, W, padding=1).to_html())
    field = view.element.get_by_label("Kernel, row 1, column 1")
    field.fill("0.5")
    field.press("Enter")
    view.element.get_by_label("stride", exact=True).fill("2")
    view.element.get_by_label("stride", exact=True).press("Enter")
    assert "Computed here" in view.element.locator(".status").inner_text()
    changed = W.clone()
    changed[1, 1] = 0.5
    wanted = ConvStepper(X, changed, padding=1, stride=2)
    view.focus()
    for key, step in (("Shift+ArrowRight", 11), ("ArrowLeft", 10), ("ArrowLeft", 9)):
        view.press(key, step)
    assert matrix(view, "Output") == pytest.approx(wanted.out.flatten().tolist())
    view.press("End", 18)
    assert matrix(view, "Image") == pytest.approx(wanted.gx.flatten().tolist())
    field = view.element.get_by_label("padding", exact=True)
    field.fill("-1")
    field.press("Enter")
    assert "padding must be a whole number from 0 to 8" in view.element.locator(".status").inner_text()
    assert field.input_value() == "1"
    view.element.get_by_role("button", name="Reset").click()
    assert view.element.locator(".status").inner_text() == ""


def test_only_the_largest_gets_the_gradient(show: Any) -> None:
    made = ConvStepper.pool(X, 2)
    view = show(made.to_html())
    view.press("End", 18)
    assert matrix(view, "Image") == made.gx.flatten().tolist()
    assert "it was the largest" in view.element.locator(".sum-line").inner_text()

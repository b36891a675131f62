"""Lesson 08 in a real JupyterLab: the moves that the prose asks for on the cliff."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("jupytext", reason="jupytext is not installed: the lessons' sources cannot be read")

from gradviz.teach.course import lesson
from tests.browser.lab import Page
from tests.browser.test_clip_view_page import pick, typed
from tests.browser.test_lessons import index_of, opened, said, view_in


def test_the_cliff_of_lesson_08(page: Page) -> None:
    it = lesson("08")
    opened(page, it)
    view = view_in(page, index_of(it, "ClipView(cliff"))

    def steps() -> Any:
        return view.element.evaluate("view => view.walk")

    view.press("Home", 0)
    for step in (1, 2, 3):
        view.press("ArrowRight", step)
    wall = steps()["all"][3]
    assert wall["before"] == max(one["before"] for one in steps()["all"])
    assert wall["before"] > 4 * wall["after"]
    assert wall["degrees"] == 0
    assert "2 of 60 steps" in view.element.locator(".verdict").inner_text()
    view.press("End", 60)
    held = steps()["walk"]["losses"][-1]
    assert held < 1e-3
    free = typed(view, 5.0)["walk"]["losses"]
    assert free[-1] > 0.08  # still where the step from the wall threw it
    assert free[4] > free[3]
    assert "0 of 60 steps" in view.element.locator(".verdict").inner_text()
    typed(view, 0.5)
    assert steps()["walk"]["losses"][-1] == held
    pick(view, "value")
    typed(view, 0.5)
    view.press("Home", 0)
    view.press("ArrowRight", 1)
    assert steps()["all"][3]["degrees"] > 10


def test_answers_of_lesson_08(page: Page) -> None:
    late = """def train(f, start, lr, limit, steps):
    p = start.clone().requires_grad_(True)
    optimizer = torch.optim.SGD([p], lr=lr)
    for _ in range(steps):
        optimizer.zero_grad()
        torch.nn.utils.clip_grad_norm_([p], limit)
        f(p).backward()
        optimizer.step()
    return p.detach()"""
    it = lesson("08")
    opened(page, it, **{"08_1": late})
    assert "✗" in said(page, index_of(it, "# Exercise 08.1"))
    assert "not attempted" in said(page, index_of(it, "# Exercise 08.2"))

"""What a learner does wrong: a clear error, and a session that goes on as before."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

import gradviz as torch
from gradviz.widgets import BackpropStepper, GraphView


def leaf() -> Any:
    return torch.tensor([1.0, 2.0], requires_grad=True)


def without_grad(w: Any) -> Any:
    return (w.detach() * 2).sum()


def not_scalar(w: Any) -> Any:
    return w * 2


def freed(w: Any) -> Any:
    loss = (w * w).sum()
    loss.backward()
    return loss


def raises_midway(w: Any) -> Any:
    def run() -> Any:
        squares = w * w
        return (squares + torch.ones(3)).sum()

    return run


def writes_over(w: Any) -> Any:
    def run() -> Any:
        doubled = w * 2
        squares = doubled * doubled
        doubled.add_(1)
        return squares.sum()

    return run


def fails_late(w: Any) -> Any:
    doubled = w * 2
    other = (doubled * doubled).sum()
    loss = other + (w * 3).sum()  # this part of the gradient arrives before the other fails
    doubled.add_(1)
    return loss


def broken_hook(w: Any) -> Any:
    def run() -> Any:
        doubled = w * 2
        doubled.register_hook(lambda g: g / torch.ones(3))
        return doubled.sum()

    return run


CASES: list[tuple[Callable[[Any], Any], str, str]] = [
    (without_grad, "element 0 of tensors does not require grad", "requires_grad=True"),
    (not_scalar, "grad can be implicitly created only for scalar outputs", "shape (2,)"),
    (freed, "Trying to backward through the graph a second time", "Run the forward again"),
    (raises_midway, "The size of tensor a (2) must match the size of tensor b (3)", "add got shapes (2,) and (3,)"),
    (writes_over, "modified by an inplace operation", "before the in-place operation"),
    (fails_late, "modified by an inplace operation", "before the in-place operation"),
    (broken_hook, "The size of tensor a (2) must match the size of tensor b (3)", "got shapes (2,) and (3,)"),
]


@pytest.mark.parametrize(("case", "says", "explains"), CASES, ids=lambda x: getattr(x, "__name__", ""))
def test_a_clear_error_and_a_usable_session(case: Any, says: str, explains: str) -> None:
    w = leaf()
    source = case(w)
    before = None if w.grad is None else w.grad.tolist()
    with pytest.raises(RuntimeError, match=re.escape(says)) as error:
        BackpropStepper(source)
    assert explains in "\n".join([str(error.value), *getattr(error.value, "__notes__", [])])
    assert (None if w.grad is None else w.grad.tolist()) == before
    w.grad = None
    loss = (w * w).sum()
    assert "w.grad = [2, 4]" in BackpropStepper(loss).to_text()
    loss.backward()
    assert w.grad.tolist() == [2.0, 4.0]


@pytest.mark.parametrize("view", [BackpropStepper, GraphView])
def test_what_ran_before_the_error_can_be_seen(view: Any) -> None:
    w = leaf()
    with pytest.raises(RuntimeError), torch.record() as tape:
        raises_midway(w)()
    shown = view(tape)
    assert [node["op"] for node in shown.record["nodes"] if node["kind"] == "op"] == ["mul"]
    assert "must match the size" in shown.to_text()
    assert "<svg" in shown.to_svg()
    assert shown.to_html().startswith("<figure")


def test_the_newest_scalar_result_of_a_tape() -> None:
    w = leaf()
    with torch.record() as tape:
        first = (w * w).sum()
        first + 1.0  # gone at once
        w * first  # not a single number
    assert tape.last_result() is first
    with torch.record() as nothing:
        torch.ones(2).sum()
    assert nothing.last_result() is None


def test_a_freed_graph_can_still_be_looked_at() -> None:
    x = torch.tensor(2.0, requires_grad=True)
    y = torch.exp(x * x) + 1
    y.backward()
    assert "exp" in GraphView(y).to_text()
    with pytest.raises(RuntimeError, match="second time"):
        BackpropStepper(y)

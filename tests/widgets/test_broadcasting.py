"""Broadcasting: the steps in words, the engine's numbers and its error, and what cannot be shown."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import pytest

import gradviz as torch
from gradviz.widgets.tensors.broadcasting import Broadcasting

SHAPES = [(), (1,), (4,), (3, 1), (1, 4), (3, 4), (2, 1, 4), (2, 3, 1), (2,), (3, 2)]


@pytest.mark.parametrize(("p", "q"), list(itertools.product(SHAPES, SHAPES)))
def test_steps_end_where_the_engine_ends(p: tuple[int, ...], q: tuple[int, ...]) -> None:
    view = Broadcasting(p, q)
    n = max(len(p), len(q))
    message = ""
    try:
        want = torch.zeros(p) + torch.zeros(q)
    except RuntimeError as error:
        message = str(error).split("\n")[0]
    assert view.error == message
    if message:
        bad = int(message.split()[-1])
        assert view.out is None
        assert len(view.steps()) == 2 + n - bad
        assert message in view.steps()[-1]
        assert view.steps()[-1].startswith(f"Dimension {bad}: ")
    else:
        assert view.out.shape == tuple(want.shape)
        assert len(view.steps()) == n + 3
        assert view.steps()[-1].endswith(f"{tuple(want.shape)}.")


@pytest.mark.parametrize("op", ["+", "-", "*", "/"])
def test_numbers_are_those_of_the_tensors(op: str) -> None:
    a, b = torch.tensor([[1.5], [-2.0]]), torch.tensor([3.0, 7.0, float("inf")])
    data = Broadcasting(a, b, op).to_json()
    want: Any = {"+": a + b, "-": a - b, "*": a * b, "/": a / b}[op]
    assert data["a"] == {"shape": [2, 1], "data": [1.5, -2.0]}
    assert data["b"]["data"] == [3.0, 7.0, "inf"]
    assert data["out"]["shape"] == [2, 3]
    got = np.array([float(v) for v in data["out"]["data"]], np.float32)
    assert np.allclose(got, want.numpy().reshape(-1), rtol=1e-6)
    json.dumps(data, allow_nan=False)


def test_every_form_says_the_same_and_is_deterministic() -> None:
    view = Broadcasting((3, 1), (1, 4))
    assert repr(view) == view.to_text()
    assert "11., 21., 31., 41." in view.to_text()
    assert [text for _, text in view.table()[1:]] == view.steps()
    assert view.to_svg().count("stroke-dasharray") == 9 + 8
    assert view.to_html() == Broadcasting((3, 1), (1, 4)).to_html()
    assert len(Broadcasting((4, 4, 6), (4, 4, 6)).to_html()) < 120_000


def test_leaves_the_tensors_alone() -> None:
    x = torch.ones(3, 1, requires_grad=True)
    Broadcasting(x, torch.ones(4))
    assert x.grad is None
    assert x.tolist() == [[1.0]] * 3


def test_a_hostile_title_is_text() -> None:
    view = Broadcasting((1,), (2,), title="<script>alert(1)</script>\n\u202e" + "x" * 10_000)
    assert "<script>alert" not in view.to_svg()
    assert "<script>alert" not in view.to_html()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Broadcasting((2,), (2,), "@"), "op must be one of"),
        (lambda: Broadcasting((7,), (1,)), r"a has shape \(7,\)"),
        (lambda: Broadcasting((1,), (0,)), r"b has shape \(0,\)"),
        (lambda: Broadcasting((1, 1, 1, 1), (1,)), "up to 3 dimensions"),
        (lambda: Broadcasting((-1,), (1,)), "negative"),
        (lambda: Broadcasting((6, 1, 6), (6, 1)), "216 numbers"),
    ],
)
def test_what_cannot_be_shown_says_why(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()

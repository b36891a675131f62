"""`DifferenceCurve`: every value is the engine's, the best h is near that of theory, the bytes are always the same."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest

import gradviz as torch
from gradviz.widgets.graph.difference_curve import KINDS, TYPES, DifferenceCurve

HOSTILE = "\"><img src=x onerror=alert(1)><script>alert(2)</script>&'\n\u202e" + "x" * 10_000


def cube(x: Any) -> Any:
    return x * x * x


FUNCTIONS = [(torch.sin, 1.0), (cube, 1.0), (lambda x: x.exp() / x, 2.0), (lambda x: x.log(), 30.0)]


@pytest.mark.parametrize(("fn", "x"), FUNCTIONS)
def test_every_value_is_the_engines(fn: Any, x: float) -> None:
    view = DifferenceCurve(fn, x)
    leaf = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    fn(leaf).backward()
    assert leaf.grad is not None
    exact = leaf.grad.item()
    assert view.exact == exact
    for kind in TYPES:
        at = torch.tensor(x, dtype=getattr(torch, kind))
        table = view.tables[kind]
        for k, h in enumerate(view.hs):
            assert table.plus[k] == fn(at + h).item()
            assert table.minus[k] == fn(at - h).item()
            assert table.slopes["forward"][k] == ((fn(at + h) - fn(at)) / h).item()
            assert table.slopes["central"][k] == ((fn(at + h) - fn(at - h)) / (2 * h)).item()
            assert table.errors["central"][k] == abs(table.slopes["central"][k] - exact) / abs(exact)


def test_numpy_computes_the_same_errors() -> None:
    view = DifferenceCurve(cube, 1.0)
    for kind, real in (("float64", np.float64), ("float32", np.float32)):
        x = real(1.0)
        for k, h in enumerate(view.hs):
            up = x + real(h)
            slope = (up * up * up - x * x * x) / real(h)
            assert view.tables[kind].errors["forward"][k] == pytest.approx(abs(float(slope) - 3) / 3, abs=1e-30)


@pytest.mark.parametrize(("fn", "x"), FUNCTIONS)
@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("formula", KINDS)
def test_the_best_step_is_near_the_one_of_theory(fn: Any, x: float, kind: str, formula: str) -> None:
    view = DifferenceCurve(fn, x)
    best = view.hs[view.best(kind, formula)]
    assert abs(math.log10(best / view.theory(kind, formula))) < 1.2
    eps = {"float64": 2.0**-52, "float32": 2.0**-23}[kind]
    assert view.theory(kind, formula) == pytest.approx(eps ** (0.5 if formula == "forward" else 1 / 3) * max(1.0, x))


def test_the_two_sides_are_what_theory_expects() -> None:
    view = DifferenceCurve(torch.sin, 1.0)
    for kind in TYPES:
        for formula in KINDS:
            truncation, rounding = view.expected(kind, formula)
            assert truncation is not None
            theory, power = view.theory(kind, formula), 1 if formula == "forward" else 2
            for h, error in zip(view.hs, view.tables[kind].errors[formula], strict=True):
                if h > 30 * theory:
                    assert error == pytest.approx(truncation * h**power, rel=0.25)
                elif h < theory / 10:
                    assert error <= 1.5 * max(rounding / h, 1e-30) or error == 1.0


def test_higher_derivatives() -> None:
    assert DifferenceCurve(cube, 2.0).higher == [12.0, 6.0]
    assert DifferenceCurve(lambda x: 3 * x, 2.0).higher == [0.0, 0.0]

    class Once(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            (x,) = ctx.saved_tensors
            return torch.tensor(2 * x.item() * grad.item(), dtype=torch.float64)

    view = DifferenceCurve(Once.apply, 3.0)
    assert view.exact == 6.0
    assert ET.fromstring(view.to_svg()) is not None


def test_a_flat_place_has_an_absolute_error() -> None:
    view = DifferenceCurve(lambda x: x * x, 0.0)
    assert not view.relative
    assert view.tables["float64"].errors["forward"][-1] == pytest.approx(0.1)
    assert '"error"' not in view.to_text()


def test_the_same_bytes_every_time() -> None:
    code = (
        "import gradviz as torch\nfrom gradviz.widgets.graph.difference_curve import DifferenceCurve\n"
        "print(DifferenceCurve(torch.sin, 1.0).to_html())"
    )
    made = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("0", "7")
    }
    assert len(made) == 1
    assert len(made.pop()) < 60_000


def test_nothing_of_the_learners_moves() -> None:
    torch.manual_seed(3)
    w = torch.tensor(2.0, requires_grad=True)
    state = torch.get_rng_state().tolist()
    DifferenceCurve(lambda x: x * w.item() + torch.rand(()).item() * 0, 1.0)
    assert torch.get_rng_state().tolist() == state
    assert w.grad is None


def test_hostile_names_are_text() -> None:
    def fn(x: Any) -> Any:
        return x.sin()

    fn.__name__ = HOSTILE
    for view in (DifferenceCurve(fn, 1.0), DifferenceCurve(torch.sin, 1.0, title=HOSTILE)):
        ET.fromstring(view.to_svg())
        html = view.to_html()
        assert "<img src=x" not in html
        assert "<script>alert" not in html
        assert len(html) < 60_000
        json.dumps(view.to_json(), allow_nan=False)


def test_places_that_are_not_finite_break_the_line() -> None:
    view = DifferenceCurve(torch.sqrt, 0.05)  # x - 0.1 is negative
    assert view.to_json()["types"]["float64"]["minus"][-1] == "nan"
    json.dumps(view.to_json(), allow_nan=False)
    assert "nan" in view.to_text()


@pytest.mark.parametrize(
    ("fn", "x", "kind", "text"),
    [
        (3, 1.0, TypeError, "needs a function"),
        (torch.sin, "far", TypeError, "x must be one number"),
        (torch.sin, math.inf, ValueError, "x must be finite"),
        (torch.log, -1.0, ValueError, "Choose an x where both are finite"),
        (torch.sqrt, 0.0, ValueError, "its slope"),
        (lambda x: x.item(), 1.0, TypeError, "returned float"),
        (lambda x: torch.stack([x, x]), 1.0, ValueError, r"Add \.sum\(\)"),
        (lambda x: torch.tensor(1.0), 1.0, TypeError, "does not depend on x"),
    ],
)
def test_bad_input_says_what_is_wrong(fn: Any, x: Any, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        DifferenceCurve(fn, x)

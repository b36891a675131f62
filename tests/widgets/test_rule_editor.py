"""RuleEditor: the light is gradcheck's verdict, and a formula is a formula in Python as in the page."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradviz as torch
from gradviz.widgets.graph.rule_editor import AFTER, RuleEditor
from gradviz.widgets.graph.rule_formula import Formula

SHARED = Path(__file__).resolve().parents[2] / "frontend/test/formulas.json"

# what both readers must compute, at grad = 2.5, x = -0.75, out = 0.3
FORMULAS = [
    "grad", "x", "out", "3", "1.5e-3", ".5", "2.", "pi", "e", "grad * 3 * x ** 2", "grad*(1-out**2)",
    "grad - x - out", "grad / x / 2", "-x ** 2", "(-x) ** 2", "2 ** -1", "2 ** 3 ** 2", "- - x", "+x", "grad + -x",
    "x < 0", "x <= -0.75", "x > 0", "grad >= 2.5", "x == out", "x != out", "grad * (x > -1)", "sin(x)", "cos(x)",
    "tan(x)", "exp(x)", "log(grad)", "sqrt(grad)", "abs(x)", "sign(x)", "tanh(x)", "sigmoid(x)", "relu(x)",
    "maximum(x, out)", "minimum(x, out)", "where(x > 0, grad, 0)", "where(x > 0, 0, where(out > 0, 1, 2))",
    "torch.sin( x )", "log(x)", "1 / 0", "-1 / 0", "0 / 0", "sqrt(x)", "  grad  ",
]  # fmt: skip
# and what both must refuse
REFUSED = [
    "", " ", "grad *", "* grad", "y", "x y", "x.sin()", "x[0]", "lambda: 1", "__import__('os')", "sin", "sin(x, x)",
    "where(x)", "0x10", "1_000", "1j", "'a'", "x = 1", "x < 1 < 2", "x and 1", "grad if x else 0", "print(x)",
    "torch.save(x)", "(x", "x)", "3x", "x // 2", "x % 2", "x @ x", "~x", "grad ** ", "x" * 300, "[x]", "{x}",
    "x; x", "torch.x", "x,", "f(x)(x)", "constructor", "toString(x)",
]  # fmt: skip


def test_the_page_reads_the_same_language() -> None:
    """formulas.json holds what Python computes, formula.test.ts asks the page for the same. To write it anew:
    GRADVIZ_WRITE_SHARED=1."""
    values = [float(Formula(text).value(grad=2.5, x=-0.75, out=0.3)) for text in FORMULAS]
    shown = [v if np.isfinite(v) else str(v) for v in values]
    wanted = {"values": dict(zip(FORMULAS, shown, strict=True)), "refused": REFUSED}
    if os.environ.get("GRADVIZ_WRITE_SHARED"):
        SHARED.write_text(json.dumps(wanted, indent=0) + "\n", encoding="utf-8")
    kept = json.loads(SHARED.read_text("utf-8"))
    assert kept["refused"] == REFUSED
    assert list(kept["values"]) == FORMULAS
    for text, value in wanted["values"].items():
        assert float(kept["values"][text]) == pytest.approx(float(value), rel=1e-14, nan_ok=True)


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_formula_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        Formula(text)


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas_are_pythons(text: str) -> None:
    numpy: dict[str, Any] = {
        name: getattr(np, name) for name in ("sin", "cos", "tan", "exp", "log", "sqrt", "abs", "sign")
    }
    numpy |= {"tanh": np.tanh, "maximum": np.maximum, "minimum": np.minimum, "where": np.where, "pi": np.pi, "e": np.e}
    numpy |= {"sigmoid": lambda x: 1 / (1 + np.exp(-x)), "relu": lambda x: max(x, 0.0)}
    names = {name: np.float64(v) for name, v in {"grad": 2.5, "x": -0.75, "out": 0.3}.items()}
    plain = text.strip().replace("torch.", "").replace("1 / 0", "1 / (x - x)").replace("0 / 0", "(x - x) / (x - x)")
    with np.errstate(all="ignore"):
        want = float(eval(plain, {"__builtins__": {}}, numpy | names))  # the table above, not a user's text
    assert Formula(text).value(**names) == pytest.approx(want, nan_ok=True)


RULES: dict[str, tuple[Callable[[Any], Any], str, str]] = {
    "cube": (lambda x: x**3, "grad * 3 * x ** 2", "grad * 2 * x ** 2"),
    "tanh": (torch.tanh, "grad * (1 - out ** 2)", "grad * (1 - x ** 2)"),
    "sigmoid": (torch.sigmoid, "grad * out * (1 - out)", "grad * out"),
    "exp": (torch.exp, "grad * out", "grad * x"),
    "relu": (torch.relu, "where(x > 0, grad, 0)", "grad"),
    "abs": (torch.abs, "grad * sign(x)", "grad * x"),
    "log": (torch.log, "grad / x", "1 / x"),
}


@pytest.mark.parametrize("which", [1, 2], ids=["right", "wrong"])
@pytest.mark.parametrize("after", AFTER)
@pytest.mark.parametrize("name", RULES)
def test_the_light_agrees_with_gradcheck(name: str, after: str, which: int) -> None:
    forward = RULES[name][0]
    view = RuleEditor(forward, RULES[name][which], after=after)  # type: ignore[arg-type]

    class Ruled(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return forward(x)

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            (x,) = ctx.saved_tensors
            value = view.rule.value(grad=grad.numpy(), x=x.detach().numpy(), out=forward(x.detach()).numpy())
            return torch.tensor(np.broadcast_to(value, x.shape).copy())

    one = view.chains[after]
    keep = np.isfinite(one.slopes) & ~one.corners
    points = torch.tensor(view.xs[keep], dtype=torch.float64, requires_grad=True)
    try:
        judged = torch.autograd.gradcheck(lambda x: AFTER[after](Ruled.apply(x)).sum(), (points,))
    except RuntimeError as error:  # it also sends a gradient of 0 back, which no finite difference does
        judged = "multiplied by grad_output" in str(error)
    right, total = view.judged()
    assert total == keep.sum()
    assert (right == total) == judged
    assert view.verdict().startswith("✓" if judged else "!")


def test_a_rule_that_forgets_the_upstream_is_right_only_at_the_end() -> None:
    view = RuleEditor(lambda x: x**3, "3 * x ** 2")
    assert view.judged("nothing") == (81, 81)
    assert view.judged("times 5") == (1, 81)
    assert "! differs at 80 of 81 points" in view.to_text()


def test_corners_are_not_counted() -> None:
    view = RuleEditor(torch.relu, "grad * (x > 0)", after="nothing")
    assert view.to_json()["chains"][0]["corners"] == [40]
    assert view.judged() == (80, 80)


def test_numbers_are_the_engines() -> None:
    data = RuleEditor(torch.exp, "grad * out", low=-1, high=1).to_json()
    x = torch.tensor(data["x"], dtype=torch.float64)
    assert data["out"] == x.exp().tolist()
    times = data["chains"][1]
    assert times["grad"] == [5.0] * 81
    assert np.allclose(times["slope"], (5 * x.exp()).numpy(), rtol=1e-8)
    json.dumps(data, allow_nan=False)


def test_deterministic_small_and_hostile() -> None:
    hostile = "\"><img src=x onerror=alert(1)>&'\n\u202e" + "x" * 10_000
    one, two = (RuleEditor(lambda x: x, "grad", title=hostile) for _ in range(2))
    assert one.to_html() == two.to_html()
    assert len(one.to_html()) < 60_000
    assert "<img src=x" not in one.to_svg() + one.to_html()
    assert repr(one) == one.to_text()


def test_it_leaves_the_generators_alone() -> None:
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    RuleEditor(lambda x: x + 0 * torch.randn(81, dtype=torch.float64), "grad")
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: RuleEditor(3, "grad"), TypeError, "forward must be a function"),
        (lambda: RuleEditor(lambda x: x.sum(), "grad"), ValueError, "entry by entry"),
        (lambda: RuleEditor(lambda x: 2, "grad"), ValueError, "returned int"),
        (lambda: RuleEditor(torch.exp, "grad", low=1, high=1), ValueError, "low must be below high"),
        (lambda: RuleEditor(torch.exp, "grad", after="more"), ValueError, "after must be one of"),
        (lambda: RuleEditor(torch.exp, "slope"), ValueError, "'slope' is not known here"),
    ],
)
def test_bad_input(make: Callable[[], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        make()

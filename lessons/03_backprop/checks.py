"""Checks of lesson 03: one neuron by hand, three messages, a forgotten edge."""

from __future__ import annotations

import math
from typing import Any

import gradviz as torch
from gradviz.teach.check import Verdict, Wrong, exercise
from gradviz.teach.compare import close, compare, number


def neuron() -> dict[str, float]:
    """The values and gradients of the neuron, from the engine itself, in double precision."""
    leaf = {
        name: torch.tensor(value, dtype=torch.float64, requires_grad=True) for name, value in (("w", 0.75), ("b", -1.0))
    }
    x, t = 2.0, 1.0
    f0 = leaf["w"] * x
    f1 = f0 + leaf["b"]
    f2 = torch.tanh(f1)
    f3 = (f2 - t) ** 2
    d2, d1, d0, dw, db = torch.autograd.grad(f3, [f2, f1, f0, leaf["w"], leaf["b"]])
    found = {"f0": f0, "f1": f1, "f2": f2, "f3": f3, "d2": d2, "d1": d1, "d0": d0, "dw": dw, "db": db}
    return {name: value.item() for name, value in found.items()}


WHAT = {
    "f0": "the product of w and x",
    "f1": "f0, shifted by b",
    "f2": "tanh of f1",
    "f3": "the squared distance of f2 from t",
    "d2": "how f3 changes with f2: the derivative of a square",
    "d1": "d2, times the local factor of tanh",
    "d0": "d1, times the local factor of an addition",
    "dw": "d0, times the local factor of a product for w",
    "db": "d1, times the local factor of an addition for b",
}


@exercise(
    "03.1",
    "One neuron, by hand",
    hints=[
        "Forward: each line uses the one before it. Backward: each is an upstream gradient times one local factor.",
        "Local factors: of (f2 - t)², 2 (f2 - t); of tanh, 1 - f2²; of a sum, 1; of a product, the *other* factor.",
        "d1 = d2 * (1 - f2 * f2), and the addition f0 + b hands d1 on unchanged to both of its inputs.",
    ],
)
def neuron_by_hand(answer: Any) -> Verdict:
    """Compare name by name, and name the first one that is off."""
    return compare(answer, neuron(), WHAT)


def messages() -> dict[str, float]:
    """What arrives at x = 2 along each of the three ways of y = x sin x + x: one copy of x per way."""
    ways = [torch.tensor(2.0, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    y = ways[1] * torch.sin(ways[0]) + ways[2]
    y.backward()
    sin, mul, add = (way.grad.item() for way in ways)
    return {"via_sin": sin, "via_mul": mul, "via_add": add, "total": sin + mul + add}


@exercise(
    "03.2",
    "Three ways out of x",
    hints=[
        "Pretend that only one of the three x may move, and the other two are nailed down.",
        "Through sin: the upstream of sin(x) is the other factor of the product, x; the local factor of sin is cos(x).",
    ],
)
def three_ways(answer: Any) -> Verdict:
    """The three messages and their sum."""
    what = {
        "via_sin": "upstream of sin(x) times the local factor of sin",
        "via_mul": "upstream of the product times the other factor",
        "via_add": "upstream of the sum times the local factor of an addition",
        "total": "the sum of the three messages",
    }
    return compare(answer, messages(), what)


@exercise(
    "03.3",
    "The forgotten edge",
    hints=[
        "Draw the three operations from one x to the result: times 2, plus 3, mean. Put a local factor on each edge.",
        "0.3333 is the local factor of the mean alone. Which of the other two edges has a factor other than 1?",
    ],
)
def forgotten_edge(answer: Any) -> str | None:
    """The local factor 2, and the gradient 2/3."""
    if not isinstance(answer, dict):
        msg = "Give both: `dict(forgotten=..., gradient=...)`."
        raise Wrong(msg)
    factor, gradient = (number(answer.get(name), name) for name in ("forgotten", "gradient"))
    if close(factor, 1.0):
        msg = "A factor of 1 cannot be missed: leaving it out changes nothing. Look at the other edges."
        raise Wrong(msg)
    if not close(factor, 2.0):
        raise Wrong(f"No edge of mean(2x + 3) that was left out has the local factor {factor:g}.")
    if not math.isclose(gradient, 2 / 3, abs_tol=5e-4):
        raise Wrong(f"The edge is right. But with that factor put back, the gradient is not {gradient:g}.")
    return "One third from the mean, times two."


def wrong_answers() -> dict[str, list[Any]]:
    """Answers that must be red; the tests run them."""
    good, ways = neuron(), messages()
    return {
        "03.1": [
            {**good, "f3": good["f2"] - 1.0},
            {**good, "d1": good["d2"]},
            {**good, "dw": good["d0"] * 0.75},
            {**good, "db": 0.0},
            {"f0": 0.75 + 2.0, **dict.fromkeys(list(good)[1:], ...)},
            [1.5, 0.5],
        ],
        "03.2": [
            {**ways, "total": ways["via_sin"] + ways["via_mul"]},
            {**ways, "via_sin": math.cos(2.0)},
            {**ways, "via_add": 2.0},
            {**ways, "via_mul": "sin"},
        ],
        "03.3": [
            {"forgotten": 3.0, "gradient": 2 / 3},
            {"forgotten": 1.0, "gradient": 1 / 3},
            {"forgotten": 2.0, "gradient": 1 / 3},
            2.0,
        ],
    }

"""Checks of lesson 04: a central difference by hand, the wrong rule among six, and its repair."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradviz as torch
from gradviz.teach.check import Wrong, exercise
from gradviz.teach.compare import attempt

NAMES = ("tanh", "softplus", "swish", "leaky", "huber", "softsign")


def like(got: Any, x: Any) -> Any:
    """The answer as a tensor of the same shape, or what is wrong with it."""
    if not isinstance(got, torch.Tensor):
        raise Wrong(f"It should return a tensor with the shape of x; it returned a {type(got).__name__}.")
    if tuple(got.shape) != tuple(x.shape):
        raise Wrong(f"For an x of shape {tuple(x.shape)} the result has shape {tuple(got.shape)}.")
    return got.detach()


def quotient(f: Callable[[Any], Any], x: Any, h: float, right: float, left: float, width: float) -> Any:
    """(f(x + right h) - f(x - left h)) / (width h) for each element."""
    out = torch.zeros_like(x)
    for i in range(x.numel()):
        step = torch.zeros_like(x)
        step.view(-1)[i] = h
        out.view(-1)[i] = (f(x + right * step) - f(x - left * step)) / (width * h)
    return out


SLIPS = (
    ((1.0, 0.0, 1.0), "It looks to the right only: that is a forward difference."),
    ((0.0, 1.0, 1.0), "It looks to the left only: that is a backward difference."),
    ((1.0, 1.0, 1.0), "It is too large by a factor of two: how far apart are the two points?"),
    ((1.0, 0.0, 2.0), "It goes to one side only, but divides by the width of two steps."),
    ((-1.0, -1.0, 2.0), "The sign is wrong: which value is taken from which?"),
)


@exercise(
    "04.1",
    "Write it yourself",
    hints=[
        "Change one element at a time: a tensor of zeros with h in one place is a step along that element.",
        "`step.view(-1)[i] = h` reaches the i-th element, whatever the shape.",
    ],
)
def numeric(answer: Any) -> str:
    """Wide steps on a cubic tell the formulas apart; then another shape, and a function in which elements meet."""
    x = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    kept, h = x.tolist(), 0.1

    def cubic(v: Any) -> Any:
        return (v * v * v).sum()

    got = like(attempt(answer, cubic, x, h), x)
    if x.tolist() != kept:
        msg = "The x that was handed in has been changed. Step on a copy."
        raise Wrong(msg)
    want = quotient(cubic, x, h, 1.0, 1.0, 2.0)
    if not torch.allclose(got, want, rtol=1e-9):
        for (right, left, width), slip in SLIPS:
            if torch.allclose(got, quotient(cubic, x, h, right, left, width), rtol=1e-9):
                raise Wrong(slip)
        if torch.allclose(got, 3 * x * x, rtol=1e-6):
            msg = "That is the slope itself. With a step of 0.1 a central difference must be off by a little: use h."
            raise Wrong(msg)
        if torch.allclose(got, torch.full_like(x, float(want.sum()))):
            msg = "All elements are moved at once. Move one at a time."
            raise Wrong(msg)
        k = int((got - want).abs().argmax())
        raise Wrong(f"For the sum of cubes it is wrong at element {k}, where x is {kept[k]:g} and h is {h:g}.")
    table = torch.tensor([[0.3, -1.2], [2.0, 0.7]], dtype=torch.float64)

    def meet(v: Any) -> Any:
        return (v[0] * v[1]).sum() + (v[0, 0] * v[1, 1]).sin()

    got = like(attempt(answer, meet, table, 1e-5), table)
    if not torch.allclose(got, quotient(meet, table, 1e-5, 1.0, 1.0, 2.0), rtol=1e-6):
        msg = "Right for a row of numbers, wrong for a table in which the elements meet. Is each element put back?"
        raise Wrong(msg)
    return "Right for a row and for a table, and x is untouched."


@exercise(
    "04.2",
    "Six rules, one is wrong",
    hints=[
        "Take several points on both sides of 0, some near it and some beyond 1, but not 0 itself.",
        "A rule that is made of pieces must be checked on each piece, with either sign.",
    ],
)
def wrong_rule(answer: Any) -> str:
    """The name of the rule."""
    if not isinstance(answer, str):
        raise Wrong(f"Write the name of the rule as a string; this is a {type(answer).__name__}.")
    name = answer.strip().lower()
    if name not in NAMES:
        raise Wrong(f"There is no {answer!r:.40} among the six.")
    if name == "leaky":
        msg = "It fails at 0, where it has a corner. Away from 0 its rule agrees everywhere: not this one."
        raise Wrong(msg)
    if name != "huber":
        raise Wrong(
            f"The rule of {name} agrees with the finite difference at every point. Try points that are farther out."
        )
    return "It is wrong for x below -1 only: the slope there is -1, and the rule says +1."


@exercise(
    "04.3",
    "Repair it",
    hints=[
        "Draw the function: a parabola in the middle, a straight line on each side. What is the slope of each line?",
        "`x.sign()` is -1 on the left and 1 on the right.",
    ],
)
def repaired(answer: Any) -> str:
    """Held against the derivative on all three pieces."""
    for points, where in (
        ([-0.9, -0.3, 0.0, 0.6], "in the middle piece"),
        ([1.5, 4.0], "on the right piece"),
        ([-1.5, -4.0], "on the left piece"),
    ):
        x = torch.tensor(points, dtype=torch.float64)
        got = like(attempt(answer, x), x)
        want = torch.clamp(x, -1.0, 1.0)
        if not torch.allclose(got.to(torch.float64), want):
            raise Wrong(f"It is still wrong {where}: at x = {points[0]:g} the slope is not {got[0].item():g}.")
    return "Right on all three pieces."


def wrong_answers() -> dict[str, list[Any]]:
    """Answers that must be red; the tests run them."""

    def forward(f: Any, x: Any, h: float) -> Any:
        return quotient(f, x, h, 1.0, 0.0, 1.0)

    def too_large(f: Any, x: Any, h: float) -> Any:
        return quotient(f, x, h, 1.0, 1.0, 1.0)

    def ignores_h(f: Any, x: Any, h: float) -> Any:
        return quotient(f, x, 1e-6, 1.0, 1.0, 2.0)

    def all_at_once(f: Any, x: Any, h: float) -> Any:
        return torch.full_like(x, float((f(x + h) - f(x - h)) / (2 * h)))

    def never_put_back(f: Any, x: Any, h: float) -> Any:
        x.view(-1)[0] += h
        return quotient(f, x, h, 1.0, 1.0, 2.0)

    def as_list(f: Any, x: Any, h: float) -> Any:
        return quotient(f, x, h, 1.0, 1.0, 2.0).tolist()

    def planted(x: Any) -> Any:
        return torch.where(x.abs() < 1, x, torch.ones_like(x))

    return {
        "04.1": [forward, too_large, ignores_h, all_at_once, never_put_back, as_list, 3],
        "04.2": ["leaky", "tanh", "swish", "relu", 5],
        "04.3": [planted, lambda x: x, lambda x: x.sign(), lambda x: float(x[0]), "sign"],
    }

"""Checks of lesson 07: what a rate and a momentum do, the edge of overshoot, and the update itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradviz as torch
from gradviz.teach.check import Unfinished, Wrong, exercise
from gradviz.teach.compare import attempt, number

PAIRS = [("a", 0.01, 0.5), ("b", 0.01, 0.9), ("c", 1.4, 0.2), ("d", 1.4, 0.5)]
FATES = ("creeps", "swings", "jumps", "diverges")


def fate(lr: float, beta: float, curvature: float = 2.0) -> str:
    """What momentum does on a bowl, from the roots of s^2 - (1 + beta - lr L) s + beta."""
    push = lr * curvature
    if push > 2 * (1 + beta):
        return "diverges"
    if (1 + beta - push) ** 2 < 4 * beta:
        return "swings"
    return "creeps" if push < 1 + beta else "jumps"


@exercise(
    "07.1",
    "Read the table",
    hints=[
        "Work out the rate times the curvature, then compare it with the limits in the table.",
        "Ask first whether it diverges: the limit grows with beta.",
    ],
)
def read_the_table(answer: Any) -> str:
    """Compare pair by pair; the first wrong one is named."""
    if not isinstance(answer, list | tuple):
        raise Wrong("Write four words in a list.")
    if any(entry is ... for entry in answer):
        raise Unfinished("Fill in all four.")
    if len(answer) != len(PAIRS):
        raise Wrong(f"There are four pairs, and {len(answer)} words.")
    for (name, lr, beta), said in zip(PAIRS, answer, strict=True):
        if said not in FATES:
            raise Wrong(f"({name}) should be one of {', '.join(FATES)}; it is {said!r}.")
        if said != fate(lr, beta):
            raise Wrong(f"({name}) does something else: there the rate times the curvature is {lr * 2:g}.")
    return "All four."


def overshoots(beta: float) -> bool:
    """Whether theta goes past 2 in 2,000 steps at the rate 0.01, in double precision."""
    error, velocity = -2.0, 0.0
    for _ in range(2000):
        velocity = beta * velocity + 2 * error
        error -= 0.01 * velocity
        if error > 0:
            return True
    return False


@exercise(
    "07.2",
    "No overshoot",
    hints=[
        "It goes past its goal where the eigenvalues are complex: where it swings.",
        "The edge is where the rate times the curvature equals the square of 1 minus the root of beta.",
    ],
)
def no_overshoot(answer: Any) -> str:
    """Walks just below and just above the answer."""
    beta = number(answer, "largest")
    if not 0 <= beta < 1:
        raise Wrong(f"A momentum lies between 0 and 1; this is {beta:g}.")
    if overshoots(beta - 0.005):
        raise Wrong(f"With {beta:g} it goes past 2, and with 0.005 less too. Go down.")
    if not overshoots(beta + 0.005):
        raise Wrong(f"With {beta:g} it does not go past 2, but with 0.005 more neither. Go up.")
    return "Just below that momentum it creeps, just above it overshoots."


def reference(f: Callable[[Any], Any], start: Any, lr: float, beta: float, steps: int, **more: Any) -> Any:
    """Momentum with the optimizer."""
    p = start.detach().clone().requires_grad_(True)
    optimizer = torch.optim.SGD([p], lr=lr, momentum=beta, **more)
    for _ in range(steps):
        optimizer.zero_grad()
        f(p).backward()
        optimizer.step()
    return p.detach()


@exercise(
    "07.3",
    "Write the update",
    hints=[
        "Keep a velocity of zeros beside the point: `v = torch.zeros_like(start)`.",
        "In the loop: clear the gradient, go backward, then under `torch.no_grad()` change first v and then p.",
    ],
)
def walk(answer: Any) -> str:
    """Zero, one and many steps on a hidden function, compared with the optimizer."""

    def f(p: Any) -> Any:
        return ((p - 1) ** 4).sum()

    for steps in (0, 1, 2, 9):
        start = torch.tensor([0.5, 2.0])
        got = attempt(answer, f, start, 0.05, 0.8, steps)
        if not isinstance(got, torch.Tensor):
            raise Wrong(f"It should return the tensor it arrives at; it returned a {type(got).__name__}.")
        if start.tolist() != [0.5, 2.0]:
            raise Wrong("The start that was handed in has been changed. Walk on a copy.")
        if tuple(got.shape) != (2,):
            raise Wrong(f"The result has shape {tuple(got.shape)} instead of (2,).")
        got = got.detach()
        if torch.allclose(got, reference(f, start, 0.05, 0.8, steps), rtol=1e-4, atol=1e-6):
            continue
        if torch.allclose(got, reference(f, start, 0.05, 0.0, steps), rtol=1e-4, atol=1e-6):
            raise Wrong("It is plain gradient descent: the velocity is not kept from step to step.")
        if torch.allclose(got, reference(f, start, 0.05, 0.8, steps, nesterov=True), rtol=1e-4, atol=1e-6):
            raise Wrong("That is Nesterov's variant, which looks one step ahead.")
        raise Wrong(f"It is in the wrong place after {steps} steps.")
    return "Equal to the optimizer after no step, one, two and nine, and the start is untouched."


def wrong_answers() -> dict[str, list[Any]]:
    """Answers that must be red; the tests run them."""

    def plain(f: Any, start: Any, lr: float, beta: float, steps: int) -> Any:
        return reference(f, start, lr, 0.0, steps)

    def nesterov(f: Any, start: Any, lr: float, beta: float, steps: int) -> Any:
        return reference(f, start, lr, beta, steps, nesterov=True)

    def one_more(f: Any, start: Any, lr: float, beta: float, steps: int) -> Any:
        return reference(f, start, lr, beta, steps + 1)

    def forgets_return(f: Any, start: Any, lr: float, beta: float, steps: int) -> None:
        reference(f, start, lr, beta, steps)

    right = [fate(lr, beta) for _, lr, beta in PAIRS]
    return {
        "07.1": [["swings", *right[1:]], [*right[:3], "diverges"], [*right[:2], "swings", right[3]], right[:2], "a"],
        "07.2": [0.9, 0.7, 0.0, 0.75, 1.5, "none"],
        "07.3": [plain, nesterov, one_more, forgets_return, 3],
    }

"""Checks of lesson 05: a rate that is fast, the rate that is too fast, and the walk itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import gradviz as torch
from gradviz.teach.check import Wrong, exercise
from gradviz.teach.compare import attempt, number


def distance_after(f: Callable[..., Any], start: tuple[float, ...], lr: float, steps: int) -> float:
    """How far from the origin the walk is after these steps, in double precision; infinity when it ran away."""
    point = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in start]
    optimizer = torch.optim.SGD(point, lr=lr)
    for _ in range(steps):
        optimizer.zero_grad()
        f(*point).backward()
        optimizer.step()
    far = math.hypot(*(value.item() for value in point))
    return far if math.isfinite(far) else math.inf


def valley(x: Any, y: Any) -> Any:
    """The landscape of exercise 05.1: curvature 1 along, 4 across."""
    return 0.5 * x * x + 2 * y * y


def askew(x: Any, y: Any) -> Any:
    """The landscape of exercise 05.2: a bowl that lies askew."""
    return 1.5 * x * x + x * y + 0.25 * y * y


@exercise(
    "05.1",
    "Twenty steps",
    hints=[
        "Two factors decide: 1 - lr along the valley and 1 - 4 lr across it. Both must become small in 20 steps.",
        "The best rate makes the two factors equal in size and opposite in sign.",
    ],
)
def twenty_steps(answer: Any) -> str:
    """Within 0.01 of the bottom after 20 steps."""
    lr = number(answer, "lr")
    if lr <= 0:
        raise Wrong(f"A rate of {lr:g} does not walk downhill.")
    along, across = (
        distance_after(f, (s,), lr, 20) for f, s in ((lambda x: 0.5 * x * x, 4.0), (lambda y: 2 * y * y, 2.0))
    )
    if math.hypot(along, across) < 0.01:
        return f"After 20 steps it is {math.hypot(along, across):.2g} from the bottom."
    if across > along:
        fate = "runs away" if across > 2 else "is still jumping to and fro"
        raise Wrong(f"After 20 steps it {fate} across the valley: it is {across:.3g} off in that direction.")
    raise Wrong(f"After 20 steps it is still {along:.3g} away from the bottom, along the valley.")


@exercise(
    "05.2",
    "The edge",
    hints=[
        "Take a rate that converges and one that diverges. Try half-way. Keep the pair that encloses the edge.",
        "Near the edge the walk is slow to make up its mind: give it 1,000 steps.",
        "The largest eigenvalue of the matrix [[3, 1], [1, 0.5]] is the curvature L of the steepest direction.",
    ],
)
def edge(answer: Any) -> str:
    """Within 1 % of 2 / L."""
    lr = number(answer, "smallest")
    if lr <= 0:
        raise Wrong(f"A rate of {lr:g} does not walk downhill.")

    def diverges(rate: float) -> bool:
        return distance_after(askew, (1.0, 1.0), rate, 1500) > 2.0

    if not diverges(lr * 1.01):
        raise Wrong(f"With {lr:g} it still converges, and with a rate 1 % larger too. Go up.")
    if diverges(lr * 0.99):
        raise Wrong(f"With {lr:g} it diverges, but with a rate 1 % smaller too. Go down.")
    return "Just below that rate it converges, just above it diverges."


def reference(f: Callable[[Any], Any], start: Any, lr: float, steps: int, *, uphill: bool = False) -> Any:
    """Gradient descent with the optimizer."""
    p = start.detach().clone().requires_grad_(True)
    optimizer = torch.optim.SGD([p], lr=lr, maximize=uphill)
    for _ in range(steps):
        optimizer.zero_grad()
        f(p).backward()
        optimizer.step()
    return p.detach()


@exercise(
    "05.3",
    "Write it yourself",
    hints=[
        "Start from a copy that may be changed: `p = start.detach().clone().requires_grad_(True)`.",
        "In the loop: clear the gradient, go backward from f(p), then change p under `torch.no_grad()`.",
    ],
)
def walk(answer: Any) -> str:
    """Zero, one and many steps, on hidden functions of one and of several numbers."""
    line = torch.tensor([1.0, -2.0, 3.0])
    first = attempt(answer, lambda p: (p * line).sum(), torch.tensor([0.5, 0.5, 0.5]), 0.1, 1)
    expect(first, lambda p: (p * line).sum(), [0.5, 0.5, 0.5], 0.1, 1, "after one step on a plane")
    for steps, name in ((0, "after no step at all"), (2, "after two steps"), (7, "after seven steps")):
        got = attempt(answer, lambda p: ((p - 1) ** 4).sum(), torch.tensor([0.5, 2.0]), 0.05, steps)
        expect(got, lambda p: ((p - 1) ** 4).sum(), [0.5, 2.0], 0.05, steps, name)
    start = torch.tensor([1.0, 1.0])
    answer(lambda p: (p * p).sum(), start, 0.1, 3)
    if start.tolist() != [1.0, 1.0]:
        msg = "The result is right, but the start that was handed in has been changed. Walk on a copy."
        raise Wrong(msg)
    return "Right on functions of one, two and three numbers, and the start is untouched."


def expect(got: Any, f: Callable[[Any], Any], start: list[float], lr: float, steps: int, name: str) -> None:
    """Compare with the optimizer, and name the commonest slips."""
    if not isinstance(got, torch.Tensor):
        raise Wrong(f"It should return the tensor it arrives at; {name} it returned a {type(got).__name__}.")
    want = reference(f, torch.tensor(start), lr, steps)
    if tuple(got.shape) != tuple(want.shape):
        raise Wrong(f"The result has shape {tuple(got.shape)} instead of {tuple(want.shape)}.")
    if torch.allclose(got.detach(), want, rtol=1e-4, atol=1e-6):
        return
    if steps == 1 and torch.allclose(got.detach(), reference(f, torch.tensor(start), lr, 1, uphill=True), rtol=1e-4):
        msg = "It walks uphill: look at the sign."
        raise Wrong(msg)
    for other, slip in ((steps - 1, "one step too few"), (steps + 1, "one step too many")):
        if other >= 0 and torch.allclose(got.detach(), reference(f, torch.tensor(start), lr, other), rtol=1e-4):
            raise Wrong(f"{name.capitalize()}: it takes {slip}.")
    raise Wrong(f"It is in the wrong place {name}. Is the old gradient cleared before each backward?")


def wrong_answers() -> dict[str, list[Any]]:
    """Answers that must be red; the tests run them."""

    def uphill(f: Any, start: Any, lr: float, steps: int) -> Any:
        return reference(f, start, lr, steps, uphill=True)

    def one_more(f: Any, start: Any, lr: float, steps: int) -> Any:
        return reference(f, start, lr, steps + 1)

    def never_cleared(f: Any, start: Any, lr: float, steps: int) -> Any:
        p = start.detach().clone().requires_grad_(True)
        for _ in range(steps):
            f(p).backward()
            with torch.no_grad():
                p -= lr * p.grad
        return p.detach()

    def spoils_start(f: Any, start: Any, lr: float, steps: int) -> Any:
        end = reference(f, start, lr, steps)
        start.copy_(end)
        return end

    def forgets_return(f: Any, start: Any, lr: float, steps: int) -> None:
        reference(f, start, lr, steps)

    return {
        "05.1": [0.1, 0.25, 0.45, 0.6, -0.4, "fast"],
        "05.2": [2 / 3, 0.5, 0.585, 0.61, -1.0],
        "05.3": [uphill, one_more, never_cleared, spoils_start, forgets_return, 3],
    }

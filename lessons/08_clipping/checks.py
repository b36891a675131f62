"""Checks of lesson 08: clipping in its place, and clipping by norm written out."""

from __future__ import annotations

from typing import Any

import gradviz as torch
from gradviz.teach.check import Wrong, exercise
from gradviz.teach.compare import attempt


def reference(f: Any, start: Any, lr: float, limit: float | None, steps: int, by_value: bool = False) -> Any:
    """SGD whose gradient is clipped between backward and step."""
    p = start.detach().clone().requires_grad_(True)
    optimizer = torch.optim.SGD([p], lr=lr)
    for _ in range(steps):
        optimizer.zero_grad()
        f(p).backward()
        if limit is not None and by_value:
            torch.nn.utils.clip_grad_value_([p], limit)
        elif limit is not None:
            torch.nn.utils.clip_grad_norm_([p], limit)
        optimizer.step()
    return p.detach()


@exercise(
    "08.1",
    "A clip that never clips",
    hints=[
        "When does p.grad hold the new gradient, and when is it used?",
        "Four calls in each round: clear, go backward, clip, step. Only one order has something to clip.",
    ],
)
def repaired(answer: Any) -> str:
    """Compare with the optimizer on a hidden function."""

    def f(p: Any) -> Any:
        return ((p - 1) ** 4).sum()

    for steps in (0, 1, 6):
        start = torch.tensor([0.5, 4.0])
        got = attempt(answer, f, start, 0.05, 1.5, steps)
        if not isinstance(got, torch.Tensor) or tuple(got.shape) != (2,):
            raise Wrong("It should return the tensor it arrives at, of the shape of the start.")
        if start.tolist() != [0.5, 4.0]:
            raise Wrong("The start that was handed in has been changed. Walk on a copy.")
        got = got.detach()
        if torch.allclose(got, reference(f, start, 0.05, 1.5, steps), rtol=1e-4, atol=1e-6):
            continue
        if torch.allclose(got, reference(f, start, 0.05, None, steps), rtol=1e-4):
            raise Wrong("It still never clips: the walk is the one without a limit.")
        if torch.allclose(got, reference(f, start, 0.05, 1.5, steps, by_value=True), rtol=1e-4):
            raise Wrong("That clips by value; the limit is meant for the norm.")
        raise Wrong(f"It is in the wrong place after {steps} steps.")
    return "Clipped where it counts."


@exercise(
    "08.2",
    "Clip by norm",
    hints=[
        "One norm for all: the root of the sum of all squares, over all tensors.",
        "Every tensor is multiplied by the same factor, limit / norm, but by no more than 1.",
    ],
)
def by_norm(answer: Any) -> str:
    """Long, short and zero gradients, of several shapes."""
    cases = [([3.0, 4.0], [12.0]), ([0.1, 0.2], [0.3]), ([0.0, 0.0], [0.0]), ([2.0, 0.0], [0.1])]
    for first, second in cases:
        grads = [torch.tensor(first), torch.tensor([second])]
        norm = sum(v * v for v in first + second) ** 0.5
        got = attempt(answer, grads, 1.0)
        if not isinstance(got, list | tuple) or len(got) != 2 or not all(isinstance(g, torch.Tensor) for g in got):
            raise Wrong("It should return a list with one tensor for each that was handed in.")
        if grads[0].tolist() != torch.tensor(first).tolist() or grads[1].tolist() != torch.tensor([second]).tolist():
            raise Wrong("The tensors that were handed in have been changed.")
        if any(tuple(a.shape) != tuple(b.shape) for a, b in zip(got, grads, strict=True)):
            raise Wrong("The shapes must stay as they are.")
        if any(bool(torch.isnan(g).any()) for g in got):
            raise Wrong("A gradient of zeros became nan.")
        scale = min(1.0, 1.0 / norm) if norm else 1.0
        if all(torch.allclose(a, b * scale, rtol=1e-4, atol=1e-5) for a, b in zip(got, grads, strict=True)):
            continue
        if norm <= 1:
            raise Wrong("A gradient shorter than the limit was changed.")
        total = sum(float((g * g).sum().item()) for g in got) ** 0.5
        if total > 1.001:
            raise Wrong(f"All together they still have the norm {total:.3g}; the limit is 1.")
        raise Wrong("Short enough, but not every entry has been given the same factor.")
    return "Never longer than the limit, the same direction, and short ones untouched."


def wrong_answers() -> dict[str, list[Any]]:
    """Answers that must be red; the tests run them."""

    def never(f: Any, start: Any, lr: float, limit: float, steps: int) -> Any:
        return reference(f, start, lr, None, steps)

    def value(f: Any, start: Any, lr: float, limit: float, steps: int) -> Any:
        return reference(f, start, lr, limit, steps, by_value=True)

    def each(grads: Any, limit: float) -> Any:
        return [g * min(1.0, limit / max(g.norm().item(), 1e-9)) for g in grads]

    def always(grads: Any, limit: float) -> Any:
        total = sum(float((g * g).sum().item()) for g in grads) ** 0.5
        return [g * (limit / max(total, 1e-9)) for g in grads]

    def entries(grads: Any, limit: float) -> Any:
        return [g.clamp(-limit, limit) for g in grads]

    return {"08.1": [never, value, lambda f, s, lr, c, n: [], 3], "08.2": [each, always, entries, lambda g, c: g, 3]}

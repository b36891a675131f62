"""Checks of lesson 16: a scale for a whole run, judged by casting its gradients; and the steps a scaler skipped."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import gradviz as torch
from gradviz.teach.check import Unfinished, Wrong, exercise
from gradviz.teach.compare import attempt, number

nn, F = torch.nn, torch.nn.functional


@cache
def gradients() -> tuple[Any, Any]:
    """All gradients of the first step, and those of the layers' outputs after 40 steps."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        x = torch.randn(256, 20)
        y = (x[:, 0] * x[:, 1] > 0).long()
        torch.manual_seed(1)
        net = nn.Sequential(nn.Linear(20, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 2))

        def outputs() -> list[Any]:
            h, found = x, []
            for layer in net:
                h = layer(h)
                h.retain_grad()
                found.append(h)
            F.cross_entropy(h, y).backward()
            return [h.grad for h in found]

        first = [*outputs(), *(p.grad for p in net.parameters())]
        first = torch.cat([g.flatten() for g in first]).clone()
        optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
        for _ in range(40):
            optimizer.zero_grad()
            F.cross_entropy(net(x), y).backward()
            optimizer.step()
        optimizer.zero_grad()
        return first, torch.cat([g.flatten() for g in outputs()])


@exercise(
    "16.1",
    "One scale for the whole run",
    hints=[
        "Two sides limit it. In the list above the picture choose a tensor of the first step, then one of step 40.",
        "The largest gradients of all belong to a weight or a bias of the first step: walk right until they overflow.",
    ],
)
def one_scale(answer: Any) -> str:
    """Cast both ends of the run."""
    scale = number(answer, "scale")
    if not (scale > 0 and math.isfinite(scale)):
        raise Wrong(f"A scale of {scale:g} is no scale: it has to be positive and finite.")
    if math.frexp(scale)[0] != 0.5:
        raise Wrong(f"{scale:g} is no power of two: multiplying by it would round the digits of every gradient.")
    first, later = gradients()
    lost = ((later * scale).half() == 0).double().mean().item()
    over = int((first * scale).half().isinf().sum().item())
    if over:
        raise Wrong(f"{over} gradients of the first step become infinite: the step would be skipped.")
    if lost >= 0.01:
        raise Wrong(f"After 40 steps {lost:.1%} of the gradients become 0.")
    return f"{lost:.2%} are lost after 40 steps, and the first step has no infinity."


CASES = (
    (8.0, [8.0, 4.0, 4.0, 4.0, 8.0, 4.0], [1, 5]),
    (65536.0, [32768.0, 16384.0, 16384.0, 16384.0], [0, 1]),
    (1024.0, [1024.0, 1024.0, 2048.0, 2048.0], []),
    (4.0, [8.0, 16.0, 8.0, 16.0, 8.0, 8.0], [2, 4]),
    (2.0, [1.0, 2.0, 2.0, 1.0, 0.5], [0, 3, 4]),
)


@exercise(
    "16.2",
    "The skipped steps",
    hints=[
        "A step that is skipped leaves its mark in the scale after it. Which change means what?",
        "Compare each scale with the one before it; for step 0 that is `start`.",
    ],
)
def skipped_steps(answer: Any) -> str:
    """Runs with and without growth, with a skip at the start, at the end, and twice in a row."""
    for start, scales, want in CASES:
        made = attempt(answer, start, list(scales))
        if made is None or made is ...:
            raise Unfinished("`skipped` returns nothing yet.")
        try:
            got = [int(i) for i in made]
        except (TypeError, ValueError):
            raise Wrong("Return the numbers of the steps, as a list.") from None
        if got == want:
            continue
        shown = f"From {start:g}, with the scales {scales}"
        if got == [i + 1 for i in want]:
            raise Wrong(f"{shown}: all steps are one too late. Steps are counted from 0.")
        if len(set(got)) < len(got):
            raise Wrong(f"{shown}: a step is named twice.")
        grown = [i for i in got if 0 <= i < len(scales) and scales[i] > (start, *scales)[i]]
        if grown:
            raise Wrong(f"{shown}: at step {grown[0]} the scale grew, so that step was taken.")
        missing = [i for i in want if i not in got]
        if missing:
            at = "The very first step can be skipped too." if missing[0] == 0 else "A skipped step is missing."
            raise Wrong(f"{shown}: {at}")
        if sorted(got) == want:
            raise Wrong(f"{shown}: the steps are not in order.")
        raise Wrong(f"{shown}: a step is named at which the scale did not shrink.")
    return "Every skip was found: the scale shrank there."


def wrong_answers() -> dict[str, list[Any]]:
    """Answers that must be red; the tests run them."""
    pairs = lambda start, scales: list(zip([start, *scales], scales, strict=False))  # noqa: E731
    return {
        "16.1": [1.0, 2.0**12, 2.0**24, 65000.0, 0.0, -1.0, math.inf, "large"],
        "16.2": [
            lambda start, scales: [i + 1 for i, (a, b) in enumerate(pairs(start, scales)) if b < a],
            lambda start, scales: [i for i, (a, b) in enumerate(pairs(start, scales)) if b != a],
            lambda start, scales: [i for i in range(1, len(scales)) if scales[i] < scales[i - 1]],
            lambda start, scales: [i for i, s in enumerate(scales) if s < start],
            lambda start, scales: len(scales),
            lambda start, scales: [],
            2.0,
        ],
    }

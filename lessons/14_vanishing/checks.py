"""Checks of lesson 14: a gain that keeps the gradient level, and three diagnoses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import gradviz as torch
from gradviz.teach.check import Unfinished, Wrong, exercise
from gradviz.teach.compare import number

DIAGNOSES = {"A": "exploding", "B": "dead", "C": "vanishing"}
NOT = {
    ("A", "vanishing"): "A: walk from the last layer to the first. Does the gradient become smaller?",
    ("A", "dead"): "A: about half of its outputs are 0, as with any relu. Look at the size of the gradient instead.",
    ("B", "vanishing"): "B: its gradient is not small, it is exactly 0. Why is that?",
    ("B", "exploding"): "B: is there any gradient at all?",
    ("C", "exploding"): "C: walk from the last layer to the first. Does the gradient become larger?",
    ("C", "dead"): "C: some of its gradients are small, but not exactly 0.",
}


def last_over_first(gain: float, seed: int) -> float:
    """Size of the gradient at layer 20 by that at layer 1, in float64."""
    torch.manual_seed(seed)
    h = torch.randn(256, 64, dtype=torch.float64, requires_grad=True)
    kept = []
    for _ in range(20):
        z = h @ (torch.randn(64, 64, dtype=torch.float64) * gain / 8)
        h = torch.where(z > 0, z, 0.5 * z)
        h.retain_grad()
        kept.append(h)
    (h * torch.randn(256, 64, dtype=torch.float64)).sum().backward()
    return float(kept[-1].grad.norm().item()) / float(kept[0].grad.norm().item())


@exercise(
    "14.1",
    "Keep it level",
    hints=[
        "Call `signals(leaky, gain)` and print the size of the first and of the last gradient. Halve, double, compare.",
        "Half of the values keep their square, the others keep 0.25 of it. By what is the mean square multiplied?",
    ],
)
def level(answer: Any) -> str:
    """The ratio for five seeds."""
    gain = number(answer, "gain")
    if not (gain > 0 and math.isfinite(gain)):
        raise Wrong(f"A gain of {gain:g} makes no network.")
    if not 1e-3 < gain < 1e3:
        raise Wrong(f"With a gain of {gain:g} there is nothing left to compare after 20 layers.")
    with torch.random.fork_rng():
        ratios = [last_over_first(gain, seed) for seed in range(5)]
    if max(ratios) > 10:
        raise Wrong(f"The last layer has {max(ratios):.2g} times the gradient of the first: it vanishes going down.")
    if min(ratios) < 0.1:
        raise Wrong(f"The last layer has only {min(ratios):.2g} times the gradient of the first: it grows going down.")
    return f"For five seeds the last is between {min(ratios):.2f} and {max(ratios):.2f} times the first."


@exercise(
    "14.2",
    "Three sick networks",
    hints=[
        "Choose each patient in the list, press Home and walk through the layers.",
        "Print `size(grads[0])` and `size(grads[-1])` for each. One of them has no gradient at all.",
    ],
)
def diagnose(answer: Any) -> str:
    """A word for each."""
    if not isinstance(answer, Mapping):
        raise Wrong(f"The answer should be a dict with A, B and C; this is a {type(answer).__name__}.")
    for name, right in DIAGNOSES.items():
        said = answer.get(name)
        if said is None:
            raise Wrong(f"There is no diagnosis for {name}.")
        if said is ...:
            raise Unfinished(f"{name} still waits for its diagnosis.")
        if said not in DIAGNOSES.values():
            raise Wrong(f"{name}: choose one of vanishing, exploding, dead.")
        if said != right:
            raise Wrong(NOT[name, said])
    return "One gain too large, one threshold that nothing passes, one gain too small."


def wrong_answers() -> dict[str, list[Any]]:
    """Answers that must be red; the tests run them."""
    return {
        "14.1": [1.0, 2.0, 2**0.5 * 1.2, 0.5, -1.0, 0.0, 1e9, "large"],
        "14.2": [
            {"A": "vanishing", "B": "dead", "C": "exploding"},
            {"A": "exploding", "B": "vanishing", "C": "dead"},
            {"A": "exploding", "B": "dead", "C": "dead"},
            {"A": "exploding", "B": "dead", "C": "ill"},
            {"A": "exploding", "B": "dead"},
            "dead",
        ],
    }

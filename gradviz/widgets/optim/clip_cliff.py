"""Two walks on one function, with and without clipping: the cliff of a recurrent network, and any other function of two
numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from gradviz.widgets.optim import descent
from gradviz.widgets.optim.clip_data import clipped
from gradviz.widgets.optim.descent import checked, undisturbed


class Walk(NamedTuple):
    """Places, losses, gradients, and the gradients that the optimiser used; one more place than steps."""

    path: list[list[float]]
    losses: list[float]
    grads: list[list[float]]
    used: list[list[float]]
    optimizer: str
    recipe: dict[str, Any] | None  # what lets the browser take the same steps
    why: str  # why it cannot; '' if it can


def cliff(w: Any, b: Any) -> Any:
    """How wrong a recurrent network of one unit is after 20 steps: x ← w·σ(x) + b from 0.5, loss (σ(x) − 0.7)².

    Where its long-run behaviour changes there is a wall in the loss (Pascanu, Mikolov and Bengio, 2013, figure 6).
    """
    import gradviz as torch

    x = w * 0.5 + b
    for _ in range(19):
        x = w * torch.sigmoid(x) + b
    return (torch.sigmoid(x) - 0.7) ** 2


def walk(
    fn: Callable[..., Any],
    start: Sequence[float],
    make: Callable[..., Any],
    lr: float,
    steps: int,
    clip: tuple[str, float, float] | None,
) -> Walk:
    """Walk with the real engine and the real optimiser; `clip` is (mode, limit, norm type)."""
    import gradviz as torch

    with undisturbed(0):
        leaves = [torch.tensor(value, requires_grad=True) for value in start]
        stepper = make(leaves, lr=lr)
        recipe, why = descent.recipe(stepper, leaves, None)
        out = Walk([], [], [], [], type(stepper).__name__, recipe, why)
        for k in range(steps + 1):
            stepper.zero_grad()
            loss = checked(fn(*leaves))
            loss.backward()
            out.path.append([float(leaf.item()) for leaf in leaves])
            out.losses.append(float(loss.item()))
            before = [np.zeros_like(p._array) if p.grad is None else p.grad._array.copy() for p in leaves]
            after = before if clip is None else clipped(before, *clip)
            out.grads.append([float(g) for g in before])
            out.used.append([float(g) for g in after])
            if k == steps:
                break
            if clip is not None and clip[0] == "norm":
                torch.nn.utils.clip_grad_norm_(leaves, clip[1], clip[2])
            elif clip is not None:
                torch.nn.utils.clip_grad_value_(leaves, clip[1])
            stepper.step()
    return out

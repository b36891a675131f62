"""Key to paint of every view that computes while it is used: what is pressed, and in which program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import gradviz as torch
from gradviz.widgets import (
    BackpropStepper,
    BatchConveyor,
    BatchSizes,
    EditGraph,
    GraphGrowth,
    LossCurve,
    OptimizerRace,
)

# What a press does, in JavaScript: `i` counts the presses, `tell` sends a key to the view.
STEP = "tell({ key: i % 24 < 12 ? 'ArrowRight' : 'ArrowLeft' })"
BACK = "tell({ key: i % 24 < 12 ? 'ArrowLeft' : 'ArrowRight' })"  # of views that stand at their end
START = "tell({ key: ['ArrowRight', 'ArrowUp', 'ArrowLeft', 'ArrowDown'][i % 4], altKey: true })"
SIZE = "tell({ key: i % 24 < 12 ? '+' : '-' })"
SLIDER = "tell({ key: i % 24 < 12 ? 'ArrowRight' : 'ArrowLeft' }, host.shadowRoot.querySelector('.edit .slide'))"


class Keyed(NamedTuple):
    """A view, what is pressed in it, and the budget for a step: 33 ms from 1,000 visible nodes on, else 16."""

    what: str
    make: Callable[[], Any]
    press: str
    budget: int = 16


def chain(count: int) -> Any:
    """A graph of about `count` boxes, repeated leaves included: products and their tanh, added up."""
    return grown(count, *(torch.tensor(0.5 + i / 10, requires_grad=True) for i in range(4)))


def grown(count: int, a: Any, b: Any, c: Any, d: Any) -> Any:
    leaves = [a, b, c, d]
    total = a * 1.0
    for i in range((count - 6) // 5):
        total = total * 0.9 + torch.tanh(leaves[i % 4] * total)
    return total


def edit(count: int) -> Any:
    leaves = [torch.tensor(0.5 + i / 10, requires_grad=True) for i in range(4)]
    return EditGraph(lambda a, b, c, d: grown(count, a, b, c, d), *leaves)


def growth(count: int) -> Any:
    leaves = [torch.tensor(0.5 + i / 10, requires_grad=True) for i in range(4)]
    return GraphGrowth(lambda: grown(count, *leaves))


def rosenbrock(x: Any, y: Any) -> Any:
    return (1 - x) ** 2 + 10 * (y - x * x) ** 2


def race(view: str) -> Any:
    """The gallery's race: three of ours and one of the learner's, 150 steps."""
    optim = torch.optim

    class Sign(optim.Optimizer):  # type: ignore[name-defined]
        def __init__(self, params: Any, lr: float) -> None:
            super().__init__(params, {"lr": lr})

        @torch.no_grad()
        def step(self) -> None:
            for group in self.param_groups:
                for p in group["params"]:
                    p -= group["lr"] * p.grad.sign()

    racers = {
        "SGD": lambda p: optim.SGD(p, lr=0.005),
        "momentum": lambda p: optim.SGD(p, lr=0.005, momentum=0.9),
        "Adam": lambda p: optim.Adam(p, lr=0.1),
        "sign": lambda p: Sign(p, lr=0.02),
    }
    return OptimizerRace(rosenbrock, (-1.2, 1.5), racers, steps=150, view=view)


def curve(count: int) -> Any:
    """Three losses of a long run."""
    torch.manual_seed(0)
    steps = torch.arange(1.0, count + 1)
    return LossCurve({f"run {i}": (steps ** (-0.3 - 0.1 * i) + 0.02 * torch.randn(count)).tolist() for i in range(3)})


def line_loss(w: Any, b: Any, x: Any, y: Any) -> Any:
    return (w * x + b - y) ** 2


def sizes(count: int, size: int) -> Any:
    torch.manual_seed(0)
    x = 4 * torch.rand(count) - 1
    y = 1.5 * x + 0.5 + 0.5 * torch.randn(count)
    return BatchSizes(line_loss, (x, y), start=(-1.0, 2.5), lr=0.05, size=size)


def conveyor(count: int, size: int) -> Any:
    torch.manual_seed(0)
    data = torch.utils.data
    rows = data.TensorDataset(torch.arange(float(count)), torch.arange(count) % 3)
    return BatchConveyor(data.DataLoader(rows, batch_size=size, shuffle=True), epochs=3, seed=0)


KEYED = [
    Keyed("BackpropStepper, a step", lambda: BackpropStepper(chain(200)), STEP),
    Keyed("BackpropStepper, a step", lambda: BackpropStepper(chain(1000)), STEP, 33),
    Keyed("EditGraph, a step", lambda: edit(200), BACK),
    Keyed("EditGraph, a leaf's slider", lambda: edit(200), SLIDER),
    Keyed("GraphGrowth, a line", lambda: growth(200), BACK),
    Keyed("OptimizerRace, a step, 4 runners x 150 steps", lambda: race("2d"), BACK),
    Keyed("OptimizerRace, a step, from the side", lambda: race("3d"), BACK),
    Keyed("OptimizerRace, another start: 3 runs of 150 steps", lambda: race("2d"), START),
    Keyed("LossCurve, a step, 3 x 10,000 values", lambda: curve(10_000), BACK),
    Keyed("BatchSizes, a step, 64 rows", lambda: sizes(64, 8), BACK),
    Keyed("BatchSizes, another size: 64 rows, 10 epochs", lambda: sizes(64, 8), SIZE),
    Keyed("BatchSizes, another size: 1,024 rows, 10 epochs", lambda: sizes(1024, 64), SIZE),
    Keyed("BatchConveyor, a row, 44 rows", lambda: conveyor(44, 8), STEP),
    Keyed("BatchConveyor, a row, 160 rows", lambda: conveyor(160, 16), STEP),
]

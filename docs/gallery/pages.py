"""What the gallery shows: a function for each page, run for real. Docstrings are the pages' texts."""

from __future__ import annotations

from typing import Any

import gradviz as torch


def graph_view() -> Any:
    """GraphView
    The graph of a module as it ran: fold it, search it, click a box to see where it comes from."""
    from gradviz.widgets import GraphView

    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten(), torch.nn.Linear(144, 10)
    )
    return GraphView(net, torch.randn(2, 1, 14, 14), title="A small CNN")


def backprop_stepper() -> Any:
    """BackpropStepper
    Forward and backward one operation at a time: upstream times local on every edge, sums where paths meet."""
    from gradviz.widgets import BackpropStepper

    x = torch.tensor(2.0)
    w = torch.tensor(-0.5, requires_grad=True)
    b = torch.tensor(0.75, requires_grad=True)
    h = torch.tanh(w * x + b)
    loss = (h - 1) ** 2 + 0.1 * w * w
    return BackpropStepper(loss, title="One neuron")


def trajectory_view() -> Any:
    """TrajectoryView
    The walk of an optimiser on a contour: drag the start and the rate."""
    from gradviz.widgets import TrajectoryView

    def valley(x: Any, y: Any) -> Any:
        return 0.5 * x * x + 2 * y * y

    return TrajectoryView(valley, start=(-4.0, 2.0), lr=0.1, steps=20, bounds=((-5, 5), (-3, 3)), max_lr=0.6)


PAGES = [graph_view, backprop_stepper, trajectory_view]

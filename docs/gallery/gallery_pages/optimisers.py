"""Optimisers, clipping, schedules, landscapes."""

from __future__ import annotations

from typing import Any

import gradviz as torch


def trajectory_view() -> Any:
    """TrajectoryView
    The walk of an optimiser on a contour: drag the start and the rate."""
    from gradviz.widgets import TrajectoryView

    def valley(x: Any, y: Any) -> Any:
        return 0.5 * x * x + 2 * y * y

    return TrajectoryView(valley, start=(-4.0, 2.0), lr=0.1, steps=20, bounds=((-5, 5), (-3, 3)), max_lr=0.6)


def optimizer_race() -> Any:
    """OptimizerRace
    Optimisers from the same start, your own class beside ours: drag the start, play, turn the surface."""
    from gradviz.widgets import OptimizerRace

    def rosenbrock(x: Any, y: Any) -> Any:
        return (1 - x) ** 2 + 10 * (y - x * x) ** 2

    class SignDescent(torch.optim.Optimizer):
        """Steps of the same length whatever the slope."""

        def __init__(self, params: Any, lr: float = 0.01) -> None:
            super().__init__(params, {"lr": lr})

        @torch.no_grad()
        def step(self) -> None:
            for group in self.param_groups:
                for p in group["params"]:
                    p -= group["lr"] * p.grad.sign()

    optim = torch.optim
    racers = {
        "SGD": lambda p: optim.SGD(p, lr=0.005),
        "momentum": lambda p: optim.SGD(p, lr=0.005, momentum=0.9),
        "Adam": lambda p: optim.Adam(p, lr=0.1),
        "my sign descent": lambda p: SignDescent(p, lr=0.02),
    }
    return OptimizerRace(rosenbrock, (-1.2, 1.5), racers, steps=150)


def clip_view() -> Any:
    """ClipView
    A cliff, with and without clipping: the gradient before and after, and what the walk makes of it."""
    from gradviz.widgets import ClipView

    return ClipView(ClipView.cliff, (4.0, -2.5), max_norm=0.5, lr=1.0)


def schedule_view() -> Any:
    """ScheduleView
    Learning rates step by step, from the schedules themselves."""
    from gradviz.widgets import ScheduleView

    def of(make: Any) -> Any:
        weight = torch.nn.Parameter(torch.zeros(1))
        return make(torch.optim.SGD([weight], lr=0.1))

    schedule = torch.optim.lr_scheduler
    return ScheduleView(
        {
            "step": of(lambda o: schedule.StepLR(o, 30, gamma=0.5)),
            "cosine": of(lambda o: schedule.CosineAnnealingLR(o, 100)),
            "one cycle": of(lambda o: schedule.OneCycleLR(o, max_lr=0.2, total_steps=100)),
        },
        steps=100,
    )


def landscape_view() -> Any:
    """LandscapeView
    The loss around a network's weights, and the path that led there, on its principal directions."""
    from gradviz.widgets import LandscapeView

    nn = torch.nn
    torch.manual_seed(0)
    x = torch.randn(64, 2)
    y = (x[:, :1] * x[:, 1:] > 0).float()
    net = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1))
    loss_fn = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
    with LandscapeView.record_path(net) as path:
        for _ in range(60):
            loss = loss_fn(net(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return LandscapeView(net, loss_fn, (x, y), path=path, resolution=25)


def batch_sizes() -> Any:
    """BatchSizes
    One training with batches of one row, some, and all: per epoch, and per second at a cost you can change."""
    from gradviz.widgets import BatchSizes

    torch.manual_seed(0)
    x = 4 * torch.rand(64) - 1
    y = 1.5 * x + 0.5 + 0.5 * torch.randn(64)

    def loss(w: Any, b: Any, x: Any, y: Any) -> Any:
        return (w * x + b - y) ** 2  # of each row

    return BatchSizes(loss, (x, y), start=(-1.0, 2.5), lr=0.05, size=8)


def momentum_plane() -> Any:
    """MomentumPlane
    Every pair of rate and momentum is a point, and every point a walk: it creeps, swings, jumps or diverges."""
    from gradviz.widgets import MomentumPlane

    return MomentumPlane((1.0, 100.0), lr=0.02, momentum=0.5, start=(-4.0, 0.5))


PAGES = [trajectory_view, optimizer_race, batch_sizes, momentum_plane, clip_view, schedule_view, landscape_view]

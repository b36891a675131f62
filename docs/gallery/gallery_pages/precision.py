"""Mixed precision: gradients among the numbers of float16, and the scaler that keeps them there."""

from __future__ import annotations

import math
from typing import Any

import gradviz as torch


def number_line() -> Any:
    """NumberLine
    Which gradients float16 and bfloat16 can hold, and what a loss scale makes of them: slide it."""
    from gradviz.widgets import NumberLine

    nn = torch.nn
    torch.manual_seed(0)
    x = torch.randn(128, 10)
    y = (x[:, 0] * x[:, 1] > 0).long()
    net = nn.Sequential(nn.Linear(10, 32), nn.Tanh(), nn.Linear(32, 2))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.03)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()
    hidden = net[:2](x)
    scores = net[2](hidden)
    hidden.retain_grad()
    scores.retain_grad()
    nn.functional.cross_entropy(scores, y).backward()
    return NumberLine({"hidden": hidden.grad, "scores": scores.grad}, title="Gradients of two layers")


def scaler_timeline() -> Any:
    """ScalerTimeline
    The scale of a GradScaler over a training: skipped steps, growth, and what happened at each step."""
    from gradviz.widgets import ScalerTimeline

    p = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.SGD([p], lr=0.01)
    scaler = torch.amp.GradScaler("cpu", growth_interval=12)
    with ScalerTimeline.record(scaler) as log:
        for step in range(90):
            optimizer.zero_grad()
            scaler.scale((p * p).sum()).backward()
            if step in (0, 1, 2, 40, 71):
                p.grad.mul_(math.inf)
            scaler.step(optimizer)
            scaler.update()
    return ScalerTimeline(log, title="A scaler that meets five infinities")


PAGES = [number_line, scaler_timeline]

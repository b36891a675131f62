"""Small runs for the tests of Trainer and fork."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradviz as torch
from gradviz import nn
from gradviz.utils.data import DataLoader, TensorDataset
from gradviz.widgets.training.trainer import Trainer

EPOCHS = 3


def parts(optimizer: Callable[..., Any] | None = None, workers: int = 0, generator: Any = None) -> Any:
    """A model whose every step draws random numbers (dropout, shuffling) and keeps statistics (batch norm)."""
    torch.manual_seed(0)
    x = torch.randn(90, 6)
    y = (x[:, 0] > 0).long()
    model = nn.Sequential(nn.Linear(6, 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Dropout(0.3), nn.Linear(12, 2))
    made = (optimizer or (lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9)))(model.parameters())
    loader = DataLoader(TensorDataset(x, y), batch_size=16, shuffle=True, num_workers=workers, generator=generator)
    return model, made, nn.CrossEntropyLoss(), loader


def plain(scheduler: Callable[[Any], Any] | None = None, **options: Any) -> tuple[list[float], list[float]]:
    """The loop that everybody writes, and what is drawn after it."""
    model, optimizer, loss_fn, loader = parts(**options)
    schedule = scheduler(optimizer) if scheduler else None
    losses = []
    for _ in range(EPOCHS):
        model.train()
        for x, y in loader:
            optimizer.zero_grad()
            loss = loss_fn(model(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        if schedule:
            schedule.step()
    return losses, torch.rand(3).tolist()


def losses_of(trainer: Trainer, run: str = "", tag: str = "loss") -> list[float]:
    found: list[float] = trainer.curve.lines[run, tag].points.arrays()[1].tolist()
    return found


def state_of(trainer: Trainer) -> list[list[float]]:
    return [value.flatten().tolist() for value in trainer.model.state_dict().values()]

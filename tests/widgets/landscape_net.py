"""A small network, its data and its training, for the tests of landscapes."""

from __future__ import annotations

import copy
from typing import Any

import gradviz as torch
from gradviz import nn
from gradviz.widgets.optim.landscape_view import LandscapeView


def net(seed: int = 0) -> Any:
    """A convolution, a batch norm, dropout and a linear layer."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Dropout(0.3), nn.Linear(3 * 16, 4)
    )


def data() -> tuple[Any, Any]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(12, 1, 6, 6, generator=generator), torch.arange(12) % 4


LOSS = nn.CrossEntropyLoss()


def quiet(model: Any, *args: Any, **options: Any) -> LandscapeView:
    return LandscapeView(model, *(args or (LOSS, data())), **{"resolution": 5, "progress": False, **options})


def trained(model: Any, steps: int = 12, **options: Any) -> Any:
    x, y = data()
    o = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    with LandscapeView.record_path(model, **options) as path:
        for _ in range(steps):
            o.zero_grad()
            LOSS(model(x), y).backward()
            o.step()
    return path


def by_hand(model: Any, weights: Any, *, training: bool = False) -> float:
    """The loss of a copy with these weights."""
    twin = copy.deepcopy(model)
    tensors = {**dict(twin.named_parameters()), **dict(twin.named_buffers())}
    with torch.no_grad():
        for name, array in weights.items():
            tensors[name].copy_(torch.tensor(array.tolist(), dtype=tensors[name].dtype))
        twin.train(training)
        x, y = data()
        torch.manual_seed(0)
        return float(LOSS(twin(x), y).item())

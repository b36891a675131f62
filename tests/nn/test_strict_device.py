"""nn and optim on the stand-in for a GPU: the same numbers as on the CPU, and no NumPy call slipped in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradviz
from gradviz import nn, optim
from tests.oracle.same import Sample, same_on_device
from tests.strict_device import StrictArray, strict

from .layers import LAYERS
from .rows import ROWS
from .steps import compare, train


@pytest.mark.parametrize("row", [pytest.param(row, id=f"{i} {row}") for i, row in enumerate(ROWS)])
@np.errstate(all="ignore")
def test_functions(row: Sample) -> None:
    same_on_device(row, strict())


@pytest.mark.parametrize(("code", "wanted"), [pytest.param(*row, id=f"{i} {row[0]}") for i, row in enumerate(LAYERS)])
def test_layers(code: str, wanted: list[Any]) -> None:
    there, here = (train(gradviz, code, wanted, device) for device in (strict(), None))
    assert all(type(o._array) is StrictArray for o in there[1])
    compare(there, here)


OPTIMIZERS = [
    (optim.SGD, {"lr": 0.1}),
    (optim.SGD, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.1, "nesterov": True, "maximize": True}),
    (optim.Adam, {"lr": 0.1, "amsgrad": True, "weight_decay": 0.1}),
    (optim.AdamW, {"lr": 0.1}),
]


@pytest.mark.parametrize(("kind", "options"), OPTIMIZERS, ids=lambda v: getattr(v, "__name__", None) or str(v))
def test_training(kind: Any, options: dict[str, Any]) -> None:
    def train(device: Any) -> list[Any]:
        gradviz.manual_seed(0)
        net = nn.Sequential(
            nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 3)
        )
        x, target = gradviz.rand(5, 1, 4, 4).to(device), gradviz.tensor([0, 1, 2, 0, 1]).to(device)
        net.to(device)
        optimizer = kind(net.parameters(), **options)
        for _ in range(3):
            optimizer.zero_grad(set_to_none=False)
            nn.CrossEntropyLoss()(net(x), target).backward()
            nn.utils.clip_grad_norm_(net.parameters(), 0.5)
            optimizer.step()
        if device is strict():
            assert all(type(p._array) is StrictArray for p in net.parameters())
        return [v.cpu().tolist() for v in net.state_dict().values()]

    for want, got in zip(train(gradviz.device("cpu")), train(strict()), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


def test_layers_start_the_same_on_every_device() -> None:
    def start(device: Any) -> list[Any]:
        gradviz.manual_seed(0)
        layers = [nn.Linear(3, 2, device=device), nn.Conv2d(1, 2, 3, device=device), nn.Embedding(3, 2, device=device)]
        layers.append(nn.BatchNorm1d(2, device=device))
        return [p.cpu().tolist() for layer in layers for p in layer.state_dict().values()]

    assert start(strict()) == start(None)

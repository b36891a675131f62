"""The graphs every layout must manage, by name, built only when asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.viz import samples

ZOO: dict[str, Callable[[], dict[str, Any]]] = {
    "small": samples.small,
    "neuron": samples.neuron,
    "micrograd 2-4-1": lambda: samples.micrograd(2, 4, 1),
    "micrograd 2-8-1": lambda: samples.micrograd(2, 8, 1),
    "micrograd 2-8-8-1": lambda: samples.micrograd(2, 8, 8, 1),
    "micrograd 2-16-16-1": lambda: samples.micrograd(2, 16, 16, 1),
    "micrograd 2-24-24-1": lambda: samples.micrograd(2, 24, 24, 1),
    "mlp": samples.mlp,
    "cnn": samples.cnn,
    "resnet18": lambda: samples.resnet(2, 2, 2, 2),
    "resnet50": lambda: samples.resnet(3, 4, 6, 3),
    "resnet152": lambda: samples.resnet(3, 8, 36, 3),
    "densenet121": lambda: samples.densenet(6, 12, 24, 16),
    "lstm x5": lambda: samples.lstm(5),
    "lstm x100": lambda: samples.lstm(100),
    "transformer x2": lambda: samples.transformer(2),
    "transformer x12": lambda: samples.transformer(12),
    "hostile": samples.hostile,
}

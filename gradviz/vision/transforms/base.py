"""What the transforms have in common: numbers drawn from torch's stream, and classes that draw first and apply then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradviz.core.device import CPU
from gradviz.core.random import generator_for
from gradviz.nn import Module


def chance(p: float) -> bool:
    """True with probability p: `torch.rand(1) < p`."""
    return bool(generator_for(CPU).uniform(1, np.float32)[0] < p)


def uniform(low: float, high: float) -> float:
    """`torch.empty(1).uniform_(low, high).item()`."""
    return float(generator_for(CPU).uniform(1, np.float32, float(low), float(high))[0])


def integer(low: int, high: int) -> int:
    """`torch.randint(low, high, (1,)).item()`: from low to high - 1."""
    return int(generator_for(CPU).integers(1, low, high)[0])


class ImageTransform(Module):
    """A transform of one image. `_draw` gives what this call is to do, None for nothing; `_transform` does it.

    transforms.v2 draws once for all images of a sample, and applies to each.
    """

    _transform: Callable[..., Any]  # of an image and what was drawn

    def _draw(self, img: Any) -> tuple[Any, ...] | None:
        return ()

    def forward(self, img: Any) -> Any:
        drawn = self._draw(img)
        return img if drawn is None else self._transform(img, *drawn)


class SometimesTransform(ImageTransform):
    """A transform that leaves an image as it is with probability 1 - p."""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = p

    def _draw(self, img: Any) -> tuple[Any, ...] | None:
        return () if chance(self.p) else None

    def extra_repr(self) -> str:
        return f"p={self.p}"


def span(value: Any, name: str, sizes: Sequence[int] = (2,)) -> list[float]:
    """A range given as one number x, for -x to x, or as a sequence of numbers."""
    if isinstance(value, (int, float)):
        if value < 0:
            raise ValueError(f"If {name} is a single number, it must be positive.")
        return [-float(value), float(value)]
    if not isinstance(value, Sequence):
        raise TypeError(f"{name} should be a sequence of length {' or '.join(map(str, sizes))}.")
    if len(value) not in sizes:
        raise ValueError(f"{name} should be a sequence of length {' or '.join(map(str, sizes))}.")
    return [float(v) for v in value]

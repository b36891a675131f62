"""Identity: gives back what it gets."""

from __future__ import annotations

from typing import Any

from gradviz.core.tensor import Tensor

from .module import Module


class Identity(Module):
    """The input itself, whatever the constructor was given: a placeholder for a layer."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Tensor) -> Tensor:
        return input

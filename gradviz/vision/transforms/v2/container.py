"""Transforms of transforms, in v2's manner: they draw from torch's stream and pass whole samples on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradviz.core.op import FUNCTIONS

from ..base import chance
from .structure import Transform, flatten, rebuild


class _Container(Transform):
    def __init__(self, transforms: Sequence[Callable[..., Any]]) -> None:
        super().__init__()
        if not isinstance(transforms, Sequence):
            raise TypeError("Argument transforms should be a sequence of callables")
        self.transforms = transforms

    def _through(self, inputs: tuple[Any, ...], order: Sequence[int]) -> Any:
        unpack = len(inputs) > 1
        sample: Any = inputs
        for i in order:
            sample = self.transforms[i](*sample)
            sample = sample if unpack else (sample,)
        return sample if unpack else sample[0]

    def extra_repr(self) -> str:
        return "\n".join(f"    {transform}" for transform in self.transforms)


class Compose(_Container):
    """Applies transforms one after the other.

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.v2.Compose.html
    """

    def __init__(self, transforms: Sequence[Callable[..., Any]]) -> None:
        super().__init__(transforms)
        if not transforms:
            raise ValueError("Pass at least one transform")

    def forward(self, *inputs: Any) -> Any:
        return self._through(inputs, range(len(self.transforms)))


class RandomApply(_Container):
    """Applies all the transforms with probability p; else none.

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.v2.RandomApply.html
    """

    def __init__(self, transforms: Sequence[Callable[..., Any]], p: float = 0.5) -> None:
        super().__init__(transforms)
        if not 0.0 <= p <= 1.0:
            raise ValueError("`p` should be a floating point value in the interval [0.0, 1.0].")
        self.p = p

    def forward(self, *inputs: Any) -> Any:
        return self._through(inputs, range(len(self.transforms)) if chance(self.p) else [])


class RandomChoice(_Container):
    """Applies one of the transforms, drawn with probabilities proportional to `p`."""

    def __init__(self, transforms: Sequence[Callable[..., Any]], p: Sequence[float] | None = None) -> None:
        super().__init__(transforms)
        weights = [1.0] * len(transforms) if p is None else list(p)
        if len(weights) != len(transforms):
            raise ValueError(f"Length of p doesn't match the number of transforms: {len(weights)} != {len(transforms)}")
        self.p = [weight / sum(weights) for weight in weights]

    def forward(self, *inputs: Any) -> Any:
        return self._through(inputs, [int(FUNCTIONS["multinomial"](FUNCTIONS["tensor"](self.p), 1))])


class RandomOrder(_Container):
    """Applies all the transforms in random order."""

    def forward(self, *inputs: Any) -> Any:
        return self._through(inputs, FUNCTIONS["randperm"](len(self.transforms)).tolist())


class Identity(Transform):
    """Leaves everything as it is. https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.v2.Identity.html"""

    def transform(self, inpt: Any, params: Any) -> Any:
        return inpt


class Lambda(Transform):
    """Applies a function to every part of a sample that is one of `types`."""

    def __init__(self, lambd: Callable[[Any], Any], *types: type) -> None:
        super().__init__()
        if not callable(lambd):
            raise TypeError(f"Argument lambd should be callable, got {type(lambd).__name__!r}")
        self.lambd, self.types = lambd, types or (object,)

    def forward(self, *inputs: Any) -> Any:
        sample = inputs if len(inputs) > 1 else inputs[0]
        leaves: list[Any] = []
        flatten(sample, leaves)
        return rebuild(sample, iter([self.lambd(x) if isinstance(x, self.types) else x for x in leaves]))

    def extra_repr(self) -> str:
        name = getattr(self.lambd, "__name__", "")
        return ", ".join([name, *([f"types={[t.__name__ for t in self.types]}"] if self.types else [])]) if name else ""

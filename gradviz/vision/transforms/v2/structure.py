"""What makes a transform one of v2: it takes a whole sample, in any nesting, and transforms the images in it alike."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

from gradviz.core.tensor import Tensor
from gradviz.nn import Module
from gradviz.vision.tv_tensors import Image, wrap

from ..functional.kinds import is_pil

_SHOWN = (bool, int, float, str, tuple, list, enum.Enum)


class Transform(Module):
    """Base class: `make_params` draws once for a sample, `transform` changes each of its images.

    The images are the PIL images and `tv_tensors.Image`s of the sample; if it has none, its first tensor.
    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.v2.Transform.html
    """

    def make_params(self, flat_inputs: list[Any]) -> Any:
        """What to do to this sample; `flat_inputs` are the images to transform."""
        return {}

    def transform(self, inpt: Any, params: Any) -> Any:
        """One image, transformed."""
        raise NotImplementedError(f"{type(self).__name__} needs `def transform(self, inpt, params)`.")

    def forward(self, *inputs: Any) -> Any:
        sample = inputs if len(inputs) > 1 else inputs[0]
        leaves: list[Any] = []
        flatten(sample, leaves)
        chosen = images_among(leaves)
        params = self.make_params([leaf for leaf, use in zip(leaves, chosen, strict=True) if use])
        changed = [
            wrapped(self.transform(leaf, params), leaf) if use else leaf
            for leaf, use in zip(leaves, chosen, strict=True)
        ]
        return rebuild(sample, iter(changed))

    def extra_repr(self) -> str:
        kept = {k: v for k, v in vars(self).items() if not k.startswith("_") and k != "training"}
        return ", ".join(f"{k}={v}" for k, v in kept.items() if isinstance(v, _SHOWN))


class Adopted(Transform):
    """A transform of v1's that draws and applies apart: `_draw` for the sample, `_transform` for each image."""

    _draw: Callable[[Any], Any]
    _transform: Callable[..., Any]

    def make_params(self, flat_inputs: list[Any]) -> Any:
        return self._draw(flat_inputs[0]) if flat_inputs else None

    def transform(self, inpt: Any, params: Any) -> Any:
        return inpt if params is None else self._transform(inpt, *params)


def wrapped(out: Any, like: Any) -> Any:
    """The result for a `tv_tensors.Image` is one too."""
    return wrap(out, like=like) if isinstance(like, Image) and type(out) is Tensor else out


def flatten(sample: Any, leaves: list[Any]) -> None:
    """Appends what is in a nesting of tuples, lists and dicts, in order."""
    if isinstance(sample, (tuple, list)):
        for part in sample:
            flatten(part, leaves)
    elif isinstance(sample, dict):
        for part in sample.values():
            flatten(part, leaves)
    else:
        leaves.append(sample)


def rebuild(sample: Any, leaves: Any) -> Any:
    """The same nesting with other leaves."""
    if isinstance(sample, dict):
        made = {key: rebuild(part, leaves) for key, part in sample.items()}
        return made if type(sample) is dict else type(sample)(made)
    if isinstance(sample, (tuple, list)):
        parts = [rebuild(part, leaves) for part in sample]
        return type(sample)(*parts) if hasattr(sample, "_fields") else type(sample)(parts)
    return next(leaves)


def images_among(leaves: list[Any]) -> list[bool]:
    """Which leaves are images: a plain tensor is one only where nothing else is, and only the first."""
    chosen = [isinstance(leaf, Image) or is_pil(leaf) for leaf in leaves]
    if not any(chosen):
        for i, leaf in enumerate(leaves):
            if isinstance(leaf, Tensor):
                chosen[i] = True
                break
    return chosen

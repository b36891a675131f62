"""Between images and tensors: ToTensor, ToPILImage, Normalize, and how they apply to many images at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradviz.core.tensor import Tensor

from . import functional as F
from .compose import Compose
from .functional import image_module

__all__ = ["Normalize", "ToPILImage", "ToTensor", "batch_transform", "image_module", "takes_arrays"]


class ToTensor:
    """A PIL image or uint8 array (H, W, C) becomes a float tensor (C, H, W) with values from 0 to 1.

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.ToTensor.html
    """

    def __call__(self, pic: Any) -> Tensor:
        return F.to_tensor(pic)

    def __repr__(self) -> str:
        return "ToTensor()"


class ToPILImage:
    """A tensor (C, H, W) or array (H, W, C) becomes a PIL image; `mode` is Pillow's, guessed from the channels if None.

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.ToPILImage.html
    """

    def __init__(self, mode: str | None = None) -> None:
        self.mode = mode

    def __call__(self, pic: Any) -> Any:
        return F.to_pil_image(pic, self.mode)

    def __repr__(self) -> str:
        return "ToPILImage()" if self.mode is None else f"ToPILImage(mode={self.mode})"


class Normalize:
    """`(x - mean) / std` per channel of a float tensor (..., C, H, W).

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.Normalize.html
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> None:
        self.mean, self.std, self.inplace = mean, std, inplace

    def __call__(self, tensor: Tensor) -> Tensor:
        return F.normalize(tensor, self.mean, self.std, self.inplace)

    forward = __call__

    def __repr__(self) -> str:
        return f"Normalize(mean={self.mean}, std={self.std})"


def takes_arrays(transform: Any) -> bool:
    """Whether a transform makes the same of an image's array as of the image, so that no image need be made."""
    while type(transform) is Compose and transform.transforms:
        transform = transform.transforms[0]
    return type(transform) is ToTensor


def batch_transform(transform: Any) -> Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]] | None:
    """What a transform does to uint8 images (N, C, H, W) all at once; None if it may treat them one by one.

    ToTensor followed by any number of Normalize works element by element, so the numbers are the same either way.
    """
    steps: Any = transform.transforms if type(transform) is Compose else [transform]
    if not steps or type(steps[0]) is not ToTensor or any(type(step) is not Normalize for step in steps[1:]):
        return None

    def apply(images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        out = F.unit_range(images)
        for step in steps[1:]:
            F.normalize_array(out, step.mean, step.std, out)
        return out

    return apply

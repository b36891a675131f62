"""v1's transforms in v2's manner: the same draws and the same arithmetic, for every image of a sample alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradviz.core.tensor import Tensor

from .. import autoaugment, color, cropping, erasing, geometry, images
from ..autoaugment import AutoAugmentPolicy
from ..base import integer
from ..functional.kinds import size_of
from .structure import Adopted, Transform


def _adopt(kind: Any) -> Any:
    """A v1 class, taking whole samples."""
    name = kind.__name__
    return type(name, (Adopted, kind), {"__doc__": kind.__doc__, "__module__": __name__, "__qualname__": name})


CenterCrop, FiveCrop, Pad, RandomResizedCrop, Resize, TenCrop = (
    _adopt(getattr(cropping, n)) for n in ("CenterCrop", "FiveCrop", "Pad", "RandomResizedCrop", "Resize", "TenCrop")
)
RandomAffine, RandomHorizontalFlip, RandomPerspective, RandomRotation, RandomVerticalFlip = (
    _adopt(getattr(geometry, f"Random{n}"))
    for n in ("Affine", "HorizontalFlip", "Perspective", "Rotation", "VerticalFlip")
)
ColorJitter, GaussianBlur, Grayscale = (_adopt(getattr(color, n)) for n in ("ColorJitter", "GaussianBlur", "Grayscale"))
RandomAdjustSharpness, RandomAutocontrast, RandomEqualize, RandomGrayscale, RandomInvert = (
    _adopt(getattr(color, f"Random{n}")) for n in ("AdjustSharpness", "Autocontrast", "Equalize", "Grayscale", "Invert")
)
RandomPosterize, RandomSolarize = _adopt(color.RandomPosterize), _adopt(color.RandomSolarize)
AutoAugment, RandAugment, TrivialAugmentWide = (
    _adopt(getattr(autoaugment, n)) for n in ("AutoAugment", "RandAugment", "TrivialAugmentWide")
)
RandomErasing = _adopt(erasing.RandomErasing)


class RandomCrop(Adopted, cropping.RandomCrop):
    """Cuts out a part of the given size at a random place, after padding the image if asked to.

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.v2.RandomCrop.html
    """

    def _draw(self, img: Any) -> tuple[Any, ...] | None:
        """v2 draws only along sides where there is a choice; v1 along both unless there is none at all."""
        (h, w), (height, width) = size_of(self._padded(img)), self.size
        if h < height or w < width:
            raise ValueError(f"Required crop size {(height, width)} is larger than padded input image size {(h, w)}.")
        top = integer(0, h - height + 1) if h > height else 0
        return top, integer(0, w - width + 1) if w > width else 0, height, width


class _OnTensors(Transform):
    """A v1 module without random numbers, for the tensors of a sample; PIL images are kept."""

    _one: Callable[[Any], Any]

    def transform(self, inpt: Any, params: Any) -> Any:
        return self._one(inpt) if isinstance(inpt, Tensor) else inpt


def _on_tensors(kind: Any) -> Any:
    name = kind.__name__
    return type(name, (_OnTensors, kind), {"__doc__": kind.__doc__, "__module__": __name__, "_one": kind.forward})


Normalize, LinearTransformation, ConvertImageDtype = (
    _on_tensors(kind) for kind in (images.Normalize, images.LinearTransformation, images.ConvertImageDtype)
)

__all__ = [
    "AutoAugment", "AutoAugmentPolicy", "CenterCrop", "ColorJitter", "ConvertImageDtype", "FiveCrop", "GaussianBlur",
    "Grayscale", "LinearTransformation", "Normalize", "Pad", "RandAugment", "RandomAdjustSharpness",
    "RandomAffine", "RandomAutocontrast", "RandomCrop", "RandomEqualize", "RandomErasing", "RandomGrayscale",
    "RandomHorizontalFlip", "RandomInvert", "RandomPerspective", "RandomPosterize", "RandomResizedCrop",
    "RandomRotation", "RandomSolarize", "RandomVerticalFlip", "Resize", "TenCrop",
    "TrivialAugmentWide",
]  # fmt: skip

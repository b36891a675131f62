"""Transforms of images (torchvision.transforms)."""

from . import functional
from .compose import Compose, Lambda
from .functional import InterpolationMode
from .geometry import CenterCrop, RandomCrop, RandomHorizontalFlip, Resize
from .images import Normalize, ToPILImage, ToTensor

__all__ = [
    "CenterCrop",
    "Compose",
    "InterpolationMode",
    "Lambda",
    "Normalize",
    "RandomCrop",
    "RandomHorizontalFlip",
    "Resize",
    "ToPILImage",
    "ToTensor",
    "functional",
]

"""What an image is: a PIL image or a tensor (..., C, H, W); its size, its channels, its largest value."""

from __future__ import annotations

import enum
import functools
from typing import Any

from gradviz.core.errors import noted
from gradviz.core.tensor import Tensor


class InterpolationMode(enum.Enum):
    """How pixels between pixels are found.

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.InterpolationMode.html
    """

    NEAREST = "nearest"
    NEAREST_EXACT = "nearest-exact"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    BOX = "box"
    HAMMING = "hamming"
    LANCZOS = "lanczos"


# Pillow's numbers for them.
_PIL = {"nearest": 0, "nearest-exact": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "box": 4, "hamming": 5}
_OF_NUMBER = {number: InterpolationMode(name) for name, number in _PIL.items() if name != "nearest-exact"}
# The integers that torch has, and the largest that an image of them holds.
_LARGEST = {"uint8": 255, "int8": 127, "int16": 32767, "uint16": 65535, "int32": 2**31 - 1, "int64": 2**63 - 1}


def as_mode(interpolation: Any) -> InterpolationMode:
    """The mode, given as itself or as Pillow's number."""
    if isinstance(interpolation, int) and interpolation in _OF_NUMBER:
        return _OF_NUMBER[interpolation]
    if not isinstance(interpolation, InterpolationMode):
        raise TypeError(
            "Argument interpolation should be a InterpolationMode or a corresponding Pillow integer constant"
        )
    return interpolation


def pil_mode(interpolation: InterpolationMode) -> int:
    """Pillow's number for a mode."""
    return _PIL[interpolation.value]


def image_module(why: str, name: str = "Image") -> Any:
    """A module of Pillow's; without Pillow an ImportError that says what it was needed for."""
    try:
        return getattr(__import__("PIL", fromlist=[name]), name)
    except ImportError as error:
        raise ImportError(
            f"{why}, and Pillow is not installed: run `pip install pillow`, or let the transform begin with ToTensor()."
        ) from error


def is_pil(pic: Any) -> bool:
    """Whether this is a PIL image; Pillow is not imported to find out."""
    kind: Any = type(pic)
    return _is_pil_class(kind)


@functools.lru_cache(maxsize=1024)
def _is_pil_class(kind: type) -> bool:
    return any(base.__module__ == "PIL.Image" and base.__name__ == "Image" for base in kind.__mro__)


def on_tensor(img: Any) -> bool:
    """True for a tensor, False for a PIL image, TypeError for what is neither."""
    if isinstance(img, Tensor):
        if img.ndim < 2:
            raise noted(TypeError(f"Tensor is not a torch image.\nIts shape is {img.shape}, not (..., H, W)."))
        return True
    if not is_pil(img):
        raise noted(TypeError(f"Unexpected type {type(img)}\nExpected a PIL image or a tensor (..., H, W)."))
    return False


def size_of(img: Any) -> tuple[int, int]:
    """Height and width of a PIL image or a tensor (..., H, W)."""
    return (img.shape[-2], img.shape[-1]) if on_tensor(img) else (img.height, img.width)


def get_image_num_channels(img: Any) -> int:
    """How many channels an image has. https://docs.pytorch.org/vision/stable/transforms.html"""
    if not on_tensor(img):
        return len(img.getbands())
    return 1 if img.ndim == 2 else img.shape[-3]


def get_dimensions(img: Any) -> list[int]:
    """[channels, height, width]."""
    return [get_image_num_channels(img), *size_of(img)]


def get_image_size(img: Any) -> list[int]:
    """[width, height], in this order."""
    height, width = size_of(img)
    return [width, height]


def largest_of(dtype: Any) -> int:
    """The value of white: 1 for floating images, the largest integer otherwise."""
    return _LARGEST.get(dtype.name, 1)


def check_channels(img: Tensor, *permitted: int) -> int:
    """The number of channels of a tensor, which has to be one of these."""
    channels = get_image_num_channels(img)
    if channels not in permitted:
        raise TypeError(f"Input image tensor permitted channel values are {list(permitted)}, but found {channels}")
    return channels


def pair(size: Any, error: str = "Please provide only two dimensions (h, w) for size.") -> tuple[int, int]:
    """Height and width from one number or two."""
    if isinstance(size, int):
        return size, size
    numbers = list(size)
    if len(numbers) == 1:
        numbers *= 2
    if len(numbers) != 2:
        raise ValueError(error)
    return int(numbers[0]), int(numbers[1])

"""Sizes: resizing, bordering and cutting, at fixed and at random places (drawn from torch's stream, as torchvision)."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

from gradviz.core.errors import noted
from gradviz.core.op import FUNCTIONS

from . import functional as F
from .base import ImageTransform, integer, uniform
from .functional.kinds import InterpolationMode, as_mode, pair, size_of


class Resize(ImageTransform):
    """Resizes an image: to (height, width), or so that its shorter side has the given length.

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.Resize.html
    """

    def __init__(
        self,
        size: int | Sequence[int],
        interpolation: InterpolationMode = InterpolationMode.BILINEAR,
        max_size: int | None = None,
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        if not isinstance(size, (int, Sequence)):
            raise TypeError(f"Size should be int or sequence. Got {type(size)}")
        if not isinstance(size, int) and len(size) not in (1, 2):
            raise ValueError("If size is a sequence, it should have 1 or 2 values")
        if max_size is not None and not isinstance(size, int) and len(size) != 1:
            raise ValueError(
                "max_size should only be passed if size specifies the length of the smaller edge, i.e. size should be "
                "an int or a sequence of length 1 in torchscript mode."
            )
        self.size, self.interpolation = size, as_mode(interpolation)
        self.max_size, self.antialias = max_size, antialias

    def _transform(self, img: Any) -> Any:
        return F.resize(img, self.size, self.interpolation, self.max_size, self.antialias)

    def extra_repr(self) -> str:
        shown = f"size={self.size}, interpolation={self.interpolation.value}, max_size={self.max_size}"
        return f"{shown}, antialias={self.antialias}"


class CenterCrop(ImageTransform):
    """Cuts out the middle. https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.CenterCrop.html"""

    def __init__(self, size: int | Sequence[int]) -> None:
        super().__init__()
        self.size = pair(size)

    def _transform(self, img: Any) -> Any:
        return F.center_crop(img, self.size)

    def extra_repr(self) -> str:
        return f"size={self.size}"


class Pad(ImageTransform):
    """Gives an image a border of `padding` pixels: a number, two (left and right, top and bottom), or four.

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.Pad.html
    """

    def __init__(self, padding: int | Sequence[int], fill: Any = 0, padding_mode: str = "constant") -> None:
        super().__init__()
        if not isinstance(padding, (int, tuple, list)):
            raise TypeError("Got inappropriate padding arg")
        if not isinstance(fill, (int, float, str, tuple, list)):
            raise TypeError("Got inappropriate fill arg")
        if padding_mode not in ("constant", "edge", "reflect", "symmetric"):
            raise ValueError("Padding mode should be either constant, edge, reflect or symmetric")
        if not isinstance(padding, int) and len(padding) not in (1, 2, 4):
            raise ValueError(
                f"Padding must be an int or a 1, 2, or 4 element tuple, not a {len(padding)} element tuple"
            )
        self.padding, self.fill, self.padding_mode = padding, fill, padding_mode

    def _transform(self, img: Any) -> Any:
        return F.pad(img, self.padding, self.fill, self.padding_mode)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, fill={self.fill}, padding_mode={self.padding_mode}"


class RandomCrop(ImageTransform):
    """Cuts out a part of the given size at a random place, after padding the image if asked to.

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.RandomCrop.html
    """

    def __init__(
        self,
        size: int | Sequence[int],
        padding: int | Sequence[int] | None = None,
        pad_if_needed: bool = False,
        fill: Any = 0,
        padding_mode: str = "constant",
    ) -> None:
        super().__init__()
        self.size = pair(size)
        self.padding, self.pad_if_needed, self.fill, self.padding_mode = padding, pad_if_needed, fill, padding_mode

    @staticmethod
    def get_params(img: Any, output_size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Top, left, height and width of a random part."""
        (h, w), (height, width) = size_of(img), output_size
        if h < height or w < width:
            raise noted(
                ValueError(
                    f"Required crop size {(height, width)} is larger than input image size {(h, w)}\n"
                    "Give padding=..., or pad_if_needed=True."
                )
            )
        if (h, w) == (height, width):
            return 0, 0, h, w
        return integer(0, h - height + 1), integer(0, w - width + 1), height, width

    def _padded(self, img: Any) -> Any:
        if self.padding is not None:
            img = F.pad(img, self.padding, self.fill, self.padding_mode)
        h, w = size_of(img)
        if self.pad_if_needed and w < self.size[1]:
            img = F.pad(img, [self.size[1] - w, 0], self.fill, self.padding_mode)
        if self.pad_if_needed and h < self.size[0]:
            img = F.pad(img, [0, self.size[0] - h], self.fill, self.padding_mode)
        return img

    def forward(self, img: Any) -> Any:
        img = self._padded(img)
        return F.crop(img, *self.get_params(img, self.size))

    def _draw(self, img: Any) -> tuple[Any, ...] | None:
        return self.get_params(self._padded(img), self.size)

    def _transform(self, img: Any, top: int, left: int, height: int, width: int) -> Any:
        return F.crop(self._padded(img), top, left, height, width)

    def extra_repr(self) -> str:
        return f"size={self.size}, padding={self.padding}"


class RandomResizedCrop(ImageTransform):
    """Cuts out a part of random area and shape at a random place, and resizes it to `size`.

    `scale` is the area's range as a share of the image's, `ratio` that of width / height (logarithmically uniform).
    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.RandomResizedCrop.html
    """

    def __init__(
        self,
        size: int | Sequence[int],
        scale: Sequence[float] = (0.08, 1.0),
        ratio: Sequence[float] = (3.0 / 4.0, 4.0 / 3.0),
        interpolation: InterpolationMode = InterpolationMode.BILINEAR,
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        self.size = pair(size)
        check_ranges(scale, ratio)
        self.scale, self.ratio, self.interpolation, self.antialias = scale, ratio, as_mode(interpolation), antialias

    @staticmethod
    def get_params(img: Any, scale: Sequence[float], ratio: Sequence[float]) -> tuple[int, int, int, int]:
        """Top, left, height and width of a random part; after ten that do not fit, the middle."""
        height, width = size_of(img)
        for w, h in random_shapes(height * width, scale, ratio):
            if 0 < w <= width and 0 < h <= height:
                return integer(0, height - h + 1), integer(0, width - w + 1), h, w
        w, h, shape = width, height, float(width) / float(height)
        if shape < min(ratio):
            h = round(w / min(ratio))
        elif shape > max(ratio):
            w = round(h * max(ratio))
        return (height - h) // 2, (width - w) // 2, h, w

    def _draw(self, img: Any) -> tuple[Any, ...] | None:
        return self.get_params(img, self.scale, self.ratio)

    def _transform(self, img: Any, top: int, left: int, h: int, w: int) -> Any:
        return F.resized_crop(img, top, left, h, w, self.size, self.interpolation, antialias=self.antialias)

    def extra_repr(self) -> str:
        scale, ratio = (tuple(round(v, 4) for v in values) for values in (self.scale, self.ratio))
        shown = f"size={self.size}, scale={scale}, ratio={ratio}, interpolation={self.interpolation.value}"
        return f"{shown}, antialias={self.antialias}"


def check_ranges(scale: Any, ratio: Any) -> None:
    """Two ranges, each from small to large."""
    for name, value in (("Scale", scale), ("Ratio", ratio)):
        if not isinstance(value, Sequence):
            raise TypeError(f"{name} should be a sequence")
    if scale[0] > scale[1] or ratio[0] > ratio[1]:
        warnings.warn("Scale and ratio should be of kind (min, max)", stacklevel=3)


def random_shapes(area: int, scale: Sequence[float], ratio: Sequence[float]) -> Any:
    """Ten random pairs (sqrt(area * r), sqrt(area / r)): a part of the area in a random shape r."""
    low, high = FUNCTIONS["log"](FUNCTIONS["tensor"](ratio, dtype=FUNCTIONS["empty"](0).dtype)).tolist()
    for _ in range(10):
        part = area * uniform(scale[0], scale[1])
        shape = FUNCTIONS["exp"](FUNCTIONS["tensor"](uniform(low, high))).item()
        yield round(math.sqrt(part * shape)), round(math.sqrt(part / shape))


class FiveCrop(ImageTransform):
    """The four corners and the middle, as a tuple: stack what is made of them.

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.FiveCrop.html
    """

    def __init__(self, size: int | Sequence[int]) -> None:
        super().__init__()
        self.size = pair(size)

    def _transform(self, img: Any) -> Any:
        return F.five_crop(img, self.size)

    def extra_repr(self) -> str:
        return f"size={self.size}"


class TenCrop(ImageTransform):
    """`FiveCrop` of the image and of its mirror image, as a tuple.

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.TenCrop.html
    """

    def __init__(self, size: int | Sequence[int], vertical_flip: bool = False) -> None:
        super().__init__()
        self.size, self.vertical_flip = pair(size), vertical_flip

    def _transform(self, img: Any) -> Any:
        return F.ten_crop(img, self.size, self.vertical_flip)

    def extra_repr(self) -> str:
        return f"size={self.size}, vertical_flip={self.vertical_flip}"

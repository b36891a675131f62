"""Cutting, flipping and resizing. The random ones draw from torch's stream, in torchvision's order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradviz.core.device import CPU
from gradviz.core.errors import noted
from gradviz.core.random import generator_for

from . import functional as F
from .functional import InterpolationMode


class RandomHorizontalFlip:
    """Mirrors an image with probability p.

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.RandomHorizontalFlip.html
    """

    def __init__(self, p: float = 0.5) -> None:
        self.p = p

    def __call__(self, img: Any) -> Any:
        return F.hflip(img) if generator_for(CPU).uniform(1, np.float32)[0] < self.p else img

    forward = __call__

    def __repr__(self) -> str:
        return f"RandomHorizontalFlip(p={self.p})"


class RandomCrop:
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
        self.size = F.pair(size)
        self.padding, self.pad_if_needed, self.fill, self.padding_mode = padding, pad_if_needed, fill, padding_mode

    @staticmethod
    def get_params(img: Any, output_size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Top, left, height and width of a random part."""
        (h, w), (height, width) = F.size_of(img), output_size
        if h < height or w < width:
            raise noted(
                ValueError(
                    f"Required crop size {(height, width)} is larger than input image size {(h, w)}\n"
                    "Give padding=..., or pad_if_needed=True."
                )
            )
        if (h, w) == (height, width):
            return 0, 0, h, w
        draw = generator_for(CPU).integers
        return int(draw(1, 0, h - height + 1)[0]), int(draw(1, 0, w - width + 1)[0]), height, width

    def __call__(self, img: Any) -> Any:
        if self.padding is not None:
            img = F.pad(img, self.padding, self.fill, self.padding_mode)
        h, w = F.size_of(img)
        if self.pad_if_needed and w < self.size[1]:
            img = F.pad(img, [self.size[1] - w, 0], self.fill, self.padding_mode)
        if self.pad_if_needed and h < self.size[0]:
            img = F.pad(img, [0, self.size[0] - h], self.fill, self.padding_mode)
        return F.crop(img, *self.get_params(img, self.size))

    forward = __call__

    def __repr__(self) -> str:
        return f"RandomCrop(size={self.size}, padding={self.padding})"


class CenterCrop:
    """Cuts out the middle. https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.CenterCrop.html"""

    def __init__(self, size: int | Sequence[int]) -> None:
        self.size = F.pair(size)

    def __call__(self, img: Any) -> Any:
        return F.center_crop(img, self.size)

    forward = __call__

    def __repr__(self) -> str:
        return f"CenterCrop(size={self.size})"


class Resize:
    """Resizes a PIL image: to (height, width), or so that its shorter side has the given length.

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.Resize.html
    """

    def __init__(
        self,
        size: int | Sequence[int],
        interpolation: InterpolationMode = InterpolationMode.BILINEAR,
        max_size: int | None = None,
        antialias: bool | None = True,
    ) -> None:
        if not isinstance(size, int) and len(size) not in (1, 2):
            raise ValueError("If size is a sequence, it should have 1 or 2 values")
        if max_size is not None and not isinstance(size, int) and len(size) != 1:
            raise ValueError(
                "max_size should only be passed if size specifies the length of the smaller edge, i.e. size should be "
                "an int or a sequence of length 1 in torchscript mode."
            )
        self.size, self.interpolation, self.max_size, self.antialias = size, interpolation, max_size, antialias

    def __call__(self, img: Any) -> Any:
        return F.resize(img, self.size, self.interpolation, self.max_size)

    forward = __call__

    def __repr__(self) -> str:
        shown = f"size={self.size}, interpolation={self.interpolation.value}, max_size={self.max_size}"
        return f"Resize({shown}, antialias={self.antialias})"

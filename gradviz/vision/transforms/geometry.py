"""Mirroring, turning, shearing and tilting at random, drawn from torch's stream in torchvision's order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import functional as F
from .base import ImageTransform, SometimesTransform, chance, integer, span, uniform
from .functional.kinds import InterpolationMode, as_mode, get_image_num_channels, on_tensor, size_of

NEAREST = InterpolationMode.NEAREST


def fill_for(img: Any, fill: Any) -> Any:
    """A fill as the functions take it: for a tensor a number for each channel."""
    if not on_tensor(img) or fill is None:
        return fill
    return [float(fill)] * get_image_num_channels(img) if isinstance(fill, (int, float)) else [float(f) for f in fill]


class RandomHorizontalFlip(SometimesTransform):
    """Mirrors an image left to right with probability p.

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.RandomHorizontalFlip.html
    """

    def _transform(self, img: Any) -> Any:
        return F.hflip(img)


class RandomVerticalFlip(SometimesTransform):
    """Mirrors an image top to bottom with probability p.

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.RandomVerticalFlip.html
    """

    def _transform(self, img: Any) -> Any:
        return F.vflip(img)


class RandomRotation(ImageTransform):
    """Turns an image by an angle from `degrees`: a range, or a number d for -d to d.

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.RandomRotation.html
    """

    def __init__(
        self, degrees: Any, interpolation: Any = NEAREST, expand: bool = False, center: Sequence[float] | None = None,
        fill: Any = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.degrees, self.interpolation, self.expand = span(degrees, "degrees"), as_mode(interpolation), expand
        self.center, self.fill = center, _checked_fill(fill)

    @staticmethod
    def get_params(degrees: Sequence[float]) -> float:
        """A random angle."""
        return uniform(degrees[0], degrees[1])

    def _draw(self, img: Any) -> tuple[Any, ...] | None:
        return (self.get_params(self.degrees),)

    def _transform(self, img: Any, angle: float) -> Any:
        return F.rotate(img, angle, self.interpolation, self.expand, self.center, fill_for(img, self.fill))

    def extra_repr(self) -> str:
        shown = f"degrees={self.degrees}, interpolation={self.interpolation.value}, expand={self.expand}"
        return shown + (f", center={self.center}" if self.center is not None else "") + f", fill={self.fill}"


def _checked_fill(fill: Any) -> Any:
    if fill is None:
        return 0
    if not isinstance(fill, (int, float, Sequence)):
        raise TypeError("Fill should be either a sequence or a number.")
    return fill


class RandomAffine(ImageTransform):
    """Turns, moves, scales and shears at random: `translate` as shares of width and height, `shear` in degrees.

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.RandomAffine.html
    """

    def __init__(
        self, degrees: Any, translate: Sequence[float] | None = None, scale: Sequence[float] | None = None,
        shear: Any = None, interpolation: Any = NEAREST, fill: Any = 0, center: Sequence[float] | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.degrees = span(degrees, "degrees")
        if translate is not None and any(not 0.0 <= t <= 1.0 for t in translate):
            raise ValueError("translation values should be between 0 and 1")
        if scale is not None and any(s <= 0 for s in scale):
            raise ValueError("scale values should be positive")
        self.translate, self.scale = translate, scale
        self.shear = None if shear is None else span(shear, "shear", (2, 4))
        self.interpolation, self.fill, self.center = as_mode(interpolation), _checked_fill(fill), center

    @staticmethod
    def get_params(
        degrees: Sequence[float], translate: Sequence[float] | None, scale_ranges: Sequence[float] | None,
        shears: Sequence[float] | None, img_size: Sequence[int],
    ) -> tuple[float, tuple[int, int], float, tuple[float, float]]:  # fmt: skip
        """A random angle, translation (x, y), scale and shear (x, y); `img_size` is [width, height]."""
        angle, moved, scale, sheared = uniform(degrees[0], degrees[1]), (0, 0), 1.0, (0.0, 0.0)
        if translate is not None:
            far_x, far_y = (float(t * n) for t, n in zip(translate, img_size, strict=True))
            moved = (round(uniform(-far_x, far_x)), round(uniform(-far_y, far_y)))
        if scale_ranges is not None:
            scale = uniform(scale_ranges[0], scale_ranges[1])
        if shears is not None:
            along_x = uniform(shears[0], shears[1])
            sheared = (along_x, uniform(shears[2], shears[3]) if len(shears) == 4 else 0.0)
        return angle, moved, scale, sheared

    def _draw(self, img: Any) -> tuple[Any, ...] | None:
        height, width = size_of(img)
        return self.get_params(self.degrees, self.translate, self.scale, self.shear, [width, height])

    def _transform(self, img: Any, angle: float, moved: Any, scale: float, shear: Any) -> Any:
        return F.affine(img, angle, moved, scale, shear, self.interpolation, fill_for(img, self.fill), self.center)

    def extra_repr(self) -> str:
        optional = {"translate": self.translate, "scale": self.scale, "shear": self.shear}
        shown = [f"degrees={self.degrees}", *(f"{k}={v}" for k, v in optional.items() if v is not None)]
        if self.interpolation is not NEAREST:
            shown.append(f"interpolation={self.interpolation.value}")
        if self.fill != 0:
            shown.append(f"fill={self.fill}")
        return ", ".join(shown + ([f"center={self.center}"] if self.center is not None else []))


class RandomPerspective(ImageTransform):
    """Tilts an image with probability p: each corner moves inwards by up to `distortion_scale` of half a side.

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.RandomPerspective.html
    """

    def __init__(
        self, distortion_scale: float = 0.5, p: float = 0.5, interpolation: Any = InterpolationMode.BILINEAR,
        fill: Any = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        if not 0 <= distortion_scale <= 1:
            raise ValueError("Argument distortion_scale value should be between 0 and 1")
        self.distortion_scale, self.p = distortion_scale, p
        self.interpolation, self.fill = as_mode(interpolation), _checked_fill(fill)

    @staticmethod
    def get_params(width: int, height: int, distortion_scale: float) -> tuple[list[list[int]], list[list[int]]]:
        """The four corners (x, y), clockwise from the top left, and where they go."""
        x, y = int(distortion_scale * (width // 2)), int(distortion_scale * (height // 2))
        left, right = (0, x + 1), (width - x - 1, width)
        top, bottom = (0, y + 1), (height - y - 1, height)
        ends = [[integer(*xs), integer(*ys)] for xs, ys in ((left, top), (right, top), (right, bottom), (left, bottom))]
        return [[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], ends

    def _draw(self, img: Any) -> tuple[Any, ...] | None:
        if not chance(self.p):
            return None
        height, width = size_of(img)
        return self.get_params(width, height, self.distortion_scale)

    def _transform(self, img: Any, corners: Any, ends: Any) -> Any:
        return F.perspective(img, corners, ends, self.interpolation, fill_for(img, self.fill))

    def extra_repr(self) -> str:
        return f"p={self.p}"

"""Colours changed at random, drawn from torch's stream in torchvision's order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradviz.core.op import FUNCTIONS

from . import functional as F
from .base import ImageTransform, SometimesTransform, uniform
from .functional.kinds import get_image_num_channels

JITTERS = {
    "brightness": F.adjust_brightness,
    "contrast": F.adjust_contrast,
    "saturation": F.adjust_saturation,
    "hue": F.adjust_hue,
}
Range = tuple[float, float] | None


class ColorJitter(ImageTransform):
    """Changes brightness, contrast, saturation and hue, in random order, each by a factor from its range.

    A number x stands for the range from 1 - x to 1 + x, and for -x to x of the hue.
    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.ColorJitter.html
    """

    def __init__(self, brightness: Any = 0, contrast: Any = 0, saturation: Any = 0, hue: Any = 0) -> None:
        super().__init__()
        self.brightness = _range(brightness, "brightness")
        self.contrast = _range(contrast, "contrast")
        self.saturation = _range(saturation, "saturation")
        self.hue = _range(hue, "hue", center=0, bound=(-0.5, 0.5), clip_first_on_zero=False)

    @staticmethod
    def get_params(
        brightness: Range, contrast: Range, saturation: Range, hue: Range
    ) -> tuple[Any, float | None, float | None, float | None, float | None]:
        """The order (a tensor of 0 to 3), and the four factors, None for what is not to change."""
        order = FUNCTIONS["randperm"](4)
        b, c, s, h = (None if r is None else uniform(r[0], r[1]) for r in (brightness, contrast, saturation, hue))
        return order, b, c, s, h

    def _draw(self, img: Any) -> tuple[Any, ...] | None:
        return self.get_params(self.brightness, self.contrast, self.saturation, self.hue)

    def _transform(self, img: Any, *drawn: Any) -> Any:
        order, *factors = drawn
        changes = list(zip(JITTERS.values(), factors, strict=True))
        for i in order.tolist():
            change, factor = changes[i]
            if factor is not None:
                img = change(img, factor)
        return img

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={getattr(self, name)}" for name in JITTERS)


def _range(
    value: Any, name: str, center: float = 1, bound: tuple[float, float] = (0, float("inf")),
    clip_first_on_zero: bool = True,
) -> Range:  # fmt: skip
    if isinstance(value, (int, float)):
        if value < 0:
            raise ValueError(f"If {name} is a single number, it must be non negative.")
        ends = [center - float(value), center + float(value)]
        if clip_first_on_zero:
            ends[0] = max(ends[0], 0.0)
    elif isinstance(value, (tuple, list)) and len(value) == 2:
        ends = [float(value[0]), float(value[1])]
    else:
        raise TypeError(f"{name} should be a single number or a list/tuple with length 2.")
    if not bound[0] <= ends[0] <= ends[1] <= bound[1]:
        raise ValueError(f"{name} values should be between {bound}, but got {ends}.")
    return None if ends[0] == ends[1] == center else (ends[0], ends[1])


class Grayscale(ImageTransform):
    """The image in grey, in `num_output_channels` equal channels, 1 or 3.

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.Grayscale.html
    """

    def __init__(self, num_output_channels: int = 1) -> None:
        super().__init__()
        self.num_output_channels = num_output_channels

    def _transform(self, img: Any) -> Any:
        return F.rgb_to_grayscale(img, self.num_output_channels)

    def extra_repr(self) -> str:
        return f"num_output_channels={self.num_output_channels}"


class RandomGrayscale(SometimesTransform):
    """The image in grey with probability p, in as many channels as it had.

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.RandomGrayscale.html
    """

    def __init__(self, p: float = 0.1) -> None:
        super().__init__(p)

    def _transform(self, img: Any) -> Any:
        return F.rgb_to_grayscale(img, get_image_num_channels(img))


class GaussianBlur(ImageTransform):
    """Smoothed with a bell of `kernel_size` pixels whose width is drawn from `sigma`.

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.GaussianBlur.html
    """

    def __init__(self, kernel_size: Any, sigma: Any = (0.1, 2.0)) -> None:
        super().__init__()
        sizes = (kernel_size,) * 2 if isinstance(kernel_size, int) else tuple(kernel_size)
        if len(sizes) not in (1, 2):
            raise ValueError("Kernel size should be a tuple/list of two integers")
        self.kernel_size = sizes * 2 if len(sizes) == 1 else sizes
        if any(k <= 0 or k % 2 == 0 for k in self.kernel_size):
            raise ValueError("Kernel size value should be an odd and positive number.")
        if isinstance(sigma, (int, float)):
            if sigma <= 0:
                raise ValueError("If sigma is a single number, it must be positive.")
            sigma = (sigma, sigma)
        elif not isinstance(sigma, Sequence) or len(sigma) != 2:
            raise TypeError("sigma should be a single number or a list/tuple with length 2.")
        elif not 0.0 < sigma[0] <= sigma[1]:
            raise ValueError("sigma values should be positive and of the form (min, max).")
        self.sigma = sigma

    @staticmethod
    def get_params(sigma_min: float, sigma_max: float) -> float:
        """A random width."""
        return uniform(sigma_min, sigma_max)

    def _draw(self, img: Any) -> tuple[Any, ...] | None:
        return (self.get_params(self.sigma[0], self.sigma[1]),)

    def _transform(self, img: Any, sigma: float) -> Any:
        return F.gaussian_blur(img, self.kernel_size, [sigma, sigma])

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, sigma={self.sigma}"


class RandomInvert(SometimesTransform):
    """White and black exchanged, with probability p. https://docs.pytorch.org/vision/stable/transforms.html"""

    def _transform(self, img: Any) -> Any:
        return F.invert(img)


class RandomAutocontrast(SometimesTransform):
    """Each channel stretched from black to white, with probability p."""

    def _transform(self, img: Any) -> Any:
        return F.autocontrast(img)


class RandomEqualize(SometimesTransform):
    """Each channel's values made equally frequent, with probability p."""

    def _transform(self, img: Any) -> Any:
        return F.equalize(img)


class RandomPosterize(SometimesTransform):
    """Only the highest `bits` bits of each value kept, with probability p."""

    def __init__(self, bits: int, p: float = 0.5) -> None:
        super().__init__(p)
        self.bits = bits

    def _transform(self, img: Any) -> Any:
        return F.posterize(img, self.bits)

    def extra_repr(self) -> str:
        return f"bits={self.bits},p={self.p}"


class RandomSolarize(SometimesTransform):
    """Values from `threshold` on inverted, with probability p."""

    def __init__(self, threshold: float, p: float = 0.5) -> None:
        super().__init__(p)
        self.threshold = threshold

    def _transform(self, img: Any) -> Any:
        return F.solarize(img, self.threshold)

    def extra_repr(self) -> str:
        return f"threshold={self.threshold},p={self.p}"


class RandomAdjustSharpness(SometimesTransform):
    """Sharper (a factor above 1) or softer (below 1), with probability p."""

    def __init__(self, sharpness_factor: float, p: float = 0.5) -> None:
        super().__init__(p)
        self.sharpness_factor = sharpness_factor

    def _transform(self, img: Any) -> Any:
        return F.adjust_sharpness(img, self.sharpness_factor)

    def extra_repr(self) -> str:
        return f"sharpness_factor={self.sharpness_factor},p={self.p}"

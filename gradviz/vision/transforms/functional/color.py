"""Changing colours pixel by pixel. A factor of 1 leaves an image as it is."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.core.dtype import float32
from gradviz.core.errors import noted
from gradviz.core.op import FUNCTIONS
from gradviz.core.tensor import Tensor

from .convert import convert_image_dtype
from .kinds import check_channels, image_module, largest_of, on_tensor

# What the eye makes of red, green and blue (ITU-R BT.601).
LUMA = (0.2989, 0.587, 0.114)


def blend(a: Tensor, b: Any, ratio: float) -> Tensor:
    """`ratio * a + (1 - ratio) * b`, kept within black and white, of a's type."""
    mixed = (ratio * a + (1.0 - ratio) * b).clamp(0, largest_of(a.dtype))
    return mixed.to(a.dtype)  # type: ignore[no-any-return]


def enhanced(img: Any, what: str, factor: float) -> Any:
    return getattr(image_module(what, "ImageEnhance"), what)(img).enhance(factor)


def not_negative(name: str, factor: float) -> None:
    if factor < 0:
        raise ValueError(f"{name} ({factor}) is not non-negative.")


def rgb_to_grayscale(img: Any, num_output_channels: int = 1) -> Any:
    """The image in grey, in one channel or in three equal ones.

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.functional.rgb_to_grayscale.html
    """
    if num_output_channels not in (1, 3):
        raise ValueError("num_output_channels should be either 1 or 3")
    if not on_tensor(img):
        grey = img.convert("L")
        return grey if num_output_channels == 1 else image_module("grey").merge("RGB", [grey] * 3)
    if img.ndim < 3:
        raise TypeError(f"Input image tensor should have at least 3 dimensions, but found {img.ndim}")
    grey = _grey(img)
    return grey.expand(*img.shape[:-3], 3, *img.shape[-2:]) if num_output_channels == 3 else grey


def to_grayscale(img: Any, num_output_channels: int = 1) -> Any:
    """A PIL image in grey; `rgb_to_grayscale` takes tensors too."""
    if isinstance(img, Tensor):
        raise TypeError("Input should be PIL Image")
    return rgb_to_grayscale(img, num_output_channels)


def _grey(img: Tensor) -> Tensor:
    if check_channels(img, 1, 3) == 1:
        return img
    r, g, b = img.unbind(-3)
    return (LUMA[0] * r + LUMA[1] * g + LUMA[2] * b).to(img.dtype).unsqueeze(-3)  # type: ignore[no-any-return]


def adjust_brightness(img: Any, brightness_factor: float) -> Any:
    """Mixed with black. https://docs.pytorch.org/vision/stable/transforms.html"""
    if not on_tensor(img):
        return enhanced(img, "Brightness", brightness_factor)
    not_negative("brightness_factor", brightness_factor)
    check_channels(img, 1, 3)
    return blend(img, FUNCTIONS["zeros_like"](img), brightness_factor)


def adjust_contrast(img: Any, contrast_factor: float) -> Any:
    """Mixed with its mean grey."""
    if not on_tensor(img):
        return enhanced(img, "Contrast", contrast_factor)
    not_negative("contrast_factor", contrast_factor)
    check_channels(img, 1, 3)
    grey = _grey(img)
    mean = (grey if grey.is_floating_point() else grey.float()).mean(dim=(-3, -2, -1), keepdim=True)
    return blend(img, mean, contrast_factor)


def adjust_saturation(img: Any, saturation_factor: float) -> Any:
    """Mixed with its grey version."""
    if not on_tensor(img):
        return enhanced(img, "Color", saturation_factor)
    not_negative("saturation_factor", saturation_factor)
    return img if check_channels(img, 1, 3) == 1 else blend(img, _grey(img), saturation_factor)


def adjust_hue(img: Any, hue_factor: float) -> Any:
    """The colours turned by `hue_factor` of the colour circle, -0.5 to 0.5.

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.functional.adjust_hue.html
    """
    if not -0.5 <= hue_factor <= 0.5:
        raise ValueError(f"hue_factor ({hue_factor}) is not in [-0.5, 0.5].")
    if not on_tensor(img):
        return _hue_pil(img, hue_factor)
    if check_channels(img, 1, 3) == 1:
        return img
    unit = img if img.is_floating_point() else convert_image_dtype(img, float32)
    h, s, v = _to_hsv(unit)
    return convert_image_dtype(_from_hsv((h + hue_factor).remainder(1.0), s, v), img.dtype)


def _hue_pil(img: Any, factor: float) -> Any:
    if img.mode in ("L", "1", "I", "F"):
        return img
    hue, saturation, value = img.convert("HSV").split()
    turned = np.array(hue, np.uint8) + np.array(int(factor * 255) % 256, np.uint8)
    module = image_module("hue")
    return module.merge("HSV", (module.fromarray(turned), saturation, value)).convert(img.mode)


def _to_hsv(img: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Hue, saturation and value of an image with values from 0 to 1, each (..., H, W)."""
    r, g, b = img.unbind(-3)
    high, low = img.amax(-3), img.amin(-3)
    flat, one = high == low, FUNCTIONS["ones_like"](high)
    where, spread = FUNCTIONS["where"], high - low
    apart = where(flat, one, spread)
    r_off, g_off, b_off = ((high - c) / apart for c in (r, g, b))
    sector = where(high == r, b_off - g_off, where(high == g, 2.0 + r_off - b_off, 4.0 + g_off - r_off))
    return (sector / 6.0 + 1.0).remainder(1.0), spread / where(flat, one, high), high


def _from_hsv(h: Tensor, s: Tensor, v: Tensor) -> Tensor:
    """Each channel falls from v by v * s, and rises again, along the colour circle; they are a third of it apart."""
    sixth, channels = h * 6.0, []
    for offset in (5.0, 3.0, 1.0):
        k = (sixth + offset).remainder(6.0)
        fall = FUNCTIONS["minimum"](k, 4.0 - k).clamp(0.0, 1.0)
        channels.append((v - v * s * fall).clamp(0.0, 1.0))
    return FUNCTIONS["stack"](channels, dim=-3)  # type: ignore[no-any-return]


def adjust_gamma(img: Any, gamma: float, gain: float = 1) -> Any:
    """`gain * x ** gamma` of values from 0 to 1: below 1 makes shadows lighter.

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.functional.adjust_gamma.html
    """
    if gamma < 0:
        raise noted(ValueError(f"Gamma should be a non-negative real number\nIt is {gamma}."))
    if not on_tensor(img):
        mode = img.mode
        rgb = img.convert("RGB")
        table = [int((255 + 1 - 1e-3) * gain * pow(value / 255.0, gamma)) for value in range(256)] * 3
        return rgb.point(table).convert(mode)
    check_channels(img, 1, 3)
    unit = img if img.is_floating_point() else convert_image_dtype(img, float32)
    return convert_image_dtype((gain * unit**gamma).clamp(0, 1), img.dtype)

"""Blurring and sharpening: each pixel becomes a weighted mean of its neighbours."""

from __future__ import annotations

from typing import Any

from gradviz.core.op import FUNCTIONS
from gradviz.core.tensor import Tensor
from gradviz.nn import functional as F

from .color import blend, enhanced, not_negative
from .convert import pil_to_tensor, to_pil_image
from .kinds import check_channels, get_image_num_channels, on_tensor
from .size import like


def gaussian_blur(img: Any, kernel_size: Any, sigma: Any = None) -> Any:
    """Smoothed with a bell of `kernel_size` pixels (odd; one number, or width and height) and width `sigma`.

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.functional.gaussian_blur.html
    """
    sizes = [kernel_size] * 2 if isinstance(kernel_size, int) else list(kernel_size)
    if len(sizes) != 2:
        raise ValueError(f"If kernel_size is a sequence its length should be 2. Got {len(sizes)}")
    if any(k % 2 == 0 or k < 0 for k in sizes):
        raise ValueError(f"kernel_size should have odd and positive integers. Got {sizes}")
    if sigma is None:
        sigma = [k * 0.15 + 0.35 for k in sizes]
    widths = [float(sigma)] * 2 if isinstance(sigma, (int, float)) else [float(s) for s in sigma]
    if len(widths) == 1:
        widths *= 2
    if len(widths) != 2:
        raise ValueError(f"If sigma is a sequence, its length should be 2. Got {len(widths)}")
    if any(s <= 0.0 for s in widths):
        raise ValueError(f"sigma should have positive values. Got {widths}")
    if not on_tensor(img):
        return to_pil_image(gaussian_blur(pil_to_tensor(img), sizes, widths), mode=img.mode)
    floating = img if img.is_floating_point() else img.float()
    bell_x, bell_y = (_bell(k, s, floating) for k, s in zip(sizes, widths, strict=True))
    x, y = (k // 2 for k in sizes)
    planes = F.pad(_planes(floating), (x, x, y, y), mode="reflect")
    return like(_filtered(planes, bell_y.unsqueeze(1) * bell_x).reshape(img.shape), img)


def _bell(size: int, sigma: float, of: Tensor) -> Tensor:
    half = (size - 1) * 0.5
    x = FUNCTIONS["linspace"](-half, half, steps=size, dtype=of.dtype, device=of.device)
    weights = (-0.5 * (x / sigma).pow(2)).exp()
    return weights / weights.sum()  # type: ignore[no-any-return]


def _planes(img: Tensor) -> Tensor:
    """An image as a batch (N, C, H, W)."""
    return img.reshape(-1, get_image_num_channels(img), *img.shape[-2:])  # type: ignore[no-any-return]


def _filtered(planes: Tensor, kernel: Tensor) -> Tensor:
    """Each channel by itself convolved with one kernel."""
    channels = planes.shape[1]
    return F.conv2d(planes, kernel.expand(channels, 1, *kernel.shape), groups=channels)


def adjust_sharpness(img: Any, sharpness_factor: float) -> Any:
    """Mixed with its smoothed version: below 1 is softer, above 1 sharper.

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.functional.adjust_sharpness.html
    """
    if not on_tensor(img):
        return enhanced(img, "Sharpness", sharpness_factor)
    not_negative("sharpness_factor", sharpness_factor)
    check_channels(img, 1, 3)
    return img if min(img.shape[-2:]) <= 2 else blend(img, _soft(img), sharpness_factor)


def _soft(img: Tensor) -> Tensor:
    """Each pixel that has all its neighbours is a mean of them, with five times the weight for itself."""
    floating = img if img.is_floating_point() else img.float()
    kernel = floating.new_ones(3, 3)
    kernel[1, 1] = 5.0
    inner = like(_filtered(_planes(floating), kernel / kernel.sum()), img)
    out = img.clone()
    out[..., 1:-1, 1:-1] = inner.reshape(*img.shape[:-2], *inner.shape[-2:])
    return out  # type: ignore[no-any-return]

"""Changing which value stands for which: inverted, coarser, stretched, evened out."""

from __future__ import annotations

from typing import Any

from gradviz.core.op import FUNCTIONS
from gradviz.core.tensor import Tensor

from .kinds import check_channels, image_module, largest_of, on_tensor


def _pil(img: Any, what: str, *arguments: Any) -> Any:
    return getattr(image_module(what, "ImageOps"), what)(img, *arguments)


def invert(img: Any) -> Any:
    """White becomes black and black white. https://docs.pytorch.org/vision/stable/transforms.html"""
    if not on_tensor(img):
        return _pil(img, "invert")
    check_channels(img, 1, 3)
    return largest_of(img.dtype) - img


def posterize(img: Any, bits: int) -> Any:
    """Only the highest `bits` bits of each value are kept, of uint8 images."""
    if not 0 <= bits <= 8:
        raise ValueError(f"The number if bits should be between 0 and 8. Got {bits}")
    if not on_tensor(img):
        return _pil(img, "posterize", bits)
    if img.dtype.name != "uint8":
        raise TypeError(f"Only torch.uint8 image tensors are supported, but found {img.dtype}")
    check_channels(img, 1, 3)
    return img & (256 - 2 ** (8 - bits))


def solarize(img: Any, threshold: float) -> Any:
    """Values from `threshold` on are inverted."""
    if not on_tensor(img):
        return _pil(img, "solarize", threshold)
    check_channels(img, 1, 3)
    if threshold > largest_of(img.dtype):
        raise TypeError("Threshold should be less than bound of img.")
    return FUNCTIONS["where"](img >= threshold, invert(img), img)


def autocontrast(img: Any) -> Any:
    """Each channel stretched from black to white."""
    if not on_tensor(img):
        return _pil(img, "autocontrast")
    check_channels(img, 1, 3)
    bound = largest_of(img.dtype)
    floating = img if img.is_floating_point() else img.float()
    low, high = floating.amin((-2, -1), keepdim=True), floating.amax((-2, -1), keepdim=True)
    flat, where = high == low, FUNCTIONS["where"]
    scale = where(flat, FUNCTIONS["ones_like"](low), bound / where(flat, FUNCTIONS["ones_like"](low), high - low))
    start = where(flat, FUNCTIONS["zeros_like"](low), low)
    return ((floating - start) * scale).clamp(0, bound).to(img.dtype)


def equalize(img: Any) -> Any:
    """Each channel's values spread so that all are about equally frequent, of uint8 images.

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.functional.equalize.html
    """
    if not on_tensor(img):
        return _pil(img, "equalize")
    if img.dtype.name != "uint8":
        raise TypeError(f"Only torch.uint8 image tensors are supported, but found {img.dtype}")
    check_channels(img, 1, 3)
    planes = img.reshape(-1, *img.shape[-2:])
    return FUNCTIONS["stack"]([_equalized(plane) for plane in planes]).reshape(img.shape)


def _equalized(plane: Tensor) -> Tensor:
    """A plane through the table that its own histogram makes; the most frequent last value does not count."""
    values = plane.long()
    counts = values.reshape(-1).bincount(minlength=256)
    step = (counts.sum() - counts[counts != 0][-1]).item() // 255
    if step == 0:
        return plane
    sums = (counts.cumsum(0) + step // 2).div(step, rounding_mode="floor")
    table = FUNCTIONS["cat"]([sums.new_zeros(1), sums[:-1]]).clamp(0, 255)
    return table[values].to(plane.dtype)  # type: ignore[no-any-return]

"""Resizing: every new pixel is a mean of the old ones around its place."""

from __future__ import annotations

from typing import Any

from gradviz.core.tensor import Tensor
from gradviz.nn import functional as F

from .cut import crop
from .kinds import InterpolationMode, as_mode, on_tensor, pil_mode, size_of

SMOOTH = (InterpolationMode.BILINEAR, InterpolationMode.BICUBIC)


def resize(
    img: Any, size: Any, interpolation: Any = InterpolationMode.BILINEAR, max_size: int | None = None,
    antialias: bool | None = True,
) -> Any:  # fmt: skip
    """An image at another size: (height, width), or the length of the shorter side, the longer at most `max_size`.

    A PIL image is always smoothed where it shrinks; a tensor unless `antialias` is False.
    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.functional.resize.html
    """
    mode, (h, w) = as_mode(interpolation), size_of(img)
    sides = [size] if isinstance(size, int) else list(size)
    if len(sides) not in (1, 2):
        raise ValueError(f"Size must be an int or a 1 or 2 element tuple/list, not a {len(sides)} element tuple/list")
    if max_size is not None and len(sides) != 1:
        raise ValueError(
            "max_size should only be passed if size specifies the length of the smaller edge, i.e. size should be an "
            "int or a sequence of length 1 in torchscript mode."
        )
    new_h, new_w = sides if len(sides) == 2 else _by_shorter_side(h, w, sides[0], max_size)
    if (new_h, new_w) == (h, w):
        return img
    if not on_tensor(img):
        return img.resize((new_w, new_h), pil_mode(mode))
    return _resize_tensor(img, (new_h, new_w), mode, bool(antialias) and mode in SMOOTH)


def _resize_tensor(img: Tensor, size: tuple[int, int], mode: InterpolationMode, antialias: bool) -> Tensor:
    if mode not in (*SMOOTH, InterpolationMode.NEAREST, InterpolationMode.NEAREST_EXACT):
        raise ValueError(f"Interpolation mode '{mode.value}' is unsupported with Tensor input")
    floating = img if img.is_floating_point() else img.float()
    planes = floating.reshape(-1, *([1] if img.ndim == 2 else img.shape[-3:-2]), *img.shape[-2:])
    corners = False if mode in SMOOTH else None
    out = F.interpolate(planes, size=size, mode=mode.value, align_corners=corners, antialias=antialias)
    if mode is InterpolationMode.BICUBIC and img.dtype.name == "uint8":
        out = out.clamp(0, 255)
    return like(out.reshape(*img.shape[:-2], *size), img)


def like(out: Tensor, img: Tensor) -> Tensor:
    """A computed image in the element type of the one it was computed from, rounded if that holds integers."""
    if out.dtype == img.dtype:
        return out
    return (out if img.is_floating_point() else out.round()).to(img.dtype)  # type: ignore[no-any-return]


def _by_shorter_side(h: int, w: int, wanted: int, max_size: int | None) -> tuple[int, int]:
    short, long = min(h, w), max(h, w)
    new_short, new_long = wanted, int(wanted * long / short)
    if max_size is not None:
        if max_size <= wanted:
            raise ValueError(
                f"max_size = {max_size} must be strictly greater than the requested size for the smaller edge size = "
                f"{wanted}"
            )
        if new_long > max_size:
            new_short, new_long = int(max_size * new_short / new_long), max_size
    return (new_short, new_long) if h <= w else (new_long, new_short)


def resized_crop(
    img: Any, top: int, left: int, height: int, width: int, size: Any, interpolation: Any = InterpolationMode.BILINEAR,
    antialias: bool | None = True,
) -> Any:  # fmt: skip
    """A part of an image, at another size."""
    return resize(crop(img, top, left, height, width), size, interpolation, antialias=antialias)

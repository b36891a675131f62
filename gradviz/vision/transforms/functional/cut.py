"""Mirroring, cutting, bordering and erasing: pixels move or go, none is computed."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.core.errors import noted
from gradviz.core.op import FUNCTIONS
from gradviz.core.tensor import Tensor
from gradviz.nn import functional as F

from .kinds import image_module, on_tensor, pair, size_of

MODES = ("constant", "edge", "reflect", "symmetric")


def hflip(img: Any) -> Any:
    """The image mirrored left to right."""
    return img.flip(-1) if on_tensor(img) else img.transpose(image_module("hflip").Transpose.FLIP_LEFT_RIGHT)


def vflip(img: Any) -> Any:
    """The image mirrored top to bottom."""
    return img.flip(-2) if on_tensor(img) else img.transpose(image_module("vflip").Transpose.FLIP_TOP_BOTTOM)


def crop(img: Any, top: int, left: int, height: int, width: int) -> Any:
    """The part of an image that starts at (top, left); beyond its edges there is black."""
    h, w = size_of(img)
    if not on_tensor(img):
        return img.crop((left, top, left + width, top + height))
    missing = [max(-left, 0), max(-top, 0), max(left + width - w, 0), max(top + height - h, 0)]
    if any(missing):
        img, top, left = pad(img, missing), top + missing[1], left + missing[0]
    return img[..., top : top + height, left : left + width]


def center_crop(img: Any, output_size: Any) -> Any:
    """The middle of an image; a smaller image is surrounded by black."""
    height, width = pair(output_size)
    h, w = size_of(img)
    if width > w or height > h:
        sides = [(width - w) // 2, (height - h) // 2, (width - w + 1) // 2, (height - h + 1) // 2]
        img = pad(img, [max(side, 0) for side in sides])
        h, w = size_of(img)
    return crop(img, round((h - height) / 2.0), round((w - width) / 2.0), height, width)


def five_crop(img: Any, size: Any) -> tuple[Any, Any, Any, Any, Any]:
    """The four corners (top left, top right, bottom left, bottom right) and the middle."""
    (height, width), (h, w) = pair(size), size_of(img)
    if width > w or height > h:
        raise ValueError(f"Requested crop size {(height, width)} is bigger than input size {(h, w)}")
    right, bottom = w - width, h - height
    corners = ((0, 0), (0, right), (bottom, 0), (bottom, right))
    tl, tr, bl, br = (crop(img, top, left, height, width) for top, left in corners)
    return tl, tr, bl, br, center_crop(img, (height, width))


def ten_crop(img: Any, size: Any, vertical_flip: bool = False) -> tuple[Any, ...]:
    """`five_crop` of the image and of its mirror image."""
    mirrored = vflip(img) if vertical_flip else hflip(img)
    return five_crop(img, size) + five_crop(mirrored, size)


def pad(img: Any, padding: Any, fill: Any = 0, padding_mode: str = "constant") -> Any:
    """The image with a border: one width, (left and right, top and bottom), or (left, top, right, bottom).

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.functional.pad.html
    """
    sides = [padding] * 4 if isinstance(padding, int) else list(padding) * {1: 4, 2: 2, 4: 1}.get(len(padding), 0)
    if len(sides) != 4:
        raise ValueError(f"Padding must be an int or a 1, 2, or 4 element tuple, not a {len(padding)} element tuple")
    if padding_mode not in MODES:
        raise ValueError("Padding mode should be either constant, edge, reflect or symmetric")
    left, top, right, bottom = sides
    if not on_tensor(img):
        return _pad_pil(img, (left, top, right, bottom), fill, padding_mode)
    if padding_mode == "constant":
        return F.pad(img, (left, right, top, bottom), value=_one(fill))
    h, w = size_of(img)
    rows, columns = _border(h, top, bottom, padding_mode), _border(w, left, right, padding_mode)
    return img.index_select(-2, rows.to(img.device)).index_select(-1, columns.to(img.device))


def _border(n: int, before: int, after: int, mode: str) -> Tensor:
    """Which of n pixels stand in a row of them with its border."""
    return Tensor._of(np.pad(np.arange(n), (before, after), mode))  # type: ignore[call-overload]


def _one(fill: Any) -> Any:
    values = list(fill) if isinstance(fill, (tuple, list)) else [0 if fill is None else fill]
    if len(values) != 1:
        raise noted(
            ValueError(f"fill should be a single number for tensors, got {fill}\nPad a PIL image, or by channel.")
        )
    return values[0]


def _pad_pil(img: Any, sides: tuple[int, int, int, int], fill: Any, mode: str) -> Any:
    left, top, right, bottom = sides
    pixels = np.asarray(img)
    widths = [(top, bottom), (left, right)] + [(0, 0)] * (pixels.ndim - 2)
    if mode == "constant":
        framed = image_module("pad").new(
            img.mode, (img.width + left + right, img.height + top + bottom), color_for(img, fill)
        )
        framed.paste(img, (left, top))
        made = framed
    else:
        made = image_module("pad").fromarray(np.pad(pixels, widths, mode))  # type: ignore[call-overload]
    if img.mode == "P":
        made.putpalette(img.getpalette())
    return made


def color_for(img: Any, fill: Any) -> Any:
    """A fill as Pillow takes it for an image of this mode: a number, or one for each channel."""
    channels = len(img.getbands())
    if fill is None:
        fill = 0
    values = list(fill) if isinstance(fill, (tuple, list)) else [fill]
    if len(values) == 1:
        values *= channels
    if len(values) != channels:
        raise ValueError(
            "The number of elements in 'fill' does not match the number of channels of the image "
            f"({len(values)} != {channels})"
        )
    numbers = [float(v) if img.mode == "F" else int(v) for v in values]
    return numbers[0] if channels == 1 else tuple(numbers)


def erase(img: Any, i: int, j: int, h: int, w: int, v: Any, inplace: bool = False) -> Any:
    """A tensor with the h x w pixels from row i and column j on replaced by v.

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.functional.erase.html
    """
    if not isinstance(img, Tensor):
        raise noted(TypeError(f"img should be Tensor Image. Got {type(img)}\nPut ToTensor() before it."))
    out = img if inplace else img.clone()
    value = v if isinstance(v, Tensor) else FUNCTIONS["tensor"](v)
    out[..., i : i + h, j : j + w] = value
    return out

"""Boxes drawn on images: what a detector found (torchvision.utils.draw_bounding_boxes)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradviz.core.dtype import uint8
from gradviz.core.tensor import Tensor
from gradviz.vision.transforms.functional import convert_image_dtype, pil_to_tensor, to_pil_image
from gradviz.vision.transforms.functional.kinds import image_module

FILL_OPACITY = 100
# Multiples of these, modulo 255, are colours that are easy to tell apart.
_PALETTE = (2**25 - 1, 2**15 - 1, 2**21 - 1)


def draw_bounding_boxes(
    image: Tensor, boxes: Tensor, labels: Sequence[str | None] | None = None, colors: Any = None, fill: bool = False,
    width: int = 1, font: str | None = None, font_size: int | None = None,
) -> Tensor:  # fmt: skip
    """The image (C, H, W), uint8 or floating, with the boxes (N, 4) drawn on it, each (x1, y1, x2, y2) in pixels.

    `colors` is one for all or a list, by name or as numbers (r, g, b); `font` a TrueType file for the `labels`.
    https://docs.pytorch.org/vision/stable/generated/torchvision.utils.draw_bounding_boxes.html
    """
    if not isinstance(image, Tensor):
        raise TypeError(f"Tensor expected, got {type(image)}")
    if not (image.dtype.name == "uint8" or image.is_floating_point()):
        raise ValueError(f"The image dtype must be uint8 or float, got {image.dtype}")
    if image.ndim != 3:
        raise ValueError("Pass individual images, not batches")
    if image.shape[0] not in (1, 3):
        raise ValueError("Only grayscale and RGB images are supported")
    corners = boxes.tolist()
    if any(x1 > x2 or y1 > y2 for x1, y1, x2, y2 in corners):
        raise ValueError(
            "Boxes need to be in (xmin, ymin, xmax, ymax) format. Use torchvision.ops.box_convert to convert them"
        )
    names: Sequence[str | None] = [None] * len(corners) if labels is None else labels
    if len(names) != len(corners):
        raise ValueError(
            f"Number of boxes ({len(corners)}) and labels ({len(names)}) mismatch. Please specify labels for each box."
        )
    if not corners:
        return image
    chosen = _colors(colors, len(corners))
    pixels = image if image.dtype.name == "uint8" else convert_image_dtype(image, uint8)
    picture = to_pil_image(pixels.expand(3, *image.shape[1:]) if image.shape[0] == 1 else pixels)
    drawing = image_module("draw_bounding_boxes", "ImageDraw").Draw(picture, "RGBA" if fill else None)
    face = _font(font, font_size)
    for corner, name, color in zip(corners, names, chosen, strict=True):
        drawing.rectangle(corner, width=width, outline=color, fill=(*color, FILL_OPACITY) if fill else None)
        if name is not None:
            drawing.text((corner[0] + width + 1, corner[1] + width + 1), name, fill=color, font=face)
    made = pil_to_tensor(picture)
    return made if image.dtype.name == "uint8" else convert_image_dtype(made, image.dtype)


def _colors(colors: Any, n: int) -> list[tuple[int, ...]]:
    """A colour for each of n boxes, as three numbers."""
    if colors is None:
        return [tuple(i * p % 255 for p in _PALETTE) for i in range(n)]
    given = list(colors) if isinstance(colors, list) else [colors] * n
    if len(given) < n:
        raise ValueError(
            f"Number of colors must be equal or larger than the number of objects, but got {len(given)} < {n}."
        )
    of_name = image_module("draw_bounding_boxes", "ImageColor").getrgb
    return [of_name(color) if isinstance(color, str) else tuple(color) for color in given[:n]]


def _font(font: str | None, size: int | None) -> Any:
    module = image_module("draw_bounding_boxes", "ImageFont")
    return module.load_default() if font is None else module.truetype(font, size or 10)

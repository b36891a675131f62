"""Showing and keeping batches of images (torchvision.utils)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import IO, Any

import numpy as np

from gradviz.core.tensor import Tensor
from gradviz.vision.boxes import draw_bounding_boxes
from gradviz.vision.transforms.functional.kinds import image_module

__all__ = ["draw_bounding_boxes", "make_grid", "save_image"]

Array = np.ndarray[Any, Any]


def make_grid(
    tensor: Tensor | Sequence[Tensor],
    nrow: int = 8,
    padding: int = 2,
    normalize: bool = False,
    value_range: tuple[float, float] | None = None,
    scale_each: bool = False,
    pad_value: float = 0.0,
) -> Tensor:
    """Images (N, C, H, W), or a list of them, side by side in one image (C, H, W) with `nrow` images per row.

    `normalize` stretches `value_range` (smallest to largest value if None; of each image with `scale_each`) to 0 ... 1.
    https://docs.pytorch.org/vision/stable/generated/torchvision.utils.make_grid.html
    """
    images = _images(tensor)
    if value_range is not None and not isinstance(value_range, tuple):
        raise TypeError("value_range has to be a tuple (min, max) if specified. min and max are numbers")
    if normalize:
        images = images.copy()
        for part in images if scale_each else [images]:
            low, high = value_range if value_range is not None else (float(part.min()), float(part.max()))
            np.clip(part, low, high, out=part)
            part -= low
            part /= max(high - low, 1e-5)
    if len(images) == 1:
        return Tensor._of(images[0].copy())
    n, channels, h, w = images.shape
    columns = min(nrow, n)
    rows = -(-n // columns)
    h, w = h + padding, w + padding
    grid = np.full((channels, h * rows + padding, w * columns + padding), pad_value, images.dtype)
    for i, image in enumerate(images):
        top, left = i // columns * h + padding, i % columns * w + padding
        grid[:, top : top + h - padding, left : left + w - padding] = image
    return Tensor._of(grid)


def save_image(
    tensor: Tensor | Sequence[Tensor], fp: str | os.PathLike[str] | IO[bytes], format: str | None = None, **options: Any
) -> None:
    """Saves images, as `make_grid` lays them out, in a file; values from 0 to 1 become bytes.

    https://docs.pytorch.org/vision/stable/generated/torchvision.utils.save_image.html
    """
    grid = make_grid(tensor, **options)._array
    pixels = np.clip(grid * 255 + 0.5, 0, 255).astype(np.uint8).transpose(1, 2, 0)
    image_module("save_image writes images").fromarray(np.ascontiguousarray(pixels)).save(fp, format=format)


def _images(tensor: Any) -> Array:
    """Images as an array (N, 3 or more, H, W): grey ones are repeated in three channels."""
    given = [tensor] if isinstance(tensor, Tensor) else tensor
    if not isinstance(given, (list, tuple)) or not all(isinstance(t, Tensor) for t in given):
        raise TypeError(f"tensor or list of tensors expected, got {type(tensor)}")
    arrays = [t.device.to_numpy(t._array) for t in given]
    images = arrays[0] if isinstance(tensor, Tensor) else np.stack(arrays)
    if images.ndim not in (2, 3, 4):
        raise ValueError(f"make_grid() takes images of 2, 3 or 4 dimensions, got the shape {images.shape}")
    if images.ndim == 2:
        images = images[None]
    if images.ndim == 3:
        images = images[None]
    return np.repeat(images, 3, axis=1) if images.shape[1] == 1 else images

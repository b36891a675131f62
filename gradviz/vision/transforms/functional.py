"""The functions behind the transforms (torchvision.transforms.functional)."""

from __future__ import annotations

import enum
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradviz.core.clock import wrote
from gradviz.core.device import CPU
from gradviz.core.dtype import from_numpy, get_default_dtype
from gradviz.core.errors import noted
from gradviz.core.tensor import Tensor


class InterpolationMode(enum.Enum):
    """How pixels between pixels are found."""

    NEAREST = "nearest"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    BOX = "box"
    HAMMING = "hamming"
    LANCZOS = "lanczos"


def image_module(why: str) -> Any:
    """Pillow's Image module; without Pillow an ImportError that says what it was needed for."""
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            f"{why}, and Pillow is not installed: run `pip install pillow`, or let the transform begin with ToTensor()."
        ) from error
    return Image


def is_pil(pic: Any) -> bool:
    """Whether this is a PIL image; Pillow is not imported to find out."""
    return any(kind.__module__ == "PIL.Image" and kind.__name__ == "Image" for kind in type(pic).__mro__)


def size_of(img: Any) -> tuple[int, int]:
    """Height and width of a PIL image or a tensor (..., H, W)."""
    if isinstance(img, Tensor):
        return img._array.shape[-2], img._array.shape[-1]
    if not is_pil(img):
        raise noted(TypeError(f"Unexpected type {type(img)}\nExpected a PIL image or a tensor (..., H, W)."))
    return img.height, img.width


def unit_range(pixels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """uint8 pixels as numbers from 0 to 1 of the default type, in an array of its own."""
    kind = get_default_dtype().numpy
    out = np.empty(pixels.shape, kind)
    np.divide(pixels, kind.type(255), out=out, dtype=kind)
    return out


def to_tensor(pic: Any) -> Tensor:
    """A PIL image or an array (H, W) or (H, W, C) as a tensor (C, H, W); uint8 becomes 0 to 1.

    Raises TypeError for anything else. https://docs.pytorch.org/vision/stable/transforms.html
    """
    if not isinstance(pic, np.ndarray):
        if not is_pil(pic):
            raise noted(
                TypeError(
                    f"pic should be PIL Image or ndarray. Got {type(pic)}\nToTensor comes first, before transforms of "
                    "tensors."
                )
            )
        wide = {"I": np.int32, "I;16": np.int16, "F": np.float32}.get(pic.mode)
        pic = np.array(pic, wide) if wide else 255 * np.array(pic, np.uint8) if pic.mode == "1" else np.asarray(pic)
    if pic.ndim not in (2, 3):
        raise ValueError(f"pic should be 2/3 dimensional. Got {pic.ndim} dimensions.")
    planes = pic.transpose(2, 0, 1) if pic.ndim == 3 else pic[None]
    if planes.dtype == np.uint8:
        return Tensor._of(unit_range(planes))
    from_numpy(planes.dtype)
    return Tensor._of(np.ascontiguousarray(planes))


def to_pil_image(pic: Any, mode: str | None = None) -> Any:
    """A tensor (C, H, W) or array (H, W, C) as a PIL image; floats from 0 to 1 become bytes.

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.functional.to_pil_image.html
    """
    if isinstance(pic, Tensor):
        pixels = pic.device.to_numpy(pic._array)
        if pixels.ndim not in (2, 3):
            raise ValueError(f"pic should be 2/3 dimensional. Got {pixels.ndim} dimensions.")
        pixels = pixels if pixels.ndim == 3 else pixels[None]
        if pixels.shape[0] > 4:
            raise ValueError(f"pic should not have > 4 channels. Got {pixels.shape[0]} channels.")
        if pixels.dtype.kind == "f" and mode != "F":
            pixels = (pixels * 255).astype(np.uint8)
        pixels = pixels.transpose(1, 2, 0)
    elif isinstance(pic, np.ndarray):
        if pic.ndim not in (2, 3):
            raise ValueError(f"pic should be 2/3 dimensional. Got {pic.ndim} dimensions.")
        pixels = pic if pic.ndim == 3 else pic[:, :, None]
    else:
        raise TypeError(f"pic should be Tensor or ndarray. Got {type(pic)}.")
    kind, channels = pixels.dtype, pixels.shape[2]
    modes = _MODES.get((kind.name, channels) if channels == 1 else ("uint8" if kind == np.uint8 else "", channels), ())
    if not modes:
        raise noted(
            TypeError(
                f"Input type {kind.name} is not supported\nAn image of {channels} channels cannot hold {kind.name}."
            )
        )
    if mode is not None and mode not in modes:
        raise ValueError(
            f"Only modes {list(modes)} are supported for {channels} channels of {kind.name}, not {mode!r}."
        )
    flat = np.ascontiguousarray(pixels[:, :, 0] if channels == 1 else pixels)
    made = image_module("ToPILImage makes PIL images").fromarray(flat)
    chosen = mode or modes[0]
    if made.mode == chosen:
        return made
    return image_module("ToPILImage makes PIL images").frombytes(chosen, made.size, flat.tobytes())


# Pillow's modes by element type and number of channels; the first is the default.
_MODES = {
    ("uint8", 1): ("L",),
    ("int16", 1): ("I;16",),
    ("int32", 1): ("I",),
    ("float32", 1): ("F",),
    ("uint8", 2): ("LA",),
    ("uint8", 3): ("RGB", "YCbCr", "HSV"),
    ("uint8", 4): ("RGBA", "CMYK", "RGBX"),
}


def normalize(tensor: Tensor, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> Tensor:
    """`(x - mean) / std` per channel of a float tensor (..., C, H, W).

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.functional.normalize.html
    """
    if not isinstance(tensor, Tensor):
        raise noted(
            TypeError(
                f"img should be Tensor Image. Got {type(tensor)}\nNormalize works on tensors: put ToTensor() before it."
            )
        )
    array = tensor._array
    if not tensor.is_floating_point():
        raise TypeError(f"Input tensor should be a float tensor. Got {tensor.dtype}.")
    if array.ndim < 3:
        raise ValueError(
            f"Expected tensor to be a tensor image of size (..., C, H, W). Got tensor.size() = {tensor.shape}"
        )
    if tensor.device is not CPU or tensor.requires_grad:
        middle, spread = (Tensor._of(tensor.device.wrap(a), tensor.device) for a in channels(mean, std, array.dtype))
        normal: Tensor = tensor.sub_(middle).div_(spread) if inplace else (tensor - middle) / spread
        return normal
    out = normalize_array(array, mean, std, array if inplace else None)
    if inplace:
        wrote(tensor)
        return tensor
    return Tensor._of(out)


def normalize_array(
    array: np.ndarray[Any, Any], mean: Sequence[float], std: Sequence[float], out: np.ndarray[Any, Any] | None = None
) -> np.ndarray[Any, Any]:
    """`(x - mean) / std` per channel, into `out` or a new array."""
    middle, spread = channels(mean, std, array.dtype)
    made: np.ndarray[Any, Any] = np.subtract(array, middle, out=out)
    made /= spread
    return made


def channels(mean: Any, std: Any, kind: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Mean and standard deviation as arrays (C, 1, 1) of the image's type."""
    return _channels(*(v if type(v) is tuple else _numbers(v) for v in (mean, std)), kind)


@functools.lru_cache(maxsize=64)
def _channels(mean: Any, std: Any, kind: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    middle, spread = (np.array(v, dtype=np.float64).astype(kind).reshape(-1, 1, 1) for v in (mean, std))
    if (spread == 0).any():
        raise noted(
            ValueError(
                f"std evaluated to zero after conversion to {from_numpy(kind)}, leading to division by "
                f"zero.\nstd is {std}."
            )
        )
    return middle, spread


def _numbers(values: Any) -> tuple[float, ...]:
    array = values._array if isinstance(values, Tensor) else values
    return tuple(np.asarray(array, dtype=np.float64).ravel().tolist())


def hflip(img: Any) -> Any:
    """The image mirrored left to right."""
    if isinstance(img, Tensor):
        return img.flip(-1)
    size_of(img)
    return img.transpose(image_module("hflip").Transpose.FLIP_LEFT_RIGHT)


def crop(img: Any, top: int, left: int, height: int, width: int) -> Any:
    """The part of an image that starts at (top, left); beyond its edges there is black."""
    h, w = size_of(img)
    if not isinstance(img, Tensor):
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


def pad(img: Any, padding: Any, fill: Any = 0, padding_mode: str = "constant") -> Any:
    """The image with a border: one width, (left and right, top and bottom), or (left, top, right, bottom)."""
    sides = [padding] * 4 if isinstance(padding, int) else list(padding) * {1: 4, 2: 2, 4: 1}.get(len(padding), 0)
    if len(sides) != 4:
        raise ValueError(f"Padding must be an int or a 1, 2, or 4 element tuple, not a {len(padding)} element tuple")
    if padding_mode not in ("constant", "edge", "reflect", "symmetric"):
        raise ValueError("Padding mode should be either constant, edge, reflect or symmetric")
    left, top, right, bottom = sides
    if isinstance(img, Tensor):
        if img.requires_grad:
            raise NotImplementedError("pad() of an image does not support a tensor that requires grad; use F.pad")
        widths = [(0, 0)] * (img.ndim - 2) + [(top, bottom), (left, right)]
        return Tensor._of(_padded(img._array, widths, padding_mode, fill), img.device)
    pixels = np.asarray(img)
    widths = [(top, bottom), (left, right)] + [(0, 0)] * (pixels.ndim - 2)
    made = image_module("pad").fromarray(_padded(pixels, widths, padding_mode, fill))
    if img.mode == "P":
        made.putpalette(img.getpalette())
    return made


def _padded(pixels: np.ndarray[Any, Any], widths: list[tuple[int, int]], mode: str, fill: Any) -> np.ndarray[Any, Any]:
    """An array with a border; `fill` is a number, or a colour for the last dimension of an image (H, W, C)."""
    if mode != "constant":
        made: np.ndarray[Any, Any] = np.pad(pixels, widths, mode)  # type: ignore[call-overload]
        return made
    size = [before + n + after for n, (before, after) in zip(pixels.shape, widths, strict=True)]
    out = np.empty(size, pixels.dtype)
    out[...] = fill
    out[tuple(slice(before, before + n) for n, (before, _) in zip(pixels.shape, widths, strict=True))] = pixels
    return out


def resize(img: Any, size: Any, interpolation: InterpolationMode, max_size: int | None = None) -> Any:
    """A PIL image at another size: (height, width), or the length of the shorter side."""
    h, w = size_of(img)
    if isinstance(img, Tensor):
        raise NotImplementedError(
            "Resize() does not support the argument 'img' as a tensor; put it before ToTensor(), where it gets a PIL "
            "image, or use nn.functional.interpolate."
        )
    sides = [size] if isinstance(size, int) else list(size)
    if len(sides) == 1:
        new_h, new_w = _by_shorter_side(h, w, sides[0], max_size)
    else:
        new_h, new_w = sides
    method = getattr(image_module("Resize").Resampling, interpolation.name)
    return img.resize((new_w, new_h), method)


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


def pair(size: Any) -> tuple[int, int]:
    """Height and width from one number or two."""
    if isinstance(size, int):
        return size, size
    numbers = list(size)
    if len(numbers) == 1:
        numbers *= 2
    if len(numbers) != 2:
        raise ValueError("Please provide only two dimensions (h, w) for size.")
    return int(numbers[0]), int(numbers[1])

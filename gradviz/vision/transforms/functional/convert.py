"""Between PIL images, arrays and tensors, and between element types."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.core.dtype import from_numpy, get_default_dtype
from gradviz.core.errors import noted
from gradviz.core.tensor import Tensor

from .kinds import image_module, is_pil, largest_of


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


def pil_to_tensor(pic: Any) -> Tensor:
    """A PIL image as a tensor (C, H, W) of its own element type, nothing scaled.

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.functional.pil_to_tensor.html
    """
    if not is_pil(pic):
        raise noted(TypeError(f"pic should be PIL Image. Got {type(pic)}\nAn array: torch.from_numpy(array)."))
    pixels = np.array(pic, copy=True)
    planes = pixels.transpose(2, 0, 1) if pixels.ndim == 3 else pixels[None]
    return Tensor._of(np.ascontiguousarray(planes.astype(np.uint8) if planes.dtype == np.bool_ else planes))


def convert_image_dtype(image: Tensor, dtype: Any = None) -> Tensor:
    """A tensor in another element type, its values scaled: floating images go from 0 to 1, integers use their range.

    Raises RuntimeError where the integers are too many for the floating type.
    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.functional.convert_image_dtype.html
    """
    dtype = get_default_dtype() if dtype is None else dtype
    if not isinstance(image, Tensor):
        raise TypeError("Input img should be Tensor Image")
    before, after = image.dtype, dtype
    if before == after:
        return image
    have, want = largest_of(before), largest_of(after)
    out: Any
    if before.is_floating_point and after.is_floating_point:
        out = image.to(after)
    elif before.is_floating_point:
        if after.name == "int64" or (after.name == "int32" and before.name == "float32"):
            raise noted(
                RuntimeError(
                    f"The cast from {before} to {after} cannot be performed safely.\n{before} cannot tell apart the "
                    f"integers up to {want}; convert to torch.float64 first, or to a smaller type."
                )
            )
        # Each integer gets an equally long stretch of 0 ... 1, and 1 itself the last of them.
        out = image.mul(want + 1 - 1e-3).to(after)
    elif after.is_floating_point:
        out = image.to(after) / have
    elif have > want:
        out = image.div((have + 1) // (want + 1), rounding_mode="floor").to(after)
    else:
        out = image.to(after) * ((want + 1) // (have + 1))
    return out  # type: ignore[no-any-return]

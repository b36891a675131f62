"""The functions of v2 (torchvision.transforms.v2.functional): v1's, some under longer names, and conversions."""

from __future__ import annotations

from gradviz.core.tensor import Tensor

from .. import functional as _v1
from ..functional import *  # noqa: F403
from .conversion import to_dtype, to_image

convert_image_dtype = _v1.convert_image_dtype
horizontal_flip, vertical_flip = _v1.hflip, _v1.vflip
to_dtype_image = to_dtype


def to_pure_tensor(inpt: Tensor) -> Tensor:
    """A plain tensor on the memory of a `tv_tensors.Image`."""
    return inpt.view(inpt.shape)  # type: ignore[no-any-return]


__all__ = [
    *_v1.__all__, "horizontal_flip", "to_dtype", "to_dtype_image", "to_image", "to_pure_tensor", "vertical_flip",
]  # fmt: skip

"""Between images and tensors: ToTensor, ToPILImage, Normalize, and how they apply to many images at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradviz.core.op import FUNCTIONS
from gradviz.core.tensor import Tensor
from gradviz.nn import Module

from . import functional as F
from .compose import Compose
from .functional.convert import unit_range
from .functional.normal import normalize_array


class ToTensor:
    """A PIL image or uint8 array (H, W, C) becomes a float tensor (C, H, W) with values from 0 to 1.

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.ToTensor.html
    """

    def __call__(self, pic: Any) -> Tensor:
        return F.to_tensor(pic)

    def __repr__(self) -> str:
        return "ToTensor()"


class PILToTensor:
    """A PIL image becomes a tensor (C, H, W) of its own element type, nothing scaled.

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.PILToTensor.html
    """

    def __call__(self, pic: Any) -> Tensor:
        return F.pil_to_tensor(pic)

    def __repr__(self) -> str:
        return "PILToTensor()"


class ToPILImage:
    """A tensor (C, H, W) or array (H, W, C) becomes a PIL image; `mode` is Pillow's, guessed from the channels if None.

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.ToPILImage.html
    """

    def __init__(self, mode: str | None = None) -> None:
        self.mode = mode

    def __call__(self, pic: Any) -> Any:
        return F.to_pil_image(pic, self.mode)

    def __repr__(self) -> str:
        return "ToPILImage()" if self.mode is None else f"ToPILImage(mode={self.mode})"


class ConvertImageDtype(Module):
    """A tensor in another element type, its values scaled to that type's range.

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.ConvertImageDtype.html
    """

    def __init__(self, dtype: Any) -> None:
        super().__init__()
        self.dtype = dtype

    def forward(self, image: Tensor) -> Tensor:
        return F.convert_image_dtype(image, self.dtype)


class Normalize(Module):
    """`(x - mean) / std` per channel of a float tensor (..., C, H, W).

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.Normalize.html
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> None:
        super().__init__()
        self.mean, self.std, self.inplace = mean, std, inplace

    def forward(self, tensor: Tensor) -> Tensor:
        return F.normalize(tensor, self.mean, self.std, self.inplace)

    def extra_repr(self) -> str:
        return f"mean={self.mean}, std={self.std}"


class LinearTransformation(Module):
    """The image as one row of numbers, less `mean_vector`, times the square `transformation_matrix`: whitening.

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.LinearTransformation.html
    """

    def __init__(self, transformation_matrix: Tensor, mean_vector: Tensor) -> None:
        super().__init__()
        rows, columns = transformation_matrix.shape
        if rows != columns:
            raise ValueError(
                f"transformation_matrix should be square. Got {tuple(transformation_matrix.shape)} rectangular matrix."
            )
        if mean_vector.shape[0] != rows:
            raise ValueError(
                f"mean_vector should have the same length {mean_vector.shape[0]} as any one of the dimensions of the "
                f"transformation_matrix [{tuple(transformation_matrix.shape)}]"
            )
        if transformation_matrix.dtype != mean_vector.dtype:
            raise ValueError(
                f"Input tensors should have the same dtype. Got {transformation_matrix.dtype} and {mean_vector.dtype}"
            )
        self.transformation_matrix, self.mean_vector = transformation_matrix, mean_vector

    def forward(self, tensor: Tensor) -> Tensor:
        n = self.transformation_matrix.shape[0]
        if int(np.prod(tensor.shape[-3:])) != n:
            raise ValueError(
                "Input tensor and transformation matrix have incompatible shape."
                f"[{tensor.shape[-3]} x {tensor.shape[-2]} x {tensor.shape[-1]}] != {n}"
            )
        rows = tensor.reshape(-1, n) - self.mean_vector.to(tensor.device)
        return FUNCTIONS["mm"](rows, self.transformation_matrix.to(tensor.device)).reshape(tensor.shape)  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        shown = [v.tolist() for v in (self.transformation_matrix, self.mean_vector)]
        return f"LinearTransformation(transformation_matrix={shown[0]}, mean_vector={shown[1]})"


def takes_arrays(transform: Any) -> bool:
    """Whether a transform makes the same of an image's array as of the image, so that no image need be made."""
    while type(transform) is Compose and transform.transforms:
        transform = transform.transforms[0]
    return type(transform) is ToTensor


def batch_transform(transform: Any) -> Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]] | None:
    """What a transform does to uint8 images (N, C, H, W) all at once; None if it may treat them one by one.

    ToTensor followed by any number of Normalize works element by element, so the numbers are the same either way.
    """
    steps: Any = transform.transforms if type(transform) is Compose else [transform]
    if not steps or type(steps[0]) is not ToTensor or any(type(step) is not Normalize for step in steps[1:]):
        return None

    def apply(images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        out = unit_range(images)
        for step in steps[1:]:
            normalize_array(out, step.mean, step.std, out)
        return out

    return apply

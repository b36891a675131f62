"""Kinds and element types, in v2's manner."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.core.dtype import dtype as DType
from gradviz.core.op import FUNCTIONS
from gradviz.core.tensor import Tensor
from gradviz.vision.tv_tensors import Image

from .. import functional as F
from ..functional.kinds import is_pil
from .structure import Transform, flatten, rebuild


class _Everywhere(Transform):
    """A transform that looks at every leaf of a sample by itself."""

    def _leaf(self, leaf: Any) -> Any:
        raise NotImplementedError

    def forward(self, *inputs: Any) -> Any:
        sample = inputs if len(inputs) > 1 else inputs[0]
        leaves: list[Any] = []
        flatten(sample, leaves)
        return rebuild(sample, iter([self._leaf(leaf) for leaf in leaves]))


class ToImage(_Everywhere):
    """PIL images and arrays (H, W, C), and the first tensor, become `tv_tensors.Image`s; nothing is scaled.

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.v2.ToImage.html
    """

    def forward(self, *inputs: Any) -> Any:
        sample = inputs if len(inputs) > 1 else inputs[0]
        leaves: list[Any] = []
        flatten(sample, leaves)
        known = [is_pil(leaf) or isinstance(leaf, (Image, np.ndarray)) for leaf in leaves]
        if not any(known):
            first = next((i for i, leaf in enumerate(leaves) if isinstance(leaf, Tensor)), None)
            if first is not None:
                known[first] = True
        return rebuild(sample, iter([to_image(x) if use else x for x, use in zip(leaves, known, strict=True)]))


def to_image(inpt: Any) -> Any:
    """A PIL image, array (H, W, C) or tensor as a `tv_tensors.Image`."""
    if isinstance(inpt, np.ndarray):
        planes = np.atleast_3d(inpt).transpose(2, 0, 1)
        return Image(Tensor._of(np.ascontiguousarray(planes)))
    if not (isinstance(inpt, Tensor) or is_pil(inpt)):
        raise TypeError(
            f"Input can either be a pure Tensor, a numpy array, or a PIL image, but got {type(inpt)} instead."
        )
    return Image(inpt)


class ToPureTensor(_Everywhere):
    """`tv_tensors.Image`s become plain tensors."""

    def _leaf(self, leaf: Any) -> Any:
        return leaf.view(leaf.shape) if isinstance(leaf, Image) else leaf


class ToTensor(_Everywhere):
    """PIL images and arrays become float tensors from 0 to 1; ToImage and ToDtype(..., scale=True) are v2's own way."""

    def _leaf(self, leaf: Any) -> Any:
        return F.to_tensor(leaf) if is_pil(leaf) or isinstance(leaf, np.ndarray) else leaf


class PILToTensor(_Everywhere):
    """PIL images become tensors of their own element type."""

    def _leaf(self, leaf: Any) -> Any:
        return F.pil_to_tensor(leaf) if is_pil(leaf) else leaf


class ToPILImage(Transform):
    """The image of a sample, a tensor, becomes a PIL image."""

    def __init__(self, mode: str | None = None) -> None:
        super().__init__()
        self.mode = mode

    def transform(self, inpt: Any, params: Any) -> Any:
        return F.to_pil_image(inpt, self.mode) if isinstance(inpt, Tensor) else inpt


class ToDtype(Transform):
    """Images in another element type; with `scale` their values are scaled to its range.

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.v2.ToDtype.html
    """

    def __init__(self, dtype: Any, scale: bool = False) -> None:
        super().__init__()
        if not isinstance(dtype, (dict, DType)):
            raise ValueError(f"dtype must be a dict or a torch.dtype, got {type(dtype)} instead")
        self.dtype, self.scale = dtype, scale

    def transform(self, inpt: Any, params: Any) -> Any:
        if not isinstance(inpt, Tensor):
            return inpt
        wanted: Any = self.dtype
        if isinstance(wanted, dict):
            wanted = wanted.get(type(inpt), wanted.get("others"))
        if wanted is None:
            return inpt
        return to_dtype(inpt, wanted, self.scale)

    def extra_repr(self) -> str:
        return f"scale={self.scale}"


def to_dtype(inpt: Tensor, dtype: Any = None, scale: bool = False) -> Tensor:
    """A tensor in another element type, its values scaled to its range if asked to."""
    if scale:
        return F.convert_image_dtype(inpt, dtype)
    return inpt.to(FUNCTIONS["empty"](0).dtype if dtype is None else dtype)  # type: ignore[no-any-return]

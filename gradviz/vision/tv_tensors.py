"""Tensors that say what they are (torchvision.tv_tensors): images; other kinds are refused by name."""

from __future__ import annotations

from typing import Any

from gradviz.core.op import FUNCTIONS
from gradviz.core.tensor import Tensor
from gradviz.nn.parameter import _share

__all__ = ["Image", "wrap"]
REFUSED = ("BoundingBoxFormat", "BoundingBoxes", "KeyPoints", "Mask", "TVTensor", "Video")


class Image(Tensor):
    """A tensor (..., C, H, W) that transforms.v2 takes for an image wherever it stands; its results are plain tensors.

    https://docs.pytorch.org/vision/stable/generated/torchvision.tv_tensors.Image.html
    """

    def __new__(
        cls, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool | None = None
    ) -> Any:  # fmt: skip
        from gradviz.vision.transforms.functional import pil_to_tensor
        from gradviz.vision.transforms.functional.kinds import is_pil

        tensor = pil_to_tensor(data) if is_pil(data) else FUNCTIONS["as_tensor"](data)
        tensor = FUNCTIONS["as_tensor"](tensor, dtype=dtype, device=device)
        if tensor.ndim < 2:
            raise ValueError(f"An image has at least two dimensions, not the shape {tuple(tensor.shape)}.")
        made = _share(cls, tensor.unsqueeze(0) if tensor.ndim == 2 else tensor)
        wanted = isinstance(data, Tensor) and data.requires_grad if requires_grad is None else requires_grad
        return made.requires_grad_(wanted)

    def __init__(self, data: Any, **options: Any) -> None:
        """All is done in `__new__`."""

    def __repr__(self) -> str:
        return super().__repr__().replace("tensor(", f"{type(self).__name__}(", 1)


def wrap(wrappee: Tensor, *, like: Any, **options: Any) -> Any:
    """`wrappee` as the kind of tensor that `like` is."""
    return type(like)(wrappee) if isinstance(like, Image) else wrappee


def __getattr__(name: str) -> Any:
    if name in REFUSED:
        raise NotImplementedError(
            f"tv_tensors.{name} is not supported: gradviz transforms images (tv_tensors.Image, PIL images, tensors)."
        )
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

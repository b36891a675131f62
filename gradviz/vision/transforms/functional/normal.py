"""Normalize: shifting and scaling each channel."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradviz.core.clock import wrote
from gradviz.core.device import CPU
from gradviz.core.dtype import from_numpy
from gradviz.core.errors import noted
from gradviz.core.tensor import Tensor


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

"""Pictures in another size."""

from __future__ import annotations

import math
import warnings
from typing import Any

from gradviz.core.errors import no_kernel, noted
from gradviz.core.ops.layers import interpolate as ops
from gradviz.core.ops.layers.pool_sized import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d
from gradviz.core.ops.layers.sliding_windows import AXES, integers
from gradviz.core.tensor import Tensor

# How many dimensions, batch and channels included, the modes that are not for any number of them need.
NEEDS = {"linear": 3, "bilinear": 4, "bicubic": 4, "trilinear": 5, "lanczos": 4}
_AREA = {3: adaptive_avg_pool1d, 4: adaptive_avg_pool2d, 5: adaptive_avg_pool3d}
_ANY = ("nearest", "nearest-exact", "area")


def interpolate(
    input: Tensor, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
    align_corners: bool | None = None, recompute_scale_factor: bool | None = None, antialias: bool = False,
) -> Tensor:  # fmt: skip
    """(N, C, sizes) in another size, given as `size` or as `scale_factor`.

    `mode` is "nearest", "nearest-exact", "linear" (3-D input), "bilinear" or "bicubic" (4-D), "trilinear" (5-D), or
    "area" (means). `antialias` smooths what is made smaller. https://docs.pytorch.org/docs/2.13/generated/torch.nn.functional.interpolate.html
    """
    if mode in _ANY and align_corners is not None:
        raise noted(
            ValueError(
                "align_corners option can only be set with the interpolating modes: linear | bilinear | bicubic | "
                f"trilinear\nThe mode is {mode!r}."
            )
        )
    sizes, scales = _wanted(input, size, scale_factor, recompute_scale_factor, mode)
    if mode == "lanczos" and not antialias:
        raise ValueError("Lanczos mode requires antialias=True")
    if mode == "lanczos" and align_corners:
        raise ValueError("Lanczos mode does not support align_corners=True")
    if antialias and not (mode in ops.SMOOTH and input.ndim == 4):
        raise ValueError(
            "Anti-alias option is restricted to bilinear, bicubic, and lanczos modes and requires a 4-D tensor as input"
        )
    _check_mode(input, mode)
    if mode == "area":
        return _AREA[input.ndim](input, sizes)
    if min(sizes) < 1 or min(input.shape[2:]) < 1:
        axes = AXES if input.ndim == 5 else ("H", "W")
        have, made = (" ".join(f"{a}: {n}" for a, n in zip(axes[-len(sizes) :], s, strict=True))
                      for s in (input.shape[2:], sizes))  # fmt: skip
        raise RuntimeError(
            f"Input and output sizes should be greater than 0, but got input ({have}) and output ({made})"
        )
    if input.dtype.category != 2 and input.dtype.name != "uint8":
        kind = "nearest" if mode.startswith("nearest") else mode.removeprefix("bi").removeprefix("tri")
        raise no_kernel(f"compute_indices_weights_{kind}", input)
    return ops.interpolated(input, mode, sizes, scales, bool(align_corners), bool(antialias))  # type: ignore[no-any-return]


def _wanted(
    input: Tensor, size: Any, scale_factor: Any, recompute: bool | None, mode: str
) -> tuple[tuple[int, ...], tuple[float | None, ...]]:
    """The output's sizes, and the scales to compute with, None where they follow from the sizes."""
    there = tuple(input.shape[2:])
    dims = len(there)
    if size is not None and scale_factor is not None:
        raise ValueError("only one of size or scale_factor should be defined")
    if size is None and scale_factor is None:
        raise ValueError("either size or scale_factor should be defined")
    what, value = ("output size of", size) if size is not None else ("scale_factor of shape", scale_factor)
    several = isinstance(value, (tuple, list))
    if several and len(value) != dims:
        first, name, short = ("Input and output", "output size", "o") if size is not None else (
            "Input and scale_factor", "scale_factor", "s")  # fmt: skip
        raise ValueError(
            f"{first} must have the same number of spatial dimensions, but got input with spatial dimensions of "
            f"{list(there)} and {what} {value}. Please provide input tensor in (N, C, d1, d2, ...,dK) format and "
            f"{name} in ({short}1, {short}2, ...,{short}K) format."
        )
    values = tuple(value) if several else (value,) * dims
    if size is not None:
        if recompute:
            raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
        return integers("interpolate", "size", values), (None,) * dims
    sizes = tuple(math.floor(float(n) * float(v)) for n, v in zip(there, values, strict=True))
    again = bool(recompute) or mode == "area"
    return sizes, (None,) * dims if again else tuple(float(v) for v in values)


def _check_mode(input: Tensor, mode: str) -> None:
    known = mode in _ANY or mode in NEEDS
    if (
        known
        and 3 <= input.ndim <= 5
        and mode in NEEDS
        and NEEDS[mode] != input.ndim
        and mode not in ("bicubic", "lanczos")
    ):
        raise noted(
            NotImplementedError(
                f"Got {input.ndim}D input, but {mode} mode needs {NEEDS[mode]}D input\n"
                "linear is for lines (N, C, L), bilinear for pictures (N, C, H, W), trilinear for volumes."
            )
        )
    if not known or not 3 <= input.ndim <= 5 or NEEDS.get(mode, input.ndim) != input.ndim:
        raise NotImplementedError(
            f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {input.ndim}D) for the modes: nearest | "
            f"linear | bilinear | bicubic | trilinear | lanczos | area | nearest-exact (got {mode})"
        )


# -- older spellings -----------------------------------------------------------------------------------------------
def upsample(
    input: Tensor, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None
) -> Tensor:  # fmt: skip
    """An older name of `interpolate`."""
    _renamed("upsample")
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """`interpolate` by the nearest place."""
    _renamed("upsample_nearest")
    return interpolate(input, size, scale_factor, mode="nearest")


def upsample_bilinear(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """`interpolate` linearly along both dimensions, with the corners aligned."""
    _renamed("upsample_bilinear")
    return interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)


def _renamed(name: str) -> None:
    warnings.warn(f"`nn.functional.{name}` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=3)

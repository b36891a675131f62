"""What vision models do with pictures besides convolving and pooling them."""

from __future__ import annotations

import warnings
from typing import Any

from gradviz.core.autocast import listed
from gradviz.core.errors import no_kernel, noted
from gradviz.core.op import OPS
from gradviz.core.ops.layers.fold import fold, unfold
from gradviz.core.ops.layers.grid_sample import affine_grid_generator
from gradviz.core.ops.layers.shuffle import channel_shuffle, pixel_shuffle, pixel_unshuffle
from gradviz.core.ops.linalg.products import same_type
from gradviz.core.tensor import Tensor

__all__ = [
    "affine_grid", "channel_shuffle", "fold", "grid_sample", "pixel_shuffle", "pixel_unshuffle", "unfold",
]  # fmt: skip
MODES = ("bilinear", "nearest", "bicubic")
PADDINGS = ("zeros", "border", "reflection")


def _default_corners(align_corners: bool | None, stacklevel: int = 3) -> bool:
    if align_corners is not None:
        return bool(align_corners)
    warnings.warn(
        "Default grid_sample and affine_grid behavior has changed to align_corners=False since 1.3.0. Please specify "
        "align_corners=True if the old behavior is desired. See the documentation of grid_sample for details.",
        stacklevel=stacklevel,
    )
    return False


@listed
def grid_sample(
    input: Tensor, grid: Tensor, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: bool | None = None
) -> Tensor:  # fmt: skip
    """Pictures (N, C, H, W) read at the places (N, Ho, Wo, 2) of `grid` -> (N, C, Ho, Wo); volumes likewise.

    A place is (x, y), from -1 to 1 across the picture. `mode` is "bilinear", "nearest" or "bicubic"; outside the
    picture are "zeros", its "border", or its "reflection".
    """
    if mode not in MODES:
        raise ValueError(
            f"nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: '{mode}'"
        )
    if padding_mode not in PADDINGS:
        raise ValueError(
            "nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or 'reflection', but got: "
            f"'{padding_mode}'"
        )
    align = _default_corners(align_corners, 4)  # the door of autocast stands between
    return sampled(input, grid, mode, padding_mode, align)


def sampled(input: Tensor, grid: Tensor, mode: str, padding: str, align: bool) -> Tensor:
    """`grid_sample` after its modes are known to be modes."""
    have, places = list(input.shape), list(grid.shape)
    if have[:1] != places[:1]:
        raise RuntimeError(
            "grid_sampler(): expected grid and input to have same batch size, but got input with sizes "
            f"{have} and grid with sizes {places}"
        )
    dims = input.ndim - 2
    if places[-1] != dims:
        raise RuntimeError(
            f"grid_sampler(): expected grid to have size {dims} in last dimension, but got grid with sizes {places}"
        )
    for dim, n in enumerate(have[2:], 2):
        if n == 0:
            raise RuntimeError(
                f"grid_sampler(): expected input to have non-empty spatial dimensions, but input has sizes {have} "
                f"with dimension {dim} being empty"
            )
    if dims not in (2, 3) or grid.ndim != input.ndim:
        raise noted(
            RuntimeError(
                f"grid_sampler(): expected {input.ndim if dims in (2, 3) else '4D or 5'}D input and grid with same "
                f"number of dimensions, but got input with sizes {have} and grid with sizes {places}\n"
                "Pictures are (N, C, H, W) and their grid (N, Ho, Wo, 2)."
            )
        )
    if mode == "bicubic" and dims == 3:
        raise RuntimeError("grid_sampler(): bicubic interpolation only supports 4D input")
    same_type("expected scalar type {a} but found {b}", input._array, grid._array)
    if input.dtype.category != 2:
        raise no_kernel(f"grid_sampler_{dims}d_cpu_kernel_impl", input)
    settings = {"mode": mode, "padding": padding, "align": align, "orders": (0,) * dims}
    return OPS[f"grid_sampler_{dims}d"].call(input, grid, **settings)


def affine_grid(theta: Tensor, size: Any, align_corners: bool | None = None) -> Tensor:
    """Where the affine maps `theta` (N, 2, 3) take every place of pictures of `size` (N, C, H, W), for grid_sample."""
    align = _default_corners(align_corners)
    if not theta.is_floating_point():
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    size = tuple(int(n) for n in size)
    dims = len(size) - 2
    if dims not in (2, 3):
        raise NotImplementedError(
            "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, respectively. Got size "
            f"{size}."
        )
    if theta.ndim != 3 or tuple(theta.shape[1:]) != (dims, dims + 1):
        raise noted(
            ValueError(
                f"Expected a batch of {dims}D affine matrices of shape Nx{dims}x{dims + 1} for size {size}. Got "
                f"{theta.shape}.\nOne matrix for each picture of the batch."
            )
        )
    if align and min(size[2:]) == 1:
        warnings.warn(
            "Since version 1.3.0, affine_grid behavior has changed for unit-size grids when align_corners=True. This "
            "is not an intended use case of affine_grid. See the documentation of affine_grid for details.",
            stacklevel=2,
        )
    if min(size) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {size}")
    return affine_grid_generator.call(theta, sizes=size[2:], align=align)

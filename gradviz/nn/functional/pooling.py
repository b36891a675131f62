"""Pooling as functions: few numbers for many, window by window."""

from __future__ import annotations

import math
from typing import Any

from gradviz.core.op import FUNCTIONS
from gradviz.core.ops.layers.pool import (
    avg_pool1d,
    avg_pool2d,
    avg_pool3d,
    max_pool1d,
    max_pool1d_with_indices,
    max_pool2d,
    max_pool2d_with_indices,
    max_pool3d,
    max_pool3d_with_indices,
    refuse,
)
from gradviz.core.ops.layers.pool_fractional import (
    fractional_max_pool2d,
    fractional_max_pool2d_with_indices,
    fractional_max_pool3d,
    fractional_max_pool3d_with_indices,
)
from gradviz.core.ops.layers.pool_sized import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
    adaptive_max_pool1d,
    adaptive_max_pool1d_with_indices,
    adaptive_max_pool2d,
    adaptive_max_pool2d_with_indices,
    adaptive_max_pool3d,
    adaptive_max_pool3d_with_indices,
)
from gradviz.core.ops.layers.sliding_windows import per_dim
from gradviz.core.ops.layers.unpool import max_unpool1d, max_unpool2d, max_unpool3d
from gradviz.core.tensor import Tensor

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool1d_with_indices",
    "adaptive_max_pool2d",
    "adaptive_max_pool2d_with_indices",
    "adaptive_max_pool3d",
    "adaptive_max_pool3d_with_indices",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "fractional_max_pool2d",
    "fractional_max_pool2d_with_indices",
    "fractional_max_pool3d",
    "fractional_max_pool3d_with_indices",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "max_pool1d",
    "max_pool1d_with_indices",
    "max_pool2d",
    "max_pool2d_with_indices",
    "max_pool3d",
    "max_pool3d_with_indices",
    "max_unpool1d",
    "max_unpool2d",
    "max_unpool3d",
]


# -- by another norm -----------------------------------------------------------------------------------------------
def _lp_pool(dims: int, average: Any) -> Any:
    name = f"lp_pool{dims}d"

    def pool(input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
        kernel = per_dim(name, "kernel_size", kernel_size, dims, refuse)
        out = average(input.pow(norm_type), kernel, kernel if stride is None else stride, 0, ceil_mode)
        signed = FUNCTIONS["sign"](out) * FUNCTIONS["relu"](FUNCTIONS["abs"](out))
        return signed.mul(math.prod(kernel)).pow(1.0 / norm_type)  # type: ignore[no-any-return]

    pool.__name__ = pool.__qualname__ = name
    pool.__doc__ = "The p-norm of every window: the p-th root of the sum of p-th powers."
    return pool


lp_pool1d, lp_pool2d, lp_pool3d = (
    _lp_pool(dims, average) for dims, average in ((1, avg_pool1d), (2, avg_pool2d), (3, avg_pool3d))
)

"""Average pooling in two and three dimensions: the mean of every window; its adjoint spreads a number over a window."""

from __future__ import annotations

import math
from typing import Any

from ...errors import no_kernel, noted
from ...memory_format import as_suggested
from ...op import OPS, op
from ..helpers import wider
from .sliding_windows import Dims, bordered, check_windows, inside, pooled_sizes, shifted, spelled


def _counts(
    xp: Any, there: Dims, sizes: Dims, kernel: Dims, stride: Dims, padding: Dims, include: bool, divisor: int | None
) -> Any:
    """What each window's sum is divided by: a number, or one per window where windows differ."""
    if divisor is not None:
        if divisor == 0:
            raise RuntimeError("divisor must be not zero")
        return divisor
    total = None
    for n, count, k, s, p in zip(there, sizes, kernel, stride, padding, strict=True):
        start = xp.arange(count) * s - p
        stop = xp.minimum(start + k, n + p)
        side = stop - start if include else xp.minimum(stop, n) - xp.maximum(start, 0)
        total = side if total is None else total[..., None] * side
    return total


def divided(x: Any, counts: Any) -> Any:
    """`x / counts` in the type of x; whole numbers are rounded towards zero."""
    if x.dtype.kind in "iu":
        return (x / counts).astype(x.dtype)
    return x / (counts if isinstance(counts, int) else counts.astype(x.dtype))


def _check_volume(shape: Dims, kernel: Dims) -> None:
    """PyTorch's error for volumes, which comes before that for sizes."""
    there = shape[-3:]
    if any(n < k for n, k in zip(there, kernel, strict=True)):
        raise noted(
            RuntimeError(
                f"input image ({spelled(there)}) smaller than kernel size ({spelled(kernel, 'k')})\n"
                "Use a smaller window, or pool fewer times before."
            )
        )


def _avg_pool(
    xp: Any, x: Any, *, kernel_size: Dims, stride: Dims, padding: Dims, ceil_mode: bool,
    count_include_pad: bool, divisor_override: int | None,
) -> Any:  # fmt: skip
    """The mean of each window."""
    if x.dtype.kind == "c" or (x.dtype.kind in "biu" and x.dtype.itemsize != 8):
        raise no_kernel(f"avg_pool{len(kernel_size)}d", x)
    ones = (1,) * len(kernel_size)
    if len(kernel_size) == 3:
        check_windows(kernel_size, stride, padding, ones)
        _check_volume(x.shape, kernel_size)
    sizes = pooled_sizes(x.shape, kernel_size, stride, padding, ones, ceil_mode)
    wide = bordered(xp, wider(xp, x), sizes, kernel_size, stride, padding, ones, 0)
    places = shifted(wide, sizes, kernel_size, stride, ones)
    total = places[0].copy()
    for place in places[1:]:
        total += place
    if any(padding) or ceil_mode or divisor_override is not None:
        there = x.shape[-len(kernel_size) :]
        counts = _counts(xp, there, sizes, kernel_size, stride, padding, count_include_pad, divisor_override)
    else:
        counts = math.prod(kernel_size)
    out = divided(total, counts).astype(x.dtype, copy=False)
    return as_suggested(xp, out, x) if len(kernel_size) == 2 else out


def _avg_pool_input(
    xp: Any, y: Any, *, shape: Dims, kernel_size: Dims, stride: Dims, padding: Dims, ceil_mode: bool,
    count_include_pad: bool, divisor_override: int | None,
) -> Any:  # fmt: skip
    """The adjoint: each number spread evenly over its window, in a picture of the given shape."""
    dims = len(kernel_size)
    sizes, there, ones = y.shape[-dims:], shape[-dims:], (1,) * dims
    counts = _counts(xp, there, sizes, kernel_size, stride, padding, count_include_pad, divisor_override)
    share = divided(wider(xp, y), counts)
    picture = xp.zeros(shape, dtype=share.dtype)
    wide = bordered(xp, picture, sizes, kernel_size, stride, padding, ones, 0)
    for place in shifted(wide, sizes, kernel_size, stride, ones):
        place += share
    return wide[inside(there, padding)].astype(y.dtype, copy=False)


def _declare(dims: int) -> None:
    name, node = f"avg_pool{dims}d", f"AvgPool{dims}DBackward"
    op(
        name, _avg_pool, node=f"{node}0", public=False,
        x=lambda F, g, *, x_shape, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override:
            getattr(F, f"{name}_input")(
                g, shape=x_shape, kernel_size=kernel_size, stride=stride, padding=padding, ceil_mode=ceil_mode,
                count_include_pad=count_include_pad, divisor_override=divisor_override),
    )  # fmt: skip
    op(
        f"{name}_input", _avg_pool_input, node=f"{node}Backward0", public=False,
        y=lambda F, g, *, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override:
            getattr(F, name)(
                g, kernel_size=kernel_size, stride=stride, padding=padding, ceil_mode=ceil_mode,
                count_include_pad=count_include_pad, divisor_override=divisor_override),
    )  # fmt: skip


for _dims in (2, 3):
    _declare(_dims)
avg_pool2d, avg_pool3d = OPS["avg_pool2d"], OPS["avg_pool3d"]

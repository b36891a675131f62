"""Fractional max pooling: windows whose steps are drawn so that the size shrinks by any factor. Graham, 2014."""

from __future__ import annotations

import math
from typing import Any

from ...autocast import listed
from ...op import FUNCTIONS, OPS
from ...tensor import Tensor
from .pool_max import declare_choice, largest
from .sliding_windows import Dims, integers


def _starts(xp: Any, draw: Any, size: int, count: int, kernel: int) -> Any:
    """(N, C, count): where each window begins; the last one ends at the border."""
    step = draw.dtype.type((size - kernel) / (count - 1)) if count > 1 else draw.dtype.type(0)
    at = xp.arange(count).astype(draw.dtype)
    draw = draw[..., None]
    made = xp.trunc((at + draw) * step).astype(xp.int64) - xp.trunc(draw * step).astype(xp.int64)
    return xp.where(xp.arange(count) == count - 1, size - kernel, made)


def _fractional(xp: Any, x: Any, draws: Any, *, kernel_size: Dims, sizes: Dims) -> Any:
    """The largest of each window, and its index. `draws` (N, C, dims) in [0, 1) decide the steps."""
    dims = len(sizes)
    there = x.shape[-dims:]
    draws = draws.reshape(*x.shape[:-dims], dims) if x.ndim == dims + 2 else draws[0]
    # Columns are drawn first for pictures, depths first for volumes.
    columns = range(dims) if dims == 3 else (1, 0)
    made, indices = x, None
    for i in reversed(range(dims)):
        axis = x.ndim - dims + i
        start = _starts(xp, draws[..., columns[i]], there[i], sizes[i], kernel_size[i])
        start = start.reshape(*start.shape[:-1], *(sizes[i] if d == i else 1 for d in range(dims)))
        shape = (*made.shape[:axis], sizes[i], *made.shape[axis + 1 :])
        lines = [xp.broadcast_to(start + k, shape) for k in range(kernel_size[i])]
        made, which = largest(xp, [xp.take_along_axis(made, line, axis=axis) for line in lines])
        at = start + which
        by = math.prod(there[i + 1 :])
        indices = at * by if indices is None else xp.take_along_axis(indices, at, axis=axis) + at * by
    return made, {"indices": indices}


for _dims in (2, 3):
    declare_choice(
        f"fractional_max_pool{_dims}d", _fractional, node=f"FractionalMaxPool{_dims}DBackward0", dims=_dims,
        overlap=True,
    )  # fmt: skip


# -- as PyTorch spells them ----------------------------------------------------------------------------------------
def _fractional_pool(dims: int) -> Any:
    name = f"fractional_max_pool{dims}d"
    the_op = OPS[name]

    def several(argument: str, value: Any) -> Dims:
        values = integers(name, argument, value)
        if len(values) not in (1, dims):
            raise RuntimeError(f"{name}: {argument} must either be a single Int or tuple of Ints")
        return values * dims if len(values) == 1 else values

    def both(
        input: Tensor, kernel_size: Any, output_size: Any = None, output_ratio: Any = None,
        return_indices: bool = False, _random_samples: Tensor | None = None,
    ) -> Any:  # fmt: skip
        if output_size is None and output_ratio is None:
            raise ValueError(f"{name} requires specifying either an output_size or an output_ratio")
        if output_size is None:
            if isinstance(output_ratio, (int, float)):
                output_ratio = (output_ratio,) * dims
            if len(output_ratio) != dims:
                raise ValueError(f"{name} requires output_ratio to either be a single Int or tuple of Ints.")
            output_size = [int(n * r) for n, r in zip(input.shape[-dims:], output_ratio, strict=True)]
        if _random_samples is None:
            batch = 1 if input.ndim == dims + 1 else input.size(0)
            draws = FUNCTIONS["rand"](batch, input.size(-dims - 1), dims, dtype=input.dtype, device=input.device)
        else:
            draws = _random_samples
        kernel, sizes = several("kernel_size", kernel_size), several("output_size", output_size)
        _check(name, input, kernel, sizes)
        out, aux = the_op.with_aux(input, draws, kernel_size=kernel, sizes=sizes)
        return out, aux["indices"]

    def pool(
        input: Tensor, kernel_size: Any, output_size: Any = None, output_ratio: Any = None,
        return_indices: bool = False, _random_samples: Tensor | None = None,
    ) -> Any:  # fmt: skip
        found = both(input, kernel_size, output_size, output_ratio, return_indices, _random_samples)
        return found if return_indices else found[0]

    for made, spelling in ((both, f"{name}_with_indices"), (pool, name)):
        made.__name__ = made.__qualname__ = spelling
        made.__doc__ = "The largest number of windows whose steps are drawn, for `output_size` or `output_ratio`."
    return listed(pool), both


def _check(name: str, input: Tensor, kernel: Dims, sizes: Dims) -> None:
    dims = len(sizes)
    axes = ("time", "height", "width")[-dims:]
    if input.ndim - dims not in (1, 2) or not all(input.shape[input.ndim - dims - 1 :]):
        raise RuntimeError(
            f"{name}(): Expected {dims + 1}D or {dims + 2}D tensor with non-zero dimensions for input, but got: "
            f"{list(input.shape)}"
        )
    for axis, n, k, count in zip(axes, input.shape[-dims:], kernel, sizes, strict=True):
        if count + k - 1 > n:
            raise RuntimeError(f"{name}(): pool {axis} {k} too large relative to input {axis} {n}")


(
    (fractional_max_pool2d, fractional_max_pool2d_with_indices),
    (
        fractional_max_pool3d,
        fractional_max_pool3d_with_indices,
    ),
) = (_fractional_pool(2), _fractional_pool(3))

"""Unpooling: each number back at the place max pooling found it, zeros elsewhere."""

from __future__ import annotations

import math
from typing import Any

from ... import errors
from ...autocast import listed
from ...errors import noted
from ...op import OPS, op
from ...tensor import Tensor
from .pool import refuse
from .pool_max import scattered
from .sliding_windows import Dims, per_dim


def _declare(dims: int) -> None:
    """An operation of its own; its adjoint is the gathering of max pooling."""
    op(
        f"max_unpool{dims}d", node=f"MaxUnpool{dims}DBackward0", public=False,
        x=lambda F, g, indices: getattr(F, f"max_pool{dims}d_gather")(g, indices, dims=dims, overlap=True),
    )(lambda xp, x, indices, *, size: scattered(
        xp, x, indices, shape=(*x.shape[:-dims], *size), dims=dims, overlap=False))  # fmt: skip


for _dims in (2, 3):
    _declare(_dims)


# -- as PyTorch spells them ----------------------------------------------------------------------------------------
def _size(input: Tensor, kernel: Dims, stride: Dims, padding: Dims, wanted: Any) -> Dims:
    """The size that was pooled: many sizes are pooled to the same, so a near one may be asked for."""
    dims = len(kernel)
    there = input.shape[-dims:]
    default = tuple((n - 1) * s + k - 2 * p for n, k, s, p in zip(there, kernel, stride, padding, strict=True))
    if wanted is None:
        return default
    sizes = tuple(int(n) for n in wanted)
    if len(sizes) == dims + 2:
        sizes = sizes[2:]
    if len(sizes) != dims:
        raise ValueError(
            f"output_size should be a sequence containing {dims} or {dims + 2} elements, but it has a length of "
            f"'{len(sizes)}'"
        )
    for d, (n, usual, step) in enumerate(zip(sizes, default, stride, strict=True)):
        if not usual - step < n < usual + step:
            raise ValueError(
                f'invalid output_size "{sizes}" (dim {d} must be between {usual - step} and {usual + step})'
            )
    return sizes


def _unpooling(dims: int) -> Any:
    name, flat = f"max_unpool{dims}d", max(dims, 2)
    call = OPS[f"max_unpool{flat}d"].call

    def unpool(
        input: Tensor, indices: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
    ) -> Tensor:  # fmt: skip
        kernel = per_dim(name, "kernel_size", kernel_size, dims, refuse)
        steps = kernel if stride is None else per_dim(name, "stride", stride, dims, refuse)
        border = per_dim(name, "padding", padding, dims, refuse)
        if input.ndim < dims:
            input.shape[dims]
        size = _size(input, kernel, steps, border, output_size)
        if dims == 1:
            input, indices, size = input.unsqueeze(-1), indices.unsqueeze(-1), (*size, 1)
        _check(input, indices, size)
        out: Tensor = call(input, indices, size=size)
        return out.squeeze(-1) if dims == 1 else out

    unpool.__name__ = unpool.__qualname__ = name
    unpool.__doc__ = "Each number where `max_pool` with these sizes found it (`indices`), zeros elsewhere."
    return unpool


def _check(input: Tensor, indices: Tensor, size: Dims) -> None:
    dims = len(size)
    if indices.dtype.name != "int64":
        raise RuntimeError(f"elements in indices should be type int64 but got: {errors.scalar_type(indices.dtype)}")
    if input.ndim - dims not in (1, 2):
        raise RuntimeError(
            f"Input to max_unpooling{dims}d should be a {dims + 1}d or {dims + 2}d Tensor, but got a tensor with "
            f"{input.ndim} dimensions."
        )
    if input.shape != indices.shape:
        raise noted(
            RuntimeError(
                f"Expected shape of indices to be same as that of the input tensor ({list(input.shape)}) but got "
                f"indices tensor with shape: {list(indices.shape)}\nThe indices are those of the max_pool to undo."
            )
        )
    places, volume = indices._array, math.prod(size)
    outside = places[(places < 0) | (places >= volume)]
    if outside.size:
        raise noted(
            RuntimeError(
                f"Found an invalid max index: {int(outside[0])} (output volumes are of size "
                f"{'x'.join(map(str, size))})\nGive the output_size that was pooled."
            )
        )


max_unpool1d, max_unpool2d, max_unpool3d = (listed(_unpooling(dims)) for dims in (1, 2, 3))

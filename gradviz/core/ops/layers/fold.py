"""Sliding blocks as columns, and columns added up into pictures again: im2col and col2im, each other's adjoint."""

from __future__ import annotations

import math
from typing import Any

from ...errors import no_kernel, noted
from ...op import op
from ...tensor import Tensor
from .sliding_windows import Dims, integers, shifted

_AXES = ("height", "width")


def _blocks(size: Dims, kernel_size: Dims, dilation: Dims, padding: Dims, stride: Dims) -> Dims:
    """How many blocks there are along each dimension."""
    each = zip(size, kernel_size, dilation, padding, stride, strict=True)
    return tuple((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, d, p, s in each)


def _wide(xp: Any, shape: Dims, padding: Dims, dtype: Any) -> tuple[Any, Any]:
    """Zeros with room for the border, and the index of what lies inside it."""
    *lead, h, w = shape
    (ph, pw) = padding
    return xp.zeros((*lead, h + 2 * ph, w + 2 * pw), dtype=dtype), (..., slice(ph, ph + h), slice(pw, pw + w))


def _unfold(xp: Any, x: Any, *, kernel_size: Dims, dilation: Dims, padding: Dims, stride: Dims) -> Any:
    """(N, C, H, W) -> (N, C * kh * kw, blocks), a block per column."""
    sizes = _blocks(x.shape[-2:], kernel_size, dilation, padding, stride)
    if any(padding):
        wide, inner = _wide(xp, x.shape, padding, x.dtype)
        wide[inner] = x
        x = wide
    places = shifted(x, sizes, kernel_size, stride, dilation)
    shape = (*x.shape[:-3], x.shape[-3] * len(places), math.prod(sizes))
    return xp.stack(places, axis=-3).reshape(shape)


def _fold(xp: Any, y: Any, *, output_size: Dims, kernel_size: Dims, dilation: Dims, padding: Dims, stride: Dims) -> Any:
    """(N, C * kh * kw, blocks) -> (N, C, H, W): every block added where it came from."""
    sizes = _blocks(output_size, kernel_size, dilation, padding, stride)
    count = math.prod(kernel_size)
    channels = y.shape[-2] // count
    blocks = y.reshape(*y.shape[:-2], channels, count, *sizes)
    wide, inner = _wide(xp, (*y.shape[:-2], channels, *output_size), padding, y.dtype)
    for i, place in enumerate(shifted(wide, sizes, kernel_size, stride, dilation)):
        place += blocks[..., i, :, :]
    return xp.ascontiguousarray(wide[inner]) if any(padding) else wide


im2col = op(
    "im2col", _unfold, public=False, node="Im2ColBackward0",
    x=lambda F, g, *, x_shape, kernel_size, dilation, padding, stride: F.col2im(
        g, output_size=x_shape[-2:], kernel_size=kernel_size, dilation=dilation, padding=padding, stride=stride),
)  # fmt: skip
col2im = op(
    "col2im", _fold, public=False, node="Col2ImBackward0",
    y=lambda F, g, *, kernel_size, dilation, padding, stride: F.im2col(
        g, kernel_size=kernel_size, dilation=dilation, padding=padding, stride=stride),
)  # fmt: skip


# -- as PyTorch spells them ----------------------------------------------------------------------------------------
def _read(name: str, **values: Any) -> dict[str, Dims]:
    """Pairs of sizes, and PyTorch's errors for those that make no sense."""
    read: dict[str, Dims] = {}
    for argument, value in values.items():
        pair = integers(name, argument, value)
        pair = pair * 2 if len(pair) == 1 else pair
        if len(pair) != 2:
            raise RuntimeError(f"It is expected {argument} equals to 2, but got size {len(pair)}")
        read[argument] = pair
    texts = {
        "kernel_size": ("kernel size should be greater than zero", "kernel", 1),
        "stride": ("stride should be greater than zero", "stride", 1),
        "dilation": ("dilation should be greater than zero", "dilation", 1),
        "padding": ("padding should be non-negative", "pad", 0),
    }
    for argument, (text, short, least) in texts.items():
        if min(read[argument]) < least:
            got = " ".join(f"{short}_{a}: {v}" for a, v in zip(_AXES, read[argument], strict=True))
            raise RuntimeError(f"{text}, but got {got}")
    return read


def unfold(input: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """Every sliding block of (N, C, H, W) or (C, H, W) as a column: (N, C * kh * kw, blocks)."""
    settings = _read("im2col", kernel_size=kernel_size, dilation=dilation, padding=padding, stride=stride)
    if input.ndim not in (3, 4) or not all(input.shape[input.ndim - 3 :]):
        if input.ndim == 2:
            input.size(2)
        raise RuntimeError(
            "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for "
            f"input, but got: {list(input.shape)}"
        )
    if input.dtype.category == 1:
        raise no_kernel("im2col_out_cpu", input)
    size = tuple(input.shape[-2:])
    sizes = _blocks(size, **settings)
    if min(sizes) < 1:
        kernel, spread, border = (settings[k] for k in ("kernel_size", "dilation", "padding"))
        raise noted(
            RuntimeError(
                f"Given input with spatial size {size}, kernel_size={kernel}, dilation={spread}, padding={border}, "
                f"calculated shape of the array of sliding blocks as {sizes}, but its components must be at least "
                "one.\nUse a smaller kernel, more padding, or larger pictures."
            )
        )
    return im2col.call(input, **settings)


def fold(
    input: Tensor, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Tensor:  # fmt: skip
    """Columns (N, C * kh * kw, blocks) added up into a picture (N, C, *output_size): the adjoint of `unfold`."""
    settings = _read(
        "col2im", output_size=output_size, kernel_size=kernel_size, dilation=dilation, padding=padding, stride=stride
    )
    size = settings.pop("output_size")
    if input.ndim not in (2, 3) or not all(input.shape[-2:]):
        raise RuntimeError(
            "Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and non-zero dimensions for "
            f"input, but got: {list(input.shape)}"
        )
    dim, kernel = input.ndim - 2, settings["kernel_size"]
    if input.shape[-2] % math.prod(kernel):
        raise noted(
            RuntimeError(
                f"Expected size of input's dimension {dim} to be divisible by the product of kernel_size, but got "
                f"input.size({dim})={input.shape[-2]} and kernel_size={kernel}.\n"
                "That dimension holds one value per channel and place of the kernel."
            )
        )
    sizes = _blocks(size, **settings)
    if math.prod(sizes) != input.shape[-1] or min(sizes) < 1:
        shown = ", ".join(f"{k}={settings[k]}" for k in ("kernel_size", "dilation", "padding", "stride"))
        raise noted(
            RuntimeError(
                f"Given output_size={size}, {shown}, expected size of input's dimension {dim + 1} to match the "
                f"calculated number of sliding blocks {sizes[0]} * {sizes[1]} = {math.prod(sizes)}, but got "
                f"input.size({dim + 1})={input.shape[-1]}."
            )
        )
    return col2im.call(input, output_size=size, **settings)

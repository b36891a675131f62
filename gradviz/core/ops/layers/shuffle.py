"""Shuffling: channels become pixels, pixels become channels, channels change places."""

from __future__ import annotations

from typing import Any

from ...errors import noted
from ...op import function, op
from ...tensor import Tensor


def _shuffled(xp: Any, x: Any, factor: int) -> Any:
    """(..., C * f * f, H, W) -> (..., C, H * f, W * f)."""
    *lead, c, h, w = x.shape
    n, f = len(lead), factor
    x = x.reshape(*lead, c // (f * f), f, f, h, w)
    order = (*range(n), n, n + 3, n + 1, n + 4, n + 2)
    return xp.ascontiguousarray(x.transpose(order)).reshape(*lead, c // (f * f), h * f, w * f)


def _unshuffled(xp: Any, x: Any, factor: int) -> Any:
    """(..., C, H * f, W * f) -> (..., C * f * f, H, W)."""
    *lead, c, h, w = x.shape
    n, f = len(lead), factor
    x = x.reshape(*lead, c, h // f, f, w // f, f)
    order = (*range(n), n, n + 2, n + 4, n + 1, n + 3)
    return xp.ascontiguousarray(x.transpose(order)).reshape(*lead, c * f * f, h // f, w // f)


def _regrouped(xp: Any, x: Any, groups: int) -> Any:
    """(N, groups * c, ...) -> (N, c * groups, ...): the channels dealt out, one from each group in turn."""
    n, c = x.shape[:2]
    x = x.reshape(n, groups, c // groups, *x.shape[2:])
    return xp.ascontiguousarray(xp.swapaxes(x, 1, 2)).reshape(n, c, *x.shape[3:])


_pixel_shuffle = op("pixel_shuffle", lambda xp, x, *, factor: _shuffled(xp, x, factor), public=False,
                    x=lambda F, g, *, factor: F.pixel_unshuffle(g, factor=factor))  # fmt: skip
_pixel_unshuffle = op("pixel_unshuffle", lambda xp, x, *, factor: _unshuffled(xp, x, factor), public=False,
                      x=lambda F, g, *, factor: F.pixel_shuffle(g, factor=factor))  # fmt: skip
_channel_shuffle = op("channel_shuffle", lambda xp, x, *, groups: _regrouped(xp, x, groups), public=False,
                      x=lambda F, g, *, x_shape, groups:
                          F.channel_shuffle(g, groups=x_shape[1] // groups))  # fmt: skip


def _check(name: str, argument: str, input: Tensor, factor: int) -> None:
    if input.ndim < 3:
        raise noted(
            RuntimeError(
                f"{name} expects input to have at least 3 dimensions, but got input with {input.ndim} dimension(s)\n"
                "A picture is (channels, height, width)."
            )
        )
    if factor <= 0:
        raise RuntimeError(f"{name} expects a positive {argument}, but got {factor}")


@function(method=False)
def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """f * f channels become f x f pixels: (..., C * f * f, H, W) -> (..., C, H * f, W * f)."""
    _check("pixel_shuffle", "upscale_factor", input, upscale_factor)
    if input.shape[-3] % upscale_factor**2:
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor, "
            f"but input.size(-3)={input.shape[-3]} is not divisible by {upscale_factor**2}"
        )
    return _pixel_shuffle.call(input, factor=upscale_factor)


@function(method=False)
def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """f x f pixels become f * f channels: (..., C, H * f, W * f) -> (..., C * f * f, H, W)."""
    _check("pixel_unshuffle", "downscale_factor", input, downscale_factor)
    for what, dim in (("height", -2), ("width", -1)):
        if input.shape[dim] % downscale_factor:
            raise RuntimeError(
                f"pixel_unshuffle expects {what} to be divisible by downscale_factor, but "
                f"input.size({dim})={input.shape[dim]} is not divisible by {downscale_factor}"
            )
    return _pixel_unshuffle.call(input, factor=downscale_factor)


@function(method=False)
def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """The channels of `groups` groups dealt out, one from each group in turn: (N, C, ...) -> the same shape."""
    if input.ndim < 3:
        raise RuntimeError(f"channel_shuffle expects input with > 2 dims, but got input with sizes {list(input.shape)}")
    if groups <= 0:
        raise RuntimeError(f"Number of groups to divide channels in must be positive. Value of groups:{groups}")
    if input.shape[1] % groups:
        raise RuntimeError(
            f"Number of channels must be divisible by groups. Got {input.shape[1]} channels and {groups} groups."
        )
    return _channel_shuffle.call(input, groups=groups)

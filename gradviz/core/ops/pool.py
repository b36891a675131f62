"""Pooling: the largest value, or the mean, of every window of an image.

A window is seen as kh * kw shifted pictures: `_shifted` gives, for every place (i, j) in the window, the strided view
of all those places at once. Pooling combines these few large views instead of many small windows. All functions take
(..., H, W), with any dimensions before. Max pooling chooses elements, so its gradient puts each number back where it
came from, and the gradient of that picks it out again: `max_pool2d_scatter` and `max_pool2d_gather` name one another.
"""

from __future__ import annotations

import functools
import math
from typing import Any

from gradviz.core.errors import noted

from ..op import op

Pair = tuple[int, int]
Spans = tuple[Pair, ...]


def pooled_size(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> int:
    """How many windows fit along one dimension; with `ceil_mode` also one that starts inside but reaches out."""
    room = size + 2 * padding - dilation * (kernel - 1) - 1
    if not ceil_mode:
        return room // stride + 1
    count = -(-room // stride) + 1
    return count - 1 if (count - 1) * stride >= size + padding else count


@functools.lru_cache(maxsize=256)
def _sizes(shape: tuple[int, ...], kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil_mode: bool) -> Pair:
    """The output's (Ho, Wo), and PyTorch's errors for windows that make no sense."""
    if min(stride) == 0:
        raise RuntimeError("stride should not be zero")
    if min(kernel) <= 0:
        raise RuntimeError(f"kernel size should be greater than zero, but got kH: {kernel[0]} kW: {kernel[1]}")
    if min(dilation) <= 0:
        raise RuntimeError(
            f"dilation should be greater than zero, but got dilationH: {dilation[0]} dilationW: {dilation[1]}"
        )
    for p, k, d in zip(padding, kernel, dilation, strict=True):
        if p < 0:
            raise RuntimeError(f"pad must be non-negative, but got pad: {p}")
        if p > (d * (k - 1) + 1) // 2:
            raise RuntimeError(
                f"pad should be at most half of effective kernel size, but got pad={p}, kernel_size={k} and "
                f"dilation={d}"
            )
    h, w = shape[-2:]
    ho, wo = (
        pooled_size(n, k, s, p, d, ceil_mode)
        for n, k, s, p, d in zip((h, w), kernel, stride, padding, dilation, strict=True)
    )
    if ho < 1 or wo < 1:
        c = shape[-3]
        raise noted(
            RuntimeError(
                f"Given input size: ({c}x{h}x{w}). Calculated output size: ({c}x{ho}x{wo}). Output size is too small\n"
                f"The window is {kernel[0]} x {kernel[1]}: use a smaller one, or pool fewer times before."
            )
        )
    return ho, wo


def _padded(xp: Any, x: Any, size: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, value: Any) -> Any:
    """`x` with a border, wide enough for all windows, that holds `value`; `x` itself if no window reaches out."""
    h, w = x.shape[-2:]
    (ho, wo), (kh, kw), (sh, sw), (dh, dw) = size, kernel, stride, dilation
    tall = max(h + padding[0], (ho - 1) * sh + dh * (kh - 1) + 1)
    wide = max(w + padding[1], (wo - 1) * sw + dw * (kw - 1) + 1)
    if (tall, wide) == (h, w):
        return x
    made = xp.full((*x.shape[:-2], tall, wide), value, dtype=x.dtype)
    made[..., padding[0] : padding[0] + h, padding[1] : padding[1] + w] = x
    return made


def _shifted(x: Any, size: Pair, kernel: Pair, stride: Pair, dilation: Pair) -> list[Any]:
    """For every place (i, j) of the window, row by row: the view of that place in all windows, (..., Ho, Wo)."""
    (ho, wo), (sh, sw), (dh, dw) = size, stride, dilation
    return [
        x[..., i * dh : i * dh + (ho - 1) * sh + 1 : sh, j * dw : j * dw + (wo - 1) * sw + 1 : sw]
        for i in range(kernel[0])
        for j in range(kernel[1])
    ]


# -- max -----------------------------------------------------------------------------------------------------------
def _max_pool2d(
    xp: Any, x: Any, *, kernel_size: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil_mode: bool
) -> Any:
    """The largest of each window and its index in the picture counted row by row; the first where several are equal."""
    size = _sizes(x.shape, kernel_size, stride, padding, dilation, ceil_mode)
    floating = x.dtype.kind not in "iu"
    lowest = -float("inf") if floating else xp.iinfo(x.dtype).min
    wide = _padded(xp, x, size, kernel_size, stride, padding, dilation, lowest)
    places = _shifted(wide, size, kernel_size, stride, dilation)
    out, which = places[0], None
    small = xp.int8 if len(places) < 128 else xp.int64
    for n, place in enumerate(places[1:], 1):
        larger = xp.maximum(out, place)
        better = (larger != out) * small(n)  # 0 or n; NaN counts as larger
        out, which = larger, better if which is None else xp.maximum(which, better)
    if which is None:
        out, which = out.copy(), xp.zeros(out.shape, dtype=small)
    elif floating and bool((out != out).any()):
        which = _last_nan(xp, places, which, small)
    return out, {"indices": _indices(xp, which, x.shape[-2:], size, kernel_size, stride, padding, dilation)}


def _last_nan(xp: Any, places: list[Any], which: Any, small: Any) -> Any:
    """In windows with NaN PyTorch chooses the last NaN."""
    last = xp.zeros(which.shape, dtype=small)
    seen = xp.zeros(which.shape, dtype=xp.bool_)
    for n, place in enumerate(places):
        nan = place != place
        last, seen = xp.where(nan, small(n), last), seen | nan
    return xp.where(seen, last, which)


def _indices(
    xp: Any, which: Any, shape: Pair, size: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> Any:
    """Row * W + column of the chosen place number `which` of each window."""
    (_, width), (sh, sw), (ph, pw), (dh, dw) = shape, stride, padding, dilation
    steps, corners = _places(xp, shape[1], size, kernel, stride, padding, dilation)
    indices = xp.take(steps, which)
    indices += corners
    if ph or pw:
        rows, columns = (xp.arange(-p, n * s - p, s) for n, s, p in zip(size, (sh, sw), padding, strict=True))
        # Nothing was larger than the border: the first place inside the picture.
        rows, columns = (xp.where(at < 0, at + -(at // d) * d, at) for at, d in ((rows, dh), (columns, dw)))
        indices = xp.where(which == 0, rows[:, None] * width + columns, indices)
    return indices


@functools.lru_cache(maxsize=256)
def _places(
    xp: Any, width: int, size: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> tuple[Any, Any]:
    """Row * W + column of each place of a window, counted from its corner, and of each window's corner; only read."""
    (kh, kw), (dh, dw) = kernel, dilation
    steps = xp.asarray([i * dh * width + j * dw for i in range(kh) for j in range(kw)])
    rows, columns = (xp.arange(-p, n * s - p, s) for n, s, p in zip(size, stride, padding, strict=True))
    return steps, rows[:, None] * width + columns


@functools.lru_cache(maxsize=256)
def _planes(xp: Any, count: int, plane: int) -> Any:
    """Where each picture begins, as a column; only read."""
    return (xp.arange(count) * plane)[:, None]


def _flat(xp: Any, indices: Any, plane: int) -> Any:
    """Indices in each picture -> indices in all pictures, one after the other."""
    count = math.prod(indices.shape[:-2])
    each = indices.shape[-2] * indices.shape[-1]
    return (indices.reshape(count, each) + _planes(xp, count, plane)).reshape(-1)


def _scatter(xp: Any, y: Any, indices: Any, *, shape: tuple[int, ...], overlap: bool) -> Any:
    """Zeros of `shape` with each number of y added at its index; windows that overlap may share one."""
    plane = shape[-2] * shape[-1]
    out = xp.zeros(y.size // max(indices.shape[-2] * indices.shape[-1], 1) * plane, dtype=y.dtype)
    at = _flat(xp, indices, plane)
    if overlap:
        xp.add.at(out, at, y.reshape(-1))
    else:
        out[at] = y.reshape(-1)
    return out.reshape(shape)


def _gather(xp: Any, x: Any, indices: Any, *, overlap: bool) -> Any:
    """The numbers of x at the indices."""
    return x.reshape(-1)[_flat(xp, indices, x.shape[-2] * x.shape[-1])].reshape(indices.shape)


def overlaps(kernel: Pair, stride: Pair, dilation: Pair) -> bool:
    """Whether neighbouring windows share elements."""
    return any(s < d * (k - 1) + 1 for k, s, d in zip(kernel, stride, dilation, strict=True))


max_pool2d = op(
    "max_pool2d", _max_pool2d, node="MaxPool2DWithIndicesBackward0", public=False, saved_names={"indices": "result1"},
    x=lambda F, g, indices, *, x_shape, kernel_size, stride, dilation: F.max_pool2d_scatter(
        g, indices, shape=x_shape, overlap=overlaps(kernel_size, stride, dilation)),
)  # fmt: skip
max_pool2d_scatter = op(
    "max_pool2d_scatter", _scatter, node="MaxPool2DWithIndicesBackwardBackward0", public=False,
    y=lambda F, g, indices, *, overlap: F.max_pool2d_gather(g, indices, overlap=overlap),
)  # fmt: skip
max_pool2d_gather = op(
    "max_pool2d_gather", _gather, node="GatherBackward0", public=False,
    x=lambda F, g, indices, *, x_shape, overlap: F.max_pool2d_scatter(g, indices, shape=x_shape, overlap=overlap),
)  # fmt: skip


# -- mean ----------------------------------------------------------------------------------------------------------
def _counts(
    xp: Any, shape: Pair, size: Pair, kernel: Pair, stride: Pair, padding: Pair, include: bool, divisor: int | None
) -> Any:
    """What each window's sum is divided by: a number, or (Ho, Wo) where windows differ."""
    if divisor is not None:
        if divisor == 0:
            raise RuntimeError("divisor must be not zero")
        return divisor
    sides = []
    for n, count, k, s, p in zip(shape, size, kernel, stride, padding, strict=True):
        start = xp.arange(count) * s - p
        stop = xp.minimum(start + k, n + p)
        sides.append(stop - start if include else xp.minimum(stop, n) - xp.maximum(start, 0))
    return sides[0][:, None] * sides[1]


def _divided(x: Any, counts: Any) -> Any:
    """`x / counts` in the type of x; whole numbers are rounded towards zero."""
    if x.dtype.kind in "iu":
        return (x / counts).astype(x.dtype)
    return x / (counts if isinstance(counts, int) else counts.astype(x.dtype))


def _avg_pool2d(
    xp: Any, x: Any, *, kernel_size: Pair, stride: Pair, padding: Pair, ceil_mode: bool,
    count_include_pad: bool, divisor_override: int | None,
) -> Any:  # fmt: skip
    """The mean of each window."""
    size = _sizes(x.shape, kernel_size, stride, padding, (1, 1), ceil_mode)
    wide = _padded(xp, x, size, kernel_size, stride, padding, (1, 1), 0)
    places = _shifted(wide, size, kernel_size, stride, (1, 1))
    total = places[0].copy()
    for place in places[1:]:
        total += place
    if not (any(padding) or ceil_mode or divisor_override is not None):
        return _divided(total, kernel_size[0] * kernel_size[1])
    counts = _counts(xp, x.shape[-2:], size, kernel_size, stride, padding, count_include_pad, divisor_override)
    return _divided(total, counts)


def _avg_pool2d_input(
    xp: Any, y: Any, *, shape: tuple[int, ...], kernel_size: Pair, stride: Pair, padding: Pair, ceil_mode: bool,
    count_include_pad: bool, divisor_override: int | None,
) -> Any:  # fmt: skip
    """The adjoint: each number spread evenly over its window, in a picture of the given shape."""
    size = y.shape[-2:]
    whole = (shape[-2], shape[-1])
    counts = _counts(xp, whole, size, kernel_size, stride, padding, count_include_pad, divisor_override)
    share = _divided(y, counts)
    picture = xp.zeros(shape, dtype=y.dtype)
    wide = _padded(xp, picture, size, kernel_size, stride, padding, (1, 1), 0)
    for place in _shifted(wide, size, kernel_size, stride, (1, 1)):
        place += share
    (ph, pw), (h, w) = padding, shape[-2:]
    return wide[..., ph : ph + h, pw : pw + w]


avg_pool2d = op(
    "avg_pool2d", _avg_pool2d, node="AvgPool2DBackward0", public=False,
    x=lambda F, g, *, x_shape, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override:
        F.avg_pool2d_input(g, shape=x_shape, kernel_size=kernel_size, stride=stride, padding=padding,
                           ceil_mode=ceil_mode, count_include_pad=count_include_pad, divisor_override=divisor_override),
)  # fmt: skip
avg_pool2d_input = op(
    "avg_pool2d_input", _avg_pool2d_input, node="AvgPool2DBackwardBackward0", public=False,
    y=lambda F, g, *, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override:
        F.avg_pool2d(g, kernel_size=kernel_size, stride=stride, padding=padding, ceil_mode=ceil_mode,
                     count_include_pad=count_include_pad, divisor_override=divisor_override),
)  # fmt: skip


# -- mean of as many windows as asked for ----------------------------------------------------------------------------
def spans(size: int, count: int) -> Spans:
    """(start, stop) of `count` windows that cover `size` places as evenly as whole numbers allow."""
    return tuple((i * size // count, -(-(i + 1) * size // count)) for i in range(count))


def _adaptive(xp: Any, x: Any, *, rows: Spans, columns: Spans) -> Any:
    """The mean of each rectangle rows x columns: rows are summed first, then columns."""
    tall = xp.stack([x[..., a:b, :].sum(axis=-2) for a, b in rows], axis=-2)
    total = xp.stack([tall[..., a:b].sum(axis=-1) for a, b in columns], axis=-1)
    return _divided(total, _areas(xp, rows, columns)).astype(x.dtype, copy=False)


def _adaptive_input(xp: Any, y: Any, *, shape: tuple[int, ...], rows: Spans, columns: Spans) -> Any:
    """The adjoint: each number spread evenly over its rectangle."""
    share = _divided(y, _areas(xp, rows, columns))
    tall = xp.zeros((*shape[:-2], len(rows), shape[-1]), dtype=y.dtype)
    for j, (a, b) in enumerate(columns):
        tall[..., a:b] += share[..., j : j + 1]
    out = xp.zeros(shape, dtype=y.dtype)
    for i, (a, b) in enumerate(rows):
        out[..., a:b, :] += tall[..., i : i + 1, :]
    return out


def _areas(xp: Any, rows: Spans, columns: Spans) -> Any:
    return xp.asarray([[(b - a) * (d - c) for c, d in columns] for a, b in rows])


adaptive_avg_pool2d = op(
    "adaptive_avg_pool2d", _adaptive, node="AdaptiveAvgPool2DBackward0", public=False,
    x=lambda F, g, *, x_shape, rows, columns: F.adaptive_avg_pool2d_input(g, shape=x_shape, rows=rows, columns=columns),
)  # fmt: skip
adaptive_avg_pool2d_input = op(
    "adaptive_avg_pool2d_input", _adaptive_input, node="AdaptiveAvgPool2DBackwardBackward0", public=False,
    y=lambda F, g, *, rows, columns: F.adaptive_avg_pool2d(g, rows=rows, columns=columns),
)  # fmt: skip

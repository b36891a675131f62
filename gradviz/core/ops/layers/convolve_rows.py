"""The arithmetic of convolution in two dimensions: pictures times weights, and the two adjoints of that product.

NOTE [Rows]  The usual im2col copies each pixel kh * kw times. Here it is copied only kw times, into

    rows[group, h, c, j, n, wo] = x[n, c, h, wo * stride + j * dilation]

With h outermost, what output row `ho` needs is the block of rows h = ho ... ho + kh - 1, which already lies in memory
as one matrix with kh * c * kw rows and n * wo columns. Blocks of neighbouring output rows overlap, so all of them
together are a strided view, and the convolution is one batched matrix product `w @ view`: a fifth of the copying for a
5 x 5 kernel. `_fold` is the exact adjoint: kh + kw slice additions instead of kh * kw. Sums of 16-bit floats are kept
in 32 bits and rounded once, at the end.
"""

from __future__ import annotations

from typing import Any

from ..helpers import wider
from ..reductions.dims import added

Pair = tuple[int, int]


def convolve_2d(
    xp: Any, x: Any, w: Any, bias: Any, *, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> tuple[Any, Any]:  # fmt: skip
    """x (N, C, H, W), w (O, C / groups, kh, kw), bias (O) or None -> (N, O, Ho, Wo), and the rows of x."""
    n, _, h, width = x.shape
    o, c, kh, kw = w.shape
    ho, wo = out_size((h, width), (kh, kw), stride, padding, dilation)
    rows = _rows(xp, wider(xp, x), kw, wo, stride[1], padding, dilation[1], groups)
    blocks = _blocks(xp, rows, kh, ho, stride[0], dilation[0])
    kernel = wider(xp, w).reshape(groups, 1, o // groups, c, kh, kw).transpose(0, 1, 2, 4, 3, 5)
    y = kernel.reshape(groups, 1, o // groups, kh * c * kw) @ blocks
    y = y.reshape(groups, ho, o // groups, n, wo).transpose(3, 0, 2, 1, 4)
    out = xp.empty((n, groups, o // groups, ho, wo), dtype=x.dtype)
    if bias is None:
        out[...] = y
    else:
        xp.add(y, bias.reshape(groups, o // groups, 1, 1), out=out)
    return out.reshape(n, o, ho, wo), rows


def spread_2d(
    xp: Any, y: Any, w: Any, *, shape: tuple[int, ...], stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Any:
    """The adjoint for the picture: y (N, O, Ho, Wo) with w -> a picture of the given shape (N, C, H, W)."""
    n, o, ho, wo = y.shape
    _, c, kh, kw = w.shape
    kernel = wider(xp, w).reshape(groups, 1, o // groups, c, kh, kw).transpose(0, 1, 4, 3, 5, 2)
    blocks = kernel.reshape(groups, 1, kh * c * kw, o // groups) @ _columns(wider(xp, y), groups)
    made = _fold(xp, blocks.reshape(groups, ho, kh, c, kw, n, wo), shape, stride, padding, dilation)
    return made.astype(y.dtype, copy=False)


def correlate_2d(
    xp: Any, y: Any, x: Any, rows: Any, *,
    shape: tuple[int, ...], stride: Pair, padding: Pair, dilation: Pair, groups: int,
) -> Any:  # fmt: skip
    """The adjoint for the weights: y (N, O, Ho, Wo), x (N, C, H, W) and its rows or None -> weights of `shape`."""
    _, o, ho, wo = y.shape
    _, c, kh, kw = shape
    if rows is None:
        rows = _rows(xp, wider(xp, x), kw, wo, stride[1], padding, dilation[1], groups)
    blocks = _blocks(xp, rows, kh, ho, stride[0], dilation[0])
    w = added(_columns(wider(xp, y), groups) @ blocks.swapaxes(2, 3), 1)
    w = xp.ascontiguousarray(w.reshape(groups, o // groups, kh, c, kw).transpose(0, 1, 3, 2, 4))
    return w.reshape(shape).astype(y.dtype, copy=False)


def out_size(size: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Pair:
    """How many positions the kernel has along both dimensions."""
    (h, w), (kh, kw), (sh, sw), (ph, pw), (dh, dw) = size, kernel, stride, padding, dilation
    return (h + 2 * ph - dh * (kh - 1) - 1) // sh + 1, (w + 2 * pw - dw * (kw - 1) - 1) // sw + 1


def _columns(y: Any, groups: int) -> Any:
    """(N, O, Ho, Wo) -> the matrix of each output row: (groups, Ho, O / groups, N * Wo)."""
    n, o, ho, wo = y.shape
    y = y.reshape(n, groups, o // groups, ho, wo).transpose(1, 3, 2, 0, 4)
    return y.reshape(groups, ho, o // groups, n * wo)


def _rows(xp: Any, x: Any, kw: int, wo: int, stride: int, padding: Pair, dilation: int, groups: int) -> Any:
    """(N, C, H, W) -> rows (groups, H, C / groups, kw, N, Wo); see NOTE [Rows]."""
    x = _padded(xp, x, padding)
    n, c, h, _ = x.shape
    sn, sc, sh, sw = x.strides
    each = c // groups
    windows = xp.lib.stride_tricks.as_strided(
        x, (groups, h, each, kw, n, wo), (sc * each, sh, sc, sw * dilation, sn, sw * stride)
    )
    return xp.ascontiguousarray(windows)


def _blocks(xp: Any, rows: Any, kh: int, ho: int, stride: int, dilation: int) -> Any:
    """The matrix of each output row, as a view of the rows: (groups, Ho, kh * C * kw, N * Wo)."""
    groups, h, c, kw, n, wo = rows.shape
    last = rows.itemsize  # not rows.strides: NumPy says nothing about the stride of a dimension of size 1
    across = n * wo * last
    up = c * kw * across
    step = h * up
    view = xp.lib.stride_tricks.as_strided
    if dilation == 1:
        return view(rows, (groups, ho, kh * c * kw, n * wo), (step, up * stride, across, last))
    # Rows of one block are not evenly spaced: the reshape copies.
    blocks = view(rows, (groups, ho, kh, c * kw, n * wo), (step, up * stride, up * dilation, across, last))
    return blocks.reshape(groups, ho, kh * c * kw, n * wo)


def _fold(xp: Any, blocks: Any, shape: tuple[int, ...], stride: Pair, padding: Pair, dilation: Pair) -> Any:
    """Add blocks (groups, Ho, kh, C, kw, N, Wo) up into an image (N, C, H, W): the adjoint of `_rows` and `_blocks`."""
    groups, ho, kh, c, kw, n, wo = blocks.shape
    (ph, pw), (sh, sw), (dh, dw) = padding, stride, dilation
    h, w = shape[2] + 2 * ph, shape[3] + 2 * pw
    rows = xp.zeros((groups, h, c, kw, n, wo), dtype=blocks.dtype)
    for i in range(kh):
        rows[:, i * dh : i * dh + (ho - 1) * sh + 1 : sh] += blocks[:, :, i]
    image = xp.zeros((groups, h, c, n, w), dtype=blocks.dtype)
    for j in range(kw):
        image[..., j * dw : j * dw + (wo - 1) * sw + 1 : sw] += rows[:, :, :, j]
    image = image.transpose(3, 0, 2, 1, 4)
    if ph or pw:
        image = image[..., ph : h - ph, pw : w - pw]
    return xp.ascontiguousarray(image).reshape(shape)


def _padded(xp: Any, x: Any, padding: Pair) -> Any:
    ph, pw = padding
    if not (ph or pw):
        return x
    n, c, h, w = x.shape
    wide = xp.zeros((n, c, h + 2 * ph, w + 2 * pw), dtype=x.dtype)
    wide[:, :, ph : ph + h, pw : pw + w] = x
    return wide

"""Convolution and its two adjoints: three operations whose gradient rules name one another.

A convolution is linear in the image x and in the weights w. The gradient for x is linear in (g, w), the gradient for w
is linear in (g, x), and the gradients of *those* are convolutions and adjoints again, so all orders exist:

    y = conv2d(x, w)          x: conv2d_input(g, w)      w: conv2d_weight(g, x)
    x = conv2d_input(y, w)    y: conv2d(g, w)            w: conv2d_weight(y, g)
    w = conv2d_weight(y, x)   y: conv2d(x, g)            x: conv2d_input(y, g)

NOTE [Rows]  The usual im2col copies each pixel kh * kw times. Here it is copied only kw times, into

    rows[group, h, c, j, n, wo] = x[n, c, h, wo * stride + j * dilation]

With h outermost, what output row `ho` needs is the block of rows h = ho ... ho + kh - 1, which already lies in memory
as one matrix with kh * c * kw rows and n * wo columns. Blocks of neighbouring output rows overlap, so all of them
together are a strided view, and the convolution is one batched matrix product `w @ view`: a fifth of the copying for a
5 x 5 kernel. `_fold` is the exact adjoint: kh + kw slice additions instead of kh * kw.
"""

from __future__ import annotations

import functools
from typing import Any

from gradviz.core.errors import noted

from ..op import op
from .linalg import same_type, wide_matmul

Pair = tuple[int, int]
# Rows of up to this many bytes are kept for the gradient of the weights instead of being made again.
KEPT_ROWS = 2**20


def _conv2d(xp: Any, x: Any, w: Any, bias: Any, *, stride: Pair, padding: Pair, dilation: Pair, groups: int) -> Any:
    """x (N, C, H, W), w (O, C / groups, kh, kw), bias (O) or None -> (N, O, Ho, Wo); also with one spatial dim less."""
    _check(x, w, bias, stride, padding, dilation, groups)
    if x.ndim == 3:
        out, _ = _conv2d(xp, x[:, :, None], w[:, :, None], bias, **_flat(stride, padding, dilation, groups))
        return out[:, :, 0], {"_rows": None}
    n, _, h, width = x.shape
    o, c, kh, kw = w.shape
    ho, wo = out_size((h, width), (kh, kw), stride, padding, dilation)
    rows = _rows(xp, x, kw, wo, stride[1], padding, dilation[1], groups)
    blocks = _blocks(xp, rows, kh, ho, stride[0], dilation[0])
    kernel = w.reshape(groups, 1, o // groups, c, kh, kw).transpose(0, 1, 2, 4, 3, 5)
    y = wide_matmul(xp, kernel.reshape(groups, 1, o // groups, kh * c * kw), blocks)
    y = y.reshape(groups, ho, o // groups, n, wo).transpose(3, 0, 2, 1, 4)
    out = xp.empty((n, groups, o // groups, ho, wo), dtype=x.dtype)
    if bias is None:
        out[...] = y
    else:
        xp.add(y, bias.reshape(groups, o // groups, 1, 1), out=out)
    return out.reshape(n, o, ho, wo), {"_rows": rows if rows.nbytes <= KEPT_ROWS else None}


def _conv2d_input(
    xp: Any, y: Any, w: Any, *, shape: tuple[int, ...], stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Any:
    """The adjoint for the image: y (N, O, Ho, Wo) with w -> an image of the given shape (N, C, H, W)."""
    if y.ndim == 3:
        flat = _flat(stride, padding, dilation, groups)
        return _conv2d_input(xp, y[:, :, None], w[:, :, None], shape=(*shape[:2], 1, shape[2]), **flat)[:, :, 0]
    n, o, ho, wo = y.shape
    _, c, kh, kw = w.shape
    y = y.reshape(n, groups, o // groups, ho, wo).transpose(1, 3, 2, 0, 4).reshape(groups, ho, o // groups, n * wo)
    kernel = w.reshape(groups, 1, o // groups, c, kh, kw).transpose(0, 1, 4, 3, 5, 2)
    blocks = wide_matmul(xp, kernel.reshape(groups, 1, kh * c * kw, o // groups), y)
    blocks = blocks.reshape(groups, ho, kh, c, kw, n, wo)
    return _fold(xp, blocks, shape, stride, padding, dilation)


def _conv2d_weight(
    xp: Any, y: Any, x: Any, rows: Any, *,
    shape: tuple[int, ...], stride: Pair, padding: Pair, dilation: Pair, groups: int,
) -> Any:  # fmt: skip
    """The adjoint for the weights: y (N, O, Ho, Wo), x (N, C, H, W) and its rows or None -> weights of `shape`."""
    if y.ndim == 3:
        flat = _flat(stride, padding, dilation, groups)
        return _conv2d_weight(xp, y[:, :, None], x[:, :, None], None, shape=(*shape[:2], 1, shape[2]), **flat)[:, :, 0]
    n, o, ho, wo = y.shape
    _, c, kh, kw = shape
    if rows is None:
        rows = _rows(xp, x, kw, wo, stride[1], padding, dilation[1], groups)
    blocks = _blocks(xp, rows, kh, ho, stride[0], dilation[0])
    y = y.reshape(n, groups, o // groups, ho, wo).transpose(1, 3, 2, 0, 4).reshape(groups, ho, o // groups, n * wo)
    w = wide_matmul(xp, y, blocks.swapaxes(2, 3)).sum(axis=1)
    return xp.ascontiguousarray(w.reshape(groups, o // groups, kh, c, kw).transpose(0, 1, 3, 2, 4)).reshape(shape)


conv2d = op(
    "conv2d",
    _conv2d,
    node="ConvolutionBackward0",
    public=False,
    saved_names={"x": "input", "w": "weight"},
    latex=r"y_{o,p} = b_o + \sum_{c,k} w_{o,c,k}\, x_{c,p+k}",
    x=lambda F, g, w, *, x_shape, stride, padding, dilation, groups: F.conv2d_input(
        g, w, shape=x_shape, stride=stride, padding=padding, dilation=dilation, groups=groups
    ),
    w=lambda F, g, x, _rows, *, w_shape, stride, padding, dilation, groups: F.conv2d_weight(
        g, x, _rows, shape=w_shape, stride=stride, padding=padding, dilation=dilation, groups=groups
    ),
    bias=lambda F, g, *, x_shape: F.sum(g, dim=(0, *range(2, len(x_shape))), keepdim=False),
)

conv2d_input = op(
    "conv2d_input",
    _conv2d_input,
    node="ConvolutionBackwardBackward0",
    public=False,
    y=lambda F, g, w, *, stride, padding, dilation, groups: F.conv2d(
        g, w, None, stride=stride, padding=padding, dilation=dilation, groups=groups
    ),
    w=lambda F, g, y, *, w_shape, stride, padding, dilation, groups: F.conv2d_weight(
        y, g, None, shape=w_shape, stride=stride, padding=padding, dilation=dilation, groups=groups
    ),
)

conv2d_weight = op(
    "conv2d_weight",
    _conv2d_weight,
    node="ConvolutionBackwardBackward0",
    public=False,
    y=lambda F, g, x, *, stride, padding, dilation, groups: F.conv2d(
        x, g, None, stride=stride, padding=padding, dilation=dilation, groups=groups
    ),
    x=lambda F, g, y, *, x_shape, stride, padding, dilation, groups: F.conv2d_input(
        y, g, shape=x_shape, stride=stride, padding=padding, dilation=dilation, groups=groups
    ),
)


def out_size(size: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Pair:
    """How many positions the kernel has along both dimensions."""
    (h, w), (kh, kw), (sh, sw), (ph, pw), (dh, dw) = size, kernel, stride, padding, dilation
    return (h + 2 * ph - dh * (kh - 1) - 1) // sh + 1, (w + 2 * pw - dw * (kw - 1) - 1) // sw + 1


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
    groups, _, c, kw, n, wo = rows.shape
    step, up, across, last = rows.strides[0], rows.strides[1], rows.strides[3], rows.strides[5]
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


def _flat(stride: Any, padding: Any, dilation: Any, groups: int) -> dict[str, Any]:
    """The settings of a one-dimensional convolution as those of a two-dimensional one with height 1."""
    return {
        "stride": (1, stride[-1]), "padding": (0, padding[-1]), "dilation": (1, dilation[-1]), "groups": groups,
    }  # fmt: skip


def _check(x: Any, w: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> None:
    """PyTorch's errors for arguments that do not fit one another."""
    if bias is not None:
        same_type("Input type ({a}) and bias type ({b}) should be the same", x, bias, short=True)
    same_type("expected scalar type {a} but found {b}", x, w)
    _check_shapes(x.shape, w.shape, None if bias is None else bias.shape, stride, padding, dilation, groups)


@functools.lru_cache(maxsize=256)
def _check_shapes(
    x: tuple[int, ...], w: tuple[int, ...], bias: tuple[int, ...] | None, stride: Any, padding: Any, dilation: Any,
    groups: int,
) -> None:  # fmt: skip
    """The same for shapes and settings alone: worked out once for each combination."""
    o, c = w[:2]
    if min(stride) <= 0:
        raise noted(RuntimeError(f"non-positive stride is not supported\nconv2d got stride={tuple(stride)}."))
    if min(padding) < 0:
        raise noted(RuntimeError(f"negative padding is not supported\nconv2d got padding={tuple(padding)}."))
    if o % groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, but got weight of "
            f"size [{list(w)}] instead"
        )
    if x[1] != c * groups:
        raise noted(
            RuntimeError(
                f"Given groups={groups}, weight of size {list(w)}, expected input{list(x)} to have "
                f"{c * groups} channels, but got {x[1]} channels instead\nThe layer before must give "
                f"{c * groups} channels (the second dimension), or this layer's in_channels must be what arrives."
            )
        )
    if bias is not None and bias != (o,):
        raise RuntimeError(
            f"Given weight of size {list(w)}, expected bias to be 1-dimensional with {o} elements, but got bias "
            f"of size {list(bias)} instead"
        )
    there = [n + 2 * p for n, p in zip(x[2:], padding, strict=True)]
    reach = [d * (k - 1) + 1 for k, d in zip(w[2:], dilation, strict=True)]
    if any(n < k for n, k in zip(there, reach, strict=True)):
        raise noted(
            RuntimeError(
                f"Calculated padded input size per channel: ({' x '.join(map(str, there))}). Kernel size: "
                f"({' x '.join(map(str, reach))}). Kernel size can't be greater than actual input size\n"
                "Use a smaller kernel, more padding, or larger images."
            )
        )

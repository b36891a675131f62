"""Convolution and its two adjoints, in one, two and three dimensions, as operations that name one another.

A convolution is linear in the picture x and in the weights w. The gradient for x is linear in (g, w), the gradient for
w is linear in (g, x), and the gradients of *those* are convolutions and adjoints again, so all orders exist:

    y = conv2d(x, w)          x: conv2d_input(g, w)      w: conv2d_weight(g, x)
    x = conv2d_input(y, w)    y: conv2d(g, w)            w: conv2d_weight(y, g)
    w = conv2d_weight(y, x)   y: conv2d(x, g)            x: conv2d_input(y, g)

A transposed convolution is conv2d_input with a bias: it turns the direction of a convolution around.

All is computed in two dimensions. A line is a picture of height 1. A volume is a stack of pictures, one for each
output depth, whose channels are all channels at all the depths that the kernel reaches from there.
"""

from __future__ import annotations

import functools
from typing import Any

from ...errors import noted
from ...memory_format import as_suggested
from ...op import OPS, op
from .convolve_check import check_arrays
from .convolve_ways import convolve_2d, correlate_2d, spread_2d
from .sliding_windows import Dims


# -- lines and volumes as pictures ---------------------------------------------------------------------------------
@functools.lru_cache(maxsize=256)
def _flat(stride: Dims, padding: Dims, dilation: Dims, groups: int) -> dict[str, Any]:
    """The settings along the last two dimensions; of a line they are those of a picture with height 1."""
    if len(stride) == 1:
        stride, padding, dilation = (1, *stride), (0, *padding), (1, *dilation)
    return {"stride": stride[-2:], "padding": padding[-2:], "dilation": dilation[-2:], "groups": groups}


def _plane(shape: Dims) -> Dims:
    return (*shape[:2], 1, shape[2])


def _kernel(w: Any) -> Any:
    """(O, C, [kd,] [kh,] kw) -> (O, C [* kd], kh, kw)."""
    if w.ndim == 3:
        return w[:, :, None]
    return w if w.ndim == 4 else w.reshape(w.shape[0], -1, *w.shape[3:])


def _depths(count: int, reach: int, stride: int, dilation: int) -> list[slice]:
    """For each depth of the kernel, the depths of the volume it meets."""
    return [slice(i * dilation, i * dilation + (count - 1) * stride + 1, stride) for i in range(reach)]


def _pictures(xp: Any, x: Any, count: int, reach: int, stride: Dims, padding: Dims, dilation: Dims) -> Any:
    """(N, C, [D,] [H,] W) -> (N [* count], C [* reach], H, W)."""
    if x.ndim == 3:
        return x[:, :, None]
    if x.ndim == 4:
        return x
    n, c, _, h, width = x.shape
    if padding[0]:
        edge = xp.zeros((n, c, padding[0], h, width), dtype=x.dtype)
        x = xp.concatenate((edge, x, edge), axis=2)
    made = xp.stack([x[:, :, at] for at in _depths(count, reach, stride[0], dilation[0])], axis=2)
    return made.transpose(0, 3, 1, 2, 4, 5).reshape(n * count, c * reach, h, width)


def _outputs(y: Any) -> Any:
    """(N, O, [Do,] [Ho,] Wo) -> (N [* Do], O, Ho, Wo)."""
    if y.ndim == 3:
        return y[:, :, None]
    if y.ndim == 4:
        return y
    return y.transpose(0, 2, 1, 3, 4).reshape(-1, y.shape[1], *y.shape[3:])


def _from_outputs(xp: Any, y: Any, dims: int, n: int, count: int) -> Any:
    """The inverse of `_outputs`."""
    if dims == 2:
        return y
    if dims == 1:
        return y.reshape(*y.shape[:2], y.shape[3])
    return xp.ascontiguousarray(y.reshape(n, count, *y.shape[1:]).transpose(0, 2, 1, 3, 4))


def _from_pictures(xp: Any, pictures: Any, shape: Dims, reach: int, stride: Dims, padding: Dims, dilation: Dims) -> Any:
    """The adjoint of `_pictures`: the depths of the kernel added up where they came from."""
    if len(shape) == 3:
        return pictures.reshape(shape)
    n, c, depth, h, width = shape
    count = pictures.shape[0] // n if n else 0
    each = pictures.reshape(n, count, c, reach, h, width).transpose(3, 0, 2, 1, 4, 5)
    out = xp.zeros((n, c, depth + 2 * padding[0], h, width), dtype=pictures.dtype)
    for at, part in zip(_depths(count, reach, stride[0], dilation[0]), each, strict=True):
        out[:, :, at] += part
    return xp.ascontiguousarray(out[:, :, padding[0] : padding[0] + depth])


def laid_out(xp: Any, made: Any, *given: Any) -> Any:
    """A result with its channels last where pictures or weights have them so; PyTorch's double volumes never have."""
    given = tuple([a for a in given if a is not None and not a.flags.c_contiguous])
    if not given or (made.ndim == 5 and (made.dtype.kind in "biu" or made.dtype == "f8")):
        return made
    return as_suggested(xp, made, *given)


# -- the three forwards --------------------------------------------------------------------------------------------
def _convolve(xp: Any, x: Any, w: Any, bias: Any, *, stride: Dims, padding: Dims, dilation: Dims, groups: int) -> Any:
    """x (N, C, sizes), w (O, C / groups, kernel), bias (O) or None -> (N, O, sizes of the output)."""
    dims = len(stride)
    check_arrays(f"conv{dims}d", x, w, bias, stride=stride, padding=padding, dilation=dilation, groups=groups)
    flat = _flat(stride, padding, dilation, groups)
    if dims == 2:
        out, rows = convolve_2d(xp, x, w, bias, **flat)
    else:
        count = (x.shape[2] + 2 * padding[0] - dilation[0] * (w.shape[2] - 1) - 1) // stride[0] + 1
        pictures = _pictures(xp, x, count, w.shape[2], stride, padding, dilation)
        out, rows = convolve_2d(xp, pictures, _kernel(w), bias, **flat)
        out = _from_outputs(xp, out, dims, x.shape[0], count)
    return laid_out(xp, out, x, w), {"_rows": rows}


def spread(xp: Any, y: Any, w: Any, *, shape: Dims, stride: Dims, padding: Dims, dilation: Dims, groups: int) -> Any:
    """The adjoint for the picture: y (N, O, sizes of the output) with w -> a picture of the given shape."""
    flat = _flat(stride, padding, dilation, groups)
    if len(stride) == 2:
        return spread_2d(xp, y, w, shape=shape, **flat)
    reach = w.shape[2]
    if len(stride) == 1:
        plane = _plane(shape)
    else:
        plane = (y.shape[0] * y.shape[2], shape[1] * reach, *shape[3:])
    pictures = spread_2d(xp, _outputs(y), _kernel(w), shape=plane, **flat)
    return _from_pictures(xp, pictures, shape, reach, stride, padding, dilation)


def _spread(xp: Any, y: Any, w: Any, *, shape: Dims, stride: Dims, padding: Dims, dilation: Dims, groups: int) -> Any:
    made = spread(xp, y, w, shape=shape, stride=stride, padding=padding, dilation=dilation, groups=groups)
    return laid_out(xp, made, y, w)


def correlate(
    xp: Any, y: Any, x: Any, rows: Any, *, shape: Dims, stride: Dims, padding: Dims, dilation: Dims, groups: int
) -> Any:
    """The adjoint for the weights: y (N, O, sizes of the output), x and its rows or None -> weights of `shape`."""
    flat = _flat(stride, padding, dilation, groups)
    if len(stride) == 2:
        return correlate_2d(xp, y, x, rows, shape=shape, x_shape=x.shape, **flat)
    n, c, *size = x.shape
    if len(stride) == 1:
        plane, seen = _plane(shape), _plane(x.shape)
    else:
        plane = (shape[0], shape[1] * shape[2], *shape[3:])
        seen = (n * y.shape[2], c * shape[2], *size[1:])
    if rows is None:
        x = _pictures(xp, x, y.shape[2], shape[2], stride, padding, dilation)
    return correlate_2d(xp, _outputs(y), x, rows, shape=plane, x_shape=seen, **flat).reshape(shape)


def transposed_shape(x: Any, w: Any, bias: Any, *, output_padding: Dims, **settings: Any) -> Dims:
    """The shape of a transposed convolution's result; errors for arrays and settings that do not fit."""
    stride, padding, dilation = (settings[k] for k in ("stride", "padding", "dilation"))
    check_arrays(
        f"conv_transpose{len(stride)}d", x, w, bias, transposed=True, output_padding=output_padding, **settings
    )
    each = zip(x.shape[2:], w.shape[2:], stride, padding, dilation, output_padding, strict=True)
    sizes = tuple((n - 1) * s - 2 * p + d * (k - 1) + o + 1 for n, k, s, p, d, o in each)
    if min(sizes) < 0:
        planes = [(1, *v) if len(v) == 1 else v for v in (x.shape[2:], sizes)]
        have, made = (" x ".join(map(str, v)) for v in planes)
        raise noted(
            RuntimeError(
                f"Given input size per channel: ({have}). Calculated output size per channel: ({made}). Output size is "
                "too small\nPadding cuts the result of a transposed convolution: use less."
            )
        )
    return x.shape[0], w.shape[1] * settings["groups"], *sizes


def _convolve_transposed(
    xp: Any, x: Any, w: Any, bias: Any, *, stride: Dims, padding: Dims, output_padding: Dims, dilation: Dims,
    groups: int,
) -> Any:  # fmt: skip
    """x (N, C, sizes), w (C, O / groups, kernel), bias (O) or None -> (N, O, larger sizes)."""
    settings: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    shape = transposed_shape(x, w, bias, output_padding=output_padding, **settings)
    out = _spread(xp, x, w, shape=shape, **settings)
    return out if bias is None else out + bias.reshape(-1, *(1,) * len(stride))


# -- the operations ------------------------------------------------------------------------------------------------
def _cut(F: Any, x: Any, shape: Dims) -> Any:
    """`x` without what lies beyond `shape`: an output padding of a stride or more leaves room for more places."""
    for dim in range(2, len(shape)):
        if x.shape[dim] != shape[dim]:
            x = F.slice(x, dim=dim, start=0, stop=shape[dim], step=1)
    return x


def _bias_gradient(F: Any, g: Any, x_shape: Dims) -> Any:
    return F.sum(g, dim=(0, *range(2, len(x_shape))), keepdim=False)


def _declare(dims: int) -> None:
    """The four operations of this many dimensions."""
    name = f"conv{dims}d"
    to_input, to_weight = f"{name}_input", f"{name}_weight"

    def convolve(F: Any, x: Any, w: Any, shape: Dims, **settings: Any) -> Any:
        return _cut(F, getattr(F, name)(x, w, None, **settings), shape)

    def for_input(F: Any, y: Any, w: Any, shape: Dims, **settings: Any) -> Any:
        return getattr(F, to_input)(y, w, shape=shape, **settings)

    def for_weight(F: Any, y: Any, x: Any, rows: Any, shape: Dims, **settings: Any) -> Any:
        return getattr(F, to_weight)(y, x, rows, shape=shape, **settings)

    op(
        name, _convolve, node="ConvolutionBackward0", public=False, saved_names={"x": "input", "w": "weight"},
        latex=r"y_{o,p} = b_o + \sum_{c,k} w_{o,c,k}\, x_{c,p+k}",
        x=lambda F, g, w, *, x_shape, stride, padding, dilation, groups: for_input(
            F, g, w, x_shape, stride=stride, padding=padding, dilation=dilation, groups=groups),
        w=lambda F, g, x, _rows, *, w_shape, stride, padding, dilation, groups: for_weight(
            F, g, x, _rows, w_shape, stride=stride, padding=padding, dilation=dilation, groups=groups),
        bias=lambda F, g, *, x_shape: _bias_gradient(F, g, x_shape),
    )  # fmt: skip
    op(
        to_input, _spread, node="ConvolutionBackwardBackward0", public=False,
        y=lambda F, g, w, *, y_shape, stride, padding, dilation, groups: convolve(
            F, g, w, y_shape, stride=stride, padding=padding, dilation=dilation, groups=groups),
        w=lambda F, g, y, *, w_shape, stride, padding, dilation, groups: for_weight(
            F, y, g, None, w_shape, stride=stride, padding=padding, dilation=dilation, groups=groups),
    )  # fmt: skip
    op(
        to_weight, correlate, node="ConvolutionBackwardBackward0", public=False,
        y=lambda F, g, x, *, y_shape, stride, padding, dilation, groups: convolve(
            F, x, g, y_shape, stride=stride, padding=padding, dilation=dilation, groups=groups),
        x=lambda F, g, y, *, x_shape, stride, padding, dilation, groups: for_input(
            F, y, g, x_shape, stride=stride, padding=padding, dilation=dilation, groups=groups),
    )  # fmt: skip
    op(
        f"conv_transpose{dims}d", _convolve_transposed, node="ConvolutionBackward0", public=False,
        saved_names={"x": "input", "w": "weight"}, latex=r"y_{o,p} = b_o + \sum_{c,k} w_{c,o,k}\, x_{c,p-k}",
        x=lambda F, g, w, *, x_shape, stride, padding, dilation, groups: convolve(
            F, g, w, x_shape, stride=stride, padding=padding, dilation=dilation, groups=groups),
        w=lambda F, g, x, *, w_shape, stride, padding, dilation, groups: for_weight(
            F, x, g, None, w_shape, stride=stride, padding=padding, dilation=dilation, groups=groups),
        bias=lambda F, g, *, x_shape: _bias_gradient(F, g, x_shape),
    )  # fmt: skip


for _dims in (1, 2, 3):
    _declare(_dims)
conv2d = OPS["conv2d"]

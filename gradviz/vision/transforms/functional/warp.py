"""Turning, shearing and tilting: each new pixel is read at a place of the old image that a small matrix names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradviz.core.dtype import float32
from gradviz.core.op import FUNCTIONS
from gradviz.core.tensor import Tensor
from gradviz.nn import functional as F

from .cut import color_for
from .kinds import InterpolationMode, as_mode, get_image_num_channels, image_module, on_tensor, pil_mode, size_of
from .size import like

NEAREST, BILINEAR = InterpolationMode.NEAREST, InterpolationMode.BILINEAR


def affine(
    img: Any, angle: float, translate: Sequence[float], scale: float, shear: Any, interpolation: Any = NEAREST,
    fill: Any = None, center: Sequence[float] | None = None,
) -> Any:  # fmt: skip
    """Turned by `angle` degrees clockwise, moved by `translate` pixels, scaled, sheared by degrees along x and y.

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.functional.affine.html
    """
    mode, (h, w) = as_mode(interpolation), size_of(img)
    if not isinstance(angle, (int, float)):
        raise TypeError("Argument angle should be int or float")
    if not isinstance(translate, (list, tuple)):
        raise TypeError("Argument translate should be a sequence")
    if len(translate) != 2:
        raise ValueError("Argument translate should be a sequence of length 2")
    if scale <= 0.0:
        raise ValueError("Argument scale should be positive")
    shears = [shear, 0.0] if isinstance(shear, (int, float)) else list(shear)
    if len(shears) == 1:
        shears *= 2
    if len(shears) != 2:
        raise ValueError(f"Shear should be a sequence containing two values. Got {shear}")
    if center is not None and len(center) != 2:
        raise ValueError("Argument center should be a sequence of length 2")
    if on_tensor(img):
        middle = [0.0, 0.0] if center is None else [center[0] - w * 0.5, center[1] - h * 0.5]
        matrix = inverse_affine(middle, angle, translate, scale, shears)
        return _sampled(img, _affine_grid(matrix, (h, w), (h, w), img), mode, fill)
    middle = [w * 0.5, h * 0.5] if center is None else list(center)
    matrix = inverse_affine(middle, angle, translate, scale, shears)
    return _pil_warp(img, "AFFINE", matrix, mode, fill)


def rotate(
    img: Any, angle: float, interpolation: Any = NEAREST, expand: bool = False,
    center: Sequence[float] | None = None, fill: Any = None,
) -> Any:  # fmt: skip
    """Turned by `angle` degrees anticlockwise; with `expand` the new image is large enough to hold all of the old one.

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.functional.rotate.html
    """
    mode, (h, w) = as_mode(interpolation), size_of(img)
    if not isinstance(angle, (int, float)):
        raise TypeError("Argument angle should be int or float")
    if center is not None and not isinstance(center, (list, tuple)):
        raise TypeError("Argument center should be a sequence")
    if not on_tensor(img):
        return img.rotate(angle, pil_mode(mode), expand, center, fillcolor=color_for(img, fill))
    middle = [0.0, 0.0] if center is None else [center[0] - w * 0.5, center[1] - h * 0.5]
    matrix = inverse_affine(middle, -angle, [0.0, 0.0], 1.0, [0.0, 0.0])
    new_w, new_h = _turned_size(matrix, w, h) if expand else (w, h)
    return _sampled(img, _affine_grid(matrix, (h, w), (new_h, new_w), img), mode, fill)


def perspective(
    img: Any, startpoints: Sequence[Sequence[int]], endpoints: Sequence[Sequence[int]], interpolation: Any = BILINEAR,
    fill: Any = None,
) -> Any:  # fmt: skip
    """The image seen so that its four `startpoints` (x, y) come to lie at `endpoints`.

    https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.functional.perspective.html
    """
    mode, (h, w) = as_mode(interpolation), size_of(img)
    coefficients = perspective_coefficients(startpoints, endpoints)
    if not on_tensor(img):
        return _pil_warp(img, "PERSPECTIVE", coefficients, mode, fill)
    return _sampled(img, _perspective_grid(coefficients, w, h, img), mode, fill)


def inverse_affine(
    center: Sequence[float], angle: float, translate: Sequence[float], scale: float, shear: Sequence[float]
) -> list[float]:  # fmt: skip
    """The two rows of the matrix that takes a place in the new image to the place in the old one it is read from.

    Forwards, the image is moved to `center`, sheared and turned, scaled, moved back and moved by `translate`:
    T C R Sh S C^-1. Its inverse is written out here.
    """
    turn, (shear_x, shear_y) = math.radians(angle), (math.radians(s) for s in shear)
    (cx, cy), (tx, ty) = center, translate
    a = math.cos(turn - shear_y) / math.cos(shear_y)
    b = -a * math.tan(shear_x) - math.sin(turn)
    c = math.sin(turn - shear_y) / math.cos(shear_y)
    d = -c * math.tan(shear_x) + math.cos(turn)
    rows = [[d / scale, -b / scale], [-c / scale, a / scale]]
    (p, q), (r, s) = rows
    return [p, q, cx - p * (cx + tx) - q * (cy + ty), r, s, cy - r * (cx + tx) - s * (cy + ty)]


def perspective_coefficients(startpoints: Any, endpoints: Any) -> list[float]:
    """The eight numbers a ... h with x = (a X + b Y + c) / (g X + h Y + 1), y = (d X + e Y + f) / (g X + h Y + 1)

    for each endpoint (X, Y) and its startpoint (x, y).
    """
    if len(startpoints) != 4 or len(endpoints) != 4:
        raise ValueError(
            f"Please provide exactly four corners, got {len(startpoints)} startpoints and {len(endpoints)} endpoints."
        )
    rows, wanted = [], []
    for (x, y), (X, Y) in zip(startpoints, endpoints, strict=True):
        rows += [[X, Y, 1, 0, 0, 0, -x * X, -x * Y], [0, 0, 0, X, Y, 1, -y * X, -y * Y]]
        wanted += [x, y]
    found: list[float] = np.linalg.lstsq(np.array(rows, np.float64), np.array(wanted, np.float64), rcond=None)[
        0
    ].tolist()
    return found


def _turned_size(matrix: list[float], w: int, h: int) -> tuple[int, int]:
    """Width and height of what holds all four turned corners, up to rounding errors."""
    theta = np.array(matrix, np.float32).reshape(2, 3)  # in single precision, as torchvision, where 5 / 1e-4 is 50000
    corners = np.array([[-0.5 * w, -0.5 * h], [-0.5 * w, 0.5 * h], [0.5 * w, 0.5 * h], [0.5 * w, -0.5 * h]], np.float32)
    turned = corners @ theta[:, :2].T + theta[:, 2] + np.array([w * 0.5, h * 0.5], np.float32)
    tolerance = np.float32(1e-4)
    high, low = (np.trunc(v / tolerance) * tolerance for v in (turned.max(0), turned.min(0)))
    size = np.ceil(high) - np.floor(low)
    return int(size[0]), int(size[1])


# -- tensors -------------------------------------------------------------------------------------------------------
def _homogeneous(xs: tuple[float, float, int], ys: tuple[float, float, int], img: Tensor) -> Tensor:
    """(1, H * W, 3): x, y and 1 for every pixel; each axis given as first, last, how many."""
    options = {"device": img.device, "dtype": img.dtype if img.is_floating_point() else float32}
    x, y = (FUNCTIONS["linspace"](first, last, steps=n, **options) for first, last, n in (xs, ys))
    n_x, n_y = xs[2], ys[2]
    ones = FUNCTIONS["ones"](n_y, n_x, **options)
    planes = [x.expand(n_y, n_x), y.unsqueeze(-1).expand(n_y, n_x), ones]
    return FUNCTIONS["stack"](planes, dim=-1).reshape(1, n_y * n_x, 3)  # type: ignore[no-any-return]


def _affine_grid(matrix: list[float], old: tuple[int, int], new: tuple[int, int], img: Tensor) -> Tensor:
    """Where every pixel of the new image is read, as grid_sample wants it: -1 to 1 across the old one."""
    (h, w), (new_h, new_w) = old, new
    places = _homogeneous(
        (-new_w * 0.5 + 0.5, new_w * 0.5 - 0.5, new_w), (-new_h * 0.5 + 0.5, new_h * 0.5 - 0.5, new_h), img
    )
    theta = places.new_tensor(matrix).reshape(1, 2, 3).transpose(1, 2) / places.new_tensor([0.5 * w, 0.5 * h])
    return places.bmm(theta).reshape(1, new_h, new_w, 2)  # type: ignore[no-any-return]


def _perspective_grid(c: list[float], w: int, h: int, img: Tensor) -> Tensor:
    places = _homogeneous((0.5, w - 0.5, w), (0.5, h - 0.5, h), img)
    above = places.new_tensor([c[0:3], c[3:6]]).t().unsqueeze(0) / places.new_tensor([0.5 * w, 0.5 * h])
    below = places.new_tensor([[c[6], c[7], 1.0]] * 2).t().unsqueeze(0)
    return (places.bmm(above) / places.bmm(below) - 1.0).reshape(1, h, w, 2)  # type: ignore[no-any-return]


def _sampled(img: Tensor, grid: Tensor, mode: InterpolationMode, fill: Any) -> Tensor:
    """The image read at the places of `grid`; where a place lies outside, `fill` (black if None)."""
    if mode not in (NEAREST, BILINEAR):
        raise ValueError(f"Interpolation mode '{mode.value}' is unsupported with Tensor input")
    channels = get_image_num_channels(img)
    values = _fill_of(fill, channels)
    floating = img if img.is_floating_point() else img.float()
    planes = floating.reshape(-1, channels, *img.shape[-2:])
    n = planes.shape[0]
    if values is not None:  # one channel more, which tells how much of each new pixel is old image
        planes = FUNCTIONS["cat"]([planes, planes.new_ones((n, 1, *img.shape[-2:]))], dim=1)
    out = F.grid_sample(planes, grid.expand(n, *grid.shape[1:]), mode.value, "zeros", align_corners=False)
    if values is not None:
        out, inside = out[:, :-1], out[:, -1:]
        color = out.new_tensor(values).reshape(1, -1, 1, 1).expand_as(out)
        if mode is NEAREST:
            out = FUNCTIONS["where"](inside < 0.5, color, out)
        else:
            out = out * inside + (1.0 - inside) * color
    return like(out.reshape(*img.shape[:-2], *out.shape[-2:]), img)


def _fill_of(fill: Any, channels: int) -> list[float] | None:
    if fill is None:
        return None
    values = [float(v) for v in (fill if isinstance(fill, (list, tuple)) else [fill])]
    if len(values) not in (1, channels):
        raise ValueError(
            "The number of elements in 'fill' cannot broadcast to match the number of channels of the image "
            f"({len(values)} != {channels})"
        )
    return values


# -- PIL images ----------------------------------------------------------------------------------------------------
def _pil_warp(img: Any, kind: str, numbers: list[float], mode: InterpolationMode, fill: Any) -> Any:
    method = getattr(image_module("warping").Transform, kind)
    return img.transform(img.size, method, numbers, pil_mode(mode), fillcolor=color_for(img, fill))

"""Normalisation by our own kernels (kernels/normalise.cu): one launch forward, one or two for the gradients.

Sums, statistics and what is learned are in 32 bits for 16-bit floats, and of the numbers' own type otherwise.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.device import Device
from .compiled import blocks_for, ints, launch, named, types_of, whole
from .layouts import blank, laid_out
from .problem import Normed

NOTHING = np.uint64(0)  # a null pointer
MANY = 2**31  # the kernels count in 32 bits
WIDE = 32  # places that a block of `of_places` has
FILE = "normalise"


def sums_of(kind: Any) -> Any:
    """The type that numbers of a type are added up in."""
    return np.dtype(np.float32) if kind.itemsize == 2 else kind


def fits(x: Any, *learned: Any) -> bool:
    """Whether the kernels can take an array and what is learned of it: of its own type, or of that of its sums."""
    kinds = x.dtype, sums_of(x.dtype)
    fine = named(x.dtype) in types_of(FILE) and 0 < x.size < MANY
    return fine and all(v is None or (v.dtype in kinds and v.size) for v in learned)


def why_not(p: Normed) -> str:
    """Why this engine cannot do it; an empty string if it can."""
    kinds = ("", p.dtype, "float32") if p.dtype in ("float16", "bfloat16") else ("", p.dtype)
    if p.dtype not in types_of(FILE):
        return f"its kernels are not for {p.dtype}"
    if not all(kind in kinds for kind in p.given):
        return f"what is learned is not of {p.dtype} as the numbers are"
    return "" if 0 < math.prod(p.shape) < MANY else "there are too many numbers, or none"


# -- batch norm: (N, C, ...), a mean for each C ------------------------------------------------------------------------
def forward(
    device: Device, p: Normed, x: Any, w: Any, b: Any, running_mean: Any, running_var: Any
) -> tuple[Any, dict[str, Any]]:
    """x -> the same shape, and by what it was normalised: mean, variance and inverse deviation, each (C)."""
    xp, kind = device.xp, sums_of(x.dtype)
    x = laid_out(xp, x, p.last)
    out, inverse = blank(xp, p.shape, x.dtype, p.last), xp.empty(p.shape[1], dtype=kind)
    learned = (_given(xp, v, kind) for v in (w, b))
    if p.training:
        mean, var = xp.empty((2, p.shape[1]), dtype=kind)
        args = (x, *learned, out, mean, var, inverse, *ints(*p.view), np.bool_(False), np.float64(p.eps))
        launch(device, FILE, "moments", x.dtype, p.shape[1], args)
    else:
        mean, var = (_given(xp, v, kind) for v in (running_mean, running_var))
        _, channels, inner = p.view
        args = (x, *learned, mean, var, out, inverse, np.int64(x.size), *ints(channels, inner), np.float64(p.eps))
        launch(device, FILE, "by_running", x.dtype, blocks_for(x.size), args)
    return out, {"mean": mean, "var": var, "inverse": inverse}


def backward(
    device: Device, p: Normed, g: Any, x: Any, w: Any, mean: Any, inverse: Any, reserve: Any, wants: tuple[bool, ...]
) -> tuple[Any, ...]:  # fmt: skip
    """The gradients of x (N, C, ...), the weight (C) and the bias (C), or None where they are not wanted."""
    xp, kind = device.xp, sums_of(x.dtype)
    x, g = laid_out(xp, x, p.last), laid_out(xp, g.astype(x.dtype, copy=False), p.last)
    dx = blank(xp, p.shape, x.dtype, p.last) if wants[0] else None
    dw, db = (xp.empty(p.shape[1], dtype=kind) if want else None for want in wants[1:3])
    args = (g, x, *(_given(xp, v, kind) for v in (w, mean, inverse)), *_or_nothing(dx, dw, db), *ints(*p.view))
    launch(device, FILE, "gradients", x.dtype, p.shape[1], (*args, np.bool_(False), np.bool_(p.training)))
    return dx, dw, db


def deviations(device: Device, var: Any, eps: float) -> Any:
    """1 / sqrt(var + eps), in one launch."""
    out = device.xp.empty(var.shape, dtype=var.dtype)
    args = (whole(device.xp, var), out, *ints(var.size), np.float64(eps))
    launch(device, FILE, "deviations", var.dtype, blocks_for(var.size), args)
    return out


def update_running(
    device: Device, running: tuple[Any, Any], seen: tuple[Any, Any], momentum: float, unbiased: float
) -> bool:
    """Move a running mean and variance, either of which may be None, towards a batch's; False if it is not for them."""
    there = [v for v in running if v is not None]
    fine = all(v.flags.c_contiguous and v.dtype == there[0].dtype for v in there)
    if not fine or named(there[0].dtype) not in types_of(FILE) or seen[0].dtype != sums_of(there[0].dtype):
        return False
    args = (*seen, *_or_nothing(*running), *ints(seen[0].size), np.float64(momentum), np.float64(unbiased))
    launch(device, FILE, "update_running", there[0].dtype, blocks_for(seen[0].size), args)
    return True


# -- layer norm: (rows, size), a mean for each row ---------------------------------------------------------------------
def layer_forward(device: Device, x: Any, w: Any, b: Any, rows: int, eps: float) -> tuple[Any, Any, Any]:
    """x -> the same shape; the mean and the inverse deviation of each row."""
    xp, kind = device.xp, sums_of(x.dtype)
    x = whole(xp, x)
    out, (mean, var, inverse) = xp.empty(x.shape, dtype=x.dtype), xp.empty((3, rows), dtype=kind)
    args = (x, _given(xp, w, kind), _given(xp, b, kind), out, mean, var, inverse, *ints(1, rows, x.size // rows))
    launch(device, FILE, "moments", x.dtype, rows, (*args, np.bool_(True), np.float64(eps)))
    return out, mean, inverse


def layer_backward(
    device: Device, g: Any, x: Any, w: Any, mean: Any, inverse: Any, wants: tuple[bool, ...]
) -> tuple[Any, ...]:
    """The gradients of x, and of the weight and the bias in one dimension; None where they are not wanted."""
    xp, kind, rows = device.xp, sums_of(x.dtype), mean.size
    size = x.size // rows
    x, g = whole(xp, x), whole(xp, g.astype(x.dtype, copy=False))
    found = tuple(_given(xp, v, kind) for v in (mean, inverse))
    dx, dw, db = None, *(xp.empty(size, dtype=kind) if want else None for want in wants[1:3])
    if wants[0]:
        dx = xp.empty(x.shape, dtype=x.dtype)
        args = (g, x, _given(xp, w, kind), *found, *_or_nothing(dx, None, None), *ints(1, rows, size))
        launch(device, FILE, "gradients", x.dtype, rows, (*args, np.bool_(True), np.bool_(True)))
    if wants[1] or wants[2]:
        args = (g, x, *found, *_or_nothing(dw, db), *ints(rows, size))
        launch(device, FILE, "of_places", x.dtype, -(-size // WIDE), args)
    return dx, dw, db


def _given(xp: Any, array: Any, kind: Any) -> Any:
    """What is learned, or a statistic, as the kernels take it."""
    return NOTHING if array is None else whole(xp, array.astype(kind, copy=False))


def _or_nothing(*arrays: Any) -> tuple[Any, ...]:
    return tuple(NOTHING if a is None else a for a in arrays)

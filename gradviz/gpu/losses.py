"""Softmax and the loss of a chosen class on a cuda device: one kernel each (kernels/softmax.cu, nll_loss.cu)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.device import Device
from ..core.op import override
from ..core.ops.losses.nll_loss import _check, no_class
from . import late
from .compiled import blocks_for, ints, launch, named, types_of, whole

MANY = 2**18  # samples that one block still adds up: more are left to CuPy's reductions
NOTHING = np.uint64(0)  # a null pointer


def register(device: Device) -> None:
    """Let a device's softmax and classification losses run by the kernels where they are for its numbers."""
    for name in ("softmax", "log_softmax"):
        override(device, name, _softmax(device, device.forwards[name + "!"], name == "log_softmax"))
    for name in ("softmax_input", "log_softmax_input"):
        override(device, name, _softmax_input(device, device.forwards[name + "!"], name == "log_softmax_input"))
    for name in ("nll_loss", "nll_loss2d"):
        override(device, name, _nll_loss(device, device.forwards[name + "!"]))
    override(device, "nll_loss_input", _nll_loss_input(device, device.forwards["nll_loss_input!"]))


def _softmax(device: Device, plain: Any, logarithm: bool) -> Any:
    def softmax(x: Any, *, dim: int) -> Any:
        if named(x.dtype) not in types_of("softmax") or not x.size or not x.ndim:
            return plain(x, dim=dim)
        xp, size = device.xp, x.shape[dim]
        x, out = whole(xp, x), xp.empty(x.shape, dtype=x.dtype)
        inner = math.prod(x.shape[dim + 1 :])
        args = (x, out, *ints(size, inner), np.bool_(logarithm))
        launch(device, "softmax", "softmax", x.dtype, x.size // size, args, threads=128)
        return out

    return softmax


def _softmax_input(device: Device, plain: Any, logarithm: bool) -> Any:
    def softmax_input(y: Any, s: Any, *, dim: int) -> Any:
        if named(y.dtype) not in types_of("softmax") or not y.size or not y.ndim or y.dtype != s.dtype:
            return plain(y, s, dim=dim)
        xp, size = device.xp, y.shape[dim]
        out = xp.empty(y.shape, dtype=y.dtype)
        args = (whole(xp, y), whole(xp, s), out, *ints(size, math.prod(y.shape[dim + 1 :])), np.bool_(logarithm))
        launch(device, "softmax", "softmax_input", y.dtype, y.size // size, args, threads=128)
        return out

    return softmax_input


def _targets(xp: Any, target: Any, weight: Any) -> tuple[Any, Any]:
    target = whole(xp, target.astype(xp.int64, copy=False))
    return target, NOTHING if weight is None else whole(xp, weight)


def _nll_loss(device: Device, plain: Any) -> Any:
    def nll_loss(x: Any, target: Any, weight: Any, *, reduction: str, ignore_index: int) -> Any:
        fits = named(x.dtype) in types_of("nll_loss") and x.ndim > 1 and 0 < target.size <= MANY
        if reduction == "none" or not fits:
            return plain(x, target, weight, reduction=reduction, ignore_index=ignore_index)
        _check(x, target, weight)
        xp, classes = device.xp, x.shape[1]
        wide, weights = _targets(xp, target, weight)
        out, total = xp.empty((), dtype=x.dtype), xp.empty((), dtype=x.dtype)
        checks = late.of(device)
        told = checks.new(lambda bad: no_class(bad, classes, ignore_index))
        inner = math.prod(x.shape[2:])
        args = (whole(xp, x), wide, weights, out, total, *told, np.int64(wide.size), *ints(classes, inner))
        args = (*args, np.int64(ignore_index), np.bool_(reduction == "mean"))
        launch(device, "nll_loss", "nll_loss", x.dtype, 1, args)
        checks.at_once()
        return out, {"total_weight": total}

    return nll_loss


def _nll_loss_input(device: Device, plain: Any) -> Any:
    def nll_loss_input(
        y: Any, target: Any, weight: Any, total_weight: Any, *, shape: tuple[int, ...], reduction: str,
        ignore_index: int,
    ) -> Any:  # fmt: skip
        if named(y.dtype) not in types_of("nll_loss") or len(shape) < 2 or not math.prod(shape):
            return plain(y, target, weight, total_weight, shape=shape, reduction=reduction, ignore_index=ignore_index)
        xp = device.xp
        wide, weights = _targets(xp, target, weight)
        out = xp.empty(shape, dtype=y.dtype)
        total = whole(xp, total_weight.astype(y.dtype, copy=False))
        numbers = (np.int64(out.size), *ints(shape[1], math.prod(shape[2:])), np.int64(ignore_index))
        flags = (np.bool_(reduction == "mean"), np.bool_(reduction == "none"))
        args = (whole(xp, y), wide, weights, total, out, *numbers, *flags)
        launch(device, "nll_loss", "nll_loss_input", y.dtype, blocks_for(out.size), args)
        return out

    return nll_loss_input

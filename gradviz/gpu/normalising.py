"""Normalisation on a cuda device. Batch norm is computed by one of three engines, in both directions.

    cudnn     NVIDIA's library, where it is installed and PyTorch would use it (cudnn_norm.py)
    kernels   ours, for all real numbers (norm_kernels.py)
    naive     the op table's own forward and rules, over CuPy's functions

The first that can do a batch norm does it; `use("kernels")` insists on one, and `why(problem)` tells why those before
it did not. Layer norm is done by our kernels, as PyTorch does it by its own. Gradients of gradients go by the rules.
"""

from __future__ import annotations

import functools
import math
from typing import Any

from ..core.device import Device
from ..core.op import OPS, override
from ..core.ops.layers.sliding_windows import Dims
from . import cudnn_norm, norm_kernels
from .compiled import named
from .engines import Engines
from .layouts import channels_last, laid_out
from .problem import Normed

ENGINES = Engines("batch norm", {"cudnn": cudnn_norm, "kernels": norm_kernels, "naive": None})
use, why = ENGINES.use, ENGINES.why


def register(device: Device) -> None:
    """Let a device's normalisation run by the engines and kernels."""
    for name, make in (("native_batch_norm", _batch_norm), ("native_layer_norm", _layer_norm)):
        override(device, name, make(device, device.forwards[name + "!"]))
    override(device, "x_hat_input", _x_hat_input(device, device.forwards["x_hat_input!"]))
    OPS["native_batch_norm"].together(_batch_norm_gradients(device), device)
    OPS["native_layer_norm"].together(_layer_norm_gradients(device), device)
    device.forwards["update_running"] = functools.partial(norm_kernels.update_running, device)


def _named(v: Any) -> str:
    return "" if v is None else named(v.dtype)


# -- batch norm --------------------------------------------------------------------------------------------------------
def _batch_norm(device: Device, plain: Any) -> Any:
    def batch_norm(
        x: Any, w: Any, b: Any, running_mean: Any, running_var: Any, *, training: bool, eps: float
    ) -> Any:  # fmt: skip
        read = (w, b) if training else (w, b, running_mean, running_var)
        problem = Normed(x.shape, named(x.dtype), tuple(map(_named, read)), channels_last(x), training, eps)
        engine = ENGINES.chosen(problem)
        if engine is None:
            out, found = plain(x, w, b, running_mean, running_var, training=training, eps=eps)
            return laid_out(device.xp, out, problem.last), found
        out, found = engine.forward(device, problem, x, w, b, running_mean, running_var)
        mean, var = found.get("mean", running_mean), found.get("var", running_var)
        inverse = found["inverse"] if "inverse" in found else norm_kernels.deviations(device, var, eps)
        along = (1, -1, *(1,) * (x.ndim - 2))
        kept = {"mean": mean.reshape(along), "inverse": inverse.reshape(along), "_reserve": found.get("reserve")}
        return out, {"batch_mean": mean, "batch_var": var, **kept}

    return batch_norm


def _batch_norm_gradients(device: Device) -> Any:
    def gradients(
        g: Any, wants: tuple[bool, ...], x: Any, w: Any, mean: Any, inverse: Any, _reserve: Any, training: bool,
        eps: float,
    ) -> Any:  # fmt: skip
        if x is None:  # of the bias alone
            return NotImplemented
        # A bias has the type of the weight, and so have the statistics.
        learned = (_named(w), _named(w))
        problem = Normed(x.shape, named(x.dtype), learned, channels_last(x), training, eps, _reserve is not None)
        engine = ENGINES.chosen(problem)
        if engine is None:
            return NotImplemented
        dx, dw, db = engine.backward(device, problem, g, x, w, mean, inverse, _reserve, wants)
        return dx, dw, db, None, None

    return gradients


# -- layer norm --------------------------------------------------------------------------------------------------------
def _layer_norm(device: Device, plain: Any) -> Any:
    def layer_norm(x: Any, w: Any, b: Any, *, count: int, eps: float) -> Any:
        if not norm_kernels.fits(x, w, b):
            return plain(x, w, b, count=count, eps=eps)
        first = x.ndim - count
        out, *found = norm_kernels.layer_forward(device, x, w, b, math.prod(x.shape[:first]), eps)
        along = (*x.shape[:first], *(1,) * count)
        return out, dict(zip(("mean", "inverse"), (v.reshape(along) for v in found), strict=True))

    return layer_norm


def _layer_norm_gradients(device: Device) -> Any:
    def gradients(
        g: Any, wants: tuple[bool, ...], x: Any, w: Any, mean: Any, inverse: Any, count: int
    ) -> Any:  # fmt: skip
        if x is None or not norm_kernels.fits(x, w, mean, inverse):
            return NotImplemented
        dx, dw, db = norm_kernels.layer_backward(device, g, x, w, mean, inverse, wants)
        learned = x.shape[x.ndim - count :]
        return dx, *(None if v is None else v.reshape(learned) for v in (dw, db))

    return gradients


# -- the gradient of x_hat, which gradients of gradients are made of ---------------------------------------------------
def _x_hat_input(device: Device, plain: Any) -> Any:
    def x_hat_input(y: Any, x: Any, mean: Any, inverse: Any, *, dims: Dims, eps: float) -> Any:
        view = _view(x.shape, tuple(dims))
        fine = y.shape == x.shape and y.dtype == x.dtype and norm_kernels.fits(x, mean, inverse)
        if ENGINES.insisted() == "naive" or view is None or not fine or not mean.size == inverse.size == view[1]:
            return plain(y, x, mean, inverse, dims=dims, eps=eps)
        problem, wants = Normed(view, named(x.dtype), (), False, True, eps), (True, False, False)
        y, x3 = y.reshape(view), x.reshape(view)
        return norm_kernels.backward(device, problem, y, x3, None, mean, inverse, None, wants)[0].reshape(x.shape)

    return x_hat_input


def _view(shape: Dims, dims: Dims) -> Dims | None:
    """What is averaged over `dims` as (N, C, inner); None where it is not all but the channels, or the last."""
    ndim = len(shape)
    if dims == (0, *range(2, ndim)) and ndim > 1:
        return shape[0], shape[1], math.prod(shape[2:])
    first = ndim - len(dims)
    return (1, math.prod(shape[:first]), math.prod(shape[first:])) if dims == tuple(range(first, ndim)) else None

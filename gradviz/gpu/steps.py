"""Steps of optimisers, and what is done to all gradients at once, on a cuda device: a launch for any number of them.

They are among the device's forwards, under the names that `gradviz.optim`, `gradviz.amp` and `gradviz.nn.utils` ask
for: "sgd_step", "adam_step", "unscale", "clear", "total_norm" and "clip" (kernels/steps.cu, norms.cu).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.device import Device
from ..core.tensor import Tensor
from .compiled import blocks_for, launch, types_of, whole
from .table import table

NOTHING = np.uint64(0)  # a null pointer
Arrays = list[Any]


def register(device: Device) -> None:
    """Offer the kernels to the optimisers of a device's parameters."""
    for make in (_sgd_step, _adam_step, _unscale, _clear, _total_norm, _clip):
        device.forwards[make.__name__[1:]] = make(device)


def fits(params: Arrays, *state: Arrays) -> bool:
    """Whether the kernels can change these arrays: real numbers of one type, each array in one piece."""
    kind, columns = params[0].dtype, (params, *state)
    whole = all(a.flags.c_contiguous and a.dtype == kind for column in columns for a in column)
    return whole and kind.name in types_of("steps")


def rate_of(device: Device, lr: Any) -> tuple[Any, Any]:
    """A learning rate as a kernel takes it: the address of one on the device or null, and the number otherwise."""
    if not isinstance(lr, Tensor):
        return NOTHING, np.float64(lr)
    return lr.to(device, non_blocking=True)._array.astype(np.float32, copy=False), np.float64(0)


def _or_nothing(array: Any) -> Any:
    return NOTHING if array is None else array


def _sgd_step(device: Device) -> Callable[..., bool]:
    def step(
        params: Arrays, grads: Arrays, state: dict[str, Arrays], group: dict[str, Any], *, lr: Any, decay: float,
        fresh: bool, found: Any, scale: Any, count: Any, numbers: Any, host: Any,
    ) -> bool:  # fmt: skip
        if not fits(params, *state.values()) or not _divisible(grads, scale):
            return False
        grads = whole_gradients(device, grads)
        made = table(device, params, grads, state.get("momentum_buffer"))
        rate, number = rate_of(device, lr)
        numbers = (np.float64(v) for v in (group["momentum"], group["dampening"], decay))
        flags = (np.bool_(v) for v in (group["nesterov"], group["maximize"], fresh))
        args = (*made.args, _or_nothing(found), _or_nothing(scale), rate, number, *numbers, *flags)
        launch(device, "steps", "sgd", params[0].dtype, made.blocks, args)
        return True

    return step


def _adam_step(device: Device) -> Callable[..., bool]:
    def step(
        params: Arrays, grads: Arrays, state: dict[str, Arrays], group: dict[str, Any], *, lr: Any, decay: float,
        fresh: bool, found: Any, scale: Any, count: Any, numbers: Any, host: Any,
    ) -> bool:  # fmt: skip
        """`count`: the number of this step, or the arrays in which the device counts the steps before it."""
        if not fits(params, *state.values()) or not _divisible(grads, scale):
            return False
        kind, (beta1, beta2) = params[0].dtype, group["betas"]
        first, root, divisors = 1.0, 1.0, NOTHING
        if isinstance(count, list):
            divisors = _counted(device, count, found, kind, beta1, beta2)
        else:
            first, root = 1 - beta1**count, (1 - beta2**count) ** 0.5
        grads, own = whole_gradients(device, grads), (state.get(n) for n in ("exp_avg", "exp_avg_sq", "max_exp_avg_sq"))
        made = table(device, params, grads, *own)
        rate, number = rate_of(device, lr)
        numbers = (number, *(np.float64(v) for v in (first, root, beta1, beta2, group["eps"], decay)))
        flags = (np.bool_(group["decoupled_weight_decay"]), np.bool_(group["maximize"]))
        args = (*made.args, _or_nothing(found), _or_nothing(scale), rate, divisors, *numbers, *flags)
        launch(device, "steps", "adam", kind, made.blocks, args)
        return True

    return step


def _counted(device: Device, steps: Arrays, found: Any, kind: Any, beta1: float, beta2: float) -> Any:
    """Count one step more, unless something was found; what Adam divides by, two numbers for each tensor."""
    made = table(device, steps)
    divisors = device.xp.empty(2 * len(steps), dtype=np.float64)
    betas = np.float64(beta1), np.float64(beta2), np.bool_(steps[0].dtype.itemsize == 8)
    args = (*made.args, divisors, _or_nothing(found), *betas)
    launch(device, "steps", "count_steps", kind, blocks_for(len(steps)), args)
    return divisors


def _unscale(device: Device) -> Callable[..., bool]:
    def unscale(grads: Arrays, found: Any, inverse: Any) -> bool:
        if not fits(grads):
            return False
        made = table(device, grads)
        launch(device, "steps", "unscale", grads[0].dtype, made.blocks, (*made.args, found, inverse))
        return True

    return unscale


def _clear(device: Device) -> Callable[..., bool]:
    def clear(grads: Arrays) -> bool:
        if not fits(grads):
            return False
        made = table(device, grads)
        launch(device, "steps", "clear", grads[0].dtype, made.blocks, made.args)
        return True

    return clear


def _total_norm(device: Device) -> Callable[..., Any]:
    def total_norm(arrays: Arrays, order: float) -> Any:
        """The norm of all arrays as if they were one, of one element; None where the kernels are not for it."""
        if not order > 0 or not fits(arrays) or (math.isinf(order) and not all(a.size for a in arrays)):
            return None
        xp, kind = device.xp, arrays[0].dtype
        made = table(device, arrays)
        parts = xp.empty(made.blocks, dtype=np.float64 if kind.itemsize == 8 else np.float32)
        out = xp.empty((), dtype=kind)
        launch(device, "norms", "norm_parts", kind, made.blocks, (*made.args, parts, np.float64(order)))
        launch(device, "norms", "norm_of_parts", kind, 1, (parts, np.int32(made.blocks), out, np.float64(order)))
        return out

    return total_norm


def _clip(device: Device) -> Callable[..., bool]:
    def clip(grads: Arrays, total: Any, most: float) -> bool:
        if not fits([total, *grads]) or total.size != 1:
            return False
        made = table(device, grads)
        launch(device, "steps", "clip", grads[0].dtype, made.blocks, (*made.args, total, np.float64(most)))
        return True

    return clip


def whole_gradients(device: Device, grads: Arrays) -> Arrays:
    """Gradients in one piece each, to be kept until the kernel is launched: a table knows addresses only."""
    return [whole(device.xp, g) for g in grads]


def _divisible(grads: Arrays, scale: Any) -> bool:
    """Whether gradients that are to be divided where they lie lie in one piece."""
    return scale is None or all(g.flags.c_contiguous for g in grads)

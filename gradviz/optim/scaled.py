"""The step of an optimiser made with `fused=True` inside GradScaler: it divides its gradients and skips by itself.

GradScaler leaves two tensors of one element on the optimiser for the time of a step: `grad_scale`, by which gradients
are still to be divided (None where they have been), and `found_inf`, not 0 where one is inf or NaN.
"""

from __future__ import annotations

from typing import Any

from gradviz.core.clock import wrote
from gradviz.core.device import CPU
from gradviz.core.dtype import float32


def skips(optimizer: Any) -> bool:
    """Whether to skip the step, as far as that is known without waiting.

    On the CPU it is. Elsewhere a kernel looks by itself, or the step is worked out and `keep` undoes it on the device;
    only a rule that counts its steps on the host, or treats its first one apart, has to ask.
    """
    found = getattr(optimizer, "found_inf", None)
    return found is not None and _asks(optimizer, found) and bool(found.item())


def _asks(optimizer: Any, found: Any) -> bool:
    if found.device is CPU:
        return True
    for group in optimizer.param_groups:
        if group.get("dampening") or (optimizer.numbers and not optimizer._counts_there(group)):
            return True
        if any(param.device is CPU for param in group["params"] if param._grad is not None):
            return True
    return False


def divide(optimizer: Any, params: list[Any]) -> None:
    """`grad /= grad_scale`, unless something was found: then gradients stay as they are, as in PyTorch."""
    for param in params:
        grad = param._grad
        scale, found = factor(optimizer, grad.device), flag(optimizer, grad.device)
        if scale is None:
            return
        array = grad._array
        array /= grad.device.xp.where(found != 0, scale.dtype.type(1), scale).astype(array.dtype)
        wrote(grad)


def factor(optimizer: Any, device: Any) -> Any:
    """`grad_scale` on this device, as an array of one float32; None where there is nothing to divide."""
    scale = getattr(optimizer, "grad_scale", None)
    return None if scale is None else scale.to(device)._array.astype(float32.numpy, copy=False)


def mask(optimizer: Any, device: Any) -> Any:
    """Where a step is undone on the device: its `found_inf` there as a truth value; None where nothing is undone."""
    found = flag(optimizer, device)
    return None if found is None or device is CPU else found != 0


def flag(optimizer: Any, device: Any) -> Any:
    """`found_inf` on this device, as an array of one float; None outside a step of GradScaler."""
    found = getattr(optimizer, "found_inf", None)
    return None if found is None else found.to(device)._array


def keep(xp: Any, undo: Any, array: Any, before: Any) -> None:
    """Put back what an array was, where `undo` holds."""
    array[...] = xp.where(undo, before, array)

"""The step of an optimiser made with `fused=True` inside GradScaler: it divides its gradients and skips by itself.

GradScaler leaves two tensors of one element on the optimiser for the time of a step: `grad_scale`, by which gradients
are still to be divided (None where they have been), and `found_inf`, not 0 where one is inf or NaN.
"""

from __future__ import annotations

from typing import Any

from gradviz.core.clock import wrote
from gradviz.core.device import CPU


def begin(optimizer: Any) -> bool:
    """Divide the gradients where the step is taken; whether to skip it, as far as that is known without waiting.

    On the CPU it is. Elsewhere the step is worked out and `keep` undoes it on the device; only a rule that counts its
    steps, or treats its first one apart, has to ask.
    """
    found = getattr(optimizer, "found_inf", None)
    if found is None:
        return False
    if (found.device is CPU or optimizer.numbers or any(g.get("dampening") for g in optimizer.param_groups)) and bool(
        found.item()
    ):
        return True
    scale = optimizer.grad_scale
    if scale is not None:
        for group in optimizer.param_groups:
            for param in group["params"]:
                grad = param._grad
                if grad is not None:
                    _divide(grad, scale.to(grad.device)._array, found.to(grad.device)._array)
    return False


def _divide(grad: Any, scale: Any, found: Any) -> None:
    """`grad /= scale`, unless something was found: then it stays as it is, as in PyTorch."""
    array = grad._array
    array /= grad.device.xp.where(found != 0, scale.dtype.type(1), scale).astype(array.dtype)
    wrote(grad)


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

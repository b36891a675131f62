"""Clearing gradients, and working on them unrecorded: what modules and optimisers share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from gradviz.core.clock import wrote
from gradviz.core.mode import no_grad

Callee = TypeVar("Callee", bound=Callable[..., Any])


def zero_grad(parameters: Iterable[Any], set_to_none: bool) -> None:
    """Forget the gradients, or fill them with zeros outside any graph."""
    kept: dict[Any, list[Any]] = {}
    for parameter in parameters:
        gradient = parameter._grad
        if gradient is None:
            continue
        if set_to_none:
            parameter._grad = None
            continue
        if gradient.grad_fn is not None:
            gradient.detach_()
        else:
            gradient.requires_grad_(False)
        device = gradient.device
        if "clear" in device.forwards:  # a kernel that does many at once
            kept.setdefault((device, gradient.dtype), []).append(gradient)
        else:
            gradient.zero_()
    for (device, _), gradients in kept.items():
        if device.forwards["clear"]([g._array for g in gradients]):
            for gradient in gradients:
                wrote(gradient)
        else:
            for gradient in gradients:
                gradient.zero_()


def unrecorded(function: Callee) -> Callee:
    """Decorator: what the function computes is not recorded."""
    made: Callee = no_grad()(function)
    return made

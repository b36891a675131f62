"""Clearing gradients, and working on them unrecorded: what modules and optimisers share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from gradviz.core.mode import no_grad

Callee = TypeVar("Callee", bound=Callable[..., Any])


def zero_grad(parameters: Iterable[Any], set_to_none: bool) -> None:
    """Forget the gradients, or fill them with zeros outside any graph."""
    for parameter in parameters:
        gradient = parameter._grad
        if gradient is None:
            continue
        if set_to_none:
            parameter._grad = None
        else:
            if gradient.grad_fn is not None:
                gradient.detach_()
            else:
                gradient.requires_grad_(False)
            gradient.zero_()


def unrecorded(function: Callee) -> Callee:
    """Decorator: what the function computes is not recorded."""
    made: Callee = no_grad()(function)
    return made

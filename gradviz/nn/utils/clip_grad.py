"""Keeping gradients small: by their joint length, or each element by itself (torch.nn.utils.clip_grad)."""

from __future__ import annotations

import types
import warnings
from collections.abc import Iterable
from typing import Any

from gradviz.core.op import FUNCTIONS
from gradviz.core.tensor import Tensor
from gradviz.utils.gradients import unrecorded

Tensors = Tensor | Iterable[Tensor]


def _listed(tensors: Tensors) -> list[Tensor]:
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)


def _gradients(parameters: Tensors) -> list[Tensor]:
    return [p.grad for p in _listed(parameters) if p.grad is not None]


def _norm(tensor: Tensor, order: float) -> Tensor:
    return tensor.reshape(-1).norm(order)  # type: ignore[no-any-return]


@unrecorded
def get_total_norm(
    tensors: Tensors, norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: bool | None = None
) -> Tensor:  # fmt: skip
    """The norm of all elements of all tensors, as if they were one long vector.

    `norm_type` is the order, or `inf`. `foreach` is a choice of implementation in PyTorch; there is one here. Raises
    RuntimeError for a norm that is not finite if `error_if_nonfinite`.
    """
    found, order = _listed(tensors), float(norm_type)
    if not found:
        return FUNCTIONS["tensor"](0.0)  # type: ignore[no-any-return]
    first = found[0].device
    total = _norm(FUNCTIONS["stack"]([_norm(t, order).to(first) for t in found]), order)
    if error_if_nonfinite and not bool(FUNCTIONS["isfinite"](total)):
        raise RuntimeError(
            f"The total norm of order {order} for gradients from `parameters` is non-finite, so it cannot be clipped. "
            "To disable this error and scale the gradients by the non-finite norm anyway, set "
            "`error_if_nonfinite=False`"
        )
    return total


@unrecorded
def clip_grads_with_norm_(
    parameters: Tensors, max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:  # fmt: skip
    """Scale all gradients by `max_norm / total_norm` where that is below 1."""
    _scale(_gradients(parameters), float(max_norm), total_norm)


def _scale(gradients: list[Tensor], max_norm: float, total_norm: Tensor) -> None:
    if not gradients:
        return
    # Multiplying by 1 costs less than asking a GPU whether it would be 1.
    factor = (max_norm / (total_norm + 1e-6)).clamp(max=1.0)
    for gradient in gradients:
        gradient.mul_(factor.to(gradient.device))


@unrecorded
def clip_grad_norm_(
    parameters: Tensors, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:  # fmt: skip
    """Scale all gradients together so that their joint norm is at most `max_norm`; returns the norm before.

    Pascanu et al., 2013. https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.clip_grad_norm_.html
    """
    generated = isinstance(parameters, types.GeneratorType)
    given = _listed(parameters)
    if generated and not given:
        warnings.warn("`parameters` is an empty generator, no gradient clipping will occur.", stacklevel=3)
    gradients = _gradients(given)
    total = get_total_norm(gradients, norm_type, error_if_nonfinite, foreach)
    _scale(gradients, float(max_norm), total)
    return total


@unrecorded
def clip_grad_value_(parameters: Tensors, clip_value: float, foreach: bool | None = None) -> None:
    """Hold every element of every gradient between `-clip_value` and `clip_value`."""
    limit = float(clip_value)
    for gradient in _gradients(parameters):
        gradient.clamp_(min=-limit, max=limit)


def clip_grad_norm(parameters: Tensors, max_norm: float, norm_type: float = 2.0, **kwargs: Any) -> Tensor:
    raise NotImplementedError("clip_grad_norm() is deprecated in PyTorch and not supported; use clip_grad_norm_()")

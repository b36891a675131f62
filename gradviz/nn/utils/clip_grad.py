"""Keeping gradients small: by their joint length, or each element by itself (torch.nn.utils.clip_grad)."""

from __future__ import annotations

import types
import warnings
from collections.abc import Iterable
from typing import Any

from gradviz.core.clock import wrote
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


def _joint(tensors: list[Tensor], order: float, foreach: bool | None) -> Tensor:
    """The norm of all of them: that of their norms, or at once by a kernel where they are on a device that has one."""
    alike: dict[tuple[Any, Any], list[Tensor]] = {}
    for tensor in tensors:
        alike.setdefault((tensor.device, tensor.dtype), []).append(tensor)
    norms: list[Tensor] = []
    for (device, _), some in alike.items():
        kernel = device.forwards.get("total_norm") if foreach is not False else None
        at_once = None if kernel is None else kernel([t._array for t in some], order)
        norms += [_norm(t, order) for t in some] if at_once is None else [Tensor._of(at_once, device)]
    if len(alike) == 1 and at_once is not None:
        return norms[0]
    first = tensors[0].device
    return _norm(FUNCTIONS["stack"]([norm.to(first) for norm in norms]), order)


@unrecorded
def get_total_norm(
    tensors: Tensors, norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: bool | None = None
) -> Tensor:  # fmt: skip
    """The norm of all elements of all tensors, as if they were one long vector.

    `norm_type` is the order, or `inf`. On a GPU it takes two launches however many tensors there are, unless
    `foreach=False` asks for one tensor at a time; the host does not wait. Raises RuntimeError for a norm that is not
    finite if `error_if_nonfinite`.
    """
    found, order = _listed(tensors), float(norm_type)
    if not found:
        return FUNCTIONS["tensor"](0.0)  # type: ignore[no-any-return]
    total = _joint(found, order, foreach)
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
    _scale(_gradients(parameters), float(max_norm), total_norm, foreach)


def _scale(gradients: list[Tensor], max_norm: float, total_norm: Tensor, foreach: bool | None) -> None:
    if not gradients:
        return
    kernel = total_norm.device.forwards.get("clip") if foreach is not False else None
    if (
        kernel is not None
        and all(g.device is total_norm.device for g in gradients)
        and kernel([g._array for g in gradients], total_norm._array, max_norm)
    ):
        for gradient in gradients:
            wrote(gradient)
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
    _scale(gradients, float(max_norm), total, foreach)
    return total


@unrecorded
def clip_grad_value_(parameters: Tensors, clip_value: float, foreach: bool | None = None) -> None:
    """Hold every element of every gradient between `-clip_value` and `clip_value`."""
    limit = float(clip_value)
    for gradient in _gradients(parameters):
        gradient.clamp_(min=-limit, max=limit)


def clip_grad_norm(parameters: Tensors, max_norm: float, norm_type: float = 2.0, **kwargs: Any) -> Tensor:
    raise NotImplementedError("clip_grad_norm() is deprecated in PyTorch and not supported; use clip_grad_norm_()")

"""Forward mode: numbers that carry a direction along (`torch.autograd.forward_ad`).

A dual tensor is an ordinary one at the start of a graph; its tangent waits beside it. Where a result's tangent is asked
for, two backward passes carry the waiting tangents to it: the gradient of `u -> u @ J`, weighed with v, is `J @ v`. So
operations must be recorded: under `no_grad` results carry no tangent.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ..core.gradient import grad
from ..core.mode import enable_grad
from ..core.op import FUNCTIONS
from ..core.tensor import Tensor

__all__ = ["UnpackedDualTensor", "dual_level", "enter_dual_level", "exit_dual_level", "make_dual", "unpack_dual"]


class UnpackedDualTensor(NamedTuple):
    """A tensor and how it changes along the direction; None where it does not depend on one."""

    primal: Any
    tangent: Any


class _Level:
    """The dual tensors of the level that is open, with their tangents; one level may be open at a time."""

    current: _Level | None = None

    def __init__(self) -> None:
        self.duals: list[tuple[Tensor, Tensor]] = []
        self.joined = False  # whether ordinary gradients flow through a dual tensor or a tangent


def enter_dual_level() -> int:
    """Begin a level, inside which dual tensors can be made."""
    if _Level.current is not None:
        raise RuntimeError("Nested forward mode AD is not supported at the moment")
    _Level.current = _Level()
    return 0


def exit_dual_level(*, level: int | None = None) -> None:
    """End the level: its tangents are forgotten."""
    if _Level.current is None:
        raise RuntimeError("Dual level must be a positive number.")
    _Level.current = None


class dual_level:
    """A level for a `with` block."""

    def __enter__(self) -> int:
        return enter_dual_level()

    def __exit__(self, *exc: object) -> None:
        exit_dual_level()


def make_dual(tensor: Any, tangent: Any, *, level: int | None = None) -> Any:
    """A tensor with the same numbers that carries a tangent.

    https://docs.pytorch.org/docs/2.13/generated/torch.autograd.forward_ad.make_dual.html
    """
    current = _Level.current
    if current is None:
        raise RuntimeError(
            "Trying to create a dual Tensor for forward AD but no level exists, make sure to enter_dual_level() first."
        )
    if level not in (None, 0):
        raise RuntimeError("Invalid level given to _make_dual")
    for what, x in (("primal", tensor), ("tangent", tangent)):
        if not (x.is_floating_point() or x.is_complex()):
            raise ValueError(f"Expected {what} to be floating point or complex, but got: {x.dtype}")
    if tensor.shape != tangent.shape:
        raise RuntimeError(
            "Trying to set a forward gradient that has a different size than that of the original Tensor, this is not "
            f"supported. Tensor is of size {list(tensor.shape)} while the given forward gradient is of size "
            f"{list(tangent.shape)}."
        )
    if any(tensor is dual for dual, _ in current.duals):
        raise RuntimeError(
            "Making a dual Tensor based on a Tensor that already has a forward gradient at the same level 0 is not "
            "supported."
        )
    with enable_grad():
        dual = (tensor if tensor.requires_grad else tensor.detach().requires_grad_()).clone()
    current.joined = current.joined or tensor.requires_grad or tangent.requires_grad
    current.duals.append((dual, tangent))
    return dual


def unpack_dual(tensor: Any, *, level: int | None = None) -> UnpackedDualTensor:
    """A tensor's numbers and its tangent.

    https://docs.pytorch.org/docs/2.13/generated/torch.autograd.forward_ad.unpack_dual.html
    """
    current = _Level.current
    if current is None:
        return UnpackedDualTensor(tensor, None)
    if not isinstance(tensor, Tensor):
        raise TypeError(f"_unpack_dual(): argument 'dual' (position 1) must be Tensor, not {type(tensor).__name__}")
    if not current.duals or not tensor.requires_grad:
        return UnpackedDualTensor(tensor, None)
    duals, tangents = zip(*current.duals, strict=True)
    with enable_grad():
        weights = FUNCTIONS["zeros_like"](tensor.detach()).requires_grad_()
        back = grad(tensor, duals, weights, create_graph=True, allow_unused=True)
        pairs = [(g, v) for g, v in zip(back, tangents, strict=True) if g is not None and g.requires_grad]
        if not pairs:
            return UnpackedDualTensor(tensor, None)
        through, given = zip(*pairs, strict=True)
        (tangent,) = grad(through, weights, given, create_graph=current.joined, retain_graph=True)
    if current.joined:
        return UnpackedDualTensor(tensor, tangent)
    return UnpackedDualTensor(tensor.detach(), tangent)

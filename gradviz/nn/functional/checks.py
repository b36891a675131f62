"""Reading arguments of layers: pairs of sizes, reductions, and arguments that are refused by name."""

from __future__ import annotations

from typing import Any

from gradviz.core.errors import noted
from gradviz.core.mode import grad_mode

REDUCTIONS = ("none", "mean", "sum")


def pair(value: Any) -> tuple[int, int]:
    """One number for both dimensions, or two."""
    if isinstance(value, (tuple, list)):
        if len(value) == 1:
            return (int(value[0]), int(value[0]))
        first, second = value
        return (int(first), int(second))
    return (int(value), int(value))


def one_of(function: str, name: str, value: Any, supported: tuple[Any, ...]) -> None:
    """NotImplementedError naming an argument whose value is not supported."""
    if not any(value is s or value == s for s in supported):
        allowed = " or ".join(repr(s) for s in supported)
        raise NotImplementedError(f"{function}(): argument '{name}'={value!r} is not supported, only {allowed}")


def modern(function: str, size_average: Any, reduce: Any) -> None:
    """Refuse the two arguments that `reduction` replaced."""
    if size_average is None and reduce is None:
        return
    for name, value in (("size_average", size_average), ("reduce", reduce)):
        if value is not None:
            raise NotImplementedError(
                f"{function}(): argument '{name}' is not supported; use reduction='mean', 'sum' or 'none'"
            )


def check_reduction(reduction: str) -> str:
    """The reduction, if it is one."""
    if reduction not in REDUCTIONS:
        raise noted(
            ValueError(f"{reduction} is not a valid value for reduction\nIt is one of {', '.join(REDUCTIONS)}.")
        )
    return reduction


def probability(p: float) -> float:
    """A dropout probability."""
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    return p


def constants(op: str, **tensors: Any) -> None:
    """RuntimeError for an input that is not learned but wants a gradient."""
    for name, tensor in tensors.items():
        if tensor is not None and tensor.requires_grad and grad_mode.get():
            raise noted(
                RuntimeError(
                    f"The function '{op}' is not differentiable with respect to argument '{name}'. This input "
                    f"cannot have requires_grad True.\nPass {name}.detach()."
                )
            )

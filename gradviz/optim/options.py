"""The options of a parameter group: as numbers, in their range, and what is refused by name."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.core.tensor import Tensor

# option -> what PyTorch calls it in an error; the smallest value of each is 0
NONNEGATIVE = {
    "lr": "learning rate", "eps": "epsilon value", "rho": "rho value", "momentum": "momentum value",
    "lr_decay": "lr_decay value", "weight_decay": "weight_decay value", "momentum_decay": "momentum_decay value",
    "initial_accumulator_value": "initial_accumulator_value value",
}  # fmt: skip
NOT_SUPPORTED = ("differentiable", "capturable")


def number(value: Any) -> Any:
    """An option as a Python number: a learning rate may be a tensor of one element."""
    return value.item() if isinstance(value, Tensor) else value


def check_rate(lr: Any) -> None:
    """Refuse a learning rate that is a tensor of several elements."""
    if isinstance(lr, Tensor) and lr.numel() != 1:
        raise ValueError("Tensor lr must be 1-element")


def check_range(what: str, value: Any, valid: Any) -> None:
    """Refuse a value out of its range."""
    if not valid:
        raise ValueError(f"Invalid {what}: {value}")


def check_ranges(options: dict[str, Any]) -> None:
    """Refuse options out of the range that they have in every optimiser."""
    check_rate(options["lr"])
    for name, what in NONNEGATIVE.items():
        if name in options:
            check_range(what, options[name], options[name] >= 0.0)
    for i, beta in enumerate(options.get("betas", ())):
        check_range(f"beta parameter at index {i}", beta, 0.0 <= beta < 1.0)


def check_implementation(name: str, options: dict[str, Any], capturable: bool = False) -> None:
    """Refuse by name what changes the result; `foreach` and `fused` choose an implementation of the same step."""
    for option in NOT_SUPPORTED:
        if options.get(option) and not (capturable and option == "capturable"):
            raise NotImplementedError(f"{name}(): argument '{option}=True' is not supported")
    if options.get("fused") and options.get("foreach"):
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")


def not_captured(what: str, xla: bool) -> str:
    """PyTorch's words for `capturable=True` where nothing can be captured. `what` is to be on a device that can."""
    devices = ["cuda", "xpu", "hpu", "privateuseone", *(["xla"] if xla else [])]
    return f"If capturable=True, {what} must be on supported devices: {devices}."


def exact(kept: Any) -> Any:
    """A kept number with all its digits; one that is on a device as it is, so that nothing waits for it."""
    return float(kept) if isinstance(kept, np.generic) else kept


def on_device(value: Any) -> bool:
    """Whether a number is an array of a device, which no `if` may ask for its value."""
    return hasattr(value, "ndim")

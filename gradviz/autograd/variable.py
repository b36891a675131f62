"""`torch.autograd.Variable`: the old name of a Tensor that may require grad."""

from __future__ import annotations

from typing import Any

from ..core.tensor import Tensor


class VariableMeta(type):
    """Makes every Tensor an instance of Variable."""

    def __instancecheck__(cls, other: object) -> bool:
        return isinstance(other, Tensor)


class Variable(metaclass=VariableMeta):
    """Calling it gives a Tensor for the same memory; new code uses tensors themselves."""

    def __new__(cls, data: Any = None, requires_grad: bool = False, volatile: Any = None) -> Any:
        if volatile is not None:
            raise NotImplementedError("Variable(): argument 'volatile' is not supported; use torch.no_grad()")
        made = Tensor() if data is None else data.detach()
        return made.requires_grad_(requires_grad)

"""Tensors that a Module knows by name: parameters are trained, buffers are only kept (torch.nn.parameter)."""

from __future__ import annotations

from typing import Any

from gradviz.core.device import CPU
from gradviz.core.dtype import get_default_dtype
from gradviz.core.errors import noted
from gradviz.core.tensor import Tensor

new = object.__new__


def _share(cls: type[Tensor], data: Tensor | None) -> Any:
    """A tensor of class `cls` on the memory of `data`, outside any graph; empty for None."""
    if data is None:
        data = Tensor._of(CPU.xp.empty(0, dtype=get_default_dtype().numpy))
    data = data.detach()
    made = new(cls)
    made._array, made.device, made._edge, made._needs = data._array, data.device, None, False
    return made


class Parameter(Tensor):
    """A tensor that becomes a parameter of the Module it is assigned to.

    It shares the memory of `data` and wants a gradient even if it is made inside `no_grad`.
    https://docs.pytorch.org/docs/2.13/generated/torch.nn.parameter.Parameter.html
    """

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True) -> Any:
        made = _share(cls, data)
        kind = made.dtype
        if requires_grad and not (kind.is_floating_point or kind.is_complex):
            raise noted(
                RuntimeError(
                    "Only Tensors of floating point and complex dtype can require gradients\n"
                    f"The data is {kind!r} of shape {tuple(made.shape)}. Use data.float(), or requires_grad=False."
                )
            )
        made._needs = bool(requires_grad)
        return made

    def __init__(self, data: Tensor | None = None, requires_grad: bool = True) -> None:
        """All is done in `__new__`."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if id(self) not in memo:
            copied = Tensor._of(self._array.copy(), self.device)
            memo[id(self)] = type(self)(copied, self.requires_grad)
        return memo[id(self)]

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()


class Buffer(Tensor):
    """A tensor that becomes a buffer of the Module it is assigned to: state that is saved but not trained.

    With `persistent=False` it is left out of the `state_dict`.
    https://docs.pytorch.org/docs/2.13/generated/torch.nn.parameter.Buffer.html
    """

    persistent: bool

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> Any:
        made = _share(cls, data)
        made._needs = data is not None and data.requires_grad
        made.persistent = persistent
        return made

    def __init__(self, data: Tensor | None = None, *, persistent: bool = True) -> None:
        """All is done in `__new__`."""


def is_lazy(param: Any) -> bool:
    """Whether the parameter still waits for its shape; there are no lazy parameters here."""
    return False

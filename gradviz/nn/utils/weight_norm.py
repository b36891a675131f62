"""Weights as a length times a direction, the older way: by a hook before forward (torch.nn.utils.weight_norm)."""

from __future__ import annotations

import warnings
from typing import Any

from gradviz.core.tensor import Tensor

from ..modules.module import Module
from ..parameter import Parameter, is_lazy
from .pre_hooks import hook_of, remove_hook

__all__ = ["WeightNorm", "remove_weight_norm", "weight_norm"]


def norm_except_dim(v: Tensor, pow: float = 2, dim: int = 0) -> Tensor:
    """The norm of every slice along `dim`, in a shape that divides `v`; of the whole tensor for -1."""
    if dim == -1:
        return v.norm(pow)  # type: ignore[no-any-return]
    if dim == 0:
        return v.contiguous().view(v.shape[0], -1).norm(pow, 1).view(v.shape[0], *(1,) * (v.ndim - 1))  # type: ignore[no-any-return]
    if dim == v.ndim - 1:
        return v.contiguous().view(-1, v.shape[-1]).norm(pow, 0).view(*(1,) * (v.ndim - 1), v.shape[-1])  # type: ignore[no-any-return]
    return norm_except_dim(v.transpose(0, dim), pow, 0).transpose(0, dim)  # type: ignore[no-any-return]


def with_length(v: Tensor, g: Tensor, dim: int) -> Tensor:
    """`g * v / norm(v)`: the direction of v, the length g."""
    return v * (g / norm_except_dim(v, 2, dim))


class WeightNorm:
    """The hook that computes `name` from `name_g` and `name_v` before every forward.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.weight_norm.html
    """

    def __init__(self, name: str, dim: int | None) -> None:
        self.name, self.dim = name, -1 if dim is None else dim

    def compute_weight(self, module: Module) -> Any:
        """The weight that length and direction make."""
        return with_length(getattr(module, self.name + "_v"), getattr(module, self.name + "_g"), self.dim)

    @staticmethod
    def apply(module: Module, name: str, dim: int | None) -> WeightNorm:
        """Replace a parameter by its length and direction; RuntimeError if that was done before."""
        warnings.warn(
            "`torch.nn.utils.weight_norm` is deprecated in favor of `torch.nn.utils.parametrizations.weight_norm`.",
            FutureWarning,
            stacklevel=3,
        )
        if hook_of(module, WeightNorm, name) is not None:
            raise RuntimeError(f"Cannot register two weight_norm hooks on the same parameter {name}")
        hook = WeightNorm(name, dim)
        weight = getattr(module, name)
        if is_lazy(weight):
            raise ValueError(
                "The module passed to `WeightNorm` can't have uninitialized parameters. Make sure to run the dummy "
                "forward before applying weight normalization"
            )
        del module._parameters[name]
        module.register_parameter(name + "_g", Parameter(norm_except_dim(weight, 2, hook.dim).data))
        module.register_parameter(name + "_v", Parameter(weight.data))
        setattr(module, name, hook.compute_weight(module))
        module.register_forward_pre_hook(hook)
        return hook

    def remove(self, module: Module) -> None:
        """Make the weight a parameter again."""
        weight = self.compute_weight(module)
        delattr(module, self.name)
        del module._parameters[self.name + "_g"], module._parameters[self.name + "_v"]
        setattr(module, self.name, Parameter(weight.data))

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module))


def weight_norm(module: Any, name: str = "weight", dim: int | None = 0) -> Any:
    """Train a weight's length and direction apart; PyTorch deprecates it for `parametrizations.weight_norm`.

    Salimans and Kingma, 2016. https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.weight_norm.html
    """
    WeightNorm.apply(module, name, dim)
    return module


def remove_weight_norm(module: Any, name: str = "weight") -> Any:
    """Undo `weight_norm`; ValueError where there is none."""
    return remove_hook(module, WeightNorm, name, f"weight_norm of '{name}' not found in {module}")

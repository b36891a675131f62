"""Ways to choose what is pruned: at random, or the smallest; single numbers, or whole channels."""

from __future__ import annotations

import numbers
from typing import Any

from gradviz.core.op import FUNCTIONS
from gradviz.core.tensor import Tensor

from ..modules.module import Module
from .prune_base import BasePruningMethod


# -- how many ------------------------------------------------------------------------------------------------------
def _validate_pruning_amount_init(amount: Any) -> None:
    """An amount is a number of elements or a part of them."""
    if not isinstance(amount, numbers.Real):
        raise TypeError(f"Invalid type for amount: {amount}. Must be int or float.")
    if float(amount) < 0 or (not isinstance(amount, numbers.Integral) and float(amount) > 1):
        raise ValueError(f"amount={amount} should either be a float in the range [0, 1] or a non-negative integer")


def _count(amount: Any, size: int) -> int:
    """How many of `size` are pruned."""
    count = int(amount) if isinstance(amount, numbers.Integral) else round(amount * size)
    if count > size:
        raise ValueError(f"amount={count} should be smaller than the number of parameters to prune={size}")
    return count


def _channels(t: Tensor, dim: int, amount: Any) -> int:
    """How many channels of a tensor are pruned."""
    if t.ndim <= 1:
        raise ValueError(
            f"Structured pruning can only be applied to multidimensional tensors. Found tensor of shape {t.shape} with "
            f"{t.ndim} dims"
        )
    if dim >= t.ndim:
        raise IndexError(f"Invalid index {dim} for tensor of size {t.shape}")
    return _count(amount, t.shape[dim])


# -- single elements -----------------------------------------------------------------------------------------------
class Identity(BasePruningMethod):
    """Prune nothing, but have the mask."""

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        return default_mask

    @classmethod
    def apply(cls, module: Module, name: str) -> Any:  # type: ignore[override]
        return super().apply(module, name)


class _Amount(BasePruningMethod):
    def __init__(self, amount: Any) -> None:
        _validate_pruning_amount_init(amount)
        self.amount = amount


class _Unstructured(_Amount):
    """Prune the elements whose `scores` are extreme."""

    PRUNING_TYPE = "unstructured"
    largest: bool

    def scores(self, t: Tensor) -> Tensor:
        raise NotImplementedError

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        count = _count(self.amount, t.numel())
        mask: Tensor = default_mask.clone()
        if count:
            chosen = self.scores(t).view(-1).topk(count, largest=self.largest).indices
            mask.view(-1)[chosen] = 0
        return mask


class RandomUnstructured(_Unstructured):
    """Prune elements at random: `amount` of them, or that part.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.prune.RandomUnstructured.html
    """

    largest = True

    def scores(self, t: Tensor) -> Tensor:
        return FUNCTIONS["rand_like"](t)  # type: ignore[no-any-return]

    @classmethod
    def apply(cls, module: Module, name: str, amount: Any) -> Any:  # type: ignore[override]
        return super().apply(module, name, amount=amount)


class L1Unstructured(_Unstructured):
    """Prune the elements nearest to zero.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.prune.L1Unstructured.html
    """

    largest = False

    def scores(self, t: Tensor) -> Tensor:
        return t.abs()  # type: ignore[no-any-return]

    @classmethod
    def apply(  # type: ignore[override]
        cls, module: Module, name: str, amount: Any, importance_scores: Tensor | None = None
    ) -> Any:  # fmt: skip
        return super().apply(module, name, amount=amount, importance_scores=importance_scores)


# -- whole channels ------------------------------------------------------------------------------------------------
class _Structured(_Amount):
    """Keep the channels along `dim` that `kept` names."""

    PRUNING_TYPE = "structured"
    dim: int

    def kept(self, t: Tensor, count: int) -> Tensor:
        raise NotImplementedError

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        count = _channels(t, self.dim, self.amount)
        if not count:
            return default_mask
        index: list[Any] = [slice(None)] * t.ndim
        index[self.dim] = self.kept(t, count)
        mask = FUNCTIONS["zeros_like"](t)
        mask[tuple(index)] = 1
        return mask.mul_(default_mask.to(dtype=mask.dtype))  # type: ignore[no-any-return]


class RandomStructured(_Structured):
    """Prune whole channels along `dim` at random.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.prune.RandomStructured.html
    """

    def __init__(self, amount: Any, dim: int = -1) -> None:
        super().__init__(amount)
        self.dim = dim

    def kept(self, t: Tensor, count: int) -> Tensor:
        drawn = FUNCTIONS["rand"](t.shape[self.dim])
        return drawn > drawn.kthvalue(count).values  # type: ignore[no-any-return]

    @classmethod
    def apply(cls, module: Module, name: str, amount: Any, dim: int = -1) -> Any:  # type: ignore[override]
        return super().apply(module, name, amount=amount, dim=dim)


class LnStructured(_Structured):
    """Prune the channels along `dim` with the smallest n-norm.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.prune.LnStructured.html
    """

    def __init__(self, amount: Any, n: Any, dim: int = -1) -> None:
        super().__init__(amount)
        self.n, self.dim = n, dim

    def kept(self, t: Tensor, count: int) -> Tensor:
        others = [d for d in range(t.ndim) if d != self.dim % t.ndim]
        return t.norm(self.n, others).topk(t.shape[self.dim] - count).indices  # type: ignore[no-any-return]

    @classmethod
    def apply(  # type: ignore[override]
        cls, module: Module, name: str, amount: Any, n: Any, dim: int, importance_scores: Tensor | None = None
    ) -> Any:  # fmt: skip
        return super().apply(module, name, amount=amount, n=n, dim=dim, importance_scores=importance_scores)


# -- given ---------------------------------------------------------------------------------------------------------
class CustomFromMask(BasePruningMethod):
    """Prune by a mask of one's own.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.prune.CustomFromMask.html
    """

    PRUNING_TYPE = "global"

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        if default_mask.shape != self.mask.shape:
            raise AssertionError(
                f"default_mask shape {default_mask.shape} must match self.mask shape {self.mask.shape}"
            )
        return default_mask * self.mask.to(dtype=default_mask.dtype)  # type: ignore[no-any-return]

    @classmethod
    def apply(cls, module: Module, name: str, mask: Tensor) -> Any:  # type: ignore[override]
        return super().apply(module, name, mask=mask)

"""A Python function at every element, in place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import noted
from ...inplace import check_write, overwrote
from ...op import FUNCTIONS, method
from ...tensor import Tensor
from ..creation.factory import read_tensor


def _apply(name: str, self: Tensor, others: tuple[Any, ...], call: Callable[..., Any]) -> Tensor:
    if self._needs:
        raise noted(
            RuntimeError(
                f"Can't call {name}() on Variable that requires grad. Use var.detach().{name}() instead.\n"
                "A Python function has no gradient."
            )
        )
    if not callable(call):
        raise TypeError(f"'{type(call).__name__}' object is not callable")
    check_write(self, name)
    tensors = [read_tensor(name, "other", i, other) for i, other in enumerate(others, 1)]
    lists = [FUNCTIONS["broadcast_to"](x, self.shape).flatten().tolist() for x in (self, *tensors)]
    found = np.array([call(*values) for values in zip(*lists, strict=True)], dtype=self.dtype.numpy)
    self._array[...] = self.device.wrap(found.reshape(self._array.shape))
    made: Tensor = overwrote(self, name)
    return made


@method
def apply_(self: Tensor, callable: Callable[[Any], Any]) -> Tensor:
    """Write `callable(x)` in the place of every element; slow, for the CPU and outside any graph."""
    return _apply("apply_", self, (), callable)


@method
def map_(self: Tensor, other: Tensor, callable: Callable[[Any, Any], Any]) -> Tensor:
    """Write `callable(x, y)` in the place of every element x, where y is that of the other tensor."""
    return _apply("map_", self, (other,), callable)


@method
def map2_(self: Tensor, x: Tensor, y: Tensor, callable: Callable[[Any, Any, Any], Any]) -> Tensor:
    """`map_` with two other tensors."""
    return _apply("map2_", self, (x, y), callable)

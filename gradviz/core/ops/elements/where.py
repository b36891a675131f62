"""Elements of one tensor or of another, as a condition says."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import errors
from ...errors import noted
from ...op import function, method, op
from ...tensor import Tensor
from ..kinds import result_of

TRUTH = np.dtype(np.bool_)
where_ = op("where", lambda xp, condition, a, b: xp.where(condition, a, b), public=False,
            a=lambda F, g, condition: F.where(condition, g, 0.0),
            b=lambda F, g, condition: F.where(condition, 0.0, g))  # fmt: skip


@function(method=False)
def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """Elements of `input` where the condition holds, of `other` elsewhere; with one argument, the indices that hold."""
    if input is None and other is None:
        return condition.nonzero(as_tuple=True)
    if condition._array.dtype is not TRUTH and condition.dtype.name not in ("bool", "uint8"):
        raise noted(
            RuntimeError(
                "where expected condition to be a boolean tensor, but got a tensor with dtype "
                f"{errors.scalar_type(condition.dtype)}"
            )
        )
    if isinstance(input, Tensor) and isinstance(other, Tensor) and input._array.dtype is other._array.dtype:
        return where_.call(condition, input, other)
    common = result_of(input, other)
    a, b = (x if not isinstance(x, Tensor) or x.dtype is common else x.to(common) for x in (input, other))
    out = where_.call(condition, a, b)
    return out if out.dtype is common else out.to(common)


@method(name="where")
def _where_method(self: Tensor, condition: Tensor, other: Any) -> Any:
    return where(condition, self, other)

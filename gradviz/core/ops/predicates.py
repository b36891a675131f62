"""Questions about a tensor that are answered without computing: its kind of number, its shape, what it is."""

from __future__ import annotations

from typing import Any

from gradviz.core.dtype import can_cast as _can_cast
from gradviz.core.op import FUNCTIONS, OPS, function, method
from gradviz.core.ops.factory import read_tensor
from gradviz.core.tensor import Tensor


@function(method=False)
def is_signed(input: Tensor) -> bool:
    """Whether the elements may be negative."""
    return read_tensor("is_signed", "input", 1, input).is_signed()


@function
def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Whether both have the same shape."""
    return bool(input.shape == read_tensor("is_same_size", "other", 2, other).shape)


@function(method=False)
def is_storage(obj: Any) -> bool:
    """Whether `obj` is a storage object: memory without a shape."""
    return type(obj).__name__ in ("UntypedStorage", "TypedStorage")


def can_cast(from_: Any, to: Any) -> bool:
    """Whether a value may be cast without an explicit request: never to a lower kind (complex, real, integer, bool)."""
    return _can_cast(from_, to)


FUNCTIONS["can_cast"] = can_cast


@method
def as_subclass(self: Tensor, cls: Any) -> Any:
    """The same tensor as an object of a subclass of Tensor. What operations make of it are plain Tensors."""
    from gradviz.core.legacy import seen_as

    if not isinstance(cls, type):
        raise TypeError(f"cls must be a type (got {type(cls).__name__})")
    return seen_as(OPS["alias"].call(self), cls)


@method
def new(self: Tensor, *args: Any, device: Any = None) -> Tensor:
    """The old constructor: a tensor of this dtype from sizes or data."""
    from gradviz.core.legacy import legacy

    return legacy(self.dtype, args, self.device if device is None else device)

"""What a tensor is and is not, answered without computing: its kind of number, its shape, its layout."""

from __future__ import annotations

from typing import Any

from ...dtype import can_cast as _can_cast
from ...dtype import dtype
from ...errors import noted
from ...op import FUNCTIONS, METHODS, OPS, function, method
from ...tensor import Tensor
from .factory import read_tensor


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
    from ...legacy import seen_as

    if not isinstance(cls, type):
        raise TypeError(f"cls must be a type (got {type(cls).__name__})")
    return seen_as(OPS["alias"].call(self), cls)


@method
def new(self: Tensor, *args: Any, device: Any = None) -> Tensor:
    """The old constructor: a tensor of this dtype from sizes or data."""
    from ...legacy import legacy

    return legacy(self.dtype, args, self.device if device is None else device)


# -- what a tensor is not: attributes that are False, and methods that return False ------------------------------------
NOT = [
    "is_meta", "is_mps", "is_sparse", "is_sparse_csr", "is_quantized", "is_nested", "is_mkldnn", "is_xpu", "is_vulkan",
    "is_ipu", "is_xla", "is_maia", "is_mtia",
]  # fmt: skip
NEVER = {
    "is_shared": "memory is never shared with other processes",
    "is_distributed": "a tensor is never spread over machines",
}

for _name in NOT:
    setattr(Tensor, _name, property(lambda self: False, doc="False: there is no such tensor here."))


def _never(name: str, why: str) -> None:
    def answer(self: Tensor, device: Any = None) -> bool:
        return False

    answer.__name__, answer.__doc__ = name, f"False: {why}."
    METHODS[name] = answer


for _name, _why in NEVER.items():
    _never(_name, _why)


@function(method=False)
def get_device(input: Tensor) -> int:
    """The number of its device; -1 on the CPU."""
    return input.get_device()


@method
def to_dense(self: Tensor, dtype: Any = None, *, masked_grad: bool | None = None) -> Tensor:
    """The tensor itself: all tensors here are dense."""
    return self if dtype is None else self.to(dtype)


@method
def sparse_dim(self: Tensor) -> int:
    """The number of sparse dimensions: none."""
    return 0


@method
def dense_dim(self: Tensor) -> int:
    """The number of dense dimensions: all."""
    return self.ndim


def _grad_dtype(self: Tensor) -> dtype:
    if self._edge is not None:
        raise noted(RuntimeError("grad_dtype can only be accessed on leaf tensors.\nThis one was computed."))
    return self.dtype


Tensor.grad_dtype = property(_grad_dtype, doc="The type its gradient has: its own.")  # type: ignore[attr-defined]

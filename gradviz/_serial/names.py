"""What torch's files call things: storage classes by element type, and the functions that rebuild tensors."""

from __future__ import annotations

from typing import Any, NoReturn

from gradviz.core.dtype import DTYPES

# Element types with a storage class of their own; the others are kept as untyped bytes.
STORAGES = {
    "bool": "BoolStorage",
    "uint8": "ByteStorage",
    "int8": "CharStorage",
    "int16": "ShortStorage",
    "int32": "IntStorage",
    "int64": "LongStorage",
    "float16": "HalfStorage",
    "bfloat16": "BFloat16Storage",
    "float32": "FloatStorage",
    "float64": "DoubleStorage",
    "complex64": "ComplexFloatStorage",
    "complex128": "ComplexDoubleStorage",
}
STORAGE_TYPES = {f"torch.{storage}": DTYPES[name] for name, storage in STORAGES.items()}
STORAGE_TYPES |= {f"torch.cuda.{storage}": DTYPES[name] for name, storage in STORAGES.items()}
UNTYPED = "torch.storage.UntypedStorage"
DTYPE_NAMES = {f"torch.{name}": dtype for name, dtype in DTYPES.items()}


class Name:
    """A global that a pickle mentions by name alone, so that what it names need not be installed."""

    __slots__ = ("module", "name")

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name

    def __call__(self, *args: Any) -> NoReturn:
        raise TypeError(f"{self.module}.{self.name} is only a name in a file")


TENSOR = Name("torch._utils", "_rebuild_tensor_v2")
TENSOR_UNTYPED = Name("torch._utils", "_rebuild_tensor_v3")
PARAMETER = Name("torch._utils", "_rebuild_parameter")
PARAMETER_WITH_STATE = Name("torch._utils", "_rebuild_parameter_with_state")
WITH_STATE = Name("torch._tensor", "_rebuild_from_type_v2")
TENSOR_CLASS = Name("torch", "Tensor")
SIZE = Name("torch", "Size")
DEVICE = Name("torch", "device")
STORAGE_NAMES = {DTYPES[name]: Name("torch", storage) for name, storage in STORAGES.items()}
UNTYPED_NAME = Name("torch.storage", "UntypedStorage")
DTYPE_GLOBALS = {dtype: Name("torch", name) for name, dtype in DTYPES.items()}

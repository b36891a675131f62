"""A pickle in torch's words -> objects: tensors over storages, each checked against its record in the archive."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from gradviz.core.device import CPU, Device, as_device
from gradviz.core.dtype import dtype
from gradviz.core.errors import noted
from gradviz.core.size import Size
from gradviz.core.storage import strided
from gradviz.core.tensor import Tensor
from gradviz.nn.parameter import Parameter

from . import names
from .machine import Allowed, shown

NO_CUDA = (
    "Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False. If you are running on a "
    "CPU-only machine, please use torch.load with map_location=torch.device('cpu') to map your storages to the CPU."
)


class Source(Protocol):
    """A file of either format, as far as tensors go."""

    def byte_order(self) -> str | None:
        """The order the file says its numbers have: little, big, or nothing."""

    def storage_size(self, name: str) -> int:
        """The number of bytes of a storage; RuntimeError if there is none of that name."""

    def storage(self, name: str) -> np.ndarray[Any, Any]:
        """The bytes of a storage, writable."""


class Storage:
    """The memory of one record on its way to a device; a callable `map_location` gets it and returns it."""

    def __init__(self, content: np.ndarray[Any, Any], element: dtype | None, device: Device) -> None:
        self.content, self.dtype, self.device = content, element, device
        self._moved: dict[dtype, Any] = {}

    def nbytes(self) -> int:
        """The number of bytes."""
        return len(self.content)

    def moved(self, element: dtype) -> Any:
        """The whole memory on the device, moved once however many tensors view it."""
        if element not in self._moved:
            count = len(self.content) // element.itemsize
            self._moved[element] = self.device.wrap(np.ndarray(count, element.numpy, self.content))
        return self._moved[element]

    def cpu(self) -> Storage:
        """The same storage on the CPU."""
        return Storage(self.content, self.dtype, CPU)

    def cuda(self, device: int | None = None) -> Storage:
        """The same storage on a cuda device."""
        return Storage(self.content, self.dtype, as_device("cuda" if device is None else device))


class Builder:
    """Rebuilds tensors from a file's storages. `order` is that of files that do not tell theirs."""

    def __init__(self, source: Source, map_location: Any, order: str) -> None:
        self.source, self.map_location = source, map_location
        found = source.byte_order() or order
        if found not in ("little", "big"):
            raise ValueError(f"Unknown endianness type: {found[:20]}")
        self.swap = found != sys.byteorder
        self.storages: dict[str, Storage] = {}
        self.raised: Exception | None = None  # by the user's map_location: not the file's fault

    def storage(self, key: Any) -> Storage:
        """The storage that a pickle's persistent id names, read when first asked for."""
        if isinstance(key, tuple) and len(key) == 6 and key[0] in ("storage", b"storage"):
            if key[5] is not None:
                raise NotImplementedError(
                    "load() does not support storages that are views of others (before PyTorch 0.4)"
                )
            key = key[:5]
        if not (isinstance(key, tuple) and len(key) == 5 and key[0] in ("storage", b"storage")):
            raise pickle.UnpicklingError(f"the file refers to {shown(key)} where a storage is expected")
        _, kind, name, location, count = key
        if isinstance(location, bytes):
            location = location.decode("ascii")
        if not (isinstance(kind, _StorageType) and type(count) is int and {type(name), type(location)} == {str}):
            raise pickle.UnpicklingError(f"the file describes a storage by {shown(key)}")
        if name not in self.storages:
            element = kind.dtype
            expected = count * (element.itemsize if element else 1)
            found = self.source.storage_size(name)
            if found != expected:
                raise RuntimeError(
                    f"storage {name} should hold {count} elements ({expected} bytes), but its record has {found} "
                    "bytes. The file is damaged: save it again, or fetch it again."
                )
            content = self.source.storage(name)
            if self.swap and element:
                content = _swapped(content, element)
            self.storages[name] = self._place(Storage(content, element, CPU), location)
        return self.storages[name]

    def _place(self, storage: Storage, location: str) -> Storage:
        """The storage where `map_location` wants it; by default where it was saved."""
        wanted = self.map_location
        if callable(wanted) and not isinstance(wanted, Device):
            try:
                placed = wanted(storage, location)
            except Exception as error:
                self.raised = error
                raise
            if isinstance(placed, Storage):
                return placed
            if placed is not None:
                raise noted(
                    RuntimeError(
                        f"map_location returned a {type(placed).__name__}\nIt gets a storage and its location, and "
                        "returns a storage (the same, storage.cpu(), storage.cuda()) or None."
                    )
                )
            wanted = None
        if isinstance(wanted, Mapping):
            wanted = wanted.get(location, location)
        try:
            device = as_device(location if wanted is None else wanted)
        except RuntimeError as error:
            if wanted is None and location.startswith("cuda"):
                raise RuntimeError(f"{NO_CUDA}\nThe file was saved from {location}. {error}") from error
            raise
        return Storage(storage.content, storage.dtype, device)

    def tensor(
        self,
        storage: Any,
        offset: Any,
        size: Any,
        stride: Any,
        requires_grad: Any = False,
        hooks: Any = None,
        element: Any = None,
        metadata: Any = None,
    ) -> Tensor:
        """A tensor over part of a storage."""
        if not isinstance(storage, Storage):
            raise pickle.UnpicklingError(f"the file builds a tensor from a {type(storage).__name__}")
        element = element if element is not None else storage.dtype
        if not (_sizes(size) and _sizes(stride) and _sizes((offset,)) and isinstance(element, dtype)):
            raise pickle.UnpicklingError(
                f"the file describes a tensor by offset, size and stride {shown((offset, size, stride))}"
            )
        step = element.itemsize
        try:
            array = np.ndarray(
                size, element.numpy, storage.content, offset=offset * step, strides=tuple(s * step for s in stride)
            )
        except (TypeError, ValueError) as error:
            raise RuntimeError(
                f"a tensor of size {list(size)}, stride {list(stride)} and offset {offset} does not fit its storage of "
                f"{len(storage.content)} bytes: {error}. The file is damaged: save it again, or fetch it again."
            ) from error
        if storage.device is not CPU:
            array = strided(storage.device.xp, storage.moved(element), tuple(size), tuple(stride), offset)
        return Tensor._of(array, storage.device, bool(requires_grad))

    def parameter(self, data: Any, requires_grad: Any, hooks: Any = None, state: Any = None) -> Tensor:
        """A Parameter over a tensor."""
        made: Tensor = Parameter(_checked(data), requires_grad=bool(requires_grad))
        return _with_state(made, state)

    def with_state(self, rebuild: Any, cls: Any, arguments: Any, state: Any) -> Tensor:
        """A tensor with attributes that the user set on it."""
        make = rebuild.make if isinstance(rebuild, Allowed) else rebuild
        if make not in (self.tensor, self.parameter):
            raise pickle.UnpicklingError(f"the file rebuilds a tensor with {shown(rebuild)}")
        return _with_state(make(*arguments), state)

    def table(self) -> dict[str, Any]:
        """Every name a weights file may use, with what it stands for."""
        made: dict[str, Any] = {
            "torch._utils._rebuild_tensor": self.tensor,
            "torch._utils._rebuild_tensor_v2": self.tensor,
            "torch._utils._rebuild_tensor_v3": self.tensor,
            "torch._utils._rebuild_parameter": self.parameter,
            "torch._utils._rebuild_parameter_with_state": self.parameter,
            "torch._tensor._rebuild_from_type_v2": self.with_state,
            "torch.Size": _size,
            "torch.device": _device,
            "torch.Tensor": _checked,
            "torch.nn.parameter.Parameter": self.parameter,
        }
        made |= {name: _StorageType(element) for name, element in names.STORAGE_TYPES.items()}
        return {**made, names.UNTYPED: _StorageType(None), **names.DTYPE_NAMES}


class _StorageType:
    """The element type that a storage class stands for; None for untyped bytes."""

    __slots__ = ("dtype",)

    def __init__(self, element: dtype | None) -> None:
        self.dtype = element


def _checked(data: Any) -> Any:
    if not isinstance(data, Tensor):
        raise pickle.UnpicklingError(f"the file has a {type(data).__name__} where a tensor is expected")
    return data


def _swapped(content: np.ndarray[Any, Any], element: dtype) -> np.ndarray[Any, Any]:
    """The bytes of numbers in the other order; a complex number is two."""
    width = element.itemsize // (2 if element.is_complex else 1)
    swapped: np.ndarray[Any, Any] = content.view(f"u{width}").byteswap().view(np.uint8)
    return swapped


def _sizes(numbers: Any) -> bool:
    """Whether these can be sizes or strides: no more than NumPy can have, and none below zero."""
    return isinstance(numbers, tuple) and len(numbers) <= 64 and all(type(n) is int and n >= 0 for n in numbers)


def _size(sizes: Any) -> Size:
    if not _sizes(tuple(sizes)):
        raise pickle.UnpicklingError(f"the file describes a size by {shown(sizes)}")
    return Size(sizes)


def _device(name: Any, index: Any = None) -> Device:
    if not isinstance(name, str) or not (index is None or type(index) is int):
        raise pickle.UnpicklingError(f"the file describes a device by {shown((name, index))}")
    return as_device(name, index)


def _with_state(tensor: Tensor, state: Any) -> Tensor:
    if state:
        if not isinstance(state, dict) or any(not isinstance(k, str) or k.startswith("_") for k in state):
            raise pickle.UnpicklingError(f"the file sets the attributes {_keys(state)} on a tensor")
        tensor.__dict__.update(state)
    return tensor


def _keys(state: Any) -> str:
    return shown(list(state)) if isinstance(state, dict) else shown(state)

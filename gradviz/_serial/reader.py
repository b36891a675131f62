"""A pickle in torch's words -> objects: tensors over storages, each checked against its record in the archive."""

from __future__ import annotations

import collections
import pickle
from collections.abc import Callable, Mapping
from typing import IO, Any

import numpy as np

from gradviz.core.device import CPU, Device, as_device
from gradviz.core.dtype import dtype
from gradviz.core.size import Size
from gradviz.core.tensor import Tensor
from gradviz.nn.parameter import Parameter

from . import names
from .archive import Archive
from .machine import World, key

NO_CUDA = (
    "Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False. If you are running on a "
    "CPU-only machine, please use torch.load with map_location=torch.device('cpu') to map your storages to the CPU."
)


class Storage:
    """The memory of one record on its way to a device; a callable `map_location` gets it and returns it."""

    def __init__(self, content: np.ndarray[Any, Any], element: dtype | None, device: Device) -> None:
        self.content, self.dtype, self.device = content, element, device

    def cpu(self) -> Storage:
        """The same storage on the CPU."""
        return Storage(self.content, self.dtype, CPU)

    def cuda(self, device: int | None = None) -> Storage:
        """The same storage on a cuda device."""
        return Storage(self.content, self.dtype, as_device("cuda" if device is None else device))


class Allowed:
    """Something a weights file may name: calling it through the machine calls `make`."""

    __slots__ = ("make", "name")

    def __init__(self, name: str, make: Callable[..., Any]) -> None:
        self.name, self.make = name, make

    def __repr__(self) -> str:
        return self.name


class Builder:
    """Rebuilds tensors from an archive's storages."""

    def __init__(self, archive: Archive, map_location: Any) -> None:
        self.archive, self.map_location = archive, map_location
        self.swap = "byteorder" in archive and archive.read("byteorder") == b"big"
        self.storages: dict[str, Storage] = {}

    def storage(self, key: Any) -> Storage:
        """The storage that a pickle's persistent id names, read when first asked for."""
        if not (isinstance(key, tuple) and len(key) == 5 and key[0] == "storage"):
            raise pickle.UnpicklingError(f"the file refers to {key!r:.80} where a storage is expected")
        _, kind, name, location, count = key
        element = kind.dtype if isinstance(kind, _StorageType) else None
        if not (isinstance(kind, _StorageType) and isinstance(name, str) and isinstance(count, int)):
            raise pickle.UnpicklingError(f"the file describes a storage by {key!r:.80}")
        if name not in self.storages:
            expected = count * (element.itemsize if element else 1)
            found = self.archive.size(f"data/{name}")
            if found != expected:
                raise RuntimeError(
                    f"storage {name} should hold {count} elements ({expected} bytes), but its record has {found} "
                    "bytes. The file is damaged: save it again, or fetch it again."
                )
            content = self.archive.read_array(f"data/{name}")
            if self.swap and element:
                content = content.view(element.numpy).byteswap().view(np.uint8)
            self.storages[name] = self._place(Storage(content, element, CPU), str(location))
        return self.storages[name]

    def _place(self, storage: Storage, location: str) -> Storage:
        """The storage where `map_location` wants it; by default where it was saved."""
        wanted = self.map_location
        if callable(wanted) and not isinstance(wanted, Device):
            placed = wanted(storage, location)
            if isinstance(placed, Storage):
                return placed
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
        numbers = (offset, *size, *stride)
        if not isinstance(element, dtype) or not all(type(n) is int and n >= 0 for n in numbers):
            raise pickle.UnpicklingError(f"the file describes a tensor by offset, size and stride {numbers!r:.80}")
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
            array = storage.device.wrap(array)
        return Tensor._of(array, storage.device, bool(requires_grad))

    def parameter(self, data: Any, requires_grad: Any, hooks: Any = None, state: Any = None) -> Tensor:
        """A Parameter over a tensor."""
        made: Tensor = Parameter(_checked(data), requires_grad=bool(requires_grad))
        return _with_state(made, state)

    def with_state(self, rebuild: Any, cls: Any, arguments: Any, state: Any) -> Tensor:
        """A tensor with attributes that the user set on it."""
        make = rebuild.make if isinstance(rebuild, Allowed) else rebuild
        if make not in (self.tensor, self.parameter):
            raise pickle.UnpicklingError(f"the file rebuilds a tensor with {rebuild!r}")
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
            "torch.device": lambda name, index=None: as_device(str(name), index),
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


def _size(sizes: Any) -> Size:
    return Size(int(n) for n in sizes)


def _with_state(tensor: Tensor, state: Any) -> Tensor:
    if state:
        if not isinstance(state, dict) or any(not isinstance(k, str) or k.startswith("_") for k in state):
            raise pickle.UnpicklingError(f"the file sets the attributes {state!r:.80} on a tensor")
        tensor.__dict__.update(state)
    return tensor


def _ordered(pairs: Any = ()) -> collections.OrderedDict[Any, Any]:
    return collections.OrderedDict((key(k), v) for k, v in pairs)


def _counter(counts: Any) -> collections.Counter[Any]:
    return collections.Counter(dict(counts))


def _bytes(text: str = "", encoding: str = "latin1") -> bytes:
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"the file encodes text as {encoding!r:.20}")
    return text.encode("latin1")


def _bytearray(content: Any = b"", encoding: str = "latin1") -> bytearray:
    return bytearray(_bytes(content, encoding) if isinstance(content, str) else memoryview(content))


# Plain Python types that protocol 2 writes as calls. A number given to bytearray would allocate: only content is taken.
PLAIN: dict[str, Callable[..., Any]] = {
    "collections.OrderedDict": _ordered,
    "collections.Counter": _counter,
    "_codecs.encode": _bytes,
    "builtins.set": lambda items=(): {key(item) for item in items},
    "builtins.frozenset": lambda items=(): frozenset(key(item) for item in items),
    "builtins.bytearray": _bytearray,
    "builtins.bytes": lambda: b"",
    "builtins.complex": lambda real, imag: complex(float(real), float(imag)),
}
PLAIN |= {name.replace("builtins.", "__builtin__."): make for name, make in PLAIN.items()}


class WeightsWorld(World):
    """What a weights file may name: tensors, parameters, plain containers, and the classes the user has allowed."""

    def __init__(self, builder: Builder, trusted: Mapping[str, Any]) -> None:
        self.persistent = builder.storage  # type: ignore[method-assign]
        self.trusted = trusted
        table = {**builder.table(), **PLAIN}
        self.table = {n: Allowed(n, v) if callable(v) and not isinstance(v, type) else v for n, v in table.items()}

    def find(self, module: str, name: str) -> Any:
        full = f"{module}.{name}"
        if full in self.table:
            return self.table[full]
        if full in self.trusted:
            return self.trusted[full]
        raise pickle.UnpicklingError(f"Unsupported global: GLOBAL {full} was not an allowed global by default.")

    def call(self, function: Any, arguments: tuple[Any, ...]) -> Any:
        if isinstance(function, Allowed):
            return function.make(*arguments)
        if any(function is value for value in self.trusted.values()):
            return function(*arguments)
        raise pickle.UnpicklingError(f"the file calls {function!r:.80}")

    def new(self, cls: Any, arguments: tuple[Any, ...]) -> Any:
        if isinstance(cls, Allowed):
            return cls.make(*arguments)
        if any(cls is value for value in self.trusted.values()):
            return cls.__new__(cls, *arguments)
        raise pickle.UnpicklingError(f"the file makes a {cls!r:.80}")

    def build(self, instance: Any, state: Any) -> None:
        if type(instance) is collections.OrderedDict and isinstance(state, dict):
            if any(not isinstance(k, str) or hasattr(collections.OrderedDict, k) for k in state):
                raise pickle.UnpicklingError(f"the file sets {state!r:.80} on an OrderedDict")
            instance.__dict__.update(state)
        elif type(instance) in self.trusted.values():
            set_state = getattr(instance, "__setstate__", instance.__dict__.update)
            set_state(state)
        else:
            super().build(instance, state)


class Unpickler(pickle.Unpickler):
    """Python's own unpickler, for files that are trusted: it imports and calls whatever the file says.

    A class of torch's that gradviz has under the same path is gradviz's.
    """

    def __init__(self, file: IO[bytes], builder: Builder) -> None:
        super().__init__(file)
        self.persistent_load = builder.storage  # type: ignore[method-assign]
        self.table = {**builder.table(), "torch.Tensor": Tensor, "torch.nn.parameter.Parameter": Parameter}

    def find_class(self, module: str, name: str) -> Any:
        full = f"{module}.{name}"
        if full in self.table:
            return self.table[full]
        if module == "torch" or module.startswith("torch."):
            module = "gradviz" + module.removeprefix("torch")
        return super().find_class(module, name)

"""Objects -> a pickle in torch's words, with the memory of tensors set aside in storages.

tensor --> torch._utils._rebuild_tensor_v2( storage "0", offset, size, stride, requires_grad, hooks )
                                                |
storages[0]: the bytes of the whole memory that the tensor is a view of, written once however many views there are
"""

from __future__ import annotations

import collections
import pickle
from collections.abc import Callable
from typing import IO, Any, ClassVar

import numpy as np

from gradviz.core.device import Device
from gradviz.core.dtype import dtype
from gradviz.core.size import Size
from gradviz.core.storage import address, contiguous_strides, extent, flat_storage, owner, storage_offset, strides_of
from gradviz.core.tensor import Tensor
from gradviz.core.values import PRIVATE
from gradviz.nn.parameter import Parameter

from . import names

# Typed as Any: the names that a subclass needs are not in its published type.
_Pickler: Any = pickle._Pickler
MIXED = "Cannot save multiple tensors or storages that view the same data as different types"


class Memory:
    """The memory that a group of tensors share, as flat bytes, with the element type and place it is saved under."""

    def __init__(self, key: str, content: np.ndarray[Any, Any], element: dtype, location: str) -> None:
        self.key, self.content, self.dtype, self.location = key, content, element, location


class Writer(_Pickler):  # type: ignore[misc]
    """A Pickler that writes torch's names without importing torch and collects `storages` on the way.

    It is the Python one of the standard library's two picklers: the C one can only name what can be imported.
    """

    dispatch: ClassVar[dict[Any, Callable[..., None]]] = dict(_Pickler.dispatch)

    def __init__(self, file: IO[bytes], protocol: int, legacy: bool = False) -> None:
        super().__init__(file, protocol)
        self.legacy = legacy
        self.storages: list[np.ndarray[Any, Any]] = []
        self.element_sizes: list[int] = []
        self._memories: dict[int, Memory] = {}
        self._roots: list[Any] = []

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            return self._parameter(value) if isinstance(value, Parameter) else self._tensor(value)
        if isinstance(value, Size):
            return names.SIZE, (tuple(value),)
        if isinstance(value, Device):
            return names.DEVICE, (value.type,) if value.index is None else (value.type, value.index)
        return NotImplemented

    def persistent_id(self, value: Any) -> Any:
        if not isinstance(value, Memory):
            return None
        kind = names.STORAGE_NAMES.get(value.dtype, names.UNTYPED_NAME)
        count = len(value.content) // (value.dtype.itemsize if kind is not names.UNTYPED_NAME else 1)
        found = "storage", kind, value.key, value.location, count
        return (*found, None) if self.legacy else found

    def _tensor(self, tensor: Tensor) -> Any:
        if type(tensor) is not Tensor:
            raise NotImplementedError(
                f"save() of a {type(tensor).__name__}, which is a subclass of Tensor, is not supported; "
                "save tensor.as_subclass(Tensor) or its data instead."
            )
        state = _user_state(tensor)
        rebuild, parts = self._parts(tensor)
        return (names.WITH_STATE, (rebuild, names.TENSOR_CLASS, parts, state)) if state else (rebuild, parts)

    def _parameter(self, parameter: Tensor) -> Any:
        data, state = parameter.data, _user_state(parameter)
        hooks: collections.OrderedDict[Any, Any] = collections.OrderedDict()
        if state:
            return names.PARAMETER_WITH_STATE, (data, parameter.requires_grad, hooks, state)
        return names.PARAMETER, (data, parameter.requires_grad, hooks)

    def _parts(self, tensor: Tensor) -> tuple[names.Name, tuple[Any, ...]]:
        array = tensor._array
        memory, offset, strides = self._memory(array, tensor)
        hooks: collections.OrderedDict[Any, Any] = collections.OrderedDict()
        parts = (memory, offset, tuple(array.shape), strides, tensor.requires_grad, hooks)
        if tensor.dtype in names.STORAGE_NAMES:
            return names.TENSOR, parts
        return names.TENSOR_UNTYPED, (*parts, tensor.dtype)

    def _memory(self, array: Any, tensor: Tensor) -> tuple[Memory, int, tuple[int, ...]]:
        """The memory an array lies in, where it starts in it and its strides, both counted in elements."""
        size = int(array.dtype.itemsize)
        whole = owner(array)
        steps = (address(array) - address(whole) if array.size else 0, int(whole.nbytes), *array.strides)
        if not _dense(whole) or any(step < 0 or step % size for step in steps):
            whole = array = tensor.device.xp.ascontiguousarray(array).reshape(array.shape)
        memory = self._memories.get(id(whole))
        if memory is None:
            flat = tensor.device.to_numpy(flat_storage(whole)).view(np.uint8)
            memory = Memory(str(len(self.storages)), flat, tensor.dtype, str(tensor.device))
            self.storages.append(flat)
            self.element_sizes.append(tensor.dtype.itemsize if tensor.dtype in names.STORAGE_NAMES else 1)
            self._memories[id(whole)] = memory
            self._roots.append(whole)
        elif memory.dtype is not tensor.dtype:
            raise RuntimeError(
                f"{MIXED}\nThe tensor of shape {tuple(tensor.shape)} views as {tensor.dtype} what another saved tensor "
                f"holds as {memory.dtype}. Save a clone() of one of them."
            )
        if not array.size:
            return memory, 0, contiguous_strides(tuple(array.shape))
        return memory, storage_offset(array), strides_of(array)

    def _save_name(self, name: names.Name) -> None:
        self.write(pickle.GLOBAL + f"{name.module}\n{name.name}\n".encode())
        self.memoize(name)

    def _save_dtype(self, value: dtype) -> None:
        self.save(names.DTYPE_GLOBALS[value])

    dispatch[names.Name] = _save_name
    dispatch[dtype] = _save_dtype


def _dense(array: Any) -> bool:
    """Whether an array that owns its memory fills it without a gap, in any order of its dimensions."""
    return not array.dtype.hasobject and extent(tuple(array.shape), strides_of(array)) == array.size


def _user_state(tensor: Tensor) -> dict[str, Any]:
    return {name: value for name, value in tensor.__dict__.items() if name not in PRIVATE}

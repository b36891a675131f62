"""A tensor's memory itself: its storage, other sizes over it, and other memory in its place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...clock import cell_of
from ...device import as_device
from ...dtype import from_numpy
from ...errors import noted
from ...inplace import check_write
from ...memory_format import CONTIGUOUS, memory_format, of_format
from ...op import function, method
from ...storage import address, check_geometry, contiguous_strides, extent, flat_storage, storage_offset, strided
from ...tensor import Tensor
from ..creation.factory import leaf, only_defaults, read_dtype, read_size


class UntypedStorage:
    """The bytes behind a tensor and all its views."""

    def __init__(self, array: Any, device: Any) -> None:
        self._flat, self.device = flat_storage(array), device

    def nbytes(self) -> int:
        """The number of bytes."""
        return int(self._flat.nbytes)

    size = __len__ = nbytes

    def data_ptr(self) -> int:
        """The address of the first byte."""
        return address(self._flat)

    def tolist(self) -> list[int]:
        """The bytes as integers."""
        made: list[int] = self.device.to_numpy(self._flat).view("uint8").tolist()
        return made

    def __getitem__(self, index: int) -> int:
        return self.tolist()[index]

    def __iter__(self) -> Iterator[int]:
        return iter(self.tolist())


class TypedStorage:
    """The elements behind a tensor and all its views, in one dimension."""

    def __init__(self, array: Any, device: Any) -> None:
        self._flat, self.device = flat_storage(array), device
        self.dtype = from_numpy(array.dtype)

    def untyped(self) -> UntypedStorage:
        """The same memory as bytes."""
        return UntypedStorage(self._flat, self.device)

    def __len__(self) -> int:
        return int(self._flat.size)

    size = __len__

    def nbytes(self) -> int:
        """The number of bytes."""
        return int(self._flat.nbytes)

    def element_size(self) -> int:
        """Bytes per element."""
        return self.dtype.itemsize

    def data_ptr(self) -> int:
        """The address of the first element."""
        return address(self._flat)

    def tolist(self) -> list[Any]:
        """The elements as Python numbers."""
        made: list[Any] = self.device.to_numpy(self._flat).tolist()
        return made

    def __getitem__(self, index: int) -> Any:
        return self.tolist()[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.tolist())


@method
def untyped_storage(self: Tensor) -> UntypedStorage:
    """The memory behind this tensor, as bytes."""
    return UntypedStorage(self._array, self.device)


@method
def storage(self: Tensor) -> TypedStorage:
    """The memory behind this tensor, as elements."""
    return TypedStorage(self._array, self.device)


@method
def const_data_ptr(self: Tensor) -> int:
    """The address of the first element."""
    return self.data_ptr()


@method
def is_set_to(self: Tensor, tensor: Tensor) -> bool:
    """Whether both show the same memory in the same way."""
    mine, other = ((address(x._array), x._array.shape, x._array.strides, x._array.dtype) for x in (self, tensor))
    return mine == other


@method
def dim_order(self: Tensor) -> tuple[int, ...]:
    """The dimensions from the slowest to the fastest in memory."""
    strides = self.stride()
    return tuple(sorted(range(self.ndim), key=lambda i: -strides[i]))


# -- other sizes over the same memory ------------------------------------------------------------------------------
def _strides_in(size: tuple[int, ...], given: memory_format, x: Tensor) -> tuple[int, ...]:
    order = given.order or tuple(range(len(size)))
    steps = contiguous_strides(tuple(size[i] for i in order))
    return tuple(steps[order.index(i)] for i in range(len(size)))


@method
def resize_(self: Tensor, *sizes: Any, memory_format: Any = CONTIGUOUS) -> Tensor:
    """Other sizes over this tensor's memory, which grows where it must; new elements are not set."""
    if self._needs:
        raise RuntimeError("cannot resize variables that require grad")
    size = tuple(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)) else sizes
    size = tuple(int(n) for n in size)
    if any(n < 0 for n in size):
        raise noted(RuntimeError(f"numel: integer multiplication overflow\nSizes count up; got {size}."))
    if memory_format.order:
        of_format(memory_format, self.new_empty(size))
    stride = _strides_in(size, memory_format, self)
    flat, start = flat_storage(self._array), storage_offset(self._array) if self._array.size else 0
    need = start + extent(size, stride)
    if need > flat.size:
        grown = self.device.xp.empty(need, dtype=flat.dtype)
        grown[: flat.size] = flat
        flat = grown
    self._array = strided(self.device.xp, flat, size, stride, start)
    return self


@method
def resize_as_(self: Tensor, the_template: Tensor, *, memory_format: Any = CONTIGUOUS) -> Tensor:
    """The sizes of another tensor over this one's memory."""
    return resize_(self, tuple(the_template._array.shape), memory_format=memory_format)


# -- other memory --------------------------------------------------------------------------------------------------
@method
def set_(self: Tensor, source: Any = None, storage_offset: int = 0, size: Any = None, stride: Any = None) -> Tensor:
    """Show the memory of another tensor, or a storage, from now on."""
    check_write(self, "set_")
    if source is None:
        self._array = self.device.xp.empty((0,), dtype=self._array.dtype)
        return self
    array = source._array if isinstance(source, Tensor) else source._flat
    if isinstance(source, Tensor) and source.dtype is not self.dtype:
        raise noted(
            RuntimeError(f"Expected a Tensor of type {self.dtype!r} but got {source.dtype!r}\nset_ converts nothing.")
        )
    if size is not None:
        shape = tuple(int(n) for n in size)
        steps = contiguous_strides(shape) if stride is None else tuple(int(n) for n in stride)
        flat = flat_storage(array if array.dtype == self._array.dtype else array.view(self._array.dtype))
        array = strided(self.device.xp, flat, shape, steps, int(storage_offset))
    elif array.dtype != self._array.dtype:
        array = array.view(self._array.dtype)
    self._array = array
    if isinstance(source, Tensor):
        self._cell = cell_of(source)
    return self


# -- new memory of any geometry ------------------------------------------------------------------------------------
@function(method=False)
def empty_strided(
    size: Any, stride: Any, *, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """A tensor with these sizes and strides whose memory is not set."""
    only_defaults("empty_strided", layout=layout, pin_memory=pin_memory)
    shape, steps = read_size("empty_strided", (size,), varargs=False), tuple(int(n) for n in stride)
    if len(shape) != len(steps):
        raise RuntimeError(
            f"dimensionality of sizes ({len(shape)}) must match dimensionality of strides ({len(steps)})"
        )
    place, kind = as_device(device), read_dtype("empty_strided", dtype)
    flat = place.xp.empty(max(extent(shape, steps), 1), dtype=kind.numpy)
    check_geometry(shape, steps, 0, flat)
    return leaf(strided(place.xp, flat, shape, steps, 0), place, requires_grad)


@method
def new_empty_strided(
    self: Tensor, size: Any, stride: Any, *, dtype: Any = None, layout: Any = None, device: Any = None,
    requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """A tensor with these sizes and strides and this tensor's dtype and device, whose memory is not set."""
    kind, place = read_dtype("new_empty_strided", dtype, self.dtype), self.device if device is None else device
    return empty_strided(
        size, stride, dtype=kind, layout=layout, device=place, requires_grad=requires_grad, pin_memory=pin_memory
    )

"""Changing the type, the device and the layout in memory."""

from __future__ import annotations

from typing import Any

from ... import errors
from ...device import Device, as_device
from ...dtype import DTYPES, as_dtype, dtype
from ...errors import noted
from ...legacy import TensorType, named_type
from ...memory_format import is_laid_out, of_format
from ...memory_format import memory_format as memory_formats
from ...mode import grad_mode
from ...op import RECORDED, composite, function, method, op
from ...tensor import Tensor
from .join import _cast, cast_

_move = op("to_device", lambda x, *, device, source: device.receive(x, source), node="ToCopyBackward0", public=False)


@_move.rule
def x(F: Any, g: Any, *, device: Any, source: Any) -> Any:
    return F.to_device(g, device=source, source=device)


@method
def to(self: Tensor, *args: Any, dtype: Any = None, device: Any = None, non_blocking: bool = False, copy: bool = False,
       memory_format: Any = None) -> Tensor:  # fmt: skip
    """The tensor as another type, on another device or laid out anew; itself where nothing changes, unless `copy`."""
    flags = [arg for arg in args if isinstance(arg, bool)]  # `non_blocking` and `copy`, in this order
    non_blocking, copy = non_blocking or flags[:1] == [True], copy or flags[1:] == [True]
    for arg in args:
        if isinstance(arg, Tensor):
            dtype, device = arg.dtype, arg.device
        elif isinstance(arg, (Device, str, int)) and not isinstance(arg, bool):
            device = arg
        elif arg is not None and not isinstance(arg, bool):
            dtype = as_dtype(arg)
    where = self.device if device is None else as_device(device)
    kind = self.dtype if dtype is None else as_dtype(dtype)
    wanted = None if memory_format is None else of_format(memory_format, self)
    if wanted is memory_formats.preserve_format:
        wanted = None
    out = self
    if kind is not out.dtype or (wanted is not None and not is_laid_out(out._array, wanted)):
        out = _cast(out, kind) if wanted is None else cast_.call(out, dtype=kind.numpy, memory_format=wanted)
    if where is not out.device:
        out = moved(out, where, non_blocking)
    return _cast(out, kind) if copy and out is self else out


def moved(x: Tensor, where: Device, non_blocking: bool = False) -> Tensor:
    """The tensor's values on another device, recorded."""
    from ...dispatch import make_node
    from ...node import edge_of

    array = where.receive(x._array, x.device, non_blocking)
    edge = None
    if x._needs and grad_mode.get():
        node_type = _move.node_type({})
        edge = make_node(node_type, (edge_of(x),), (where, x.device), array, x.device)
    return Tensor._made(array, where, edge)


def _moved_back(x: Tensor, *, device: Device, source: Device) -> Tensor:
    return moved(x, device)


# On arrays a move is a call of the two devices; on Tensors it must make a Tensor of the other device.
RECORDED.to_device = _moved_back


@method
def cpu(self: Tensor) -> Tensor:
    return to(self, "cpu")


@method
def cuda(self: Tensor, device: Any = None, non_blocking: bool = False) -> Tensor:
    """The tensor on a cuda device: the current one, or that of this number or name."""
    if not isinstance(device, int | None) and str(device).partition(":")[0] != "cuda":
        raise noted(RuntimeError("Invalid device, must be cuda device\nTo go elsewhere: x.to(device)."))
    return to(self, "cuda" if device is None else device, non_blocking=non_blocking)


@method
def type(self: Tensor, dtype: Any = None) -> Any:
    """Its legacy type name, or the tensor converted."""
    if dtype is None:
        return errors.type_name(self, self._array)
    if isinstance(dtype, (str, TensorType)):
        kind = named_type(dtype)
        return to(self, kind.place, kind.dtype)
    return to(self, dtype)


@method
def type_as(self: Tensor, other: Tensor) -> Tensor:
    return to(self, other.dtype)


def _conversion(name: str, kind: dtype) -> None:
    def convert(self: Tensor, memory_format: Any = None) -> Tensor:
        if memory_format is None and self.dtype is kind:
            return self
        return to(self, kind, memory_format=memory_format)

    convert.__name__ = name
    convert.__doc__ = f"The tensor as {kind!r}."
    method(name=name)(convert)


for _name, _kind in (
    ("float", "float32"), ("double", "float64"), ("half", "float16"), ("bfloat16", "bfloat16"), ("int", "int32"),
    ("long", "int64"), ("short", "int16"), ("char", "int8"), ("byte", "uint8"), ("bool", "bool"),
    ("cfloat", "complex64"), ("cdouble", "complex128"),
):  # fmt: skip
    _conversion(_name, DTYPES[_kind])


@method
def chalf(self: Tensor, memory_format: Any = None) -> Tensor:
    """The tensor as complex numbers of half precision, which neither NumPy nor gradviz has."""
    raise NotImplementedError("chalf(): complex32 is not supported; use x.cfloat().")


@method
def dequantize(self: Tensor) -> Tensor:
    """The tensor as float32: there are no quantized tensors here."""
    return self.float()  # type: ignore[no-any-return]


@function
def numel(input: Tensor) -> int:
    """The number of elements."""
    return int(input._array.size)


@function
def is_floating_point(input: Tensor) -> bool:
    """Whether the elements are of a floating type."""
    return input.dtype.is_floating_point


@function(method=False)
def detach(input: Tensor) -> Tensor:
    """The same memory outside the graph."""
    return Tensor.detach(input)


@composite("to_dtype")
def _to_dtype(F: Any, x: Any, *, dtype: Any) -> Any:
    return F.cast(x, dtype=dtype)

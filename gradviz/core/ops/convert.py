"""Changing type and device, and copying into existing memory."""

from __future__ import annotations

from typing import Any

from gradviz.core.errors import noted

from .. import errors
from ..clock import wrote
from ..device import Device, as_device
from ..dtype import DTYPES, as_dtype, dtype
from ..inplace import adopt, check_write, make_inplace
from ..mode import grad_mode
from ..op import RECORDED, composite, function, method, op
from ..tensor import Tensor
from .join import _cast
from .shape import clone, expand

_move = op(
    "to_device", lambda x, *, device, source: device.wrap(source.to_numpy(x)), node="ToCopyBackward0", public=False
)


@_move.rule
def x(F: Any, g: Any, *, device: Any, source: Any) -> Any:
    return F.to_device(g, device=source, source=device)


@method
def to(self: Tensor, *args: Any, dtype: Any = None, device: Any = None, non_blocking: bool = False, copy: bool = False,
       memory_format: Any = None) -> Tensor:  # fmt: skip
    """The tensor as another type or on another device; itself where nothing changes and `copy` is False."""
    if memory_format is not None:
        raise NotImplementedError("to(): argument 'memory_format' is not supported")
    for arg in args:
        if isinstance(arg, Tensor):
            dtype, device = arg.dtype, arg.device
        elif isinstance(arg, (Device, str, int)) and not isinstance(arg, bool):
            device = arg
        elif arg is not None and not isinstance(arg, bool):  # a bool is `non_blocking`: here every copy is complete
            dtype = as_dtype(arg)
    where = self.device if device is None else as_device(device)
    kind = self.dtype if dtype is None else as_dtype(dtype)
    out = self
    if kind is not out.dtype:
        out = _cast(out, kind)
    if where is not out.device:
        out = moved(out, where)
    return clone(out) if copy and out is self else out


def moved(x: Tensor, where: Device) -> Tensor:
    """The tensor's values on another device, recorded."""
    from ..dispatch import make_node
    from ..node import edge_of

    array = where.wrap(x.device.to_numpy(x._array))
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
    return to(self, "cuda" if device is None else device)


@method
def type(self: Tensor, dtype: Any = None) -> Any:
    """Its legacy type name, or the tensor converted."""
    if dtype is None:
        return errors._type_name(self, self._array)
    if isinstance(dtype, str):
        name = dtype.removeprefix("torch.").removesuffix("Tensor")
        dtype = next(d for d in DTYPES.values() if errors.scalar_type(d) == name)
    return to(self, dtype)


@method
def type_as(self: Tensor, other: Tensor) -> Tensor:
    return to(self, other.dtype)


def _conversion(name: str, kind: dtype) -> None:
    def convert(self: Tensor, memory_format: Any = None) -> Tensor:
        return to(self, kind)

    convert.__name__ = name
    convert.__doc__ = f"The tensor as {kind!r}."
    method(name=name)(convert)


for _name, _kind in (
    ("float", "float32"), ("double", "float64"), ("half", "float16"), ("bfloat16", "bfloat16"), ("int", "int32"),
    ("long", "int64"), ("short", "int16"), ("char", "int8"), ("byte", "uint8"), ("bool", "bool"),
):  # fmt: skip
    _conversion(_name, DTYPES[_kind])


@method
def copy_(self: Tensor, src: Tensor, non_blocking: bool = False) -> Tensor:
    """Write `src`'s values, broadcast and converted, into this tensor's memory."""
    check_write(self, "copy_")
    value = src if isinstance(src, Tensor) else Tensor._of(self.device.xp.asarray(src), self.device)
    if value.device is not self.device:
        value = moved(value, self.device)
    if value._array.shape != self._array.shape:
        value = expand(value, *self._array.shape)
    if value._needs and grad_mode.get():
        same = value if value.dtype is self.dtype else _cast(value, self.dtype)
        made: Tensor = adopt(self, clone(same), "copy_", (self, src), None, {})
        return made
    self._array[...] = value._array
    wrote(self)
    if grad_mode.get():
        self._edge, self._needs = None, False
    return self


_zeroed = op("zero", lambda xp, x: xp.zeros_like(x), x=lambda g: g * 0.0, public=False)
_filled = op("fill", lambda xp, x, value: xp.zeros_like(x) + value, x=lambda g: g * 0.0, node="FillBackward2",
             number_node="FillBackward0", public=False,
             value=lambda F, g: F.sum(g, dim=None, keepdim=False))  # fmt: skip
_zero_recorded = make_inplace("zero_", _zeroed.call, _zeroed)
_fill_recorded = make_inplace("fill_", _filled.call, _filled)


@method
def zero_(self: Tensor) -> Tensor:
    """Set every element to zero, in place."""
    if self._needs and grad_mode.get():
        made: Tensor = _zero_recorded(self)
        return made
    return _overwrite(self, 0)


@method
def fill_(self: Tensor, value: Any) -> Tensor:
    """Set every element to one value, in place."""
    if isinstance(value, Tensor) and value.ndim:
        raise noted(
            RuntimeError(
                f"fill_ only supports 0-dimension value tensor but got tensor with {value.ndim} dimensions.\n"
                "Use copy_ to write a tensor of many values."
            )
        )
    if grad_mode.get() and (self._needs or (isinstance(value, Tensor) and value._needs)):
        made: Tensor = _fill_recorded(self, value)
        return made
    return _overwrite(self, value)


def _overwrite(x: Tensor, value: Any) -> Tensor:
    x._array[...] = value._array if isinstance(value, Tensor) else value
    wrote(x)
    return x


@method
def fill_diagonal_(self: Tensor, fill_value: Any, wrap: bool = False) -> Tensor:
    """Set the main diagonal, in place."""
    check_write(self, "fill_diagonal_")
    n = min(self._array.shape)
    rows = self.device.xp.arange(n)
    self._array[(rows,) * self.ndim] = fill_value
    wrote(self)
    return self


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

"""The old constructors: `torch.Tensor(2, 3)`, `torch.FloatTensor([1, 2])`, `x.new(...)`.

Sizes make an uninitialised tensor; a sequence, an array or a tensor is taken for the data.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .device import Device, as_device
from .dtype import DTYPES, dtype, get_default_dtype
from .errors import noted, scalar_type
from .size import Size
from .tensor import Tensor


def legacy(kind: dtype, args: tuple[Any, ...], device: Any = None) -> Tensor:
    """A tensor of this dtype from sizes or data."""
    place = as_device(device)
    if not args:
        return _of(np.empty(0, kind.numpy), place)
    first = args[0]
    if all(_is_size(n) for n in args):
        return _of(np.empty(tuple(int(n) for n in args), kind.numpy), place)
    if len(args) > 1:
        given = ", ".join(type(a).__name__ for a in args)
        raise noted(
            TypeError(
                f"new() received an invalid combination of arguments - got ({given}), but expected one of:\n"
                "sizes one by one, or one sequence, array or tensor of data."
            )
        )
    if isinstance(first, Size):
        return _of(np.empty(first, kind.numpy), place)
    if isinstance(first, Tensor):
        return _shared(first, kind, place)
    if isinstance(first, (str, bytes)):
        raise TypeError(f"new(): invalid data type '{type(first).__name__}'")
    if isinstance(first, (bool, int, float, complex, np.generic)):
        raise TypeError(f"new(): data must be a sequence (got {type(first).__name__})")
    from .op import FUNCTIONS

    numbers: Tensor = FUNCTIONS["tensor"](first)
    return _of(numbers._array.astype(kind.numpy), place)


def _is_size(n: Any) -> bool:
    return isinstance(n, (int, np.integer)) and not isinstance(n, (bool, np.bool_))


def _of(array: Any, place: Device) -> Tensor:
    return Tensor._of(place.wrap(array), place)


def _shared(data: Tensor, kind: dtype, place: Device) -> Tensor:
    """A tensor of the old type must be of that type already: it is shared, not converted."""
    if data.dtype is not kind:
        raise noted(
            TypeError(
                f"expected a {scalar_type(kind)} tensor on {place} (got a {scalar_type(data.dtype)} tensor on "
                f"{data.device})\nConvert it: data.to({kind!r})."
            )
        )
    return data.detach()


class TensorType:
    """An old name for tensors of one dtype, such as `torch.LongTensor`: a constructor, and a class for isinstance."""

    def __init__(self, kind: dtype, device: str = "cpu") -> None:
        self.dtype, self.place = kind, device
        self.__name__ = f"{scalar_type(kind).removeprefix('Complex')}Tensor"
        self.__module__ = "torch" if device == "cpu" else f"torch.{device}"

    def __call__(self, *args: Any, device: Any = None) -> Tensor:
        return legacy(self.dtype, args, self.place if device is None else device)

    def __instancecheck__(self, value: object) -> bool:
        return isinstance(value, Tensor) and value.dtype is self.dtype and value.device.type == self.place

    def __repr__(self) -> str:
        return f"<class '{self.__module__}.{self.__name__}'>"

    def __reduce__(self) -> Any:
        return type(self), (self.dtype, self.place)


# Types with an old name; complex numbers and the wide unsigned integers came later.
OLD = [d for d in DTYPES.values() if d.category < 3 and d.name not in ("uint16", "uint32", "uint64")]
TENSOR_TYPES = {made.__name__: made for made in (TensorType(d) for d in OLD)}
CUDA_TENSOR_TYPES = {made.__name__: made for made in (TensorType(d, "cuda") for d in OLD)}


def named_type(name: Any) -> TensorType:
    """The old type of a name such as "torch.cuda.FloatTensor", or the type itself."""
    if isinstance(name, TensorType):
        return name
    module, _, short = str(name).rpartition(".")
    table = {"torch": TENSOR_TYPES, "torch.cuda": CUDA_TENSOR_TYPES}.get(module, {})
    if short not in table:
        raise noted(ValueError(f"invalid type: {name!r}\nName it as 'torch.FloatTensor', or use x.to(dtype)."))
    return table[short]


def make(cls: type, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    """`torch.Tensor(...)`, or a subclass of it: floats of the default dtype."""
    device = kwargs.pop("device", None)
    if kwargs:
        names = [type(a).__name__ for a in args] + [f"{k}={_kind(v)}" for k, v in kwargs.items()]
        raise noted(
            TypeError(
                f"new() received an invalid combination of arguments - got ({', '.join(names)}), but expected one of:\n"
                "sizes or data, and a device. torch.tensor(...) takes dtype and requires_grad."
            )
        )
    given = len(args) == 1 and isinstance(args[0], Tensor)
    made = args[0].detach() if given else legacy(get_default_dtype(), args, device)
    return made if cls is Tensor else seen_as(made, cls)


def seen_as(x: Tensor, cls: type) -> Any:
    """The same tensor as an object of a subclass."""
    made: Any = object.__new__(cls)
    made._array, made.device, made._edge, made._needs = x._array, x.device, x._edge, x._needs
    for name in ("_base", "_cell"):
        if name in x.__dict__:
            made.__dict__[name] = x.__dict__[name]
    return made


def make_subclass(cls: type, data: Tensor, require_grad: bool = False) -> Any:
    """An object of a subclass on the memory of `data`, a leaf."""
    made = seen_as(data.detach(), cls)
    made._needs = bool(require_grad)
    return made


def _kind(value: Any) -> str:
    return "torch.dtype" if isinstance(value, dtype) else type(value).__name__

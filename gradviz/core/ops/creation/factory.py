"""What functions that make tensors share: reading sizes, dtypes and devices, and wrapping the new array."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...device import Device, as_device
from ...dtype import as_dtype, bool_, complex64, complex128, dtype, float64, get_default_dtype, int64
from ...errors import noted
from ...memory_format import arranged, of_format
from ...tensor import Tensor

# Arguments that PyTorch's functions take besides, with the values that change nothing here.
_NEUTRAL = {
    "out": (None,),
    "layout": (None, "torch.strided"),
    "pin_memory": (None, False),
}


def only_defaults(name: str, **given: Any) -> None:
    """NotImplementedError, by name, for an argument that would change the result."""
    for key, value in given.items():
        if value is None or (value is False and key == "pin_memory"):
            continue
        if not any(value is fine or str(value) == fine for fine in _NEUTRAL[key]):
            raise NotImplementedError(f"{name}(): argument {key!r} is not supported, got {value!r}. Leave it out.")


def read_size(name: str, args: tuple[Any, ...], size: Any = None, *, varargs: bool = True) -> tuple[int, ...]:
    """A size given one by one (`2, 3`), as one sequence (`(2, 3)`) or by keyword."""
    if args and size is not None:
        raise TypeError(f"{name}() got multiple values for argument 'size'")
    if not args and size is None:
        raise noted(
            TypeError(
                f'{name}() missing 1 required positional arguments: "size"\n'
                f"Say how large: {name}(2, 3), or {name}(()) for a single number."
            )
        )
    given = args if size is None else (size,)
    if len(given) == 1 and isinstance(given[0], (tuple, list)):
        given = tuple(given[0])
    elif not varargs or not _is_integer(given[0]):
        raise TypeError(f"{name}(): argument 'size' (position 1) must be tuple of ints, not {_kind(given[0])}")
    if not [n for n in given if n.__class__ is not int or n < 0]:
        return given
    for at, n in enumerate(given, 1):
        if not _is_integer(n):
            raise TypeError(
                f"{name}(): argument 'size' failed to unpack the object at pos {at} with error "
                f'"type must be tuple of ints,but got {_kind(n)}"'
            )
    found = tuple(int(n) for n in given)
    for n in found:
        if n < 0:
            text = f"Trying to create tensor with negative dimension {n}: {list(found)}"
            raise RuntimeError("zeros: Dimension size must be non-negative." if name == "zeros" else text)
    return found


def _is_integer(value: Any) -> bool:
    if value.__class__ is int:
        return True
    if isinstance(value, (bool, np.bool_, tuple, list, np.ndarray)):
        return False
    if isinstance(value, Tensor):
        return value._array.ndim == 0 and value.dtype.category == 1
    return hasattr(value, "__index__")


def _kind(value: Any) -> str:
    return "Tensor" if isinstance(value, Tensor) else type(value).__name__


def read_int(name: str, argument: str, position: int, value: Any) -> int:
    """An argument that must be an integer."""
    if not _is_integer(value):
        raise TypeError(f"{name}(): argument {argument!r} (position {position}) must be int, not {_kind(value)}")
    return int(value)


# Functions that take tensors without dimensions for numbers, and no others.
_ZERO_DIM = ("linspace", "logspace")


def read_number(name: str, argument: str, position: int, value: Any) -> Any:
    """An argument that must be a number; tensors and NumPy scalars of one element are taken as theirs."""
    if isinstance(value, Tensor) and value._array.size == 1 and (name not in _ZERO_DIM or not value.ndim):
        return value.item()
    if isinstance(value, np.generic) and value.dtype.kind in "biufc":
        return value.item()
    if not isinstance(value, (bool, int, float, complex)):
        raise TypeError(f"{name}(): argument {argument!r} (position {position}) must be Number, not {_kind(value)}")
    return value


def read_tensor(name: str, argument: str, position: int, value: Any) -> Tensor:
    """An argument that must be a tensor."""
    if not isinstance(value, Tensor):
        raise noted(
            TypeError(
                f"{name}(): argument {argument!r} (position {position}) must be Tensor, not {_kind(value)}\n"
                "Make a tensor of it first: torch.tensor(...)."
            )
        )
    return value


def read_dtype(name: str, given: Any, default: dtype | None = None) -> dtype:
    """The dtype asked for, else `default`, else the default dtype."""
    if given is None:
        return get_default_dtype() if default is None else default
    if not (isinstance(given, dtype) or given in (bool, int, float, complex)):
        raise noted(
            TypeError(
                f"{name}(): argument 'dtype' must be torch.dtype, not {_kind(given)}\n"
                f"Name it as torch.float32; got {given!r}."
            )
        )
    # Python's own types stand for the widest type of their kind.
    return float64 if given is float else as_dtype(given)


def dtype_of_number(value: Any) -> dtype:
    """The dtype that a Python number has as a tensor."""
    if isinstance(value, bool):
        return bool_
    if isinstance(value, int):
        return int64
    if isinstance(value, complex):
        return complex128 if get_default_dtype() is float64 else complex64
    return get_default_dtype()


_C_NAMES = {
    "uint8": "uint8_t", "int8": "int8_t", "int16": "int16_t", "int32": "int", "int64": "int64_t",
    "float16": "c10::Half", "bfloat16": "c10::BFloat16", "float32": "float",
}  # fmt: skip


def check_fits(value: Any, kind: dtype, names: dict[str, str] | None = None) -> None:
    """RuntimeError for a number that the type cannot hold. Negative integers wrap around in an unsigned type."""
    if kind.category == 1:
        info = np.iinfo(kind.numpy)
        low = -info.max if info.min == 0 and isinstance(value, int) else info.min
        fits = math.isfinite(value) and low <= value <= info.max
    elif kind.category == 2 and kind.itemsize < 8 and math.isfinite(value):
        fits = abs(value) <= float(_LARGEST[kind.name])
    else:
        fits = True
    if not fits:
        known = _C_NAMES if names is None else names
        raise RuntimeError(
            f"value cannot be converted to type {known.get(kind.name, kind.name)} without overflow\n"
            f"{value!r} is outside the range of {kind!r}."
        )


_LARGEST = {"float16": 65504.0, "bfloat16": 3.3895313892515355e38, "float32": 3.4028234663852886e38}


def wrap(array: Any, device: Device | None = None, requires_grad: bool = False) -> Tensor:
    """A new leaf over a NumPy array, moved to the device; only floating types can require gradients."""
    place = as_device(device)
    return leaf(place.wrap(array), place, requires_grad)


def laid_out(x: Tensor, memory_format: Any) -> Tensor:
    """A new leaf with its memory in another format."""
    x._array = arranged(x.device.xp, x._array, of_format(memory_format, x))
    return x


def leaf(array: Any, device: Device, requires_grad: bool = False) -> Tensor:
    """A new leaf over an array of the device."""
    made = Tensor._of(array, device)
    if requires_grad:
        if not (made.dtype.is_floating_point or made.dtype.is_complex):
            raise noted(
                RuntimeError(
                    "Only Tensors of floating point and complex dtype can require gradients\n"
                    f"This tensor is {made.dtype!r}. Ask for dtype=torch.float32, or write the numbers with a point."
                )
            )
        made._needs = True
    return made

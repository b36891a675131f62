"""What an operation is given: tensors on one device, Python numbers, None; and the type it computes in."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.core.errors import noted

from . import errors
from .device import CPU
from .dtype import bfloat16, from_numpy, get_default_dtype, result_dtype
from .tensor import Tensor

NUMBERS = (int, float, bool, complex)
BFLOAT16 = bfloat16.numpy
# What may stand beside a tensor in `a + b`.
OPERANDS = (Tensor, *NUMBERS, np.generic)


def prepare(op: Any, inputs: tuple[Any, ...]) -> tuple[list[Any], Any, tuple[Any, ...]]:
    """Raw arrays on one device in the type the operation computes in; NumPy arrays among inputs become tensors."""
    if not op.variadic and len(inputs) < len(op.inputs):
        missing = ", ".join(op.inputs[len(inputs) :])
        raise TypeError(f"{op.name}() missing {len(op.inputs) - len(inputs)} required positional arguments: {missing}")
    device: Any = None
    if op.promote is None:  # the plain case: tensors of one device, and None
        arrays: list[Any] = []
        for x in inputs:
            if isinstance(x, Tensor) and (device is None or x.device is device):
                device = x.device
                arrays.append(x._array)
            elif x is None:
                arrays.append(None)
            else:
                break
        else:
            if device is not None:
                return arrays, device, inputs
        device = None
    if op.numbers != "any":
        refuse_numbers(op, inputs)
    opened = tuple(_open(op, x) for x in inputs)
    for x in opened:
        if isinstance(x, Tensor) and (device is None or (x._array.ndim and device is not x.device)):
            if device is not None and device_dims(opened, device):
                raise noted(RuntimeError(errors.devices_differ(op.name, opened)))
            device = x.device
    for x in opened:  # numbers in tensors without dimensions may come from the CPU, and from nowhere else
        if isinstance(x, Tensor) and x.device is not device and x.device is not CPU:
            raise noted(RuntimeError(errors.devices_differ(op.name, opened)))
    if device is None:
        from .device import as_device

        device = as_device(None)
    if op.name in ("sub", "rsub") and errors.bool_subtract(opened):
        raise noted(RuntimeError(errors.bool_subtract(opened)))
    arrays = [_array_on(x, device) if isinstance(x, Tensor) else x for x in opened]
    if op.promote is not None:
        arrays = promote(op, opened, arrays, device)
    return arrays, device, opened


def refuse_numbers(op: Any, inputs: tuple[Any, ...]) -> None:
    """PyTorch's error for Python numbers where this operation takes tensors only."""
    plain = [not isinstance(x, Tensor) for x in inputs]
    if op.numbers == "none" and any(plain):
        at = plain.index(True)
        kind = type(inputs[at]).__name__
        raise TypeError(f"{op.name}(): argument {op.names[at]!r} (position {at + 1}) must be Tensor, not {kind}")
    if all(plain) or (op.numbers == "last" and any(plain[:-1])):
        raise noted(TypeError(errors.bad_combination(op.name, inputs)))


def device_dims(inputs: tuple[Any, ...], device: Any) -> bool:
    """Whether a tensor with dimensions lives on this device: only 0-d tensors may come from elsewhere."""
    return any(isinstance(x, Tensor) and x.device is device and x._array.ndim for x in inputs)


def _array_on(x: Any, device: Any) -> Any:
    if x.device is device:
        return x._array
    return device.wrap(x.device.to_numpy(x._array))


def _open(op: Any, x: Any) -> Any:
    if isinstance(x, (Tensor, *NUMBERS)) or x is None:
        return x
    if isinstance(x, np.generic):
        return x.item()
    raise noted(TypeError(errors.bad_argument(op.name, op.inputs, x)))


def promote(op: Any, inputs: tuple[Any, ...], arrays: list[Any], device: Any) -> list[Any]:
    """Cast to the common type by PyTorch's rules; `promote="float"` turns integers into the default float type."""
    tensors = [(from_numpy(x._array.dtype), x._array.ndim) for x in inputs if isinstance(x, Tensor)]
    scalars = [x for x in inputs if isinstance(x, NUMBERS)]
    common = result_dtype(tensors, scalars)
    if op.promote == "float" and common.category < 2:
        common = get_default_dtype()
    target = common.numpy
    made = []
    for x, array in zip(inputs, arrays, strict=True):
        if isinstance(x, Tensor):
            if array.dtype != target:
                device.enter()
                array = array.astype(target)
            made.append(array)
        elif isinstance(x, NUMBERS):
            value = _wrapped(x, common)
            # On another device it is filled in: a copy from here would make the host wait.
            made.append(np.asarray(value, target) if device is CPU else device.xp.full((), value, dtype=target))
        else:
            made.append(x)
    return made


def _wrapped(value: Any, common: Any) -> Any:
    """A Python number as the target type holds it; integers out of range wrap around, as in C."""
    if common.category == 1 and isinstance(value, (int, float)):
        info = np.iinfo(common.numpy)
        span = int(info.max) - int(info.min) + 1
        return (int(value) - int(info.min)) % span + int(info.min)
    return value


def narrowed(arrays: list[Any], settings: dict[str, Any], out: Any) -> Any:
    """A bfloat16 result as bfloat16: NumPy goes on in a wider type where a Python number or a product is."""
    if "dtype" in settings or not all(a.dtype == BFLOAT16 for a in arrays if _floats(a)):
        return out
    if isinstance(out, tuple):
        return tuple(o.astype(BFLOAT16) if o.dtype.kind == "f" else o for o in out)
    return out.astype(BFLOAT16) if out.dtype.kind == "f" else out


def _floats(array: Any) -> bool:
    return hasattr(array, "dtype") and array.dtype.kind in "fcV"

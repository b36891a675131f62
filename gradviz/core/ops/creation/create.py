"""Tensors from data, and tensors of a given size: `tensor`, `zeros`, `arange`, `eye` and their like.

Arguments are read by factory.py, nested lists by nested.py. Each function takes `dtype`, `device` and `requires_grad`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ...device import as_device
from ...dtype import dtype, from_numpy
from ...errors import noted
from ...memory_format import order_of
from ...op import FUNCTIONS, METHODS, function, method
from ...tensor import Tensor
from .factory import (
    check_fits,
    dtype_of_number,
    laid_out,
    leaf,
    only_defaults,
    read_dtype,
    read_int,
    read_number,
    read_size,
    read_tensor,
    wrap,
)
from .nested import array_of

# -- from data ---------------------------------------------------------------------------------------------------------


@function(method=False)
def tensor(
    data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False
) -> Tensor:
    """A new tensor that copies `data`: a number, nested lists of numbers, a NumPy array or a tensor.

    The dtype, where none is given: integers make int64, floats the default dtype, arrays and tensors keep theirs.
    https://docs.pytorch.org/docs/2.13/generated/torch.tensor.html
    """
    only_defaults("tensor", pin_memory=pin_memory)
    kind = None if dtype is None else read_dtype("tensor", dtype)
    if isinstance(data, Tensor):
        warnings.warn(
            "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
            "sourceTensor.detach().clone().requires_grad_(True), rather than torch.tensor(sourceTensor).",
            UserWarning,
            stacklevel=2,
        )
        place = data.device if device is None else as_device(device)
        source = data._array if place is data.device else place.receive(data._array, data.device)
        copied = source.astype(data.dtype.numpy if kind is None else kind.numpy)
        return leaf(copied, place, requires_grad)
    if not isinstance(data, (np.ndarray, list, tuple)) and hasattr(data, "__cuda_array_interface__"):
        made = as_tensor(_on_gpu(data), dtype, device).clone()
        return leaf(made._array, made.device, requires_grad)
    return wrap(_numbers(data, kind), device, requires_grad)


def _on_gpu(data: Any) -> Tensor:
    """A tensor that shares the GPU's memory behind another library's array."""
    place = as_device("cuda")
    return leaf(place.xp.asarray(data), place)


def _numbers(data: Any, kind: dtype | None) -> np.ndarray[Any, Any]:
    """A new NumPy array of the data."""
    if isinstance(data, (np.ndarray, np.generic)):
        array = _shareable(np.asarray(data))
        return array.astype(array.dtype if kind is None else kind.numpy, order="C")
    return array_of(data, kind)


def _shareable(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The array itself if a tensor can be made of it."""
    if not array.dtype.isnative:
        raise noted(
            ValueError(
                "given numpy array has byte order different from the native byte order. "
                "Conversion between byte orders is currently not supported.\n"
                "Convert it: array.astype(array.dtype.newbyteorder('='))."
            )
        )
    from_numpy(array.dtype)
    if min(array.strides, default=0) < 0:
        raise ValueError(
            "At least one stride in the given numpy array is negative, and tensors with negative strides are not "
            "currently supported. (You can probably work around this by making a copy of your array  "
            "with array.copy().) "
        )
    return array


@function(method=False)
def from_numpy_(ndarray: Any) -> Tensor:
    """A tensor that shares the memory of a NumPy array: a change of one is seen in the other."""
    if not isinstance(ndarray, np.ndarray):
        module = "" if type(ndarray).__module__ == "builtins" else "numpy."
        kind = f"{module}{type(ndarray).__name__}"
        raise noted(TypeError(f"expected np.ndarray (got {kind})\nFor other data use torch.tensor(...)."))
    array = _shareable(ndarray)
    if not array.flags.writeable:
        warnings.warn(
            "The given NumPy array is not writable, so the tensor cannot be written to in place. "
            "Copy the array to protect its data or to make it writable: torch.tensor(array).",
            UserWarning,
            stacklevel=2,
        )
    return Tensor._of(array)


@function(method=False)
def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """A tensor of the data, sharing its memory where it is a tensor or a NumPy array of the right dtype and device."""
    kind = None if dtype is None else read_dtype("as_tensor", dtype)
    if isinstance(data, Tensor):
        place = data.device if device is None else as_device(device)
        if place is data.device and kind in (None, data.dtype):
            return data
        moved: Tensor = data.to(device=place, dtype=data.dtype if kind is None else kind)
        return moved
    if not isinstance(data, np.ndarray) and hasattr(data, "__cuda_array_interface__"):
        return as_tensor(_on_gpu(data), dtype, device)
    if isinstance(data, np.ndarray):
        array = _shareable(data)
        return wrap(array if kind is None else array.astype(kind.numpy, copy=False), device)
    return wrap(_numbers(data, kind), device)


@function(method=False)
def scalar_tensor(s: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A number as a 0-d tensor of the default dtype, or of `dtype`."""
    number = read_number("scalar_tensor", "s", 1, s)
    return wrap(np.array(number, read_dtype("scalar_tensor", dtype).numpy), device, requires_grad)


# -- of one value ------------------------------------------------------------------------------------------------------


def _constant(name: str) -> None:
    """Define `name`, `name_like` and `Tensor.new_name` for zeros, ones or empty."""

    def make(
        *args: Any, size: Any = None, out: Any = None, dtype: Any = None, layout: Any = None, device: Any = None,
        requires_grad: bool = False, pin_memory: bool = False, memory_format: Any = None,
    ) -> Tensor:  # fmt: skip
        only_defaults(name, out=out, layout=layout, pin_memory=pin_memory)
        if memory_format is not None and name != "empty":
            raise TypeError(f"{name}() got an unexpected keyword argument 'memory_format'")
        shape, kind, place = read_size(name, args, size), read_dtype(name, dtype), as_device(device)
        made = leaf(getattr(place.xp, name)(shape, dtype=kind.numpy), place, requires_grad)
        return made if memory_format is None else laid_out(made, memory_format)

    def like(
        input: Tensor, *, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False,
        pin_memory: bool = False, memory_format: Any = None,
    ) -> Tensor:  # fmt: skip
        spelling = f"{name}_like"
        only_defaults(spelling, layout=layout, pin_memory=pin_memory)
        x = read_tensor(spelling, "input", 1, input)
        kind, place = read_dtype(spelling, dtype, x.dtype), x.device if device is None else as_device(device)
        if place is x.device:
            order = order_of(x._array)
            made = leaf(getattr(place.xp, spelling)(x._array, dtype=kind.numpy, order=order), place, requires_grad)
        else:
            made = leaf(getattr(place.xp, name)(x._array.shape, dtype=kind.numpy), place, requires_grad)
        return made if memory_format is None else laid_out(made, memory_format)

    def new(
        self: Tensor, *args: Any, size: Any = None, dtype: Any = None, layout: Any = None, device: Any = None,
        requires_grad: bool = False, pin_memory: bool = False,
    ) -> Tensor:  # fmt: skip
        only_defaults(f"new_{name}", layout=layout, pin_memory=pin_memory)
        shape, kind = read_size(f"new_{name}", args, size), read_dtype(f"new_{name}", dtype, self.dtype)
        place = self.device if device is None else as_device(device)
        return leaf(getattr(place.xp, name)(shape, dtype=kind.numpy), place, requires_grad)

    meaning = {"zeros": "filled with 0", "ones": "filled with 1", "empty": "whose memory is not set"}[name]
    _name(make, FUNCTIONS, name, f"A tensor of the given size {meaning}.")
    _name(like, FUNCTIONS, f"{name}_like", f"A tensor {meaning} with the size, dtype and device of `input`.")
    _name(new, METHODS, f"new_{name}", f"A tensor of the given size {meaning}, with this tensor's dtype and device.")


def _name(made: Callable[..., Any], table: dict[str, Any], name: str, doc: str) -> None:
    made.__name__ = made.__qualname__ = name
    made.__doc__ = doc
    table[name] = made


for _each in ("zeros", "ones", "empty"):
    _constant(_each)


@function(method=False)
def full(
    size: Any, fill_value: Any, *, out: Any = None, dtype: Any = None, layout: Any = None, device: Any = None,
    requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """A tensor of the given size filled with `fill_value`, whose kind decides the dtype where none is given."""
    only_defaults("full", out=out, layout=layout, pin_memory=pin_memory)
    value = read_number("full", "fill_value", 2, fill_value)
    kind = read_dtype("full", dtype, dtype_of_number(value))
    return _filled(read_size("full", (size,), varargs=False), value, kind, device, requires_grad)


@function(method=False)
def full_like(
    input: Tensor, fill_value: Any, *, dtype: Any = None, layout: Any = None, device: Any = None,
    requires_grad: bool = False, pin_memory: bool = False, memory_format: Any = None,
) -> Tensor:  # fmt: skip
    """A tensor filled with `fill_value` with the size, dtype and device of `input`."""
    only_defaults("full_like", layout=layout, pin_memory=pin_memory)
    x = read_tensor("full_like", "input", 1, input)
    value, place = read_number("full_like", "fill_value", 2, fill_value), x.device if device is None else device
    kind = read_dtype("full_like", dtype, x.dtype)
    check_fits(value, kind)
    made = METHODS["fill_"](FUNCTIONS["empty_like"](x, dtype=kind, device=place, memory_format=memory_format), value)
    return leaf(made._array, made.device, requires_grad)


@method
def new_full(
    self: Tensor, size: Any, fill_value: Any, *, dtype: Any = None, layout: Any = None, device: Any = None,
    requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """A tensor of the given size filled with `fill_value`, with this tensor's dtype and device."""
    only_defaults("new_full", layout=layout, pin_memory=pin_memory)
    value, shape = read_number("new_full", "fill_value", 2, fill_value), read_size("new_full", (size,), varargs=False)
    kind, place = read_dtype("new_full", dtype, self.dtype), self.device if device is None else device
    return _filled(shape, value, kind, place, requires_grad)


def _filled(shape: tuple[int, ...], value: Any, kind: dtype, device: Any, requires_grad: bool) -> Tensor:
    check_fits(value, kind)
    place = as_device(device)
    if kind.category == 1:
        value = np.array(int(value)).astype(kind.numpy).item()
    return leaf(place.xp.full(shape, value, dtype=kind.numpy), place, requires_grad)


@method
def new_tensor(
    self: Tensor, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """A new tensor that copies `data`, with this tensor's dtype and device."""
    kind, place = read_dtype("new_tensor", dtype, self.dtype), self.device if device is None else device
    return tensor(data, dtype=kind, device=place, requires_grad=requires_grad, pin_memory=pin_memory)


@function(method=False)
def eye(
    n: int, m: int | None = None, *, out: Any = None, dtype: Any = None, layout: Any = None, device: Any = None,
    requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """A matrix with ones on the diagonal and zeros elsewhere, n by m (m = n where not given)."""
    only_defaults("eye", out=out, layout=layout, pin_memory=pin_memory)
    rows = read_int("eye", "n", 1, n)
    columns = rows if m is None else read_int("eye", "m", 2, m)
    for name, value in (("n", rows), ("m", columns)):
        if value < 0:
            raise RuntimeError(f"{name} must be greater or equal to 0, got {value}")
    return wrap(np.eye(rows, columns, dtype=read_dtype("eye", dtype).numpy), device, requires_grad)

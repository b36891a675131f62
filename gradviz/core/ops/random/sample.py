"""Tensors of independent random numbers: `rand`, `randn`, `randint`, `randperm` and their like.

What is drawn is in draws.py; here arguments are read and the numbers are put on a device. Every function takes
`generator=`; without it a device's own generator draws, which `manual_seed` seeds.
Draws steered by tensors are in distributions.py, in-place fills in fill.py.
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ... import errors
from ...device import Device, as_device
from ...draws import NATURAL, Draws
from ...dtype import dtype, int64
from ...errors import no_kernel, noted
from ...op import FUNCTIONS, METHODS, function
from ...random import generator_for
from ...tensor import Tensor
from ..creation.factory import leaf, only_defaults, read_dtype, read_int, read_size, read_tensor


def source(name: str, generator: Any, device: Device) -> Any:
    """The generator to draw from: the one given, else the device's."""
    own = generator_for(device)
    if generator is None:
        return own
    if not isinstance(generator, Draws):
        raise TypeError(f"{name}(): argument 'generator' must be torch.Generator, not {type(generator).__name__}")
    place = getattr(generator, "device", device)
    if place.type != device.type and own.device.type == device.type:
        raise noted(
            RuntimeError(
                f"Expected a '{device.type}' device type for generator but found '{place.type}'\n"
                f"Make one there: torch.Generator({device.type!r})."
            )
        )
    return generator


def on_device(drawn: Any, device: Device) -> Any:
    """Drawn numbers as an array of the device."""
    return device.wrap(drawn) if isinstance(drawn, np.ndarray) else drawn


def beside(draws: Any, array: Any, device: Device) -> Any:
    """A device's array where the generator can read it: on the host if it draws there."""
    return device.to_numpy(array) if draws.device.type == "cpu" else array


def require_fractions(name: str, kind: dtype) -> None:
    """NotImplementedError for a type without fractions."""
    if not kind.is_floating_point:
        fix = f"These numbers have fractions, {kind!r} holds none: ask for dtype=torch.float32, or use torch.randint."
        raise no_kernel(name, kind, fix)


def require_kind(name: str, kind: dtype, categories: tuple[int, ...]) -> None:
    """NotImplementedError for a type that PyTorch's kernel of this name does not fill."""
    if kind.category not in categories or kind.name in ("uint16", "uint32", "uint64"):
        raise no_kernel(name, kind, f"Got {kind!r}.")


def read_float(name: str, argument: str, position: int, value: Any) -> float:
    """An argument that must be a real number."""
    if isinstance(value, Tensor) and value._array.size == 1 and not value.is_complex():
        return float(value.item())
    if not isinstance(value, (int, float, np.integer, np.floating)):
        kind = "Tensor" if isinstance(value, Tensor) else type(value).__name__
        raise TypeError(f"{name}(): argument {argument!r} (position {position}) must be float, not {kind}")
    return float(value)


def _uniform(generator: Any, n: int, kind: dtype) -> Any:
    require_fractions("check_uniform_bounds", kind.to_real())
    return generator.uniform(n, kind.numpy)


def _normal(generator: Any, n: int, kind: dtype) -> Any:
    require_fractions("normal_kernel_cpu", kind.to_real())
    return generator.normal(n, kind.numpy)


def blank_like(name: str, input: Any, kind: Any, device: Any, memory_format: Any) -> Tensor:
    """Memory to be filled, of the input's size and laid out as its memory is."""
    x = read_tensor(name, "input", 1, input)
    made: Tensor = FUNCTIONS["empty_like"](
        x, dtype=read_dtype(name, kind, x.dtype), device=device, memory_format=memory_format
    )
    return made


def _sized(name: str, draw: Callable[[Any, int, dtype], Any], fill: str, doc: str) -> None:
    """Define `name(*size)` of independent draws, and `name_like(tensor)`, which the method `fill` fills."""

    def make(
        *args: Any, size: Any = None, generator: Any = None, dtype: Any = None, layout: Any = None,
        device: Any = None, requires_grad: bool = False, pin_memory: bool = False,
    ) -> Tensor:  # fmt: skip
        only_defaults(name, layout=layout, pin_memory=pin_memory)
        shape, kind, place = read_size(name, args, size), read_dtype(name, dtype), as_device(device)
        drawn = draw(source(name, generator, place), math.prod(shape), kind)
        return leaf(on_device(drawn.reshape(shape), place), place, requires_grad)

    def like(
        input: Tensor, *, generator: Any = None, dtype: Any = None, layout: Any = None, device: Any = None,
        requires_grad: bool = False, pin_memory: bool = False, memory_format: Any = None,
    ) -> Tensor:  # fmt: skip
        only_defaults(f"{name}_like", layout=layout, pin_memory=pin_memory)
        made = blank_like(f"{name}_like", input, dtype, device, memory_format)
        METHODS[fill](made, generator=generator)
        return leaf(made._array, made.device, requires_grad)

    make.__name__ = make.__qualname__ = name
    make.__doc__ = f"A tensor of the given size of {doc}."
    like.__name__ = like.__qualname__ = f"{name}_like"
    like.__doc__ = f"A tensor of {doc}, with the size, dtype and device of `input`."
    FUNCTIONS[name], FUNCTIONS[f"{name}_like"] = make, like


_sized("rand", _uniform, "uniform_", "numbers drawn uniformly from [0, 1)")
_sized("randn", _normal, "normal_", "numbers drawn from the normal distribution with mean 0 and standard deviation 1")


@function(method=False)
def randint(
    *args: Any, low: Any = None, high: Any = None, size: Any = None, generator: Any = None,
    dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """Integers drawn uniformly from [low, high): `randint(high, size)` or `randint(low, high, size)`."""
    only_defaults("randint", layout=layout, pin_memory=pin_memory)
    given = list(args)
    if size is None:
        if len(given) + (low is not None) + (high is not None) < 2:
            raise noted(
                TypeError(
                    "randint() received an invalid combination of arguments\n"
                    "Say the bound and the size: randint(10, (2, 3))."
                )
            )
        size = given.pop()
        if not isinstance(size, (tuple, list)):
            raise TypeError(f"randint(): argument 'size' (position 2) must be tuple of ints, not {type(size).__name__}")
    if given and high is None:
        high = given.pop()
    if given and low is None:
        low = given.pop()
    if given or high is None:
        raise TypeError(f"randint() received an invalid combination of arguments - got {len(args)} positional ones")
    low, high = read_int("randint", "low", 1, 0 if low is None else low), read_int("randint", "high", 1, high)
    shape, kind, place = read_size("randint", (size,)), read_dtype("randint", dtype, int64), as_device(device)
    check_bounds(low, high, kind)
    drawn = source("randint", generator, place).integers(math.prod(shape), low, high)
    return leaf(on_device(drawn.astype(kind.numpy, copy=False).reshape(shape), place), place, requires_grad)


@function(method=False)
def randint_like(
    input: Tensor, low: Any = None, high: Any = None, *, generator: Any = None, dtype: Any = None, layout: Any = None,
    device: Any = None, requires_grad: bool = False, pin_memory: bool = False, memory_format: Any = None,
) -> Tensor:  # fmt: skip
    """Integers drawn uniformly from [low, high), with the size, dtype and device of `input`."""
    only_defaults("randint_like", layout=layout, pin_memory=pin_memory)
    made = blank_like("randint_like", input, dtype, device, memory_format)
    bounds = (low, high) if high is not None else (0, low)
    METHODS["random_"](made, *(read_int("randint_like", "high", 2, n) for n in bounds), generator=generator)
    return leaf(made._array, made.device, requires_grad)


def check_bounds(low: int, high: int, kind: dtype) -> None:
    """RuntimeError for an empty range or one that the type does not hold."""
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    if kind.category == 3:
        raise RuntimeError("check_random_bounds handles only integral, floating-point and boolean types")
    least, most, name = _bounds(kind)
    if kind.category < 2 and least <= low and high - 1 <= most:
        return
    for what, value in (("from", low), ("to - 1", high - 1)):
        if not least <= value <= most:
            raise noted(
                RuntimeError(f"{what} is out of bounds for {name}\nThe range [{low}, {high}) does not fit in {kind!r}.")
            )
        if kind.category == 2 and abs(value) >= NATURAL[kind.name]:
            digits = NATURAL[kind.name].bit_length() - 1
            warnings.warn(
                f"{what} is out of bounds [-(2^{digits}), 2^{digits}]. Due to precision limitations {name} can support "
                "discrete uniform distribution only within this range.",
                UserWarning,
                stacklevel=3,
            )


@functools.cache
def _bounds(kind: dtype) -> tuple[int, int, str]:
    """The least and the largest whole number that may be asked for, and C++'s name of the type."""
    if kind.category == 0:
        return 0, 1, "bool"
    if kind.category == 1:
        info = np.iinfo(kind.numpy)
        return int(info.min), int(info.max), errors.c_name(kind)
    most = 65504 if kind.name == "float16" else 2**127
    return -most, most, errors.c_name(kind)


@function(method=False)
def randperm(
    n: int, *, generator: Any = None, dtype: Any = None, layout: Any = None, device: Any = None,
    requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """The integers 0 ... n-1 in random order."""
    only_defaults("randperm", layout=layout, pin_memory=pin_memory)
    count = read_int("randperm", "n", 1, n)
    read_size("randperm", (count,))
    kind, place = read_dtype("randperm", dtype, int64), as_device(device)
    require_kind("randperm", kind, (1, 2))
    if kind.category == 1 and count > np.iinfo(kind.numpy).max:
        raise noted(RuntimeError(f"value cannot be converted to type {kind.name}_t without overflow\nn is {count}."))
    if kind.category == 2 and count > NATURAL[kind.name]:
        raise noted(RuntimeError(f"n cannot be greater than {NATURAL[kind.name]} for {errors.scalar_type(kind)} type."))
    drawn = source("randperm", generator, place).permutation(count)
    return leaf(on_device(drawn.astype(kind.numpy), place), place, requires_grad)

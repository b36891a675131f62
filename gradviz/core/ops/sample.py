"""Tensors of random numbers: `rand`, `randn`, `randint`, `bernoulli` and their like.

What is drawn is in draws.py; here arguments are read and the numbers are put on a device. Every function takes
`generator=`; without it a device's own generator draws, which `manual_seed` seeds. In-place fills are in fill.py.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz.core import errors
from gradviz.core.device import Device, as_device
from gradviz.core.draws import NATURAL, Draws
from gradviz.core.dtype import dtype, int64
from gradviz.core.mode import grad_mode
from gradviz.core.op import FUNCTIONS, function, op
from gradviz.core.ops.factory import leaf, only_defaults, read_dtype, read_int, read_size, read_tensor
from gradviz.core.random import generator_for
from gradviz.core.tensor import Tensor

# Names of types in the error texts of random_().
C_NAMES = {
    "uint8": "unsigned char", "int8": "signed char", "int16": "short int", "int32": "int", "int64": "long int",
    "float16": "c10::Half", "bfloat16": "c10::BFloat16", "float32": "float", "float64": "double",
}  # fmt: skip


def source(name: str, generator: Any, device: Device) -> Any:
    """The generator to draw from: the one given, else the device's."""
    own = generator_for(device)
    if generator is None:
        return own
    if not isinstance(generator, Draws):
        raise TypeError(f"{name}(): argument 'generator' must be torch.Generator, not {type(generator).__name__}")
    place = getattr(generator, "device", device)
    if place.type != device.type and own.device.type == device.type:
        raise RuntimeError(
            f"Expected a '{device.type}' device type for generator but found '{place.type}'\n"
            f"Make one there: torch.Generator({device.type!r})."
        )
    return generator


def on_device(drawn: Any, device: Device) -> Any:
    """Drawn numbers as an array of the device."""
    return device.wrap(drawn) if isinstance(drawn, np.ndarray) else drawn


def require_floating(name: str, kind: dtype) -> None:
    """NotImplementedError for a type without fractions."""
    if not kind.is_floating_point:
        raise NotImplementedError(
            f"\"{name}\" not implemented for '{errors.scalar_type(kind)}'\n"
            f"These numbers have fractions and {kind!r} holds none. Ask for dtype=torch.float32, or use torch.randint."
        )


def _uniform(generator: Any, n: int, kind: dtype) -> Any:
    require_floating("check_uniform_bounds", kind)
    return generator.uniform(n, kind.numpy)


def _normal(generator: Any, n: int, kind: dtype) -> Any:
    require_floating("normal_kernel_cpu", kind)
    return generator.normal(n, kind.numpy)


def _sized(name: str, draw: Callable[[Any, int, dtype], Any], doc: str) -> None:
    """Define `name(*size)` and `name_like(tensor)` of independent draws."""

    def make(
        *args: Any, size: Any = None, generator: Any = None, out: Any = None, dtype: Any = None, layout: Any = None,
        device: Any = None, requires_grad: bool = False, pin_memory: bool = False,
    ) -> Tensor:  # fmt: skip
        only_defaults(name, out=out, layout=layout, pin_memory=pin_memory)
        shape, kind, place = read_size(name, args, size), read_dtype(name, dtype), as_device(device)
        drawn = draw(source(name, generator, place), int(np.prod(shape, dtype=np.int64)), kind)
        return leaf(on_device(drawn.reshape(shape), place), place, requires_grad)

    def like(
        input: Tensor, *, generator: Any = None, dtype: Any = None, layout: Any = None, device: Any = None,
        requires_grad: bool = False, pin_memory: bool = False, memory_format: Any = None,
    ) -> Tensor:  # fmt: skip
        spelling = f"{name}_like"
        only_defaults(spelling, layout=layout, pin_memory=pin_memory, memory_format=memory_format)
        x = read_tensor(spelling, "input", 1, input)
        place = x.device if device is None else as_device(device)
        kind = read_dtype(spelling, dtype, x.dtype)
        return make(x._array.shape, generator=generator, dtype=kind, device=place, requires_grad=requires_grad)

    make.__name__ = make.__qualname__ = name
    make.__doc__ = f"A tensor of the given size of {doc}."
    like.__name__ = like.__qualname__ = f"{name}_like"
    like.__doc__ = f"A tensor of {doc}, with the size, dtype and device of `input`."
    FUNCTIONS[name], FUNCTIONS[f"{name}_like"] = make, like


_sized("rand", _uniform, "numbers drawn uniformly from [0, 1)")
_sized("randn", _normal, "numbers drawn from the normal distribution with mean 0 and standard deviation 1")


@function(method=False)
def randint(
    *args: Any, low: Any = None, high: Any = None, size: Any = None, generator: Any = None, out: Any = None,
    dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """Integers drawn uniformly from [low, high): `randint(high, size)` or `randint(low, high, size)`."""
    only_defaults("randint", out=out, layout=layout, pin_memory=pin_memory)
    given = list(args)
    if size is None:
        if len(given) + (low is not None) + (high is not None) < 2:
            raise TypeError(
                "randint() received an invalid combination of arguments\n"
                "Say the bound and the size: randint(10, (2, 3))."
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
    drawn = source("randint", generator, place).integers(int(np.prod(shape, dtype=np.int64)), low, high)
    return leaf(on_device(drawn.astype(kind.numpy).reshape(shape), place), place, requires_grad)


@function(method=False)
def randint_like(
    input: Tensor, low: Any = None, high: Any = None, *, generator: Any = None, dtype: Any = None, layout: Any = None,
    device: Any = None, requires_grad: bool = False, pin_memory: bool = False, memory_format: Any = None,
) -> Tensor:  # fmt: skip
    """Integers drawn uniformly from [low, high), with the size, dtype and device of `input`."""
    only_defaults("randint_like", memory_format=memory_format)
    x = read_tensor("randint_like", "input", 1, input)
    bounds = (low, high) if high is not None else (0, low)
    return randint(
        *bounds, tuple(x._array.shape), generator=generator, dtype=read_dtype("randint_like", dtype, x.dtype),
        layout=layout, device=x.device if device is None else device, requires_grad=requires_grad,
        pin_memory=pin_memory,
    )  # fmt: skip


def check_bounds(low: int, high: int, kind: dtype) -> None:
    """RuntimeError for an empty range or one that the type does not hold."""
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    if kind.category == 0:
        least, most, name = 0, 1, "bool"
    elif kind.category == 1:
        info = np.iinfo(kind.numpy)
        least, most, name = int(info.min), int(info.max), C_NAMES[kind.name]
    else:
        name = C_NAMES[kind.name]
        most = 65504 if kind.name == "float16" else 2**127
        least = -most
    for what, value in (("from", low), ("to - 1", high - 1)):
        if not least <= value <= most:
            raise RuntimeError(
                f"{what} is out of bounds for {name}\nThe range [{low}, {high}) does not fit in {kind!r}."
            )
        if kind.category == 2 and abs(value) >= NATURAL[kind.name]:
            digits = NATURAL[kind.name].bit_length() - 1
            warnings.warn(
                f"{what} is out of bounds [-(2^{digits}), 2^{digits}]. Due to precision limitations {name} can support "
                "discrete uniform distribution only within this range.",
                UserWarning,
                stacklevel=3,
            )


@function(method=False)
def randperm(
    n: int, *, generator: Any = None, out: Any = None, dtype: Any = None, layout: Any = None, device: Any = None,
    requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """The integers 0 ... n-1 in random order."""
    only_defaults("randperm", out=out, layout=layout, pin_memory=pin_memory)
    count = read_int("randperm", "n", 1, n)
    read_size("randperm", (count,))
    kind, place = read_dtype("randperm", dtype, int64), as_device(device)
    if kind.category == 0:
        raise NotImplementedError("\"randperm\" not implemented for 'Bool'")
    if kind.category == 1 and count > np.iinfo(kind.numpy).max:
        raise RuntimeError(f"value cannot be converted to type {kind.name}_t without overflow\nn is {count}.")
    if kind.category == 2 and count > NATURAL[kind.name]:
        raise RuntimeError(f"n cannot be greater than {NATURAL[kind.name]} for {errors.scalar_type(kind)} type.")
    drawn = source("randperm", generator, place).permutation(count)
    return leaf(on_device(drawn.astype(kind.numpy), place), place, requires_grad)


class Drawn:
    """Random numbers on their way into an op: a setting, so that the graph does not see them as an input."""

    __slots__ = ("array",)

    def __init__(self, array: Any) -> None:
        self.array = array

    def __repr__(self) -> str:
        return "random"


# What is drawn does not change smoothly with the numbers that steer the draw: their gradient is zero.
_PRIVATE: dict[str, Any] = {"public": False, "x": lambda g: g * 0}
_bernoulli = op("bernoulli", lambda x, *, drawn: drawn.array, **_PRIVATE)
_by_mean = op("normal_mean", lambda x, *, drawn: drawn.array, node="NormalBackward1", **_PRIVATE)
_by_std = op("normal_std", lambda x, *, drawn: drawn.array, node="NormalBackward2", **_PRIVATE)
_by_both = op(
    "normal_mean_std", lambda x, y, *, drawn: drawn.array, node="NormalBackward3", y=lambda g: g * 0, **_PRIVATE
)


def _recorded(call: Any, inputs: tuple[Tensor, ...], array: Any) -> Tensor:
    if grad_mode.get() and any(x._needs for x in inputs):
        made: Tensor = call(*inputs, drawn=Drawn(array))
        return made
    return Tensor._of(array, inputs[0].device)


@function
def bernoulli(input: Tensor, p: float | None = None, *, generator: Any = None, out: Any = None) -> Tensor:
    """Zeros and ones: each element is 1 with the probability that `input` holds there, or with probability p."""
    only_defaults("bernoulli", out=out)
    x = read_tensor("bernoulli", "input", 1, input)
    draws = source("bernoulli", generator, x.device)
    if p is None:
        require_floating("bernoulli_tensor_cpu_p_", x.dtype)
        drawn = draws.bernoulli_each(probabilities(x._array))
    else:
        drawn = draws.bernoulli(x._array.size, probability("bernoulli_", p))
    return _recorded(_bernoulli, (x,), on_device(drawn.astype(x._array.dtype).reshape(x._array.shape), x.device))


def probability(name: str, p: float) -> float:
    """p, if it is a probability."""
    if not 0 <= p <= 1:
        raise RuntimeError(f"{name} expects p to be in [0, 1], but got p={p:g}")
    return float(p)


def probabilities(p: Any) -> Any:
    """An array, if it holds only probabilities."""
    if not bool(((p >= 0) & (p <= 1)).all()):
        raise RuntimeError(
            "Expected p_in >= 0 && p_in <= 1 to be true, but got false.\nA probability lies between 0 and 1: "
            "apply torch.sigmoid to scores first."
        )
    return p


@function
def multinomial(
    input: Tensor, num_samples: int, replacement: bool = False, *, generator: Any = None, out: Any = None
) -> Tensor:
    """Per row of `input`, `num_samples` column numbers, each as likely as its weight there."""
    only_defaults("multinomial", out=out)
    x, samples = read_tensor("multinomial", "input", 1, input), read_int("multinomial", "num_samples", 2, num_samples)
    weights = x._array
    if not x.dtype.is_floating_point:
        kind = errors.scalar_type(x.dtype)
        raise RuntimeError(f"multinomial only supports floating-point dtypes for input, got: {kind}")
    if weights.ndim not in (1, 2):
        raise RuntimeError(f"prob_dist must be 1 or 2 dim\nIts shape is {tuple(weights.shape)}.")
    if samples <= 0:
        raise RuntimeError(f"cannot sample n_sample <= 0 samples\nnum_samples is {samples}.")
    if not replacement and samples > weights.shape[-1]:
        raise RuntimeError(
            "cannot sample n_sample > prob_dist.size(-1) samples without replacement\n"
            f"num_samples is {samples}, there are {weights.shape[-1]} categories. replacement=True allows repeats."
        )
    rows = weights if weights.ndim == 2 else weights[None]
    if not bool(((rows >= 0) & (rows < float("inf"))).all()):
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    if not bool((rows.sum(axis=1) > 0).all()):
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
    drawn = source("multinomial", generator, x.device).multinomial(rows, samples, bool(replacement))
    return Tensor._of(on_device(drawn.reshape(*weights.shape[:-1], samples), x.device), x.device)


@function(method=False)
def normal(
    mean: Any, std: Any = 1.0, size: Any = None, *, generator: Any = None, out: Any = None, dtype: Any = None,
    layout: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """Normal numbers with the given means and standard deviations: tensors, or two numbers and a size."""
    only_defaults("normal", out=out, layout=layout, pin_memory=pin_memory)
    given = tuple(x for x in (mean, std) if isinstance(x, Tensor))
    if bool(given) == (size is not None):
        raise TypeError(
            "normal() received an invalid combination of arguments\n"
            "Give tensors of means or standard deviations, or two numbers and a size: normal(0.0, 1.0, (2, 3))."
        )
    check_std(std)
    if not given:
        shape, kind, place = read_size("normal", (size,)), read_dtype("normal", dtype), as_device(device)
        require_floating("normal_kernel_cpu", kind)
        drawn = source("normal", generator, place).normal(int(np.prod(shape, dtype=np.int64)), kind.numpy, mean, std)
        return leaf(on_device(drawn.reshape(shape), place), place, requires_grad)
    for tensor in given:
        require_floating("normal_kernel_cpu", tensor.dtype)
    place, kind = given[0].device, given[0].dtype.numpy
    shapes = [tuple(x._array.shape) for x in given]
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError:
        raise RuntimeError(errors.broadcast("normal", shapes[0], shapes[1])) from None
    scale = std._array if isinstance(std, Tensor) else std
    shift = mean._array if isinstance(mean, Tensor) else mean
    drawn = source("normal", generator, place).normal(int(np.prod(shape, dtype=np.int64)), kind).reshape(shape)
    made = (on_device(drawn, place) * scale + shift).astype(kind)
    which = {(True, True): _by_both, (True, False): _by_mean, (False, True): _by_std}
    return _recorded(which[isinstance(mean, Tensor), isinstance(std, Tensor)], given, made)


def check_std(std: Any) -> None:
    """RuntimeError for a negative standard deviation."""
    if isinstance(std, Tensor):
        if not bool((std._array >= 0).all()):
            raise RuntimeError("normal expects all elements of std >= 0.0")
    elif not std >= 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std:g}")

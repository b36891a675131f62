"""Arrays of the stand-in device: not NumPy's, refusing NumPy's functions, with the methods and operators of CuPy's.

Values inside are NumPy arrays. The device and its array library are in tests/strict_device.py.
"""

from __future__ import annotations

import functools
import operator
import types
from typing import Any

import numpy as np

from tests.cupy_types import typed
from tests.gpu.cupy_names import known
from tests.strict_indices import get_item, set_item, take
from tests.strict_machine import here

CUPY = known()
# How large their results are depends on numbers that CuPy fetches for it; or it looks whether arguments are in order.
FETCHING = {
    "nonzero",
    "flatnonzero",
    "argwhere",
    "unique",
    "unique_all",
    "unique_counts",
    "unique_inverse",
    "unique_values",
    "bincount",
    "compress",
    "extract",
    "histogram",
    "histogramdd",
    "histogram2d",
    "setdiff1d",
    "setxor1d",
    "union1d",
    "intersect1d",
    "trim_zeros",
    "ravel_multi_index",
    "place",
    "percentile",
    "quantile",
    "choose",
}
# CuPy has these only for some types: Thrust, by which it sorts, knows no bfloat16.
SORTING = {"sort", "argsort", "lexsort", "partition", "argpartition", "median", "searchsorted", "unique"}


class StrictArray:
    """An array of the stand-in device."""

    __slots__ = ("_a", "base", "memory", "place")
    __array_ufunc__ = None  # so NumPy's scalars leave arithmetic to us, and NumPy's ufuncs refuse

    def __init__(self, array: np.ndarray, base: StrictArray | None = None) -> None:
        self._a, self.base = array, base
        # The device whose memory it is in, where there are several, and the block of memory.
        self.place = here.device if base is None else base.place
        self.memory = here.allocate(array.nbytes) if here.allocate is not None and base is None else None

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Use device.to_numpy(array).")

    def __array_function__(self, function: Any, *args: Any) -> Any:
        raise TypeError(f"numpy.{function.__name__} was called with an array of the strict device")

    def __repr__(self) -> str:
        return f"strict({self._a!r})"

    @property
    def __cuda_array_interface__(self) -> Any:
        return self._a.__array_interface__

    @property
    def real(self) -> StrictArray:
        return wrapped(self._a.real, self)

    @property
    def imag(self) -> StrictArray:
        return wrapped(self._a.imag, self)

    @property
    def T(self) -> StrictArray:
        return wrapped(self._a.T, self)

    def __getitem__(self, index: Any) -> StrictArray:
        _fetched(index, "get")
        return wrapped(here.launch("getitem", get_item, (self._a, opened(index)), {}), self)

    def __setitem__(self, index: Any, value: Any) -> None:
        if _fetched(index, "set") and not isinstance(value, StrictArray):
            here.wait("numbers of the host put at indices")
        here.launch("setitem", set_item, (opened(self), opened(index), opened(value)), {})

    def __len__(self) -> int:
        return len(self._a)

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self._a)))

    def __int__(self) -> int:
        return int(self.get())

    def __float__(self) -> float:
        return float(self.get())

    def __bool__(self) -> bool:
        return bool(self.get())

    def __index__(self) -> int:
        return self.get().__index__()

    def __hash__(self) -> Any:
        raise TypeError("unhashable type: 'StrictArray'")

    def item(self, *args: int) -> Any:
        return self.get().item(*args)

    def tolist(self) -> Any:
        return self.get().tolist()

    def get(self, stream: Any = None, order: str = "C", out: Any = None, blocking: bool = True) -> Any:
        """A copy for the host, which waits for it."""
        if blocking:
            here.wait("get")
        if out is None:
            return self._a.copy()
        out[...] = self._a
        return out

    def set(self, arr: np.ndarray, stream: Any = None) -> None:
        """Copy from the host; into a stream, from pinned memory, without waiting."""
        if stream is None:
            here.wait("set")
        assert here.capture is None, "a graph would copy what is on the host then, every time"
        pool = getattr(self.memory, "pool", None)
        assert not getattr(pool, "recycled", False), "a replay may have written something else here before it is read"
        self._a[...] = arr

    @property
    def data(self) -> Any:
        return types.SimpleNamespace(ptr=pointer_to(self._a), mem=self.memory)


class Pointer(int):
    """An address that knows the array there, which a captured graph keeps alive."""

    array: Any


def pointer_to(array: Any) -> Pointer:
    made = Pointer(array.__array_interface__["data"][0])
    made.array = array
    return made


def wrapped(value: Any, source: StrictArray | None = None) -> Any:
    """NumPy's result as the device's: scalars become 0-d arrays, and a view knows whose memory it shows."""
    if isinstance(value, (tuple, list)):
        made = [wrapped(v, source) for v in value]
        return made if isinstance(value, list) else tuple(made)
    if isinstance(value, np.generic):
        return StrictArray(np.asarray(value))
    if not isinstance(value, np.ndarray):
        return value
    shares = source is not None and value.size and np.may_share_memory(value, source._a)
    return StrictArray(
        value, (source if source.base is None else source.base) if shares and source is not None else None
    )


def opened(value: Any, transfer: bool = False) -> Any:
    """What is inside the device's arrays; NumPy arrays are refused."""
    if isinstance(value, StrictArray):
        if value.place != here.device:
            raise ValueError(
                f"The device where the array resides ({value.place}) is different from the current device "
                f"({here.device}). Peer access is unavailable between these devices."
            )
        return value._a
    if isinstance(value, np.ndarray) and not transfer:
        raise TypeError(f"Unsupported type {type(value)}")
    if isinstance(value, (tuple, list)):
        return type(value)(opened(v, transfer) for v in value)
    if isinstance(value, dict):
        return {k: opened(v, transfer) for k, v in value.items()}
    return value


def _fetched(index: Any, what: str) -> bool:
    """Whether an index has arrays; CuPy fetches how many truths there are, and copies lists to the device."""
    items = index if isinstance(index, tuple) else (index,)
    arrays = [i for i in items if isinstance(i, StrictArray)]
    if any(i.dtype.kind == "b" for i in arrays):
        here.wait(f"{what} by truths")
    if any(isinstance(i, (list, tuple, bool, np.bool_)) for i in items):
        here.wait(f"{what} by a list")
        return True
    return bool(arrays)


def rows(result: Any) -> Any:
    """A result as CuPy lays it out, whatever the order of its arguments."""
    return np.asarray(result, order="C") if here.ways and isinstance(result, np.ndarray) else result


def _operator(name: str, inplace: bool = False) -> Any:
    def call(self: StrictArray, *others: Any) -> Any:
        if any(isinstance(o, np.ndarray) for o in others):
            raise TypeError(f"Unsupported type {np.ndarray}")
        if not all(isinstance(o, (StrictArray, int, float, bool, complex, np.generic)) for o in others):
            return NotImplemented
        ufunc = UFUNCS[name.strip("_")]
        way = here.ways.get(("cupy", ufunc))
        function = _into(ufunc, way) if inplace else typed("cupy", ufunc, _by_operator(name, way))
        result = here.launch(name.strip("_"), function, (opened(self), *(opened(o) for o in others)), {})
        return self if inplace else result if result is NotImplemented else wrapped(rows(result))

    call.__name__ = name
    return call


def _method(name: str) -> Any:
    def call(self: StrictArray, *args: Any, **kwargs: Any) -> Any:
        check_call(f"ndarray.{name}", CUPY["cupy.ndarray"][name], args, kwargs)
        mine = self._a if name in SHAPES else opened(self)
        function = here.ways.get(("cupy", name)) or (take if name == "take" else getattr(np.ndarray, name))
        _check_method(name, self, args)
        return wrapped(here.launch(name, function, (mine, *opened(args)), opened(kwargs)), self)

    call.__name__ = name
    return call


def _check_method(name: str, array: StrictArray, args: Any) -> None:
    if name in FETCHING:
        here.wait(name)
    if name in SORTING and array.dtype.name == "bfloat16":
        raise NotImplementedError("Unsupported dtype (bfloat16)")
    if name == "fill" and isinstance(args[0], StrictArray):
        here.wait("fill by an array")  # CuPy asks whether the number is 0


# Methods that look at the same memory in another way, which may be on any device.
# `copy` takes an array of another device to the current one.
SHAPES = {"copy", "reshape", "transpose", "swapaxes", "squeeze", "view", "diagonal", "ravel"}


@functools.cache
def _into(ufunc: str, way: Any) -> Any:
    """`a += b` is add(a, b, a)."""
    function = typed("cupy", ufunc, way or getattr(np, ufunc))

    def call(a: Any, b: Any) -> Any:
        return function(a, b, out=a)

    call.__name__ = ufunc
    return call


def _by_operator(name: str, way: Any) -> Any:
    """`a.__add__(b)` is `a + b`, and so is `b.__radd__(a)`; in CuPy's way if that is another."""
    if hasattr(operator, name):
        return way or getattr(operator, name)
    plain = way or getattr(operator, f"__{name[3:]}")
    return lambda a, b: plain(b, a)


def check_call(name: str, parameters: Any, args: Any, kwargs: Any) -> None:
    """TypeError for a call that CuPy's function does not take."""
    if not isinstance(parameters, (list, tuple)):
        return
    unknown = set() if "**" in parameters else set(kwargs) - set(parameters)
    if unknown or (len(args) > len(parameters) and "*" not in parameters):
        raise TypeError(f"cupy.{name}() takes ({', '.join(parameters)}), not {sorted(unknown) or len(args)}")


# What the operators are called among the ufuncs: `a + b` is add(a, b), and so is its reflection.
UFUNCS = {
    "sub": "subtract", "mul": "multiply", "truediv": "true_divide", "floordiv": "floor_divide", "mod": "remainder",
    "pow": "power", "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor", "lshift": "left_shift",
    "rshift": "right_shift", "eq": "equal", "ne": "not_equal", "lt": "less", "le": "less_equal", "gt": "greater",
    "ge": "greater_equal", "neg": "negative", "pos": "positive", "abs": "absolute", "invert": "invert", "add": "add",
    "matmul": "matmul",
}  # fmt: skip
_TWO = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor", "lshift", "rshift"]
for _name in _TWO:
    setattr(StrictArray, f"__{_name}__", _operator(f"__{_name}__"))
    setattr(StrictArray, f"__r{_name}__", _operator(f"__r{_name}__"))
    setattr(StrictArray, f"__i{_name}__", _operator(f"__i{_name}__", inplace=True))
    UFUNCS |= {f"{way}{_name}": UFUNCS[_name] for way in "ri" if f"{way}{_name}" not in UFUNCS}
for _name in ["eq", "ne", "lt", "le", "gt", "ge", "neg", "pos", "abs", "invert"]:
    setattr(StrictArray, f"__{_name}__", _operator(f"__{_name}__"))
for _name, _kind in CUPY["cupy.ndarray"].items():
    if _kind not in ("value", "class") and hasattr(np.ndarray, _name) and _name not in ("item", "tolist"):
        setattr(StrictArray, _name, _method(_name))
for _name in ["shape", "ndim", "size", "dtype", "strides", "itemsize", "nbytes", "flags"]:
    setattr(StrictArray, _name, property(lambda self, _name=_name: getattr(self._a, _name)))

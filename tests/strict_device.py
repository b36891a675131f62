"""A stand-in for a GPU: arrays that are not NumPy's, refuse NumPy's functions, and know only what CuPy knows.

Operations that are correct on a GPU run here unchanged. An operation that slips a NumPy call in, mixes devices, or uses
a function, method or keyword that CuPy lacks fails, with a plain error, on any machine. What CuPy has is in
tests/gpu/cupy.json. Values inside are NumPy arrays. Indices out of range wrap around in silence, as CuPy's do.

    device = strict()          # registered as "strict"
    x = torch.ones(3, device="strict")
"""

from __future__ import annotations

import functools
import importlib
import types
from typing import Any

import numpy as np

from gradviz.core.device import Device, register
from gradviz.gpu.host import on_host
from tests.cupy_types import typed
from tests.strict_array import CUPY, FETCHING, SORTING, StrictArray, check_call, opened, rows, wrapped
from tests.strict_indices import INDEXED, wrapped_index
from tests.strict_machine import here

# The parameters of ufuncs, which CuPy's wheel does not tell.
UFUNC = ("x1", "x2", "out", "dtype", "casting")
# These move data to the device, so they alone take NumPy arrays.
TRANSFERS = {"asarray", "array"}
IN_ROWS = {"concatenate", "where"}


def _first(args: Any) -> StrictArray | None:
    return next((a for a in args if isinstance(a, StrictArray)), None)


def _function(path: str, name: str, parameters: Any, home: Any) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        check_call(name, parameters, args, kwargs)
        if parameters == UFUNC and any(isinstance(a, (list, tuple)) for a in args):
            raise TypeError(f"Unsupported type {list}")
        transfer = name in TRANSFERS
        inside, named = opened(args, transfer), opened(kwargs, transfer)
        if name in FETCHING or (name == "where" and len(args) == 1):
            here.wait(name)
        if name == "where" and not isinstance(args[0], StrictArray):
            raise AttributeError(f"{type(args[0]).__name__!r} object has no attribute 'astype'")
        if name in SORTING and any(a.dtype.name == "bfloat16" for a in args if isinstance(a, StrictArray)):
            raise NotImplementedError("Unsupported dtype (bfloat16)")
        if transfer and any(not isinstance(a, StrictArray) for a in args[:1]):
            here.wait(f"{name} of host data")
            inside = (np.array(inside[0]), *inside[1:])  # the device has memory of its own
        function = here.ways.get((path, name)) or getattr(home, name)
        result = here.launch(name, INDEXED.get(name) or _found(path, name, function), inside, named)
        out = kwargs.get("out")
        if isinstance(out, StrictArray):
            return out
        return wrapped(rows(result) if parameters == UFUNC or name in IN_ROWS else result, _first(args))

    call.__name__ = name
    if name in ("add", "maximum", "minimum") and parameters == UFUNC:

        def at(array: Any, index: Any, value: Any) -> None:
            def update(array: Any, index: Any, value: Any) -> None:
                add = here.ways.get(("cupy", f"{name}.at")) or getattr(np, name).at
                add(array, wrapped_index(index, array.shape), value)

            here.launch(f"{name}.at", update, (opened(array), opened(index), opened(value)), {})

        call.at = at
    return call


@functools.cache
def _found(path: str, name: str, function: Any) -> Any:
    """A function of NumPy or SciPy as CuPy's would compute."""
    function = typed(path, name, function)
    return _unfailing(function) if path == "cupy.linalg" else function


def _unfailing(function: Any) -> Any:
    """A decomposition that goes on where there is none, unless `cupyx.errstate(linalg="raise")`."""

    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except np.linalg.LinAlgError:
            if here.linalg == "raise":
                raise
            made = function(
                *(np.broadcast_to(np.eye(a.shape[-1], dtype=a.dtype), a.shape) for a in args[:1]), *args[1:]
            )
            return made

    call.__name__ = function.__name__
    return call


class Namespace(types.ModuleType):
    """A module with CuPy's names and keywords and nothing else; its functions are NumPy's or SciPy's."""

    def __init__(self, path: str, home: str) -> None:
        super().__init__(path)
        self.__dict__.update(_path=path, _home=home)

    def __getattr__(self, name: str) -> Any:
        path, home = self.__dict__["_path"], self.__dict__["_home"]
        if name not in CUPY[path]:
            raise AttributeError(f"module {path!r} has no attribute {name!r}")
        kind = CUPY[path][name]
        if kind == "module":
            made: Any = Namespace(f"{path}.{name}", f"{home}.{name}")
        elif name == "as_strided":
            made = as_strided
        elif kind in ("value", "class"):
            made = StrictArray if name == "ndarray" else getattr(importlib.import_module(home), name)
        else:
            scipy = path.startswith("cupyx.scipy")
            parameters = UFUNC if kind == "ufunc" and not scipy else kind
            made = _function(path, name, parameters, importlib.import_module(home))
        self.__dict__[name] = made
        return made


def as_strided(x: Any, shape: Any = None, strides: Any = None) -> StrictArray:
    return wrapped(np.lib.stride_tricks.as_strided(opened(x), shape, strides), x)


@functools.cache
def namespace() -> Any:
    """The device's array library."""
    return Namespace("cupy", "numpy")


sp = types.SimpleNamespace(
    **{name: Namespace(f"cupyx.scipy.{name}", f"scipy.{name}") for name in ("special", "linalg", "fft", "signal")}
)


def to_device(value: Any) -> StrictArray:
    """A NumPy array, a number or an array of the device itself as an array of the device."""
    if isinstance(value, StrictArray):
        return value
    here.wait("copy of host data")
    return StrictArray(np.array(value))


_made: list[Device] = []


def strict() -> Device:
    """The stand-in device, registered once as "strict"."""
    if not _made:
        _made.append(
            register(
                Device(
                    "strict",
                    None,
                    namespace(),
                    array_type=StrictArray,
                    wrap=to_device,
                    to_numpy=StrictArray.get,
                    sp=sp,
                    address=lambda array: array._a.__array_interface__["data"][0],
                )
            )
        )
        on_host(_made[0])
    return _made[0]

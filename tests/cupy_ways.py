"""What CuPy's functions do otherwise than NumPy's and SciPy's, as seen on a GPU and in its text.

The stand-in for the module CuPy takes these (tests/gpu/stand_in.py); each is given NumPy's arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.special

Function = Callable[..., Any]
# Types that CuPy adds up with atomics, and those it finds the largest of.
ADDED = ("int32", "int64", "float16", "float32", "float64", "uint32", "uint64")
COMPARED = ("int32", "int64", "float32", "float64", "uint32", "uint64")


def _along(name: str) -> Function:
    def place(a: Any, axis: int | None = None, *rest: Any, **options: Any) -> Any:
        if axis is not None and not a.ndim:
            raise np.exceptions.AxisError(axis, 0)
        return getattr(np, name)(a, axis, *rest, **options)

    return place


def _angle(z: Any) -> Any:
    """Of real numbers, pi for all that are not at least 0."""
    return np.angle(z) if z.dtype.kind == "c" else np.where(z >= 0, 0, np.pi).astype(z.dtype)


def _floor_divide(a: Any, b: Any, **options: Any) -> Any:
    """Of floats, a / b rounded down, which is not what is left after the remainder."""
    kinds = {np.result_type(a).kind, np.result_type(b).kind}
    if kinds & set("fV"):
        return np.floor(np.true_divide(a, b), **options)
    return np.floor_divide(a, b, **options)


def _xlog1py(a: Any, b: Any) -> Any:
    """0 where a is 0, even if b is no number."""
    return np.where(a == 0, np.zeros_like(a), scipy.special.xlog1py(a, b))


def _bessel(name: str) -> Function:
    """By CUDA's functions, which are infinite at infinity and odd at zero."""
    order, scaled = int(name[1]), name.endswith("e")

    def function(x: Any) -> Any:
        value = getattr(scipy.special, name[:2])(x)
        value = np.where(np.isinf(x), np.abs(x) if order == 0 else x, np.where(x == 0, x if order else value, value))
        return (np.exp(-np.abs(x)) * value if scaled else value).astype(x.dtype)

    return function


def _add_at(array: Any, index: Any, values: Any) -> None:
    _refuse(array, "add", ADDED)
    np.add.at(array, index, values)


def _extreme_at(name: str) -> Function:
    """By fmax and fmin of single precision, which pass over what is no number."""

    def at(array: Any, index: Any, values: Any) -> None:
        _refuse(array, name, COMPARED)
        if array.dtype.kind != "f":
            getattr(np, name).at(array, index, values)
            return
        held = array.astype(np.float32)
        getattr(np, f"f{name[:3]}").at(held, index, np.asarray(values, np.float32))
        touched = np.zeros(array.shape, bool)
        touched[index] = True
        array[touched] = held[touched]

    return at


def _refuse(array: Any, name: str, kinds: tuple[str, ...]) -> None:
    if array.dtype.name not in kinds:
        raise TypeError(f"cupy.{name}.at only supports {', '.join(kinds)} as data type")


WAYS: dict[tuple[str, str], Function] = {
    ("cupy", "add.at"): _add_at,
    ("cupy", "angle"): _angle,
    ("cupy", "floor_divide"): _floor_divide,
    ("cupyx.scipy.special", "xlog1py"): _xlog1py,
}
WAYS |= {("cupy", name): _along(name) for name in ("argmax", "argmin")}
WAYS |= {("cupy", f"{name}.at"): _extreme_at(name) for name in ("maximum", "minimum")}
WAYS |= {("cupyx.scipy.special", name): _bessel(name) for name in ("i0", "i0e", "i1", "i1e")}

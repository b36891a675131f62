"""Numbers combined at indices that may repeat, on a cuda device: for the types that CuPy's atomics do not know.

CuPy adds with atomics, which are there for some types; others are added in one that holds them, complex numbers part
by part. Its largest and smallest pass over NaN, and are of single precision: here they are those of whole numbers that
are in the same order.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

ATOMIC = ("int32", "int64", "float16", "float32", "float64", "uint32", "uint64")
HIGHEST, LOWEST = np.iinfo(np.int64).max, np.iinfo(np.int64).min
# What takes the place of NaN among whole numbers, so that it is the extreme one.
NAN_AS = {"maximum": HIGHEST, "minimum": LOWEST}
Place = Callable[[Any, Any, Any], None]


def combining(cp: Any) -> dict[str, Any]:
    """CuPy's functions whose `at` combines numbers at indices, with one for all types."""
    ways = {"add": _add_at(cp.add.at)}
    ways |= {name: _extreme_at(cp, getattr(cp, name).at, nan) for name, nan in NAN_AS.items()}
    made: dict[str, Any] = {name: partial(getattr(cp, name)) for name in ways}
    for name, at in ways.items():
        made[name].at = at
    return made


def _add_at(plain: Place) -> Place:
    def at(array: Any, index: Any, values: Any) -> None:
        kind = array.dtype
        if kind.name in ATOMIC:
            plain(array, index, values)
        elif kind.kind == "c":
            values = values.astype(kind, copy=False)
            plain(array.real, index, values.real)
            plain(array.imag, index, values.imag)
        else:
            wide = np.int32 if kind.kind in "biu" else np.float32
            held = array.astype(wide)
            plain(held, index, values.astype(wide))
            array[...] = held.astype(kind)

    return at


def _extreme_at(cp: Any, plain: Place, nan: int) -> Place:
    def at(array: Any, index: Any, values: Any) -> None:
        held = _in_order(cp, array, nan)
        plain(held, index, _in_order(cp, values, nan))
        array[...] = _out_of_order(held, array.dtype)

    return at


def _in_order(cp: Any, x: Any, nan: int) -> Any:
    """Whole numbers without sign in the order of these numbers."""
    if x.dtype.kind in "biu":
        bits = x.astype(np.int64)
    else:
        wide = x.astype(np.float64)
        bits = cp.where(wide != wide, nan, _turned(wide.view(np.int64)))
    return bits.view(np.uint64) ^ np.uint64(2**63)


def _out_of_order(bits: Any, dtype: Any) -> Any:
    """The numbers that `_in_order` had."""
    bits = (bits ^ np.uint64(2**63)).view(np.int64)
    return bits.astype(dtype) if dtype.kind in "biu" else _turned(bits).view(np.float64).astype(dtype)


def _turned(bits: Any) -> Any:
    """The bits of floats, those of negative ones turned around: they grow as the numbers do. Twice, it is undone."""
    return bits ^ ((bits >> 63) & HIGHEST)

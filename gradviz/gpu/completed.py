"""CuPy's module with some functions in place of its own, which would give other types, fail, or go wrong in a graph.

Most of CuPy knows bfloat16. `where` and `clip` do not: they answer in float32. Thrust, by which it sorts, takes none.
https://docs.cupy.dev/en/stable/upgrade.html

Numbers of the host that an operation needs, such as the weights of an interpolation, are copied by way of pinned memory
which is used again soon after. A graph that is captured would copy them anew with every replay, from memory that holds
something else by then. So they are put into the graph's memory once, when the capture has ended.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np

from . import graphs
from .repeats import combining

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
SORTING = ("sort", "argsort", "lexsort", "partition", "argpartition", "searchsorted", "unique", "median")


class Completed:
    """A module with some functions in place of its own; all else as it is."""

    def __init__(self, module: Any, own: dict[str, Callable[..., Any]]) -> None:
        self.__dict__.update(own)
        self._module = module

    def __getattr__(self, name: str) -> Any:
        found = self.__dict__[name] = getattr(self._module, name)
        return found


def completed(cp: Any) -> Completed:
    """CuPy's module, for bfloat16 as for other floats, and for graphs."""
    own: dict[str, Callable[..., Any]] = {"where": _where(cp), "clip": _clip(cp)}
    own |= combining(cp)
    own |= {name: _moving(cp, getattr(cp, name)) for name in ("asarray", "array")}
    return Completed(cp, own | {name: _widened(getattr(cp, name)) for name in SORTING})


def _moving(cp: Any, plain: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, which takes what is on the host into a graph as it is now."""

    def move(value: Any, dtype: Any = None, **rest: Any) -> Any:
        if not graphs.capturing() or isinstance(value, cp.ndarray):
            return plain(value, dtype, **rest)
        return graphs.filled_afterwards(np.array(value, dtype))

    return move


def _is(value: Any) -> bool:
    return bool(getattr(value, "dtype", None) == BFLOAT16)


def _number(value: Any) -> Any:
    """A Python number rounded to bfloat16; an array or a number of NumPy as it is."""
    return BFLOAT16.type(value) if type(value) in (int, float) else value


def _where(cp: Any) -> Callable[..., Any]:
    plain = cp.where

    def where(condition: Any, x: Any = None, y: Any = None) -> Any:
        """Numbers are chosen, not computed with: their bits will do."""
        if not (_is(x) or _is(y)):
            return plain(condition) if x is None else plain(condition, x, y)
        x, y = _number(x), _number(y)
        if not (_is(x) and _is(y)):
            return plain(condition, x, y)
        return plain(condition, x.view(np.uint16), y.view(np.uint16)).view(BFLOAT16)

    return where


def _clip(cp: Any) -> Callable[..., Any]:
    plain = cp.clip

    def clip(a: Any, a_min: Any, a_max: Any, out: Any = None) -> Any:
        if not _is(a):
            return plain(a, a_min, a_max, out=out)
        made = a if a_min is None else cp.maximum(a, _number(a_min), out=out)
        return made if a_max is None else cp.minimum(made, _number(a_max), out=out)

    return clip


def _widened(plain: Callable[..., Any]) -> Callable[..., Any]:
    """The same function by way of float32, which holds every bfloat16 and keeps their order."""

    def call(*args: Any, **kwargs: Any) -> Any:
        if not any(map(_is, args)):
            return plain(*args, **kwargs)
        made = plain(*(a.astype(np.float32) if _is(a) else a for a in args), **kwargs)
        return tuple(map(_narrowed, made)) if isinstance(made, tuple) else _narrowed(made)

    return call


def _narrowed(array: Any) -> Any:
    return array.astype(BFLOAT16) if array.dtype == np.float32 else array

"""In which types CuPy's functions compute: the first of a function's loops that all arguments fit into.

The loops are those of CuPy's wheel, in its order (tests/gpu/cupy.json). They are not always NumPy's: there is none of
`logical_and` for complex numbers, `erf` of 16 bits gives 64, `where` of bfloat16 gives float32.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import ml_dtypes
import numpy as np

from tests.gpu.cupy_names import known

WEAK = (int, float, complex)
LOOPS: dict[str, dict[str, list[str]]] = known()["loops"]


def dtype(letter: str) -> np.dtype:
    return np.dtype(ml_dtypes.bfloat16) if letter == "E" else np.dtype(letter)


@functools.cache
def loops_of(path: str, name: str) -> tuple[tuple[tuple[Any, ...], tuple[Any, ...]], ...]:
    """The types of arguments and results of each loop; none for a function that has no loops."""
    made = []
    for text in LOOPS.get(path, {}).get(name, ()):
        given, _, out = text.partition("->")
        made.append((tuple(map(dtype, given)), tuple(map(dtype, out))))
    return tuple(made)


def _kind(of: type) -> int:
    for score, kinds in enumerate(((np.bool_,), (np.integer, int), (np.inexact, float, complex))):
        if issubclass(of, kinds):
            return score
    return 3


def resolve(path: str, name: str, args: Sequence[Any]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """The loop for these arrays and numbers; TypeError if there is none."""
    weak = tuple(type(a) if type(a) in WEAK else None for a in args)
    types = tuple(np.dtype(type(a)) if not hasattr(a, "dtype") else a.dtype for a in args)
    found = _resolve(path, name, types, weak)
    if found is None:
        raise TypeError(f"Wrong type ({', '.join(map(str, types))}) of arguments for cupy_{name}")
    return found


@functools.cache
def _resolve(path: str, name: str, types: tuple[Any, ...], weak: tuple[Any, ...]) -> Any:
    scalars = [_kind(w) for w in weak if w]
    arrays = [_kind(t.type) for t, w in zip(types, weak, strict=True) if not w]
    if not scalars or not arrays or max(arrays) < max(scalars):
        weak = (None,) * len(types)
    for given, out in loops_of(path, name):
        each = zip(types, weak, given, strict=True)
        if all(np.result_type(w(0), to) == to if w else np.can_cast(t, to) for t, w, to in each):
            return given, out
    return None


def typed(path: str, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of NumPy or SciPy, computing in the types that CuPy's function of this name does."""
    if not loops_of(path, name):
        return function
    count = len(loops_of(path, name)[0][0])

    @functools.wraps(function, assigned=("__name__",), updated=())
    def call(*args: Any, **kwargs: Any) -> Any:
        if kwargs.get("dtype") is not None or len(args) < count or any(a is None for a in args[:count]):
            return function(*args, **kwargs)
        given, out = resolve(path, name, args[:count])
        fitting = [
            a.astype(t, copy=False) if isinstance(a, np.ndarray) else t.type(a)
            for a, t in zip(args[:count], given, strict=True)
        ]
        result = function(*fitting, *args[count:], **kwargs)
        if kwargs.get("out") is not None or len(args) > count:
            return result
        if isinstance(result, tuple):
            return tuple(r.astype(t, copy=False) for r, t in zip(result, out, strict=True))
        return result.astype(out[0], copy=False)

    return call

"""Nested Python lists to arrays: `torch.tensor([[1, 2], [3, 4]])` finds the shape, the dtype and the numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

from ...dtype import bool_, dtype, from_numpy, promote_types
from ...errors import noted
from ...tensor import Tensor
from .factory import check_fits, dtype_of_number

_NUMBERS = frozenset((bool, int, float, complex))


def array_of(data: Any, wanted: dtype | None) -> np.ndarray[Any, Any]:
    """A new NumPy array of nested sequences of numbers, in the dtype wanted or else the one that they call for.

    Numbers may be Python's, NumPy's or one-element tensors.
    Raises ValueError where inner sequences differ in length, TypeError or RuntimeError for what is not a number.
    """
    shape, leaves = _flatten(data)
    kinds = set(map(type, leaves))
    plain = kinds <= _NUMBERS
    if wanted is None:
        wanted = _common_dtype(leaves, kinds)
    if not plain:
        leaves = [v if type(v) in _NUMBERS else _item(v) for v in leaves]
    return _fill(leaves, wanted).reshape(shape)


def _flatten(data: Any) -> tuple[tuple[int, ...], list[Any]]:
    """The shape of nested sequences and their numbers in order, one level after the other."""
    level: list[Any] = [data]
    shape: list[int] = []
    while level and _is_sequence(level[0]):
        n = len(level[0])
        for row in level:
            if not _is_sequence(row):
                _refuse_leaf(row)
                raise noted(
                    TypeError(
                        f"not a sequence\nAt dim {len(shape)} the first entry is a sequence of length {n}, another is "
                        f"{row!r}. All entries of one level must be alike."
                    )
                )
            if len(row) != n:
                if n == 0:  # the first row decides: nothing is read from the others
                    return (*shape, 0), []
                raise noted(
                    ValueError(
                        f"expected sequence of length {n} at dim {len(shape)} (got {len(row)})\n"
                        "All rows of one level must have the same length; pad the shorter ones."
                    )
                )
        shape.append(n)
        level = list(chain.from_iterable(level))
    if shape and level and isinstance(level[0], str):
        raise noted(ValueError(f"too many dimensions 'str'\nTensors hold numbers, not text: {level[0]!r}."))
    return tuple(shape), level


def _is_sequence(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return True
    if isinstance(value, np.ndarray):
        return value.ndim > 0
    if isinstance(value, Tensor) or type(value) in _NUMBERS:
        return False
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _common_dtype(leaves: list[Any], kinds: set[type]) -> dtype:
    if not leaves:
        return dtype_of_number(0.0)
    if kinds <= _NUMBERS:
        found = [dtype_of_number(kind()) for kind in kinds]
    else:
        found = list(dict.fromkeys(_dtype_of(v) for v in leaves))
    common = found[0]
    for other in found[1:]:
        common = promote_types(common, other)
    return common


def _dtype_of(value: Any) -> dtype:
    if isinstance(value, Tensor):
        return value.dtype
    if isinstance(value, (np.generic, np.ndarray)):
        return from_numpy(value.dtype)
    if isinstance(value, (bool, int, float, complex)):
        return dtype_of_number(value)
    _refuse_leaf(value)
    raise AssertionError(value)


def _refuse_leaf(value: Any) -> None:
    """The error for something that is not a number; nothing happens for a number."""
    if isinstance(value, (str, bytes)):
        raise noted(
            TypeError(f"new(): invalid data type '{type(value).__name__}'\nTensors hold numbers, not text: {value!r}.")
        )
    if isinstance(value, (list, tuple)):
        raise noted(
            TypeError(
                f"'{type(value).__name__}' object cannot be interpreted as an integer\n"
                f"The first entry of this level is a number, another is {value!r}. "
                "All entries of one level must be alike."
            )
        )
    if not isinstance(value, (bool, int, float, complex, np.generic, np.ndarray, Tensor)):
        raise noted(
            RuntimeError(
                f"Could not infer dtype of {type(value).__name__}\nA tensor is made of numbers, or of lists of numbers."
            )
        )


def _item(value: Any) -> Any:
    if isinstance(value, Tensor):
        if value._array.size != 1:
            raise noted(
                ValueError(
                    "only one element tensors can be converted to Python scalars\n"
                    f"The list holds a tensor of shape {tuple(value._array.shape)}. "
                    "Use torch.stack(list) to join tensors."
                )
            )
        return value.item()
    _refuse_leaf(value)
    return value.item() if isinstance(value, (np.generic, np.ndarray)) else value


def _fill(leaves: list[Any], wanted: dtype) -> np.ndarray[Any, Any]:
    kinds = set(map(type, leaves))
    if wanted is bool_:
        return np.array([bool(v) for v in leaves], np.bool_)
    if wanted.is_complex:
        return np.array(leaves, np.complex128).astype(wanted.numpy)
    if complex in kinds:
        raise noted(
            TypeError(f"must be real number, not complex\nAsk for dtype=torch.complex64 instead of {wanted!r}.")
        )
    if wanted.is_floating_point:
        with np.errstate(over="ignore"):
            return np.array(leaves, np.float64).astype(wanted.numpy)
    if float in kinds:
        for value in leaves:
            check_fits(value, wanted, {})
        leaves = [math.trunc(v) for v in leaves]
    try:
        numbers = np.array(leaves, np.uint64 if wanted.name == "uint64" and min(leaves, default=0) >= 0 else np.int64)
    except OverflowError:
        raise noted(
            ValueError(
                "Overflow when unpacking long long\nAn integer lies outside the 64-bit range; write it as a float."
            )
        ) from None
    if numbers.size:
        check_fits(int(numbers.min()), wanted, {})
        check_fits(int(numbers.max()), wanted, {})
    return numbers.astype(wanted.numpy)

"""What all reductions share: reading `dim` as PyTorch spells it, the type to add up in, NumPy's names for arguments."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...dtype import as_dtype, bfloat16
from ...errors import no_kernel, noted
from ...op import Function
from ...tensor import Tensor
from ..helpers import all_dims

HALF = (np.dtype(np.float16), bfloat16.numpy)
# Sums are taken in a wider type: 64-bit integers for integers and booleans, 32 bits for 16-bit floats.
LONG = {
    np.dtype(t): np.dtype(np.int64)
    for t in (np.bool_, np.uint8, np.int8, np.int16, np.int32, np.uint16, np.uint32, np.uint64)
}
WIDE: dict[Any, Any] = dict.fromkeys(HALF, np.dtype(np.float32)) | LONG
# Running sums and products have one rounding more per element, so they are taken in 64 bits, as PyTorch does.
WIDEST: dict[Any, Any] = WIDE | {np.dtype(np.float32): np.dtype(np.float64)}
# NumPy's names for what PyTorch calls dim, keepdim and input.
SPELLINGS = {"axis": "dim", "keepdims": "keepdim", "x": "input", "a": "input", "x1": "input"}


def spelled(f: Function) -> Function:
    """Decorator: the arguments may also be called by NumPy's names, `x.std(axis=0, keepdims=True)`."""

    @functools.wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        if not kwargs:
            return f(*args)
        for name in kwargs:
            if name in SPELLINGS:
                return f(*args, **{SPELLINGS.get(k, k): v for k, v in kwargs.items()})
        return f(*args, **kwargs)

    return call  # type: ignore[return-value]


def count(shape: tuple[int, ...], dim: tuple[int, ...] | None) -> int:
    """How many elements each result of a reduction stands for."""
    return math.prod(shape if dim is None else [shape[i] for i in dim])


def reduced(dim: Any, input: Tensor) -> tuple[int, ...] | None:
    """The dims to reduce over, None for all; an empty list means all of them too."""
    if dim is None:
        return None
    ndim = input._array.ndim
    found = all_dims(dim, ndim)
    return tuple(range(ndim)) if found == () else found


def typed(input: Tensor, dtype: Any) -> Tensor:
    """The input, converted where a dtype is asked for."""
    return input if dtype is None or as_dtype(dtype) is input.dtype else input.to(as_dtype(dtype))


# A warning of NumPy's about infinities is silenced where it comes from library code (see dispatch.py). NumPy's sum and
# prod are Python functions of its own, and a warning from within would not be: the ufunc behind them is called here.
_ADD: Any = np.add.reduce
_MULTIPLY: Any = np.multiply.reduce
_MAXIMUM: Any = np.maximum.reduce


def added(x: Any, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    """The sum over dims, over all for None."""
    if x.__class__ is np.ndarray:
        return _ADD(x, dim, dtype, None, keepdim)
    return x.sum(axis=dim, dtype=dtype, keepdims=keepdim)


def largest(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """The largest elements over dims, over all for None."""
    if x.__class__ is np.ndarray:
        if dim.__class__ is int and _are_short(x, dim):
            made = _MAXIMUM(x.reshape(-1, x.shape[-1]).T.copy(), 0)
            return made.reshape((*x.shape[:-1], 1) if keepdim else x.shape[:-1])
        return _MAXIMUM(x, dim, None, None, keepdim)
    return x.max(axis=dim, keepdims=keepdim)


def _are_short(x: Any, dim: int) -> bool:
    """Whether these are many short rows: NumPy looks along each for 40 ns or more, over columns at several at once."""
    return dim in (-1, x.ndim - 1) and 0 < x.shape[-1] <= 32 and x.size >= 32 * x.shape[-1] and x.flags.c_contiguous


def multiplied(x: Any, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    """The product over dims, over all for None."""
    if x.__class__ is np.ndarray:
        return _MULTIPLY(x, dim, dtype, None, keepdim)
    return x.prod(axis=dim, dtype=dtype, keepdims=keepdim)


def running(name: str, x: Any, dim: int) -> Any:
    """Running sums or products ("cumsum", "cumprod") in the widest type; floats come back in their own."""
    kind = x.dtype
    out = getattr(x, name)(axis=dim, dtype=WIDEST.get(kind, kind))
    return out if kind.kind in "biu" else out.astype(kind, copy=False)


def total(x: Any, *, dim: Any, keepdim: bool) -> Any:
    """The sum in the wider type; floats come back in their own."""
    kind = x.dtype
    if kind not in WIDE:
        return added(x, dim, keepdim)
    out = added(x, dim, keepdim, WIDE[kind])
    return out.astype(kind) if kind in HALF else out


def average(x: Any, *, dim: Any, keepdim: bool) -> Any:
    """The mean; of no elements, NaN without a warning."""
    kind = x.dtype
    if kind not in HALF:
        return added(x, dim, keepdim) / (x.size if dim is None else count(x.shape, dim))
    return (added(x, dim, keepdim, WIDE[kind]) / count(x.shape, dim)).astype(kind)


def on_line(x: Any, compute: Callable[[Any], Any]) -> Any:
    """What `compute` makes of `x`, with a 0-d array seen as one of one element."""
    return compute(x) if x.ndim else compute(x.reshape(1)).reshape(())


def some(name: str, input: Tensor, dim: Any, *, whole: type[Exception] = RuntimeError) -> None:
    """Refuse to pick an element where there is none."""
    if input._array.size:
        return
    dims = reduced(dim, input)
    if dims is None or dim in ((), []):
        hint = " Specify the reduction dim with the 'dim' argument." if whole is RuntimeError else ""
        raise noted(
            whole(
                f"{name}: Expected reduction dim to be specified for input.numel() == 0.{hint}\n"
                f"The shape is {tuple(input._array.shape)}: there is no element to pick."
            )
        )
    for d in dims:
        if input._array.shape[d : d + 1] == (0,):
            raise IndexError(f"{name}: Expected reduction dim {d} to have non-zero size.")


def refuse_complex(input: Tensor, text: str) -> None:
    """Complex numbers have no order: PyTorch's error, given its text or the name of the kernel that says so."""
    if input._array.dtype.kind == "c":
        raise RuntimeError(text) if " " in text else no_kernel(text, input)

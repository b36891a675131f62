"""Tensors of evenly spaced numbers: `arange`, `linspace`, `logspace`, and the indices of triangles."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from ... import errors
from ...draws import multiply_add
from ...dtype import get_default_dtype, int64
from ...errors import no_kernel, noted
from ...op import function
from ...tensor import Tensor
from .factory import only_defaults, read_dtype, read_int, read_number, wrap


@function(method=False)
def arange(
    start: Any = None, end: Any = None, step: Any = 1, *, out: Any = None, dtype: Any = None, layout: Any = None,
    device: Any = None, requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """The numbers start, start + step, ... below end: `arange(end)`, `arange(start, end)`, `arange(start, end, step)`.

    int64 where all arguments are integers, else the default dtype.
    https://docs.pytorch.org/docs/2.13/generated/torch.arange.html
    """
    only_defaults("arange", out=out, layout=layout, pin_memory=pin_memory)
    if end is None:
        start, end = None, start
    if end is None:
        raise noted(
            TypeError("arange() received an invalid combination of arguments - got ()\nSay where to stop: arange(5).")
        )
    first = 0 if start is None else read_number("arange", "start", 1, start)
    last = read_number("arange", "end", 1 if start is None else 2, end)
    by = read_number("arange", "step", 3, step)
    whole = all(isinstance(v, int) for v in (first, last, by))
    kind = read_dtype("arange", dtype, int64 if whole else get_default_dtype())
    if kind.category == 0:
        raise no_kernel("arange_cpu", kind, "Convert the result: torch.arange(...).bool().")
    if by == 0:
        raise RuntimeError("step must be nonzero")
    if kind.category == 1:
        first, last, by = int(first), int(last), int(by)
        if by == 0:
            raise noted(ValueError("step must be nonzero\nIn whole numbers this step is zero."))
    if not (math.isfinite(first) and math.isfinite(last)):
        raise RuntimeError(f"unsupported range: {first} -> {last}")
    if (last - first) * by < 0:
        raise noted(
            RuntimeError(
                "upper bound and lower bound inconsistent with step sign\n"
                f"From {first} to {last} there is no way in steps of {by}."
            )
        )
    count = -((first - last) // by) if kind.category == 1 else math.ceil((last - first) / by)
    if count >= 2**48:
        raise noted(
            RuntimeError(
                f"invalid size, possible overflow?\nFrom {first} to {last} in steps of {by} are {count} numbers."
            )
        )
    return wrap((first + by * np.arange(count)).astype(kind.numpy), device, requires_grad)


@function(method=False)
def range(
    start: Any, end: Any, step: Any = 1, *, dtype: Any = None, layout: Any = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """The numbers from `start` to `end`, both included: the old form of `arange`."""
    warnings.warn(
        "torch.range is deprecated and will be removed in a future release because its behavior is inconsistent with "
        "Python's range builtin. Instead, use torch.arange, which produces values in [start, end).",
        UserWarning,
        stacklevel=2,
    )
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    kind = read_dtype("range", dtype)
    steps = np.arange(math.floor((end - start) / step) + 1)
    return wrap((start + steps * step).astype(kind.numpy), device, requires_grad)


@function(method=False)
def linspace(
    start: Any, end: Any, steps: int, *, out: Any = None, dtype: Any = None, layout: Any = None, device: Any = None,
    requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """`steps` evenly spaced numbers from start to end, both included."""
    only_defaults("linspace", out=out, layout=layout, pin_memory=pin_memory)
    values = _spaced("linspace", start, end, steps, _kind("linspace", dtype, start, end))
    return wrap(values, device, requires_grad)


@function(method=False)
def logspace(
    start: Any, end: Any, steps: int, base: float = 10.0, *, out: Any = None, dtype: Any = None, layout: Any = None,
    device: Any = None, requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """`base` to the power of `steps` evenly spaced numbers from start to end."""
    only_defaults("logspace", out=out, layout=layout, pin_memory=pin_memory)
    kind = _kind("logspace", dtype, start, end)
    fine = kind if kind.itemsize >= 8 and kind.kind in "fc" else np.dtype(np.float32)
    wide = np.complex128 if kind.kind == "c" else np.float64
    powers = np.power(wide(base), _spaced("logspace", start, end, steps, fine, kind.kind in "iu").astype(wide))
    return wrap(powers.astype(kind), device, requires_grad)


def _kind(name: str, given: Any, start: Any, end: Any) -> Any:
    """The type to make: the default one, or its complex partner where an end is complex."""
    if not any(x.is_complex() if isinstance(x, Tensor) else isinstance(x, complex) for x in (start, end)):
        return read_dtype(name, given).numpy
    inferred = get_default_dtype().to_complex()
    kind = read_dtype(name, given, inferred)
    if not kind.is_complex:
        shown = errors.c_name(inferred), errors.scalar_type(kind)
        raise RuntimeError(f"torch.{name}(): inferred dtype {shown[0]} can't be safely cast to passed dtype {shown[1]}")
    return kind.numpy


def _spaced(
    name: str, start: Any, end: Any, steps: Any, kind: np.dtype[Any], whole: bool = False
) -> np.ndarray[Any, Any]:
    """Counted from the start in the first half and from the end in the second, so that both ends are exact."""
    if any(isinstance(x, Tensor) and x.ndim for x in (start, end)):
        dims = [x.ndim if isinstance(x, Tensor) else 0 for x in (start, end)]
        raise RuntimeError(
            f"{name} only supports 0-dimensional start and end tensors, but got start with {dims[0]} dimension(s) and "
            f"end with {dims[1]} dimension(s)."
        )
    first, last = read_number(name, "start", 1, start), read_number(name, "end", 2, end)
    count = read_int(name, "steps", 3, steps)
    if count < 0:
        raise noted(RuntimeError(f"number of steps must be non-negative\nGot steps={count}."))
    if whole or kind.kind in "iub":
        first, last = int(first), int(last)
    fine = np.dtype(np.float32) if kind.kind in "iub" else kind
    if count == 1:
        return np.array([first]).astype(kind)
    low, high = np.array([first, last]).astype(fine)
    index = np.arange(count)
    step = (high - low) / fine.type(max(count - 1, 1))
    up, down = index.astype(fine), (count - 1 - index).astype(fine)
    if fine.itemsize >= 4 and fine.kind == "f":
        values = np.where(index < count // 2, multiply_add(up, step, low), multiply_add(down, -step, high))
    else:
        values = np.where(index < count // 2, low + step * up, high - step * down)
    return values.astype(kind)


def _triangle(name: str, row: int, col: int, offset: int, dtype: Any, device: Any, lower: bool) -> Tensor:
    for side, n in (("row", row), ("col", col)):
        if n < 0:
            raise RuntimeError(f"{side} must be non-negative, got{n}")
    kind = read_dtype(name, dtype, int64).numpy
    inside = np.tri(row, col, offset, dtype=bool) if lower else ~np.tri(row, col, offset - 1, dtype=bool)
    return wrap(np.stack(np.nonzero(inside)).astype(kind), device)


@function(method=False)
def tril_indices(
    row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None, layout: Any = None
) -> Tensor:
    """Rows and columns of the entries on and below a diagonal of a row by col matrix, shape (2, entries)."""
    only_defaults("tril_indices", layout=layout)
    return _triangle("tril_indices", row, col, offset, dtype, device, True)


@function(method=False)
def triu_indices(
    row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None, layout: Any = None
) -> Tensor:
    """Rows and columns of the entries on and above a diagonal of a row by col matrix, shape (2, entries)."""
    only_defaults("triu_indices", layout=layout)
    return _triangle("triu_indices", row, col, offset, dtype, device, False)

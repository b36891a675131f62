"""Windows that slide over the last dimensions of an array: reading their sizes, and looking at all of them at once."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any

from ...errors import noted

Dims = tuple[int, ...]
WORDS = ("zero", "one", "two", "three")
AXES = ("T", "H", "W")


# -- reading arguments ---------------------------------------------------------------------------------------------
def one_integer(function: str, argument: str, value: Any) -> int:
    """A whole number, or TypeError naming the argument."""
    try:
        return int(value.__index__())
    except (AttributeError, TypeError):
        kind = type(value).__name__
        raise TypeError(f"{function}(): argument '{argument}' must be tuple of ints, not {kind}") from None


def integers(function: str, argument: str, value: Any) -> Dims:
    """One whole number, or several, as a tuple."""
    values = value if isinstance(value, (tuple, list)) else (value,)
    return tuple(one_integer(function, argument, v) for v in values)


def per_dim(
    function: str, argument: str, value: Any, count: int, refuse: Callable[[str, str, int, Dims], Exception]
) -> Dims:
    """One number for all dimensions, or one each; any other count of numbers is refused with `refuse`'s error."""
    if type(value) is int:
        return (value,) * count
    values = integers(function, argument, value)
    if len(values) == count:
        return values
    if len(values) == 1:
        return values * count
    raise noted(refuse(function, argument, count, values))


@functools.lru_cache(maxsize=1024)
def _each(function: str, count: int, refuse: Any, **values: Any) -> dict[str, Dims]:
    return {argument: per_dim(function, argument, value, count, refuse) for argument, value in values.items()}


def per_dims(function: str, count: int, refuse: Any, **values: Any) -> dict[str, Dims]:
    """`per_dim` of several arguments; worked out once for each combination, so only to be read."""
    for argument, value in values.items():
        if type(value) is list:
            values[argument] = tuple(value)
    return _each(function, count, refuse, **values)


def spelled(values: Dims, prefix: str = "", axes: tuple[str, ...] = AXES) -> str:
    """`kT: 2 kH: 3 kW: 3`: one number per dimension as error texts write them."""
    return " ".join(f"{prefix}{a}: {v}" for a, v in zip(axes[-len(values) :], values, strict=True))


# -- how many ------------------------------------------------------------------------------------------------------
def pooled_size(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> int:
    """How many windows fit along one dimension; with `ceil_mode` also one that starts inside but reaches out."""
    room = size + 2 * padding - dilation * (kernel - 1) - 1
    if not ceil_mode:
        return room // stride + 1
    count = -(-room // stride) + 1
    return count - 1 if (count - 1) * stride >= size + padding else count


def check_windows(kernel: Dims, stride: Dims, padding: Dims, dilation: Dims) -> None:
    """PyTorch's errors for windows that make no sense, whatever the picture."""
    if min(stride) == 0:
        raise RuntimeError("stride should not be zero")
    if min(kernel) <= 0:
        raise RuntimeError(f"kernel size should be greater than zero, but got {spelled(kernel, 'k')}")
    if min(dilation) <= 0:
        raise RuntimeError(f"dilation should be greater than zero, but got {spelled(dilation, 'dilation')}")
    for p, k, d in zip(padding, kernel, dilation, strict=True):
        if p < 0:
            raise RuntimeError(f"pad must be non-negative, but got pad: {p}")
        if p > (d * (k - 1) + 1) // 2:
            raise RuntimeError(
                f"pad should be at most half of effective kernel size, but got pad={p}, kernel_size={k} and "
                f"dilation={d}"
            )


@functools.lru_cache(maxsize=512)
def pooled_sizes(shape: Dims, kernel: Dims, stride: Dims, padding: Dims, dilation: Dims, ceil_mode: bool) -> Dims:
    """The number of windows along each dimension, at least one, or PyTorch's error."""
    check_windows(kernel, stride, padding, dilation)
    dims = len(kernel)
    there = shape[-dims:]
    each = zip(there, kernel, stride, padding, dilation, strict=True)
    sizes = tuple(pooled_size(n, k, s, p, d, ceil_mode) for n, k, s, p, d in each)
    if min(sizes) < 1:
        have, want = ("x".join(map(str, (shape[-dims - 1], *s))) for s in (there, sizes))
        raise noted(
            RuntimeError(
                f"Given input size: ({have}). Calculated output size: ({want}). Output size is too small\n"
                f"The window is {' x '.join(map(str, kernel))}: use a smaller one, or pool fewer times before."
            )
        )
    return sizes


# -- all at once ---------------------------------------------------------------------------------------------------
@functools.lru_cache(maxsize=512)
def reached(there: Dims, sizes: Dims, kernel: Dims, stride: Dims, padding: Dims, dilation: Dims) -> Dims:
    """How large the picture must be for all windows to lie inside."""
    return tuple(
        max(n + p, (count - 1) * s + d * (k - 1) + 1)
        for n, count, k, s, p, d in zip(there, sizes, kernel, stride, padding, dilation, strict=True)
    )


def bordered(
    xp: Any, x: Any, sizes: Dims, kernel: Dims, stride: Dims, padding: Dims, dilation: Dims, value: Any
) -> Any:
    """`x` with a border, wide enough for all windows, that holds `value`; `x` itself if no window reaches out."""
    dims = len(kernel)
    there = x.shape[-dims:]
    wide = reached(there, sizes, kernel, stride, padding, dilation)
    if wide == there:
        return x
    made = xp.full((*x.shape[:-dims], *wide), value, dtype=x.dtype)
    made[inside(there, padding)] = x
    return made


def inside(there: Dims, padding: Dims) -> Any:
    """The index of what was there before the border."""
    return (..., *(slice(p, p + n) for n, p in zip(there, padding, strict=True)))


@functools.lru_cache(maxsize=512)
def places_of(sizes: Dims, kernel: Dims, stride: Dims, dilation: Dims) -> list[Any]:
    """For every place of the window, row by row, the index of that place in all windows; only read."""
    starts = itertools.product(*(range(0, k * d, d) for k, d in zip(kernel, dilation, strict=True)))
    steps = tuple(zip(sizes, stride, strict=True))
    return [
        (..., *(slice(at, at + (n - 1) * s + 1, s) for at, (n, s) in zip(start, steps, strict=True)))
        for start in starts
    ]


def shifted(x: Any, sizes: Dims, kernel: Dims, stride: Dims, dilation: Dims) -> list[Any]:
    """For every place of the window, row by row: the view of that place in all windows, (..., *sizes)."""
    return [x[at] for at in places_of(sizes, kernel, stride, dilation)]

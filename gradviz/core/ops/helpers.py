"""What the op tables share: reading dims and shapes as PyTorch spells them."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import errors
from ..errors import noted
from ..mode import grad_mode
from ..op import Function
from ..tensor import Tensor


def is_number(x: Any) -> bool:
    """Whether `x` is a Python number."""
    return isinstance(x, (int, float, complex))


def one_dim(dim: int, ndim: int) -> int:
    """A dim counted from the front; IndexError outside the range."""
    if type(dim) is int and 0 <= dim < ndim:
        return dim
    reach = max(ndim, 1)
    if not isinstance(dim, int):
        if not hasattr(dim, "__index__"):
            raise TypeError(f"argument 'dim' must be int, not {type(dim).__name__}")
        dim = dim.__index__()
    if not -reach <= dim < reach:
        raise noted(IndexError(errors.dim_range(dim, ndim)))
    return dim % reach


def all_dims(dim: Any, ndim: int) -> tuple[int, ...] | None:
    """Dims as a tuple counted from the front; None stays None. A repeated dim raises."""
    if dim is None:
        return None
    if ndim == 0:
        for d in dim if isinstance(dim, (tuple, list)) else (dim,):
            one_dim(d, 0)
        return ()
    if not isinstance(dim, (tuple, list)):
        return (one_dim(dim, ndim),)
    found = tuple(one_dim(d, ndim) for d in dim)
    if len(set(found)) != len(found):
        again = next(d for i, d in enumerate(found) if d in found[:i])
        raise RuntimeError(f"dim {again} appears multiple times in the list of dims")
    return found


def sizes(args: Sequence[Any]) -> tuple[int, ...]:
    """Sizes given one by one or as one sequence."""
    if len(args) == 1 and isinstance(args[0], (tuple, list)):
        args = args[0]
    return tuple(map(operator.index, args))


def spread(name: str) -> Callable[[Function], Function]:
    """Decorator: `f(input, *sizes)` may also be called as `f(input, name=sizes)`, as PyTorch's functions may."""

    def change(f: Function) -> Function:
        @functools.wraps(f)
        def call(input: Tensor, *args: Any, **kwargs: Any) -> Any:
            if not kwargs:
                return f(input, *args)
            return f(input, *args, **kwargs) if name not in kwargs else f(input, kwargs.pop(name), *args, **kwargs)

        return call  # type: ignore[return-value]

    return change


def unreduce(F: Any, g: Any, shape: tuple[int, ...], dim: tuple[int, ...] | None, keepdim: bool) -> Any:
    """A reduction's gradient with its reduced dims back as size 1, ready to be expanded; one number is so as it is."""
    if keepdim or dim is None or not shape:
        return g
    return F.reshape(g, shape=tuple([1 if i in dim else n for i, n in enumerate(shape)]))


def count_up(n: int) -> Any:
    """0, 1, ... n - 1 as a NumPy array that nobody writes; of few numbers always the same."""
    return _few(n) if n <= 256 else np.arange(n)


@functools.lru_cache(maxsize=256)
def _few(n: int) -> Any:
    made = np.arange(n)
    made.flags.writeable = False
    return made


def along(dim: int, *parts: Any) -> tuple[Any, ...]:
    """An index of one dimension, or of some that follow one another: everything of those before it."""
    return (slice(None),) * dim + parts


def size_along(x: Tensor, dim: int) -> int:
    """The size of a dimension; a number counts as a line of one element."""
    return int(x._array.shape[dim]) if x.ndim else 1


def wider(xp: Any, x: Any) -> Any:
    """16-bit floats in 32 bits, so that sums are rounded once, at the end; other arrays as they are."""
    return x.astype(xp.float32) if x.dtype.itemsize == 2 and x.dtype.kind not in "iu" else x


def constants(op: str, **tensors: Any) -> None:
    """RuntimeError for an input that is not learned but wants a gradient."""
    for name, tensor in tensors.items():
        if tensor is not None and tensor.requires_grad and grad_mode.get():
            raise noted(
                RuntimeError(
                    f"The function '{op}' is not differentiable with respect to argument '{name}'. This input "
                    f"cannot have requires_grad True.\nPass {name}.detach()."
                )
            )

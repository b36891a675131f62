"""What is measured of one array: its size in double precision, what is not finite in it, how far a step took it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from gradviz.core.tensor import Tensor


def array_of(tensor: Any) -> Any:
    """A tensor's values as a NumPy array: on the CPU its own memory, which must not be kept."""
    return np.asarray(tensor.device.to_numpy(tensor._array))


def _wide(array: Any) -> Any:
    """Values in double precision, in one row; of complex numbers the sizes."""
    flat = array.reshape(-1)
    return np.abs(flat).astype(np.float64) if flat.dtype.kind == "c" else flat.astype(np.float64)


def norm(array: Any) -> float:
    """The Euclidean norm, in double precision: `numpy.linalg.norm(array.ravel().astype(float))`."""
    wide = _wide(array)
    with np.errstate(over="ignore", invalid="ignore"):
        return math.sqrt(float(np.add.reduce(wide * wide)))  # not BLAS, whose threads cost more than they bring


def _bad(array: Any, size: float) -> tuple[int, int]:
    """How many values are NaN, and how many infinite."""
    if math.isfinite(size):
        return 0, 0
    wide = _wide(array)
    return int(np.isnan(wide).sum()), int(np.isinf(wide).sum())


def gradient(array: Any) -> dict[str, Any]:
    """The size of a gradient, the mean of its elements' sizes, and how many of them are not finite, or 0."""
    wide = np.abs(_wide(array))
    with np.errstate(over="ignore", invalid="ignore"):
        size = math.sqrt(float(np.add.reduce(wide * wide)))
        mean = float(np.add.reduce(wide)) / wide.size if wide.size else 0.0
    nan, inf = _bad(array, size)
    zero = 1 - np.count_nonzero(array) / array.size if array.size else 0.0
    return {"grad_norm": size, "grad_mean": mean, "grad_nan": nan, "grad_inf": inf, "grad_zero": zero}


def weight(array: Any, before: Any) -> dict[str, Any]:
    """The size of a parameter before a step, how far the step took it, that as a share, and what is not finite now."""
    if before is None or before.shape != array.shape:
        size = norm(array)
        nan, inf = _bad(array, size)
        return {"weight_norm": size, "weight_nan": nan, "weight_inf": inf}
    wide = np.complex128 if array.dtype.kind == "c" else np.float64
    with np.errstate(over="ignore", invalid="ignore"):
        size, moved = norm(before), norm(array.astype(wide) - before.astype(wide))
    nan, inf = _bad(array, moved)
    ratio = moved / size if size else None
    return {"weight_norm": size, "weight_nan": nan, "weight_inf": inf, "update_norm": moved, "ratio": ratio}


def named_of(what: Any) -> tuple[dict[str, Tensor], Any]:
    """The parameters to watch by name, and the module they belong to, if it is one that was given."""
    if hasattr(what, "named_parameters"):
        return dict(what.named_parameters()), what
    if isinstance(what, Tensor):
        raise TypeError("a module or several parameters are needed; got one tensor\nPut it into a dict: {'w': w}.")
    if isinstance(what, Mapping):
        pairs: list[Any] = list(what.items())
    elif isinstance(what, Iterable) and not isinstance(what, (str, bytes)):
        pairs = [
            one if isinstance(one, (tuple, list)) and len(one) == 2 else (f"p{i}", one) for i, one in enumerate(what)
        ]
    else:
        raise TypeError(f"a module, or parameters as a list or a dict by name, is needed; got {type(what).__name__}")
    for name, tensor in pairs:
        if not isinstance(tensor, Tensor):
            raise TypeError(f"the parameter {str(name)[:80]!r} is no tensor but of type {type(tensor).__name__}")
    if not pairs:
        raise ValueError(
            "there is no parameter to look at\nA generator such as model.parameters() can be read only once."
        )
    return {str(name): tensor for name, tensor in pairs}, None


def kinds_of(module: Any) -> dict[str, str]:
    """The class of every part of a module by the part's name."""
    return {} if module is None else {name: type(part).__name__ for name, part in module.named_modules()}

"""Two ways to a Jacobian: by finite differences, and by gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.gradient import grad
from ..core.op import FUNCTIONS
from .forward_ad import dual_level, make_dual, unpack_dual

Tensors = tuple[Any, ...]


def as_tuple(value: Any) -> Tensors:
    """One thing or several, as a tuple."""
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def numeric_jacobian(func: Any, arguments: Tensors, x: Any, eps: float) -> list[tuple[Any, Any]]:
    """For each output the change of its real and of its imaginary part: a row per element of `x`.

    The elements are changed in place, so a function that knows `x` by another way sees the change too.
    """
    array = x._array
    rows: list[list[Any]] = []
    for index in np.ndindex(array.shape):
        changes = [_change(func, arguments, array, index, eps)]
        if x.is_complex():
            changes.append(_change(func, arguments, array, index, eps * 1j))
        rows.append([_combined(parts) for parts in zip(*changes, strict=True)])
    count = len(rows[0]) if rows else len(as_tuple(func(*arguments)))
    if not rows:
        return [(None, None)] * count
    return [(np.array([r[k][0] for r in rows]), np.array([r[k][1] for r in rows])) for k in range(count)]


def _change(func: Any, arguments: Tensors, array: Any, index: Any, step: Any) -> list[Any]:
    """(f(x + step) - f(x - step)) / |2 step| for every output, flat."""
    value = array[index].copy()
    ends = []
    try:
        for end in (value + step, value - step):
            array[index] = end
            ends.append([o.detach().clone() for o in as_tuple(func(*arguments))])
    finally:
        array[index] = value
    size = 2 * abs(step)
    return [((a - b) / size).reshape(-1) for a, b in zip(*ends, strict=True)]


def _combined(parts: Any) -> tuple[Any, Any]:
    """The gradients of the real and the imaginary part, from the changes along the real and the imaginary axis."""
    arrays = [host(p) for p in parts]
    real = arrays[0].real if len(arrays) == 1 else arrays[0].real + 1j * arrays[1].real
    imag = arrays[0].imag if len(arrays) == 1 else arrays[0].imag + 1j * arrays[1].imag
    return real, imag


def host(tensor: Any) -> Any:
    """A tensor's numbers as a NumPy array of its own, 16-bit floats and integers in float32."""
    array = tensor.device.to_numpy(tensor._array)
    return np.array(array if array.dtype.kind in "fc" and array.dtype.itemsize > 2 else array.astype(np.float32))


def analytic_jacobian(out: Any, inputs: list[Any], unit: Any) -> list[Any]:
    """The gradients of each element of the output: a column per element; `unit` is 1 or, for imaginary parts, 1j."""
    made = [np.zeros((x.numel(), out.numel()), dtype=x._array.dtype) for x in inputs]
    weights = FUNCTIONS["zeros_like"](out.detach())
    for column in range(out.numel()):
        seed = weights.clone().reshape(-1)
        seed[column] = unit
        found = grad(out, inputs, seed.reshape(out.shape), retain_graph=True, allow_unused=True)
        for rows, g in zip(made, found, strict=True):
            if g is not None:
                rows[:, column] = host(g).reshape(-1)
    return made


def forward_jacobian(func: Any, arguments: Tensors, i: int, x: Any) -> list[Any]:
    """How every output changes along each element of one input: a row per element."""
    rows = []
    for index in np.ndindex(tuple(x.shape)):
        direction = FUNCTIONS["zeros_like"](x.detach())
        direction[index] = 1
        with dual_level():
            dual = make_dual(x.detach(), direction)
            found = as_tuple(func(*arguments[:i], dual, *arguments[i + 1 :]))
            pairs = [unpack_dual(o) for o in found]
        rows.append([np.zeros(p.primal.numel()) if p.tangent is None else host(p.tangent).reshape(-1) for p in pairs])
    return [np.array(column) for column in zip(*rows, strict=True)]

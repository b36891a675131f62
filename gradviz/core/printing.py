"""A tensor as text, character for character as PyTorch prints it: the numbers in nested brackets, then what is unusual.

tensor([[1., 2.],          brackets: `_nested`, one column format for all numbers (printing_numbers.py)
        [3., 4.]], dtype=torch.float64, grad_fn=<MulBackward0>)
                           suffixes: `_suffixes`, moved to a new line where they would pass the line width
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.core.dtype import bool_, complex64, complex128, float64, get_default_dtype, int64
from gradviz.core.printing_numbers import (
    Column,
    Options,
    column,
    get_printoptions,
    number,
    printoptions,
    set_printoptions,
)

__all__ = ["get_printoptions", "number", "parameter_str", "printoptions", "set_printoptions", "tensor_str"]

_PLAIN = {"Tensor", "Parameter"}


def tensor_str(t: Any) -> str:
    """The text of a tensor, as `repr(t)` shows it.

    Reads `t._array`, `t.dtype`, `t.device`, `t.requires_grad` and `t.grad_fn`; copies a device's memory to the host.
    """
    options = get_printoptions()
    kind = type(t).__name__
    prefix = "tensor(" if kind in _PLAIN else f"{kind}("
    text = prefix + array_str(t.device.to_numpy(t._array), len(prefix), options)
    line = len(text) - text.rfind("\n") + 1
    for suffix in _suffixes(t):
        if line + len(suffix) + 2 > options.linewidth:
            text += ",\n" + " " * len(prefix) + suffix
            line = len(prefix) + len(suffix)
        else:
            text += ", " + suffix
            line += len(suffix) + 2
    return text + ")"


def parameter_str(t: Any) -> str:
    """The text of a Parameter."""
    return "Parameter containing:\n" + tensor_str(t)


def array_str(array: np.ndarray[Any, Any], indent: int = 0, options: Options | None = None) -> str:
    """The numbers of an array in nested brackets; lines after the first are indented by `indent`."""
    options = get_printoptions() if options is None else options
    if array.size == 0:
        return "[]"
    edge = options.edgeitems if array.size > options.threshold else None
    shown = array if edge is None else _edges(array, edge)
    if shown.dtype.kind not in "biuc":  # float32, float16, bfloat16 (kind "V"): every one of their values is a double
        shown = shown.astype(np.float64)
    return _nested(shown, array.shape, indent, edge, column(shown, options), options.linewidth)


def _edges(array: np.ndarray[Any, Any], edge: int) -> np.ndarray[Any, Any]:
    """Only the elements that a summary shows: they alone decide the column format."""
    for axis, n in enumerate(array.shape):
        if n > 2 * edge:
            array = np.take(array, [*range(edge), *range(n - edge, n)], axis=axis)
    return array


def _nested(
    shown: np.ndarray[Any, Any], shape: tuple[int, ...], indent: int, edge: int | None, col: Column, linewidth: int
) -> str:
    """The brackets of an array of this shape, of which only the elements in `shown` are written."""
    if not shape:
        return col.write(shown.item())
    cut = edge is not None and shape[0] > 2 * edge
    head, tail = (shown[:edge], shown[edge:]) if cut else (shown, shown[:0])
    if len(shape) == 1:
        items = [col.write(v) for v in head.tolist()]
        if cut:
            items += [" ..." if edge else "...", *(col.write(v) for v in tail.tolist())]
        per_line = max(1, (linewidth - indent) // (col.width + 2))
        lines = [", ".join(items[i : i + per_line]) for i in range(0, len(items), per_line)]
        return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"
    rows = [_nested(row, shape[1:], indent + 1, edge, col, linewidth) for row in head]
    if cut:
        rows += ["...", *(_nested(row, shape[1:], indent + 1, edge, col, linewidth) for row in tail)]
    return "[" + ("," + "\n" * (len(shape) - 1) + " " * (indent + 1)).join(rows) + "]"


def _suffixes(t: Any) -> list[str]:
    """What a reader could not tell from the numbers: device, size when empty, dtype, and how gradients reach it."""
    found = []
    if t.device.type != "cpu":
        found.append(f"device='{t.device}'")
    default = get_default_dtype()
    told = {default, complex128 if default is float64 else complex64, int64, bool_}
    empty = t._array.size == 0
    if empty:
        told = {default}
    # Empty brackets say the size only of a 1-d tensor; "[...]" (no edge items) says it of none.
    if t._array.ndim != 1 if empty else not get_printoptions().edgeitems:
        found.append(f"size={tuple(t._array.shape)}")
    if t.dtype not in told:
        found.append(f"dtype={t.dtype}")
    try:
        node = t.grad_fn
    except RuntimeError:  # a view whose base was written in a way that left it no place in the graph
        return [*found, "grad_fn=<Invalid>"]
    if node is not None:
        found.append(f"grad_fn=<{type(node).__name__}>")
    elif t.requires_grad:
        found.append("requires_grad=True")
    return found

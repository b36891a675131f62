"""relu on NumPy arrays, by those of NumPy's loops that use all of the processor."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...accelerator import on_arrays
from ...device import CPU
from ...op import override
from . import activation

# The larger of an array and one number is found element by element; that of two arrays many at a time. So there are
# zeros at hand, few enough to stay in the cache.
BLOCK = 2**15
ZEROS = {kind: np.zeros(BLOCK, kind) for kind in (np.dtype(np.float32), np.dtype(np.float64))}
for _zeros in ZEROS.values():
    _zeros.flags.writeable = False
# A call of a loop costs more than the loop itself over so few elements: then the number itself, held in an array.
FEW = 256
ZERO = {kind: zeros[:1].reshape(()) for kind, zeros in ZEROS.items()}
# Numbers of the same size, to multiply the bits of a gradient with 1 or 0: infinity times 0 would be NaN.
BITS = {kind: np.dtype(f"u{kind.itemsize}") for kind in ZEROS}
BYTE = np.dtype(np.uint8)
_relu_back = on_arrays("relu_back")  # None for what it leaves to be done here


def _relu(xp: Any, x: Any) -> Any:
    zeros = ZEROS.get(x.dtype)
    if zeros is None or not x.flags.c_contiguous:
        return activation.relu.forward(xp, x)
    count = x.size
    if count <= FEW:
        return np.maximum(ZERO[x.dtype], x)
    if count <= BLOCK:
        return np.maximum(zeros[:count].reshape(x.shape), x)
    out = np.empty(x.shape, x.dtype)
    seen, made = x.reshape(-1), out.reshape(-1)
    whole = count - count % BLOCK
    np.maximum(zeros, seen[:whole].reshape(-1, BLOCK), out=made[:whole].reshape(-1, BLOCK))
    np.maximum(zeros[: count - whole], seen[whole:], out=made[whole:])
    return out


def _relu_input(xp: Any, y: Any, s: Any) -> Any:
    made = _relu_back(y, s)
    if made is not None:
        return made
    kind = BITS.get(y.dtype)
    if kind is None or y.__class__ is not np.ndarray or s.shape != y.shape or not s.flags.c_contiguous:
        return activation.relu_input.forward(CPU.F, y, s)
    if y.size <= FEW:
        made = np.zeros(y.shape, y.dtype)
        np.copyto(made, y, where=np.not_equal(s, ZERO[y.dtype]))
        return made
    made = np.empty(y.shape, y.dtype)
    np.multiply(y.view(kind), (s != 0).view(BYTE), made.view(kind))
    return made


override(CPU, "relu", _relu)
override(CPU, "relu_input", _relu_input)

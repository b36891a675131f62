"""What NumPy computes faster another way: forwards that stand in for those of the tables, on the CPU only.

They give the same numbers (`erf` up to a few units in the last place of single precision). On a GPU the tables' own
forwards are already the fast ones. Small arrays go the usual way: here it is the number of elements that costs.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..device import CPU
from ..op import OPS, override
from .elements.rational import ratio
from .helpers import along, count_up

# From how many elements on it pays.
MANY, SOME = 4096, 768
SINGLE, TRUTH = np.dtype(np.float32), np.dtype(np.bool_)
ZERO = np.zeros((), SINGLE)
ZERO.flags.writeable = False


# -- expand: without asking whether it fits -------------------------------------------------------------------------
def _expand(xp: Any, x: Any, *, shape: tuple[int, ...]) -> Any:
    """NumPy's own takes ten times as long, for it must find out the shape that arrays of any shapes have together."""
    if not x.ndim and x.dtype.kind in "fiub":
        return xp.ndarray(shape, x.dtype, x, 0, (0,) * len(shape))
    lead = len(shape) - x.ndim
    fits = lead >= 0 and all(n in (m, 1) for n, m in zip(x.shape, shape[lead:], strict=True))
    if not fits or not x.flags.c_contiguous or x.dtype.kind not in "fiub":
        return xp.broadcast_to(x, shape)
    steps = [0 if n == 1 else step for n, step in zip(x.shape, x.strides, strict=True)]
    return xp.ndarray(shape, x.dtype, x, 0, [0] * lead + steps)


# -- where: no branches --------------------------------------------------------------------------------------------
def _where(xp: Any, condition: Any, a: Any, b: Any) -> Any:
    """NumPy asks at every element which one to copy, and a processor guesses the answer wrong half of the time.

    Seen as whole numbers, `b ^ ((a ^ b) & mask)` is a where the mask is all ones and b where it is zero. A gradient
    that passes only where a condition holds, `where(condition, g, 0.0)`, is the product of such numbers with 1 and 0.
    """
    if condition.size < SOME:
        return _few(xp, condition, a, b)
    g: Any = a if _nothing(b) else b if _nothing(a) else None
    if g.__class__ is xp.ndarray and _plain(g.dtype) and g.shape == condition.shape and condition.dtype.kind == "b":
        passes = condition if g is a else xp.logical_not(condition)
        whole, made = f"u{g.dtype.itemsize}", xp.empty_like(g)  # which owns its memory, so that a leaf may keep it
        xp.multiply(g.view(whole), passes.view(xp.uint8), out=made.view(whole))
        return made
    arrays = [v for v in (a, b) if hasattr(v, "dtype")]
    if not arrays or condition.size < MANY or condition.dtype.kind != "b":
        return xp.where(condition, a, b)
    kind, shape = arrays[0].dtype, condition.shape
    if not _plain(kind) or any(v.dtype != kind or v.shape != shape for v in arrays):
        return xp.where(condition, a, b)
    whole = f"i{kind.itemsize}"
    mask = xp.negative(xp.ascontiguousarray(condition).view(xp.int8), dtype=whole)
    first, second = (_bits(xp, v, kind, whole) for v in (a, b))
    mask &= first ^ second
    mask ^= second
    return mask.view(kind)


def _few(xp: Any, condition: Any, a: Any, b: Any) -> Any:
    """The same for few elements, where each call costs more than its loop; a number is taken from an array fastest."""
    if b.__class__ is float and a.__class__ is xp.ndarray and a.dtype is SINGLE:
        if a.shape == condition.shape and condition.dtype is TRUTH and _nothing(b):
            made = xp.zeros(a.shape, SINGLE)
            xp.copyto(made, a, where=condition)
            return made
        b = xp.asarray(b, SINGLE)
    elif a.__class__ is float and b.__class__ is xp.ndarray and b.dtype is SINGLE:
        if b.shape == condition.shape and condition.dtype is TRUTH and _nothing(a):
            made = b.copy()
            xp.copyto(made, ZERO, where=condition)
            return made
        a = xp.asarray(a, SINGLE)
    return xp.where(condition, a, b)


def _nothing(value: Any) -> bool:
    """Whether this is the number 0.0, and not -0.0, whose bits are not all zero."""
    return value.__class__ is float and value == 0 and math.copysign(1, value) > 0


def _plain(kind: Any) -> bool:
    """Whether whole numbers of its size can stand for numbers of this type."""
    return bool(kind.kind == "f" and kind.itemsize >= 4)


def _bits(xp: Any, value: Any, kind: Any, whole: Any) -> Any:
    """The bits of an array, or of a number of that type, as whole numbers."""
    array = xp.ascontiguousarray(value, dtype=kind) if hasattr(value, "ndim") else xp.asarray(value, dtype=kind)
    return array.view(whole)


# -- mm: the shorter way to BLAS -----------------------------------------------------------------------------------
def _mm(xp: Any, a: Any, b: Any) -> Any:
    """`a @ b` of small matrices by `dot`, which looks at less before it multiplies; it would copy those with gaps."""
    if a.dtype is b.dtype is SINGLE and a.ndim == b.ndim == 2 and a.size < MANY > b.size and a.shape[1] == b.shape[0]:
        return xp.dot(a, b)
    return OPS["mm"].forward(xp, a, b)


# -- parts of arrays, in one call of NumPy -------------------------------------------------------------------------
def _narrow(x: Any, *, dim: int, start: int, length: int) -> Any:
    return x[along(dim, slice(start, start + length))]


_put_back_by_steps = CPU.forwards["put_back"]


def _put_back(g: Any, indices: Any, *, shape: tuple[int, ...], dim: int, keepdim: bool) -> Any:
    if len(shape) != 2 or keepdim:
        return _put_back_by_steps(g, indices, shape=shape, dim=dim, keepdim=keepdim)
    out, lines = np.zeros(shape, g.dtype), count_up(indices.size)
    if out.size < SOME:
        out[(lines, indices) if dim else (indices, lines)] = g
    else:
        out.reshape(-1)[lines * shape[1] + indices if dim else indices * shape[1] + lines] = g
    return out


CPU.forwards |= {"narrow": _narrow, "put_back": _put_back}


# -- erf in single precision ---------------------------------------------------------------------------------------
# erf(x) / x as a ratio of polynomials in x squared, fitted up to END; beyond it erf is 1 in single precision.
END = 3.92
ERF = (
    (2.050160901490017e-06, 0.0002848772855941206, 0.0037653110921382904, 0.052747778594493866, 0.19039912521839142,
     1.1283791065216064),
    (3.809219924733043e-05, 0.001162464264780283, 0.014968601055443287, 0.11410610377788544, 0.5020695924758911, 1.0),
)  # fmt: skip


def _erf(xp: Any, sp: Any, x: Any) -> Any:
    """SciPy works one element at a time, in double precision."""
    if x.size < MANY or x.dtype != xp.float32:
        return OPS["erf"].forward(sp, x)
    near = xp.clip(x, -END, END)
    out = ratio(near * near, ERF)
    out *= near
    return xp.clip(out, -1, 1, out=out)


# -- rows added up where their numbers say -------------------------------------------------------------------------
def _added_rows(xp: Any, sp: Any, x: Any, *, shape: tuple[int, ...], index: Any) -> Any:
    """As a product with a sparse matrix of ones, one in each column; the rows are added in the same order."""
    only = index[0]
    if len(index) != 1 or x.size < MANY or x.dtype.kind not in "fc" or x.dtype.itemsize < 4 or not _rows(only, x):
        return OPS["index_add_zeros"].forward(xp, x, shape=shape, index=index)
    rows = xp.where(only < 0, only + shape[0], only).reshape(-1)
    ones, ends = xp.ones(rows.size, dtype=x.dtype), xp.arange(rows.size + 1)
    into = sp.sparse.csc_matrix((ones, rows, ends), shape=(shape[0], rows.size))
    return (into @ x.reshape(rows.size, math.prod(shape[1:]))).reshape(shape)


def _rows(index: Any, x: Any) -> bool:
    """Whether an index is one of row numbers, and the rows are longer than one element."""
    return getattr(getattr(index, "dtype", None), "kind", "") == "i" and x.ndim > index.ndim and x.shape[-1] > 1


for _name, _forward in (
    ("expand", _expand), ("where", _where), ("mm", _mm), ("erf", _erf), ("index_add_zeros", _added_rows),
):  # fmt: skip
    override(CPU, _name, _forward)

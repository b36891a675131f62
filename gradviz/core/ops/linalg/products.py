"""Products of two vectors or matrices: what all others are put together from.

Every function here checks its shapes first and says, as PyTorch does, what does not fit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ... import errors
from ...errors import no_kernel
from ...op import function, op
from ..reductions.dims import added


def wrong(text: str) -> RuntimeError:
    """PyTorch's error: the first line is its text, the rest a note."""
    return errors.noted(RuntimeError(text))


def same_type(text: str, a: Any, b: Any, *, short: bool = False) -> None:
    """RuntimeError with the names of two arrays' types filled into `text`, unless they are the same."""
    if a.dtype == b.dtype:
        return
    names = [errors.c_name(x.dtype) if short else errors.scalar_type(x.dtype) for x in (a, b)]
    raise wrong(
        f"{text.format(a=names[0], b=names[1])}\nThe shapes are {tuple(a.shape)} and {tuple(b.shape)}. Convert one of "
        "them: x.to(y.dtype), x.float() or x.double(). NumPy makes float64 where PyTorch makes float32."
    )


# Devices' own products, by their array library (its identity, which costs least to ask): `a @ b` with such sums as
# `wide_matmul` has, or None where they cannot.
OWN: dict[int, Callable[[Any, Any], Any]] = {}


def wide_matmul(xp: Any, a: Any, b: Any) -> Any:
    """`a @ b`; sums of 16-bit floats are kept in 32 bits and rounded once, at the end."""
    if OWN and (own := OWN.get(id(xp))) is not None and (made := own(a, b)) is not None:
        return made
    if a.dtype.itemsize == 2 and a.dtype.kind not in "iu":
        return (a.astype(xp.float32) @ b.astype(xp.float32)).astype(a.dtype)
    return a @ b


# -- two factors ---------------------------------------------------------------------------------------------------
def mm_forward(xp: Any, a: Any, b: Any) -> Any:
    """(n, k) times (k, m)."""
    if a.ndim != 2 or b.ndim != 2:
        raise wrong(f"{'self' if a.ndim != 2 else 'mat2'} must be a matrix\n{got('mm', a, b)}")
    if a.shape[1] != b.shape[0]:
        raise wrong(cannot_multiply(a, b))
    if a.dtype != b.dtype:
        same_type("expected m1 and m2 to have the same dtype, but got: {a} != {b}", a, b, short=True)
    return wide_matmul(xp, a, b)


def bmm_forward(xp: Any, a: Any, b: Any) -> Any:
    """(batch, n, k) times (batch, k, m)."""
    if a.ndim != 3 or b.ndim != 3:
        raise wrong(f"batch{1 if a.ndim != 3 else 2} must be a 3D tensor\n{got('bmm', a, b)}")
    if a.shape[0] != b.shape[0] or a.shape[2] != b.shape[1]:
        raise wrong(
            f"Expected size for first two dimensions of batch2 tensor to be: [{a.shape[0]}, {a.shape[2]}] but got: "
            f"[{b.shape[0]}, {b.shape[1]}].\n{got('bmm', a, b)}"
        )
    same_type("expected scalar type {a} but found {b}", a, b)
    return wide_matmul(xp, a, b)


def mv_forward(xp: Any, a: Any, b: Any) -> Any:
    """(n, k) times (k)."""
    if a.ndim != 2 or b.ndim != 1:
        raise wrong(
            f"vector + matrix @ vector expected, got {b.ndim}, {a.ndim}, {b.ndim + 1 if b.ndim > 1 else 1}\n"
            f"{got('mv', a, b)}"
        )
    if a.shape[1] != b.shape[0]:
        raise wrong(
            f"size mismatch, got input ({a.shape[0]}), mat ({a.shape[0]}x{a.shape[1]}), vec ({b.shape[0]})\n"
            f"{got('mv', a, b)}: the matrix needs as many columns as the vector has elements."
        )
    if a.dtype != b.dtype:
        same_type("addmv input tensors must have the same dtype, but got {b}, {a}, and {b}", a, b)
    return wide_matmul(xp, a, b)


def _dot(xp: Any, a: Any, b: Any) -> Any:
    """(n) times (n): one number."""
    if a.ndim != 1 or b.ndim != 1:
        raise wrong(f"1D tensors expected, but got {a.ndim}D and {b.ndim}D tensors\n{got('dot', a, b)}")
    if a.dtype != b.dtype:
        same_type("dot : expected both vectors to have same dtype, but found {a} and {b}", a, b)
    if a.shape != b.shape:
        n, m = a.shape[0], b.shape[0]
        raise wrong(
            f"inconsistent tensor size, expected tensor [{n}] and src [{m}] to have the same number of elements, but "
            f"got {n} and {m} elements respectively"
        )
    return wide_matmul(xp, a, b)


_SELF = {"a": "self", "b": "mat2"}
_mm = op("mm", mm_forward, a=lambda F, g, b: F.mm(g, F.t(b)), b=lambda F, g, a: F.mm(F.t(a), g),
        public=False, saved_names=_SELF)  # fmt: skip
_bmm = op("bmm", bmm_forward, a=lambda F, g, b: F.bmm(g, F.transpose(b, dim0=1, dim1=2)),
         b=lambda F, g, a: F.bmm(F.transpose(a, dim0=1, dim1=2), g), public=False,
         saved_names=_SELF)  # fmt: skip
_mv = op("mv", mv_forward, a=lambda F, g, b: F.unsqueeze(g, dim=1) * b, b=lambda F, g, a: F.mv(F.t(a), g),
        public=False, saved_names={"a": "self", "b": "vec"})  # fmt: skip
_dot_op = op("dot", _dot, a=lambda g, b: g * b, b=lambda g, a: g * a,
         public=False, saved_names={"a": "self", "b": "tensor"})  # fmt: skip
only_row = op("only_row", lambda x: x[0], node="SqueezeBackward4", public=False,
               x=lambda F, g: F.unsqueeze(g, dim=0))  # fmt: skip
vdot = op("vdot", lambda xp, a, b: _dot(xp, xp.conj(a), b), conjugates=True,
          a=lambda F, g, b: F.conj_physical(g) * b, b=lambda g, a: g * a,
          saved_names={"a": "self", "b": "other"})  # fmt: skip
trace = op("trace", lambda xp, x: _trace(xp, x), x=lambda F, g, *, x_shape: g * F.eyes(g, n=x_shape[0], m=x_shape[1]))
eyes = op("eyes", lambda xp, x, *, n, m: xp.eye(n, m, dtype=x.dtype), public=False)


def _trace(xp: Any, x: Any) -> Any:
    """The sum of the diagonal; sums of integers are 64 bits wide."""
    if x.ndim != 2:
        raise wrong("trace: expected a matrix")
    if x.dtype.kind == "b":
        raise no_kernel("trace", x)
    kind = xp.int64 if x.dtype.kind in "iu" else xp.float32 if x.dtype.itemsize == 2 else x.dtype
    total = added(xp.diagonal(x), dtype=kind)
    return total if x.dtype.kind in "iu" else total.astype(x.dtype)


# -- under PyTorch's names for what they multiply; code of this library calls the ops -------------------------------
@function
def mm(input: Any, mat2: Any) -> Any:
    """The product of two matrices: (n, k) and (k, m) give (n, m)."""
    return _mm.call(input, mat2)


@function
def bmm(input: Any, mat2: Any) -> Any:
    """The products of two batches of matrices: (b, n, k) and (b, k, m) give (b, n, m)."""
    return _bmm.call(input, mat2)


@function
def mv(input: Any, vec: Any) -> Any:
    """The product of a matrix and a vector: (n, k) and (k) give (n)."""
    return _mv.call(input, vec)


@function
def dot(input: Any, tensor: Any) -> Any:
    """The sum of the products of two vectors' elements."""
    return _dot_op.call(input, tensor)


@function(aliases=("ger",))
def outer(input: Any, vec2: Any) -> Any:
    """All products of an element of `input` (n) with one of `vec2` (m): (n, m)."""
    for name, x in (("self", input), ("vec2", vec2)):
        if x.ndim != 1:
            raise wrong(f"outer: Expected 1-D argument {name}, but got {x.ndim}-D")
    return input.view(-1, 1) * vec2


# -- texts ---------------------------------------------------------------------------------------------------------
def got(name: str, *arrays: Any) -> str:
    """What an operation was given: the shapes."""
    return f"{name} got shapes " + ", ".join(str(tuple(x.shape)) for x in arrays)


def cannot_multiply(a: Any, b: Any) -> str:
    """PyTorch's words for matrices whose inner sizes differ, and what to do."""
    (n, k), (rows, m) = a.shape, b.shape
    return (
        f"mat1 and mat2 shapes cannot be multiplied ({n}x{k} and {rows}x{m})\n"
        f"The first has {k} columns, the second {rows} rows; these must be equal. Transpose one of them (x.T), or give "
        f"the layer before or after {k} features."
    )

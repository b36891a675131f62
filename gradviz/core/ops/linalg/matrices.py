"""What the linear algebra files share: checks, the products and triangles their rules are written in, LinAlgError."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ... import errors
from ...op import composite, op
from .products import wide_matmul, wrong


class LinAlgError(RuntimeError):
    """A matrix for which there is no answer: singular, or not positive-definite."""


LinAlgError.__name__ = LinAlgError.__qualname__ = "_LinAlgError"


# -- what may come in ----------------------------------------------------------------------------------------------
def square_matrix(name: str, x: Any, called: str = "A") -> None:
    """RuntimeError unless `x` is a square matrix or a batch of them."""
    some_matrix(name, x, called)
    n, m = x.shape[-2:]
    if n != m:
        raise wrong(f"{name}: {called} must be batches of square matrices, but they are {n} by {m} matrices")


def some_matrix(name: str, x: Any, called: str = "A") -> None:
    """RuntimeError unless `x` has two dimensions or more."""
    if x.ndim < 2:
        raise wrong(f"{name}: The input tensor {called} must have at least 2 dimensions.")


def float_matrix(name: str, x: Any) -> None:
    """RuntimeError for integers and for 16-bit floats, which have no decompositions."""
    kind = x.dtype.name
    if kind in ("float16", "bfloat16"):
        raise wrong(f"{name}: Low precision dtypes not supported. Got {errors.scalar_type(x.dtype)}")
    if kind not in ("float32", "float64", "complex64", "complex128"):
        raise wrong(f"{name}: Expected a floating point or complex tensor as input. Got {errors.scalar_type(x.dtype)}")


# -- what rules are written in -------------------------------------------------------------------------------------
mat = op("mat", lambda xp, a, b: wide_matmul(xp, a, b), public=False, node="MatmulBackward0", conjugates=True,
         a=lambda F, g, b: F.mat(g, F.mH(b)), b=lambda F, g, a: F.mat(F.mH(a), g))  # fmt: skip
unit = op("unit", lambda xp, x: xp.eye(x.shape[-1], dtype=x.dtype), public=False)
real_type = op("real_type", lambda xp, x: xp.real(x).copy(), public=False, node="RealBackward0", conjugates=True,
               x=lambda g: g)  # fmt: skip


@composite("mT")
def _mT(F: Any, x: Any) -> Any:
    """Rows and columns exchanged."""
    return F.transpose(x, dim0=-2, dim1=-1)


@composite("mH")
def _mH(F: Any, x: Any) -> Any:
    """Rows and columns exchanged, and conjugated."""
    return F.conj_physical(F.transpose(x, dim0=-2, dim1=-1))


@composite("main_diagonal")
def _main_diagonal(F: Any, x: Any) -> Any:
    """(*, n, n) -> (*, n)."""
    return F.diagonal(x, offset=0, dim1=-2, dim2=-1)


@composite("on_diagonal")
def _on_diagonal(F: Any, x: Any) -> Any:
    """(*, n) -> (*, n, n) with zeros elsewhere."""
    shape = (*x.shape, x.shape[-1])
    return F.diagonal_backward(x, shape=shape, offset=0, dim1=-2, dim2=-1)


@composite("half_lower")
def _half_lower(F: Any, x: Any) -> Any:
    """The lower triangle with half the diagonal: what of a symmetric matrix a triangular factor's gradient sees."""
    return F.tril(x, diagonal=0) - 0.5 * F.on_diagonal(F.main_diagonal(x))


# -- one matrix at a time ------------------------------------------------------------------------------------------
def each(xp: Any, f: Callable[..., tuple[Any, ...]], *arrays: Any) -> tuple[Any, ...]:
    """`f` of every matrix of a batch, its results stacked; for functions that take one matrix."""
    batch = arrays[0].shape[:-2]
    if not batch:
        return f(*arrays)
    count = math.prod(batch)
    flat = [a.reshape(count, *a.shape[len(batch) :]) for a in arrays]
    if count == 0:  # nothing to compute, but the results have shapes
        made = f(*(xp.ones(a.shape[len(batch) :], dtype=a.dtype) for a in arrays))
        return tuple(xp.zeros((*batch, *m.shape), dtype=m.dtype) for m in made)
    results = [f(*(a[i] for a in flat)) for i in range(count)]
    return tuple(
        xp.stack([r[k] for r in results]).reshape(*batch, *results[0][k].shape) for k in range(len(results[0]))
    )


def tried(xp: Any, f: Callable[[], Any]) -> Any:
    """What `f` gives, or None where it fails: NumPy says so by an error, CuPy by numbers that are not finite."""
    try:
        made = f()
    except np.linalg.LinAlgError:
        return None
    return made if bool(xp.isfinite(made).all()) else None


def together(*shapes: Any) -> tuple[int, ...]:
    """The shape that batches broadcast to; RuntimeError if they do not."""
    try:
        return tuple(np.broadcast_shapes(*(tuple(s) for s in shapes)))
    except ValueError:
        raise wrong(errors.broadcast("linalg", tuple(shapes[0]), tuple(shapes[1]))) from None


def spread_over(xp: Any, batch: tuple[int, ...], x: Any, dims: int = 2) -> Any:
    """`x` with its batch broadcast to `batch`."""
    kept = x.shape[x.ndim - dims :]
    return x if x.shape == (*batch, *kept) else xp.broadcast_to(x, (*batch, *kept))


# -- what went wrong -----------------------------------------------------------------------------------------------
def check_info(name: str, info: Any, text: str, kind: type[RuntimeError] = LinAlgError) -> None:
    """LinAlgError, or `kind`, if a matrix of the batch failed; `text` says how, with {i} for the place found."""
    if not bool((info != 0).any()):
        return
    found = info.reshape(-1).tolist()
    at = next(k for k, i in enumerate(found) if i)
    where = f"(Batch element {at}): " if info.ndim else ""
    raise errors.noted(kind(f"{name}: {where}{text.format(i=found[at])}"))

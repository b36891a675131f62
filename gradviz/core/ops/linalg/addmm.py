"""A sum and a product in one: `beta * input + alpha * (a @ b)`, for matrices, vectors and batches of them."""

from __future__ import annotations

from typing import Any

from ... import errors
from ...op import function, op
from ..kinds import halves, widened
from .products import OWN, bmm_forward, cannot_multiply, got, mv_forward, same_type, wide_matmul, wrong


def _plus(xp: Any, x: Any, product: Any, beta: Any, alpha: Any) -> Any:
    """`beta * x + alpha * product`; `x` must expand to the product's shape and is not read where beta is 0."""
    if beta == 1 and alpha == 1 and x.dtype == product.dtype:
        try:
            product += x  # which nobody else has seen
        except ValueError:
            raise wrong(errors.cannot_expand(x, product.shape)) from None
        return product
    if x.shape != product.shape and (text := errors.cannot_expand(x, product.shape)):
        raise wrong(text)
    if beta == 1 and alpha == 1:
        return product + x
    if product.dtype.kind in "iu":
        beta, alpha = int(beta), int(alpha)
    if alpha != 1:
        product = product * alpha
    if beta == 0:
        return product
    return product + (x if beta == 1 else x * beta)


def _addmm(xp: Any, x: Any, a: Any, b: Any, *, beta: Any, alpha: Any) -> Any:
    if a.ndim != 2 or b.ndim != 2:
        k, m = (2, b) if a.ndim == 2 else (1, a)
        raise wrong(f"mat{k} must be a matrix, got {m.ndim}-D tensor\n{got('addmm', x, a, b)}")
    if a.shape[1] != b.shape[0]:
        raise wrong(cannot_multiply(a, b))
    if x.dtype != b.dtype or a.dtype != b.dtype:
        same_type("mat1 and mat2 must have the same dtype, but got {a} and {b}", a, b)
        same_type("self and mat2 must have the same dtype, but got {a} and {b}", x, b)
    if not halves(x) or id(xp) in OWN:  # the second costs more
        return _plus(xp, x, wide_matmul(xp, a, b), beta, alpha)
    return widened(lambda x, a, b: _plus(xp, x, a @ b, beta, alpha), x, a, b)


def _scale(g: Any, factor: Any) -> Any:
    return g if factor == 1 else g * factor


_addmm_op = op(
    "addmm", _addmm, node="AddmmBackward0", public=False, saved_names={"a": "mat1", "b": "mat2"},
    x=lambda g, *, beta: _scale(g, beta),
    a=lambda F, g, b, *, alpha: _scale(F.mm(g, F.t(b)), alpha),
    # Written so that the gradient of a layer's weights, whose transpose b is, comes out row by row as they are stored.
    b=lambda F, g, a, *, alpha: _scale(F.t(F.mm(F.t(g), a)), alpha),
)  # fmt: skip
_baddbmm = op(
    "baddbmm", lambda xp, x, a, b, *, beta, alpha: _plus(xp, x, bmm_forward(xp, a, b), beta, alpha), public=False,
    saved_names={"a": "batch1", "b": "batch2"},
    x=lambda g, *, beta: _scale(g, beta),
    a=lambda F, g, b, *, alpha: _scale(F.bmm(g, F.transpose(b, dim0=1, dim1=2)), alpha),
    b=lambda F, g, a, *, alpha: _scale(F.bmm(F.transpose(a, dim0=1, dim1=2), g), alpha),
)  # fmt: skip
_addmv = op(
    "addmv", lambda xp, x, a, b, *, beta, alpha: _plus(xp, x, mv_forward(xp, a, b), beta, alpha), public=False,
    saved_names={"a": "mat", "b": "vec"},
    x=lambda g, *, beta: _scale(g, beta),
    a=lambda F, g, b, *, alpha: _scale(F.unsqueeze(g, dim=1) * b, alpha),
    b=lambda F, g, a, *, alpha: _scale(F.mv(F.t(a), g), alpha),
)  # fmt: skip
_addbmm = op(
    "addbmm", lambda xp, x, a, b, *, beta, alpha: _plus(xp, x, _summed(xp, a, b), beta, alpha), public=False,
    saved_names={"a": "batch1", "b": "batch2"},
    x=lambda g, *, beta: _scale(g, beta),
    a=lambda F, g, b, *, alpha: _scale(F.mat(g, F.transpose(b, dim0=1, dim1=2)), alpha),
    b=lambda F, g, a, *, alpha: _scale(F.mat(F.transpose(a, dim0=1, dim1=2), g), alpha),
)  # fmt: skip
_addr = op(
    "addr", lambda xp, x, a, b, *, beta, alpha: _outer_sum(xp, x, a, b, beta, alpha), public=False, promote="binary",
    saved_names={"a": "vec1", "b": "vec2"},
    x=lambda g, *, beta: _scale(g, beta),
    a=lambda F, g, b, *, alpha: _scale(F.mv(g, b), alpha),
    b=lambda F, g, a, *, alpha: _scale(F.mv(F.t(g), a), alpha),
)  # fmt: skip


def _summed(xp: Any, a: Any, b: Any) -> Any:
    """The sum of a batch of products, as one product of long matrices."""
    if a.ndim != 3 or b.ndim != 3:
        return bmm_forward(xp, a, b)  # which says what is wrong
    if a.shape[0] != b.shape[0]:
        raise wrong(f"batch1 and batch2 must have same number of batches, got {a.shape[0]} and {b.shape[0]}")
    if a.shape[2] != b.shape[1]:
        raise wrong(
            f"Incompatible matrix sizes for bmm ({a.shape[1]}x{a.shape[2]} and {b.shape[1]}x{b.shape[2]})\n"
            f"{got('addbmm', a, b)}"
        )
    same_type("expected scalar type {a} but found {b}", a, b)
    count, n, k = a.shape
    return wide_matmul(xp, xp.swapaxes(a, 0, 1).reshape(n, count * k), b.reshape(count * k, b.shape[2]))


def _outer_sum(xp: Any, x: Any, a: Any, b: Any, beta: Any, alpha: Any) -> Any:
    """`beta * x + alpha * outer(a, b)`; with booleans, or of ands."""
    for i, v in enumerate((a, b), 1):
        if v.ndim != 1:
            raise wrong(f"addr: Expected 1-D argument vec{i}, but got {v.ndim}-D")
    product = a[:, None] * b
    if product.dtype.kind == "b":
        return (x & bool(beta)) | (product & bool(alpha))
    for name, factor in (("beta", beta), ("alpha", alpha)):
        if product.dtype.kind in "iu" and isinstance(factor, float):
            raise wrong(f"For integral input tensors, argument {name} must not be a floating point number.")
    return _plus(xp, x, product, beta, alpha)


@function(inplace=True)
def addmm(input: Any, mat1: Any, mat2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """`beta * input + alpha * mat1 @ mat2`: (n, k) times (k, m), plus what expands to (n, m)."""
    return _addmm_op.call(input, mat1, mat2, beta=beta, alpha=alpha)


@function(inplace=True)
def baddbmm(input: Any, batch1: Any, batch2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """`beta * input + alpha * batch1 @ batch2` for every matrix of a batch."""
    return _baddbmm.call(input, batch1, batch2, beta=beta, alpha=alpha)


@function(inplace=True)
def addmv(input: Any, mat: Any, vec: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """`beta * input + alpha * mat @ vec`."""
    return _addmv.call(input, mat, vec, beta=beta, alpha=alpha)


@function(inplace=True)
def addbmm(input: Any, batch1: Any, batch2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """`beta * input + alpha * (batch1 @ batch2)` summed over the batch: (b, n, k) and (b, k, m) give (n, m)."""
    return _addbmm.call(input, batch1, batch2, beta=beta, alpha=alpha)


@function(inplace=True)
def addr(input: Any, vec1: Any, vec2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """`beta * input + alpha * outer(vec1, vec2)`: (n) and (m) give (n, m)."""
    return _addr.call(input, vec1, vec2, beta=beta, alpha=alpha)

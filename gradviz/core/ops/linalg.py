"""Products of vectors and matrices; `matmul` is put together from them, as PyTorch's graph shows.

Every function here checks its shapes first and says, as PyTorch does, what does not fit.
"""

from __future__ import annotations

from typing import Any

from .. import errors
from ..op import RECORDED, function, op
from ..tensor import Tensor

# What error texts call a type that comes from C++.
_C_NAMES = {
    "float32": "float", "float64": "double", "float16": "c10::Half", "bfloat16": "c10::BFloat16", "int64": "long int",
    "int32": "int", "int16": "short int", "int8": "signed char", "uint8": "unsigned char", "bool": "bool",
    "complex64": "c10::complex<float>", "complex128": "c10::complex<double>",
}  # fmt: skip


def wrong(text: str) -> RuntimeError:
    """PyTorch's error: the first line is its text, the rest a note."""
    return errors.noted(RuntimeError(text))


def same_type(text: str, a: Any, b: Any, *, short: bool = False) -> None:
    """RuntimeError with the names of two arrays' types filled into `text`, unless they are the same."""
    if a.dtype == b.dtype:
        return
    names = [_C_NAMES[str(x.dtype)] if short else errors.scalar_type(x.dtype) for x in (a, b)]
    raise wrong(
        f"{text.format(a=names[0], b=names[1])}\nThe shapes are {tuple(a.shape)} and {tuple(b.shape)}. Convert one of "
        "them: x.to(y.dtype), x.float() or x.double(). NumPy makes float64 where PyTorch makes float32."
    )


def wide_matmul(xp: Any, a: Any, b: Any) -> Any:
    """`a @ b`; sums of 16-bit floats are kept in 32 bits and rounded once, at the end."""
    if a.dtype.itemsize == 2 and a.dtype.kind not in "iu":
        return (a.astype(xp.float32) @ b.astype(xp.float32)).astype(a.dtype)
    return a @ b


# -- two factors ---------------------------------------------------------------------------------------------------
def _mm(xp: Any, a: Any, b: Any) -> Any:
    """(n, k) times (k, m)."""
    if a.ndim != 2 or b.ndim != 2:
        raise wrong(f"{'self' if a.ndim != 2 else 'mat2'} must be a matrix\n{_got('mm', a, b)}")
    if a.shape[1] != b.shape[0]:
        raise wrong(_cannot_multiply(a, b))
    if a.dtype != b.dtype:
        same_type("expected m1 and m2 to have the same dtype, but got: {a} != {b}", a, b, short=True)
    return wide_matmul(xp, a, b)


def _bmm(xp: Any, a: Any, b: Any) -> Any:
    """(batch, n, k) times (batch, k, m)."""
    if a.ndim != 3 or b.ndim != 3:
        raise wrong(f"batch{1 if a.ndim != 3 else 2} must be a 3D tensor\n{_got('bmm', a, b)}")
    if a.shape[0] != b.shape[0] or a.shape[2] != b.shape[1]:
        raise wrong(
            f"Expected size for first two dimensions of batch2 tensor to be: [{a.shape[0]}, {a.shape[2]}] but got: "
            f"[{b.shape[0]}, {b.shape[1]}].\n{_got('bmm', a, b)}"
        )
    same_type("expected scalar type {a} but found {b}", a, b)
    return wide_matmul(xp, a, b)


def _mv(xp: Any, a: Any, b: Any) -> Any:
    """(n, k) times (k)."""
    if a.ndim != 2 or b.ndim != 1:
        raise wrong(
            f"vector + matrix @ vector expected, got {b.ndim}, {a.ndim}, {b.ndim + 1 if b.ndim > 1 else 1}\n"
            f"{_got('mv', a, b)}"
        )
    if a.shape[1] != b.shape[0]:
        raise wrong(
            f"size mismatch, got input ({a.shape[0]}), mat ({a.shape[0]}x{a.shape[1]}), vec ({b.shape[0]})\n"
            f"{_got('mv', a, b)}: the matrix needs as many columns as the vector has elements."
        )
    if a.dtype != b.dtype:
        same_type("addmv input tensors must have the same dtype, but got {b}, {a}, and {b}", a, b)
    return wide_matmul(xp, a, b)


def _dot(xp: Any, a: Any, b: Any) -> Any:
    """(n) times (n): one number."""
    if a.ndim != 1 or b.ndim != 1:
        raise wrong(f"1D tensors expected, but got {a.ndim}D and {b.ndim}D tensors\n{_got('dot', a, b)}")
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
mm = op("mm", _mm, a=lambda F, g, b: F.mm(g, F.t(b)), b=lambda F, g, a: F.mm(F.t(a), g),
        saved_names=_SELF)  # fmt: skip
bmm = op("bmm", _bmm, a=lambda F, g, b: F.bmm(g, F.transpose(b, dim0=1, dim1=2)),
         b=lambda F, g, a: F.bmm(F.transpose(a, dim0=1, dim1=2), g), saved_names=_SELF)  # fmt: skip
mv = op("mv", _mv, a=lambda F, g, b: F.unsqueeze(g, dim=1) * b, b=lambda F, g, a: F.mv(F.t(a), g),
        saved_names={"a": "self", "b": "vec"})  # fmt: skip
dot = op("dot", _dot, a=lambda g, b: g * b, b=lambda g, a: g * a,
         saved_names={"a": "self", "b": "tensor"})  # fmt: skip
_only_row = op("only_row", lambda x: x[0], node="SqueezeBackward4", public=False, view=True,
               x=lambda F, g: F.unsqueeze(g, dim=0))  # fmt: skip


# -- a sum and a product -------------------------------------------------------------------------------------------
def _plus(xp: Any, x: Any, product: Any, beta: Any, alpha: Any) -> Any:
    """`beta * x + alpha * product`; `x` must expand to the product's shape and is not read where beta is 0."""
    if x.shape != product.shape and not _expands(x.shape, product.shape):
        raise wrong(_cannot_expand(x.shape, product.shape))
    if alpha != 1:
        product = product * alpha
    if beta == 0:
        return product
    return product + (x if beta == 1 else x * beta)


def _addmm(xp: Any, x: Any, a: Any, b: Any, *, beta: Any, alpha: Any) -> Any:
    for k, m in enumerate((a, b), 1):
        if m.ndim != 2:
            raise wrong(f"mat{k} must be a matrix, got {m.ndim}-D tensor\n{_got('addmm', x, a, b)}")
    if a.shape[1] != b.shape[0]:
        raise wrong(_cannot_multiply(a, b))
    if x.dtype != b.dtype or a.dtype != b.dtype:
        same_type("mat1 and mat2 must have the same dtype, but got {a} and {b}", a, b)
        same_type("self and mat2 must have the same dtype, but got {a} and {b}", x, b)
    return _plus(xp, x, wide_matmul(xp, a, b), beta, alpha)


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
    "baddbmm", lambda xp, x, a, b, *, beta, alpha: _plus(xp, x, _bmm(xp, a, b), beta, alpha), public=False,
    saved_names={"a": "batch1", "b": "batch2"},
    x=lambda g, *, beta: _scale(g, beta),
    a=lambda F, g, b, *, alpha: _scale(F.bmm(g, F.transpose(b, dim0=1, dim1=2)), alpha),
    b=lambda F, g, a, *, alpha: _scale(F.bmm(F.transpose(a, dim0=1, dim1=2), g), alpha),
)  # fmt: skip
_addmv = op(
    "addmv", lambda xp, x, a, b, *, beta, alpha: _plus(xp, x, _mv(xp, a, b), beta, alpha), public=False,
    saved_names={"a": "mat", "b": "vec"},
    x=lambda g, *, beta: _scale(g, beta),
    a=lambda F, g, b, *, alpha: _scale(F.unsqueeze(g, dim=1) * b, alpha),
    b=lambda F, g, a, *, alpha: _scale(F.mv(F.t(a), g), alpha),
)  # fmt: skip


@function(inplace=True)
def addmm(input: Any, mat1: Any, mat2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """`beta * input + alpha * mat1 @ mat2`: (n, k) times (k, m), plus what expands to (n, m)."""
    return _addmm_op.call(input, mat1, mat2, beta=beta, alpha=alpha)


@function
def baddbmm(input: Any, batch1: Any, batch2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """`beta * input + alpha * batch1 @ batch2` for every matrix of a batch."""
    return _baddbmm.call(input, batch1, batch2, beta=beta, alpha=alpha)


@function
def addmv(input: Any, mat: Any, vec: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """`beta * input + alpha * mat @ vec`."""
    return _addmv.call(input, mat, vec, beta=beta, alpha=alpha)


@function(aliases=("ger",))
def outer(input: Any, vec2: Any) -> Any:
    """All products of an element of `input` (n) with one of `vec2` (m): (n, m)."""
    for name, x in (("self", input), ("vec2", vec2)):
        if x.ndim != 1:
            raise wrong(f"outer: Expected 1-D argument {name}, but got {x.ndim}-D")
    return input.view(-1, 1) * vec2


# -- matmul --------------------------------------------------------------------------------------------------------
@function
def matmul(input: Any, other: Any) -> Any:
    """The product of vectors, matrices or batches of matrices; batch dimensions broadcast.

    (k)(k) -> (); (n, k)(k) -> (n); (k)(k, m) -> (m); (n, k)(k, m) -> (n, m); (*, n, k)(*, k, m) -> (*, n, m).
    """
    if not isinstance(other, Tensor):
        raise TypeError(f"matmul(): argument 'other' (position 2) must be Tensor, not {type(other).__name__}")
    n, m = input._array.ndim, other._array.ndim
    if n == m == 2:
        return RECORDED.mm(input, other)
    if n == 0 or m == 0:
        raise wrong(f"both arguments to matmul need to be at least 1D, but they are {n}D and {m}D")
    return _SIMPLE.get((n, m), _batched)(input, other)


_SIMPLE: dict[tuple[int, int], Any] = {
    (1, 1): lambda a, b: RECORDED.dot(a, b),
    (2, 1): lambda a, b: RECORDED.mv(a, b),
    (1, 2): lambda a, b: _only_row.call(RECORDED.mm(a.unsqueeze(0), b)),
}


def _batched(a: Tensor, b: Tensor) -> Tensor:
    """Products with three dimensions or more: one large matrix product where possible, else a batch of them."""
    if a.ndim == b.ndim == 3 and 1 in (a.shape[0], b.shape[0]) and a.shape[0] != b.shape[0]:
        small = a if a.shape[0] == 1 else b
        if small.requires_grad:
            return _batched(a.squeeze(0), b) if small is a else _batched(a, b.squeeze(0))
    if a.ndim >= b.ndim:
        return _folded(a, b) if _folds(a, b) else _many(a, b)
    # A small left factor: x @ y = (y^T @ x^T)^T puts the batch on the left.
    y, x = b.transpose(-1, -2), a.t() if a.ndim == 2 else a
    if not _folds(y, a):
        return _many(a, b)
    out = _folded(y, x)
    return out.transpose(-1, -2).contiguous() if a.ndim == 2 else out


def _folds(large: Tensor, small: Tensor) -> bool:
    """Whether the batch of `large` should be stacked into one tall matrix.

    Yes if `small` wants a gradient (a batch of copies of it would be summed afterwards), or if stacking copies nothing.
    """
    if large.ndim < 3 or small.ndim > 2:
        return False
    if small.requires_grad or large.numel() == 0:
        return True
    strides, shape = large.stride(), large.shape
    return all(strides[i] == strides[i + 1] * shape[i + 1] for i in range(large.ndim - 2))


def _folded(a: Tensor, b: Tensor) -> Tensor:
    """(*, n, k) with (k, m) or (k): all matrices of the batch as one tall matrix."""
    rows = 1
    for n in a.shape[:-1]:
        rows *= n
    tall = a.reshape(rows, a.shape[-1])
    out = RECORDED.mm(tall, b) if b.ndim == 2 else RECORDED.mv(tall, b)
    return RECORDED.unsafe_view(out, shape=(*a.shape[:-1], *b.shape[1:]))  # type: ignore[no-any-return]


def _many(a: Tensor, b: Tensor) -> Tensor:
    """(*, n, k) with (*, k, m): as many products as the broadcast batch has places."""
    column, row = b.ndim == 1, a.ndim == 1
    batch = _broadcast(tuple(a.shape[:-2]), tuple(b.shape[:-2]))
    count = 1
    for n in batch:
        count *= n
    n, k = (1, a.shape[0]) if row else a.shape[-2:]
    rows, m = (b.shape[0], 1) if column else b.shape[-2:]
    a = a.expand(*batch, n, k).reshape(count, n, k)
    b = b.expand(*batch, rows).reshape(count, rows, 1) if column else b.expand(*batch, rows, m).reshape(count, rows, m)
    out = RECORDED.bmm(a, b)
    if column:
        out = out.squeeze(-1)
    shape = batch + (() if row else (n,)) + (() if column else (m,))
    return RECORDED.unsafe_view(out, shape=shape)  # type: ignore[no-any-return]


def _broadcast(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    """The shape two batches broadcast to."""
    longer = max(len(a), len(b))
    a, b = (1,) * (longer - len(a)) + a, (1,) * (longer - len(b)) + b
    if any(i != j and 1 not in (i, j) for i, j in zip(a, b, strict=True)):
        raise wrong(errors.broadcast("matmul", a, b))
    return tuple(j if i == 1 else i for i, j in zip(a, b, strict=True))


# -- texts ---------------------------------------------------------------------------------------------------------
def _got(name: str, *arrays: Any) -> str:
    return f"{name} got shapes " + ", ".join(str(tuple(x.shape)) for x in arrays)


def _cannot_multiply(a: Any, b: Any) -> str:
    (n, k), (rows, m) = a.shape, b.shape
    return (
        f"mat1 and mat2 shapes cannot be multiplied ({n}x{k} and {rows}x{m})\n"
        f"The first has {k} columns, the second {rows} rows; these must be equal. Transpose one of them (x.T), or give "
        f"the layer before or after {k} features."
    )


def _expands(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    """Whether an array of `shape` expands to `target`."""
    return len(shape) <= len(target) and all(
        n in (1, t) for n, t in zip(reversed(shape), reversed(target), strict=False)
    )


def _cannot_expand(shape: tuple[int, ...], target: tuple[int, ...]) -> str:
    for back in range(1, min(len(shape), len(target)) + 1):
        if shape[-back] not in (1, target[-back]):
            return (
                f"The expanded size of the tensor ({target[-back]}) must match the existing size ({shape[-back]}) at "
                f"non-singleton dimension {len(target) - back}.  Target sizes: {list(target)}.  "
                f"Tensor sizes: {list(shape)}"
            )
    return f"The expanded size of the tensor must have at least {len(shape)} dimensions, but has {len(target)}"

"""`matmul` and its relatives, put together from the products of two matrices, as PyTorch's graph shows."""

from __future__ import annotations

import math
from typing import Any

from ... import errors
from ...op import RECORDED, SPACES, function
from ...tensor import Tensor
from .products import mm, only_row, same_type, wrong


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
    (1, 2): lambda a, b: only_row.call(RECORDED.mm(a.unsqueeze(0), b)),
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
    tall = a.reshape(math.prod(a.shape[:-1]), a.shape[-1])
    out = RECORDED.mm(tall, b) if b.ndim == 2 else RECORDED.mv(tall, b)
    return RECORDED.unsafe_view(out, shape=(*a.shape[:-1], *b.shape[1:]))  # type: ignore[no-any-return]


def _many(a: Tensor, b: Tensor) -> Tensor:
    """(*, n, k) with (*, k, m): as many products as the broadcast batch has places."""
    column, row = b.ndim == 1, a.ndim == 1
    batch = _broadcast(tuple(a.shape[:-2]), tuple(b.shape[:-2]))
    count = math.prod(batch)
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


SPACES.setdefault("linalg", {})["matmul"] = matmul


# -- sums over chosen dimensions -----------------------------------------------------------------------------------
@function
def inner(input: Tensor, other: Tensor) -> Tensor:
    """Sums of products over the last dimension of both: (*, k) and (**, k) give (*, **)."""
    if input.ndim == 0 or other.ndim == 0:
        return input * other
    if input.shape[-1] != other.shape[-1]:
        raise wrong(
            "inner() the last dimension must match on both input tensors but got shapes "
            f"{list(input.shape)} and {list(other.shape)}"
        )
    return tensordot(input, other, ([-1], [-1]))


@function(method=False)
def tensordot(a: Tensor, b: Tensor, dims: Any = 2, out: Any = None) -> Tensor:
    """Sums of products over pairs of dimensions: the last `dims` of `a` with the first of `b`, or the listed ones."""
    if out is not None:
        raise NotImplementedError("tensordot(): argument 'out' is not supported")
    first, second = _paired(dims, a, b)
    if len(first) != len(second):
        raise wrong("both dimension lists should have same length")
    same_type("both inputs should have same dtype", a._array, b._array)
    for i, j in zip(first, second, strict=True):
        n, m = a.shape[i], b.shape[j]
        if n != m and 1 not in (n, m):
            raise wrong(
                f"contracted dimensions need to match, but first has size {n} in dim {i} and second has size {m} "
                f"in dim {j}"
            )
        if n != m:  # a size of 1 is spread over the other
            a, b = (a.sum(i, keepdim=True), b) if m == 1 else (a, b.sum(j, keepdim=True))
    first, second = [d % max(a.ndim, 1) for d in first], [d % max(b.ndim, 1) for d in second]
    rows = [i for i in range(a.ndim) if i not in first]
    columns = [j for j in range(b.ndim) if j not in second]
    shape = [a.shape[i] for i in rows] + [b.shape[j] for j in columns]
    n, k, m = (math.prod(x.shape[d] for d in dims) for x, dims in ((a, rows), (a, first), (b, columns)))
    left, right = a.permute(*rows, *first), b.permute(*second, *columns)
    if n == m == 1:  # one number
        if not (left.is_contiguous() and right.is_contiguous()):
            return (left.squeeze() * right.squeeze()).sum().view(shape)  # type: ignore[no-any-return]
        left, right = (x if x.ndim == 1 else x.reshape(k) for x in (left, right))
        return RECORDED.dot(left, right).view(shape)  # type: ignore[no-any-return]
    return mm(left.reshape(n, k), right.reshape(k, m)).view(*shape)  # type: ignore[no-any-return]


def _paired(dims: Any, a: Tensor, b: Tensor) -> tuple[list[int], list[int]]:
    """The dimensions of `a` and of `b` that are summed over."""
    if isinstance(dims, Tensor):
        dims = dims.tolist()
    if isinstance(dims, int):
        if dims < 0:
            raise wrong(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(a.ndim, b.ndim):
            raise wrong(f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}")
        return list(range(-dims, 0)), list(range(dims))
    first, second = dims
    return ([first] if isinstance(first, int) else list(first)), ([second] if isinstance(second, int) else list(second))


@function
def kron(input: Tensor, other: Tensor) -> Tensor:
    """The Kronecker product: every element of `input` times all of `other`, as blocks."""
    n = max(input.ndim, other.ndim)
    a = (1,) * (n - input.ndim) + tuple(input.shape)
    b = (1,) * (n - other.ndim) + tuple(other.shape)
    left = RECORDED.unsafe_view(input, shape=tuple(s for size in a for s in (size, 1)))
    right = RECORDED.unsafe_view(other, shape=tuple(s for size in b for s in (1, size)))
    shape = tuple(i * j for i, j in zip(a, b, strict=True))
    return RECORDED.unsafe_view(left * right, shape=shape)  # type: ignore[no-any-return]

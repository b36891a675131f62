"""Norms of vectors and matrices under `torch.linalg`, and the condition number."""

from __future__ import annotations

from typing import Any

from ... import errors
from ...op import FUNCTIONS, SPACES, function
from ...tensor import Tensor
from ..helpers import one_dim
from ..reductions.norms import vector_norm_of
from .matrices import square_matrix
from .products import wrong

INF = float("inf")


@function(space="linalg")
def vector_norm(input: Tensor, ord: Any = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The p-norm of all elements as one vector, or over `dim`."""
    if isinstance(ord, str):
        raise TypeError(f"linalg_vector_norm(): argument 'ord' (position 2) must be Number, not {type(ord).__name__}")
    return vector_norm_of(input, float(ord), dim, keepdim, dtype)


@function(space="linalg")
def matrix_norm(
    input: Tensor, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None
) -> Tensor:
    """A norm of every matrix: "fro", "nuc", or by columns (1, -1), rows (inf, -inf) or singular values (2, -2)."""
    name = "linalg.matrix_norm"
    if input.ndim < 2:
        raise wrong(f"{name}: The input tensor A must have at least 2 dimensions.")
    if input.dtype.category < 2:
        kind = errors.scalar_type(input.dtype)
        raise wrong(f"{name}: Expected a floating point or complex tensor as input. Got {kind}")
    if isinstance(dim, int) or len(dim) != 2:
        raise wrong(f"{name}: dim must be a 2-tuple. Got {dim if isinstance(dim, int) else list(dim)}")
    rows, columns = one_dim(dim[0], input.ndim), one_dim(dim[1], input.ndim)
    if rows == columns:
        raise wrong(f"{name}: dims must be different. Got ({dim[0]}, {dim[1]})")
    if ord not in ("fro", "nuc", 1, -1, 2, -2, INF, -INF):
        raise wrong(f"{name}: Order {ord:g} not supported." if not isinstance(ord, str) else
                    f"{name}: Order {ord} not supported.")  # fmt: skip
    input = input if dtype is None else input.to(dtype)
    if ord == "fro":
        return vector_norm(input, 2, (rows, columns), keepdim)
    if ord == "nuc" or ord in (2, -2):
        rest = [d for d in range(input.ndim) if d not in (rows, columns)]
        values = SPACES["linalg"]["svdvals"](input.permute(*rest, rows, columns))
        out = values.sum(-1) if ord == "nuc" else _extreme(values, -1, False, ord > 0)
        for d in sorted((rows, columns)) if keepdim else ():
            out = out.unsqueeze(d)
        return out
    first, second = (rows, columns) if ord in (1, -1) else (columns, rows)
    if second > first and not keepdim:
        second -= 1
    sums = vector_norm(input, 1, first, keepdim)
    return _extreme(sums, second, keepdim, ord > 0)


def _extreme(x: Tensor, dim: int, keepdim: bool, largest: bool) -> Tensor:
    """The largest or smallest; the largest of nothing is zero, for norms are not negative."""
    if largest and not x.shape[dim]:
        return FUNCTIONS["zeros_like"](x.detach().sum(dim, keepdim=keepdim))  # type: ignore[no-any-return]
    return x.amax(dim, keepdim) if largest else x.amin(dim, keepdim)  # type: ignore[no-any-return]


def _norm(input: Tensor, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """A norm of vectors or of matrices: of matrices where `ord` is a word, or given with two dimensions."""
    if isinstance(dim, int):
        dim = (dim,)
    if dim is not None and len(dim) not in (1, 2):
        raise wrong(f"linalg.norm: If dim is specified, it must be of length 1 or 2. Got {list(dim)}")
    if dim is None and ord is not None and input.ndim not in (1, 2):
        raise wrong(f"linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got {input.ndim}D.")
    if isinstance(ord, str):
        return matrix_norm(input, ord, (0, 1) if dim is None else dim, keepdim, dtype=dtype)
    if ord is not None and (input.ndim == 2 if dim is None else len(dim) == 2):
        return matrix_norm(input, ord, (0, 1) if dim is None else dim, keepdim, dtype=dtype)
    return vector_norm(input, 2 if ord is None else ord, dim, keepdim, dtype=dtype)


SPACES["linalg"]["norm"] = _norm


@function(space="linalg")
def cond(input: Tensor, p: Any = None) -> Tensor:
    """How much a matrix can stretch errors: its norm times that of its inverse."""
    if input.ndim < 2:
        raise wrong("linalg.cond: The input tensor must have at least 2 dimensions.")
    if p is None or p in (2, -2):
        if input.numel() == 0:
            return _nothing(input)
        values = SPACES["linalg"]["svdvals"](input)
        big, small = values[..., :1], values[..., -1:]
        return (small / big if p == -2 else big / small).squeeze(-1)  # type: ignore[no-any-return]
    if p not in ("fro", "nuc", 1, -1, INF, -INF):
        raise wrong(f"linalg.cond got an invalid norm type: {p}")
    square_matrix(f"linalg.cond(ord={p})", input)
    if input.numel() == 0:
        return _nothing(input)
    inverse, info = SPACES["linalg"]["inv_ex"](input)
    inverse = FUNCTIONS["masked_fill"](inverse, (info > 0)[..., None, None], INF)
    product = matrix_norm(input, p) * matrix_norm(inverse, p)
    return FUNCTIONS["nan_to_num"](product, INF, INF, -INF)  # type: ignore[no-any-return]


def _nothing(A: Tensor) -> Tensor:
    kind = A.abs().dtype if A.is_complex() else A.dtype
    return FUNCTIONS["zeros"](tuple(A.shape[:-2]), dtype=kind, device=A.device)  # type: ignore[no-any-return]

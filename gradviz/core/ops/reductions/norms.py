"""The length of a vector by any measure; the length of a difference, and limiting lengths."""

from __future__ import annotations

from typing import Any

from ... import errors
from ...errors import noted
from ...op import SPACES, function, op
from ...tensor import Tensor
from ..helpers import one_dim, unreduce, wider
from ..kinds import widened
from .dims import added, reduced, spelled, typed

INF = float("inf")

_norm = op("vector_norm", lambda xp, x, *, ord, dim, keepdim:
               widened(lambda y: norm_of(xp, y, ord, dim, keepdim), x), public=False,
           node="LinalgVectorNormBackward0", conjugates=True,
           x=lambda F, g, x, out, *, x_shape, ord, dim, keepdim:  # how many are not zero has no gradient at all
               None if ord == 0 else norm_rule(F, unreduce(F, g, x_shape, dim, keepdim), x,
                                               unreduce(F, out, x_shape, dim, keepdim), ord, dim))  # fmt: skip
_dist = op("dist", lambda xp, a, b, *, p: widened(lambda d: norm_of(xp, d, p, None, False), a - b), public=False,
           promote="binary",
           a=lambda F, g, a, b, out, *, p: norm_rule(F, g, a - b, out, p, None),
           b=lambda F, g, a, b, out, *, p: -norm_rule(F, g, a - b, out, p, None))  # fmt: skip
_renorm = op("renorm", lambda xp, x, *, p, dim, maxnorm: _limited(xp, x, p, dim, maxnorm), public=False,
             x=lambda F, g, x, *, p, dim, maxnorm: _renorm_rule(F, g, x, p, dim, maxnorm))  # fmt: skip


# -- one norm, and its gradient ------------------------------------------------------------------------------------
def norm_of(xp: Any, x: Any, ord: float, dim: Any, keepdim: bool) -> Any:
    """(sum |x|^ord)^(1/ord); the largest or smallest |x| for plus or minus infinity, how many are not zero for 0."""
    size = xp.abs(x)
    if ord == INF:
        return xp.max(size, axis=dim, keepdims=keepdim)
    if ord == -INF:
        return xp.min(size, axis=dim, keepdims=keepdim)
    if ord == 0:
        return added(size != 0, dim, keepdim, size.dtype)
    if ord == 1:
        return added(size, dim, keepdim)
    if ord == 2:
        return xp.sqrt(added(size * size, dim, keepdim))
    return added(size**ord, dim, keepdim) ** (1 / ord)


def norm_rule(F: Any, g: Any, x: Any, out: Any, ord: float, dim: Any, *, share: bool = True) -> Any:
    """The gradient of a norm; zero where the norm is. At a tie for the largest, it is shared or goes to all."""
    if ord == 0:
        return g * x * 0.0
    if ord == 1:
        return g * F.sgn(x)
    if ord in (INF, -INF):
        hit = F.abs(x) == out
        each = g * F.sgn(x) * hit
        return each / F.sum(hit, dim=dim, keepdim=True) if share else each
    # Where the norm is zero, PyTorch's second gradients are NaN in some cases; written its way, so are these.
    flat = out == 0
    if ord == 2:
        return g * F.where(flat, 0.0, x / out)
    size = F.abs(x)
    if ord < 1:
        return F.sgn(x) * F.where(x == 0, 0.0, F.pow(size, exponent=ord - 1)) * (g * F.pow(out, exponent=1 - ord))
    scale = F.where(flat, 0.0, g / F.pow(out, exponent=ord - 1))
    if ord < 2:
        return F.sgn(x) * F.pow(size, exponent=ord - 1) * scale
    return x * F.pow(size, exponent=ord - 2) * scale


# -- limiting --------------------------------------------------------------------------------------------------------
_EPSILON = 1e-7  # PyTorch's, against division by zero


def _others(ndim: int, dim: int) -> tuple[int, ...]:
    return tuple(i for i in range(ndim) if i != dim)


def _limited(xp: Any, x: Any, p: float, dim: int, maxnorm: float) -> Any:
    norm = norm_of(xp, wider(xp, x), p, _others(x.ndim, dim), True)
    factor = xp.where(norm > maxnorm, maxnorm / (norm + _EPSILON), norm.dtype.type(1))
    return x * factor.astype(x.dtype)


def _renorm_rule(F: Any, g: Any, x: Any, p: float, dim: int, maxnorm: float) -> Any:
    """The factor depends on the norm, and the norm on every element."""
    dims = _others(len(x.shape), dim)
    norm = F.vector_norm(x, ord=p, dim=dims, keepdim=True)
    long, inverse = norm > maxnorm, 1.0 / (norm + _EPSILON)
    slope = F.where(long, -maxnorm * inverse * inverse, 0.0)
    through = norm_rule(F, F.sum(g * x, dim=dims, keepdim=True) * slope, x, norm, p, dims)
    return g * F.where(long, maxnorm * inverse, 1.0) + through


# -- the public functions ------------------------------------------------------------------------------------------
def vector_norm_of(input: Tensor, ord: float, dim: Any, keepdim: bool, dtype: Any = None) -> Tensor:
    """The checked call behind every vector norm."""
    if input.dtype.category < 2:
        raise noted(
            RuntimeError(
                "linalg.vector_norm: Expected a floating point or complex tensor as input. Got "
                f"{errors.scalar_type(input.dtype)}\nConvert it first: x = x.float()."
            )
        )
    dims = reduced(dim, input)
    if not input._array.size and (ord == INF or ord < 0):
        if dims is None:
            raise RuntimeError(
                f"linalg.vector_norm cannot compute the {ord:g} norm on an empty tensor because the operation does not "
                "have an identity"
            )
        for d in dims:
            if input._array.shape[d] == 0:
                raise RuntimeError(
                    f"linalg.vector_norm cannot compute the {ord:g} norm on the dimension {d}because this dimension is "
                    "empty and the operation does not have an identity"
                )
    return _norm.call(typed(input, dtype), ord=ord, dim=dims, keepdim=keepdim)


@function
def norm(input: Tensor, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
    """The p-norm of all elements as one vector, or over `dim`; "nuc" sums the singular values of a matrix."""
    if p == "nuc":
        return _nuclear(typed(input, dtype), dim, keepdim)
    if isinstance(p, str) and p != "fro":
        raise RuntimeError(f"linalg.matrix_norm: Order {p} not supported.")
    if p == "fro" and isinstance(dim, (tuple, list)) and len(dim) > 2:
        raise _not_two(dim)
    return vector_norm_of(input, 2.0 if p in ("fro", None) else float(p), dim, keepdim, dtype)


def _not_two(dim: Any) -> RuntimeError:
    got = dim if isinstance(dim, int) else " ".join(str(d) for d in dim)
    return RuntimeError(f"linalg.matrix_norm: dim must be a 2-tuple. Got {got}")


def _nuclear(x: Tensor, dim: Any, keepdim: bool) -> Tensor:
    if x.ndim < 2:
        raise RuntimeError("linalg.matrix_norm: The input tensor A must have at least 2 dimensions.")
    dim = tuple(range(x.ndim)) if dim is None else dim
    if isinstance(dim, int) or len(dim) != 2:
        raise _not_two(dim)
    dims = tuple(one_dim(d, x.ndim) for d in dim)
    rest = tuple(i for i in range(x.ndim) if i not in dims)
    out: Tensor = SPACES["linalg"]["svdvals"](x.permute(*rest, *dims)).sum(-1, keepdim=False)
    if keepdim:
        for d in sorted(dims):
            out = out.unsqueeze(d)
    return out


@function
def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """The p-norm of `input - other`."""
    for x in (input, other):
        if x.dtype.category < 2:
            raise noted(
                RuntimeError(
                    "norm(): input dtype should be either floating point or complex. Got "
                    f"{errors.scalar_type(x.dtype)} instead.\nConvert it first: x = x.float()."
                )
            )
    return _dist.call(input, other, p=float(p))


@function(inplace=True)
@spelled
def renorm(input: Tensor, p: float, dim: int, maxnorm: float) -> Tensor:
    """Slices along `dim` made shorter where their p-norm is larger than `maxnorm`."""
    if p <= 0:
        raise RuntimeError("renorm: non-positive-norm not supported")
    if maxnorm < 0:
        raise RuntimeError(f"renorm: expected maxnorm to be >= 0 but got {maxnorm:g}")
    if input.ndim < 2:
        raise noted(
            RuntimeError(
                f"renorm: input needs at least 2 dimensions, got {input.ndim} dimensions\n"
                "It limits the lengths of rows or columns; a single vector can be scaled with x * (maxnorm / x.norm())."
            )
        )
    if input.dtype.category < 2:
        return vector_norm_of(input, p, None, False)
    return _renorm.call(input, p=float(p), dim=one_dim(dim, input.ndim), maxnorm=float(maxnorm))

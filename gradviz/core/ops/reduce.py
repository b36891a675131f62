"""Reductions: many elements to few."""

from __future__ import annotations

from typing import Any

from gradviz.core.errors import noted

from ..dtype import as_dtype, get_default_dtype, int64
from ..op import function, op
from ..tensor import Tensor
from .helpers import all_dims, one_dim, unreduce


def _whole(dim: Any) -> int:
    return 0 if dim is None else 1


_sum = op("sum", lambda x, *, dim, keepdim: x.sum(axis=dim, keepdims=keepdim, dtype=_sum_type(x)),
          node=lambda dim: ("SumBackward0", "SumBackward1")[_whole(dim)], public=False,
          x=lambda F, g, *, x_shape, dim, keepdim:
              F.expand(unreduce(F, g, x_shape, dim, keepdim), shape=x_shape))  # fmt: skip
_mean = op("mean", lambda x, *, dim, keepdim: x.mean(axis=dim, keepdims=keepdim, dtype=x.dtype),
           node=lambda dim: ("MeanBackward0", "MeanBackward1")[_whole(dim)], public=False,
           x=lambda F, g, *, x_shape, dim, keepdim:
               F.expand(unreduce(F, g, x_shape, dim, keepdim), shape=x_shape) / count(x_shape, dim))  # fmt: skip
_var = op("var", lambda xp, x, *, dim, correction, keepdim: _variance(xp, x, dim, correction, keepdim),
          node="VarBackward0", public=False,
          x=lambda F, g, x, *, x_shape, dim, correction, keepdim:
              unreduce(F, g, x_shape, dim, keepdim) * (2.0 / _positive(count(x_shape, dim) - correction))
              * (x - F.mean(x, dim=dim, keepdim=True)))  # fmt: skip
_std = op("std", lambda xp, x, *, dim, correction, keepdim: _variance(xp, x, dim, correction, keepdim) ** 0.5,
          node="StdBackward0", public=False,
          x=lambda F, g, x, out, *, x_shape, dim, correction, keepdim:
              _zero_where(F, unreduce(F, g, x_shape, dim, keepdim) / unreduce(F, out, x_shape, dim, keepdim),
                          unreduce(F, out, x_shape, dim, keepdim))
              * (1.0 / _positive(count(x_shape, dim) - correction))
              * (x - F.mean(x, dim=dim, keepdim=True)))  # fmt: skip
_amax = op("amax", lambda xp, x, *, dim, keepdim: xp.max(x, axis=dim, keepdims=keepdim), public=False,
           x=lambda F, g, x, out, *, x_shape, dim, keepdim: _spread(F, g, x, out, x_shape, dim, keepdim))  # fmt: skip
_amin = op("amin", lambda xp, x, *, dim, keepdim: xp.min(x, axis=dim, keepdims=keepdim), public=False,
           x=lambda F, g, x, out, *, x_shape, dim, keepdim: _spread(F, g, x, out, x_shape, dim, keepdim))  # fmt: skip
_max_all = op("max_all", lambda xp, x: xp.max(x), public=False, node="MaxBackward1",
              x=lambda F, g, x, out, *, x_shape: _spread(F, g, x, out, x_shape, None, False))  # fmt: skip
_min_all = op("min_all", lambda xp, x: xp.min(x), public=False, node="MinBackward1",
              x=lambda F, g, x, out, *, x_shape: _spread(F, g, x, out, x_shape, None, False))  # fmt: skip
_prod = op("prod", lambda xp, x, *, dim, keepdim: xp.prod(x, axis=dim, keepdims=keepdim, dtype=_sum_type(x)),
           node=lambda dim: ("ProdBackward0", "ProdBackward1")[_whole(dim)], public=False,
           x=lambda F, g, x, *, x_shape, dim, keepdim:
               unreduce(F, g, x_shape, dim, keepdim) * _others(F, x, dim))  # fmt: skip
_logsumexp = op("logsumexp", lambda xp, x, *, dim, keepdim: _lse(xp, x, dim, keepdim), public=False,
                x=lambda F, g, x, out, *, x_shape, dim, keepdim:
                    unreduce(F, g, x_shape, dim, keepdim)
                    * F.exp(x - unreduce(F, out, x_shape, dim, keepdim)))  # fmt: skip
_cumsum = op("cumsum", lambda xp, x, *, dim: xp.cumsum(x, axis=dim, dtype=_sum_type(x)), public=False,
             x=lambda F, g, *, dim: F.flip(F.cumsum(F.flip(g, dims=(dim,)), dim=dim), dims=(dim,)))  # fmt: skip
_norm = op("vector_norm", lambda xp, x, *, ord, dim, keepdim: _norm_of(xp, x, ord, dim, keepdim), public=False,
           node="LinalgVectorNormBackward0",
           x=lambda F, g, x, out, *, x_shape, ord, dim, keepdim:
               _norm_rule(F, unreduce(F, g, x_shape, dim, keepdim), x,
                          unreduce(F, out, x_shape, dim, keepdim), ord, dim))  # fmt: skip

# -- picking one element: the index is known only in the forward ---------------------------------------------------
_max_dim = op("max_dim", lambda xp, x, *, dim, keepdim: _pick(xp, x, xp.argmax(x, axis=dim), dim, keepdim),
              node="MaxBackward0", public=False, aux=("indices",),
              x=lambda F, g, indices, *, x_shape, dim, keepdim:
                  _place(F, g, indices, x_shape, dim, keepdim))  # fmt: skip
_min_dim = op("min_dim", lambda xp, x, *, dim, keepdim: _pick(xp, x, xp.argmin(x, axis=dim), dim, keepdim),
              node="MinBackward0", public=False, aux=("indices",),
              x=lambda F, g, indices, *, x_shape, dim, keepdim:
                  _place(F, g, indices, x_shape, dim, keepdim))  # fmt: skip
_argmax = op("argmax", lambda xp, x, *, dim, keepdim: _arg(xp, xp.argmax, x, dim, keepdim), public=False)
_argmin = op("argmin", lambda xp, x, *, dim, keepdim: _arg(xp, xp.argmin, x, dim, keepdim), public=False)
_all = op("all", lambda xp, x, *, dim, keepdim: xp.all(x, axis=dim, keepdims=keepdim), public=False)
_any = op("any", lambda xp, x, *, dim, keepdim: xp.any(x, axis=dim, keepdims=keepdim), public=False)
_count_nonzero = op("count_nonzero", lambda xp, x, *, dim: xp.count_nonzero(x, axis=dim), public=False)


def count(shape: tuple[int, ...], dim: tuple[int, ...] | None) -> int:
    """How many elements each result of a reduction stands for."""
    total = 1
    for i, n in enumerate(shape):
        if dim is None or i in dim:
            total *= n
    return total


def _positive(n: float) -> float:
    """Degrees of freedom; none left makes the result not a number."""
    return n if n > 0 else float("nan")


def _sum_type(x: Any) -> Any:
    """Sums of booleans and integers are int64, as PyTorch's."""
    return int64.numpy if x.dtype.kind in "biu" else x.dtype


def _variance(xp: Any, x: Any, dim: Any, correction: float, keepdim: bool) -> Any:
    centred = x - xp.mean(x, axis=dim, keepdims=True, dtype=x.dtype)
    total = xp.sum(centred * centred, axis=dim, keepdims=keepdim, dtype=x.dtype)
    degrees = count(x.shape, dim) - correction
    return total / degrees if degrees > 0 else total * xp.nan


def _lse(xp: Any, x: Any, dim: Any, keepdim: bool) -> Any:
    if x.ndim == 0:
        return x.copy()
    top = xp.max(x, axis=dim, keepdims=True)
    top = xp.where(xp.isfinite(top), top, xp.zeros_like(top))
    out = xp.log(xp.sum(xp.exp(x - top), axis=dim, keepdims=True)) + top
    return out if keepdim else out.reshape(tuple(n for i, n in enumerate(x.shape) if i not in dim))


def _zero_where(F: Any, value: Any, out: Any) -> Any:
    return F.where(out == 0, 0.0, value)


def _spread(F: Any, g: Any, x: Any, out: Any, shape: Any, dim: Any, keepdim: bool) -> Any:
    """The gradient shared equally among the elements equal to the extreme one."""
    top = unreduce(F, out, shape, dim, keepdim)
    hit = (x == top) | ((x != x) & (top != top))  # a NaN is the extreme one, and equals no other
    many = F.sum(hit, dim=dim, keepdim=True)
    return F.where(hit, unreduce(F, g, shape, dim, keepdim) / many, 0.0)


def _others(F: Any, x: Any, dim: Any) -> Any:
    """For every element the product of all others in its group: prefix products times suffix products."""
    if dim is None:
        flat = F.reshape(x, shape=(-1,))
        return F.reshape(_others_along(F, flat, 0), shape=tuple(x.shape))
    return _others_along(F, x, dim[0])


def _others_along(F: Any, x: Any, dim: int) -> Any:
    n = x.shape[dim]
    if n == 0:
        return x
    head = F.exclusive_cumprod(x, dim=dim)
    tail = F.flip(F.exclusive_cumprod(F.flip(x, dims=(dim,)), dim=dim), dims=(dim,))
    return head * tail


_cumprod_before = op("exclusive_cumprod", lambda xp, x, *, dim: _before(xp, x, dim), public=False,
                     x=lambda F, g, x, out, *, dim: _before_rule(F, g, x, dim))  # fmt: skip


def _before(xp: Any, x: Any, dim: int) -> Any:
    """For every element the product of those before it."""
    out = xp.ones_like(x)
    ahead = tuple(slice(None) if i != dim else slice(1, None) for i in range(x.ndim))
    upto = tuple(slice(None) if i != dim else slice(None, -1) for i in range(x.ndim))
    out[ahead] = xp.cumprod(x[upto], axis=dim)
    return out


def _before_rule(F: Any, g: Any, x: Any, dim: int) -> Any:
    """d out_j / d x_i is the product of x over k < j, k != i, for j > i: summed directly, which is exact at zeros."""
    n = x.shape[dim]
    parts = []
    for i in range(n):
        total: Any = None
        running: Any = None
        before = F.prod(F.narrow(x, dim=dim, start=0, length=i), dim=(dim,), keepdim=True)
        for j in range(i + 1, n):
            running = before if running is None else running * F.narrow(x, dim=dim, start=j - 1, length=1)
            term = F.narrow(g, dim=dim, start=j, length=1) * running
            total = term if total is None else total + term
        parts.append(F.narrow(g, dim=dim, start=0, length=1) * 0.0 if total is None else total)
    return F.cat(*parts, dim=dim)


def _norm_of(xp: Any, x: Any, ord: float, dim: Any, keepdim: bool) -> Any:
    size = xp.abs(x)
    if ord == float("inf"):
        return xp.max(size, axis=dim, keepdims=keepdim)
    if ord == float("-inf"):
        return xp.min(size, axis=dim, keepdims=keepdim)
    if ord == 0:
        return xp.sum(size != 0, axis=dim, keepdims=keepdim, dtype=x.dtype)
    if ord == 1:
        return xp.sum(size, axis=dim, keepdims=keepdim, dtype=x.dtype)
    if ord == 2:
        return xp.sqrt(xp.sum(size * size, axis=dim, keepdims=keepdim, dtype=x.dtype))
    return xp.sum(size**ord, axis=dim, keepdims=keepdim, dtype=x.dtype) ** (1 / ord)


def _norm_rule(F: Any, g: Any, x: Any, out: Any, ord: float, dim: Any) -> Any:
    if ord == 0:
        return g * x * 0.0
    if ord == 1:
        return g * F.sign(x)
    if ord in (float("inf"), float("-inf")):
        hit = F.abs(x) == out
        return g * F.sign(x) * hit / F.sum(hit, dim=dim, keepdim=True)
    if ord == 2:
        return F.where(out == 0, 0.0, g * x / out)
    return F.where(out == 0, 0.0, g * x * F.pow(F.abs(x), exponent=ord - 2) / F.pow(out, exponent=ord - 1))


def _pick(xp: Any, x: Any, indices: Any, dim: int, keepdim: bool) -> Any:
    if x.ndim == 0:
        return x.copy(), {"indices": indices}
    wide = xp.expand_dims(indices, dim)
    values = xp.take_along_axis(x, wide, axis=dim)
    if keepdim:
        return values, {"indices": wide}
    return values.reshape(indices.shape), {"indices": indices}


def _place(F: Any, g: Any, indices: Any, shape: Any, dim: int, keepdim: bool) -> Any:
    if not shape:
        return g
    if not keepdim:
        wide = tuple(1 if i == dim else n for i, n in enumerate(shape))
        g, indices = F.reshape(g, shape=wide), F.reshape(indices, shape=wide)
    return F.scatter_zeros(g, indices, shape=shape, dim=dim)


def _arg(xp: Any, find: Any, x: Any, dim: int | None, keepdim: bool) -> Any:
    out = find(x, axis=dim)
    if keepdim:
        out = xp.expand_dims(out, dim) if dim is not None else xp.reshape(out, (1,) * x.ndim)
    return out


# -- the public functions ------------------------------------------------------------------------------------------
def _typed(input: Tensor, dtype: Any) -> Tensor:
    return input if dtype is None or as_dtype(dtype) is input.dtype else input.to(as_dtype(dtype))


def _reduced(dim: Any, input: Tensor) -> Any:
    found = all_dims(dim, input.ndim)
    return None if found is None or found == () else found


@function
def sum(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, axis: Any = None,
        keepdims: bool | None = None) -> Tensor:  # fmt: skip
    """The sum of all elements, or over `dim` (an int or several)."""
    dim, keepdim = (axis if dim is None else dim), (keepdim if keepdims is None else keepdims)
    return _sum.call(_typed(input, dtype), dim=_reduced(dim, input), keepdim=keepdim)


@function
def mean(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, axis: Any = None,
         keepdims: bool | None = None) -> Tensor:  # fmt: skip
    """The mean of all elements, or over `dim`; floating types only."""
    dim, keepdim = (axis if dim is None else dim), (keepdim if keepdims is None else keepdims)
    x = _typed(input, dtype)
    if x.dtype.category < 2:
        from ..errors import scalar_type

        raise noted(
            RuntimeError(
                "mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. "
                f"Got: {scalar_type(x.dtype)}\nConvert first: x.float().mean(), or x.mean(dtype=torch.float32)."
            )
        )
    return _mean.call(x, dim=_reduced(dim, input), keepdim=keepdim)


def _spread_function(the_op: Any) -> Any:
    def call(input: Tensor, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None,
             axis: Any = None) -> Tensor:  # fmt: skip
        if isinstance(dim, bool):
            dim, unbiased = None, dim
        if unbiased is not None:
            correction = 1 if unbiased else 0
        dims = _reduced(axis if dim is None else dim, input)
        made: Tensor = the_op.call(input, dim=dims, correction=1 if correction is None else correction, keepdim=keepdim)
        return made

    call.__name__ = the_op.name
    call.__doc__ = (
        f"The {'variance' if the_op.name == 'var' else 'standard deviation'} over `dim`, divided by n - correction."
    )
    return function(call)


var = _spread_function(_var)
std = _spread_function(_std)


@function
def prod(input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The product of all elements, or over one `dim`."""
    return _prod.call(_typed(input, dtype), dim=_reduced(dim, input), keepdim=keepdim)


@function
def amax(input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    """The largest elements over `dim`; gradient is shared among equal ones."""
    return _amax.call(input, dim=_reduced(dim, input), keepdim=keepdim)


@function
def amin(input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    """The smallest elements over `dim`; gradient is shared among equal ones."""
    return _amin.call(input, dim=_reduced(dim, input), keepdim=keepdim)


def _extreme(name: str, whole: Any, along: Any, pairwise: str) -> Any:
    from ..op import RECORDED
    from .named import named

    kind = named(name, ("values", "indices"))

    def call(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None, axis: Any = None) -> Any:
        dim = axis if dim is None else dim
        if other is not None or isinstance(dim, Tensor):
            return getattr(RECORDED, pairwise)(input, dim if other is None else other)
        if dim is None:
            if input._array.size == 0:
                raise RuntimeError(
                    f"{name}(): Expected reduction dim to be specified for input.numel() == 0. "
                    "Specify the reduction dim with the 'dim' argument."
                )
            return whole.call(input)
        at = one_dim(dim, input.ndim)
        if input.ndim and input._array.shape[at] == 0:
            raise IndexError(f"{name}(): Expected reduction dim {dim} to have non-zero size.")
        values, aux = along.with_aux(input, dim=at, keepdim=keepdim)
        return kind((values, aux["indices"]))

    call.__name__ = name
    call.__doc__ = (
        f"The {name}imum of all elements; over `dim`, with its indices; with a second tensor, element by element."
    )
    return function(call)


max = _extreme("max", _max_all, _max_dim, "maximum")
min = _extreme("min", _min_all, _min_dim, "minimum")


def _some(name: str, input: Tensor, dim: int | None) -> None:
    if dim is None and input._array.size == 0:
        raise IndexError(f"{name}(): Expected reduction dim to be specified for input.numel() == 0.")


@function
def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The index of the largest element of all, or along `dim`."""
    _some("argmax", input, dim)
    return _argmax.call(input, dim=None if dim is None else one_dim(dim, input.ndim), keepdim=keepdim)


@function
def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The index of the smallest element of all, or along `dim`."""
    _some("argmin", input, dim)
    return _argmin.call(input, dim=None if dim is None else one_dim(dim, input.ndim), keepdim=keepdim)


@function
def all(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Whether all elements are true (not zero)."""
    return _all.call(input, dim=all_dims(dim, input.ndim), keepdim=keepdim)


@function
def any(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Whether any element is true (not zero)."""
    return _any.call(input, dim=all_dims(dim, input.ndim), keepdim=keepdim)


@function
def count_nonzero(input: Tensor, dim: Any = None) -> Tensor:
    """How many elements are not zero."""
    return _count_nonzero.call(input, dim=all_dims(dim, input.ndim))


@function
def logsumexp(input: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """The logarithm of the sum of exponentials, without overflow."""
    x = input if input.dtype.category > 1 else input.to(get_default_dtype())
    dims = all_dims(dim, input.ndim) or tuple(range(input.ndim))
    return _logsumexp.call(x, dim=dims, keepdim=keepdim)


@function(inplace=True)
def cumsum(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """Running sums along `dim`."""
    x, at = _typed(input, dtype), one_dim(dim, input.ndim)
    if not x.ndim:
        made: Tensor = x.sum() if x.dtype.category < 2 else x.clone()
        return made
    return _cumsum.call(x, dim=at)


@function
def norm(input: Tensor, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
    """The p-norm of all elements as one vector, or over `dim`."""
    if p == "nuc":
        raise NotImplementedError("norm(): argument 'p=\"nuc\"' is not supported")
    order = 2.0 if p in ("fro", None) else float(p)
    return _norm.call(_typed(input, dtype), ord=order, dim=_reduced(dim, input), keepdim=keepdim)

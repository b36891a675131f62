"""Running sums, running extremes and running log-sum-exps."""

from __future__ import annotations

from typing import Any

from ...errors import no_kernel
from ...op import function, op
from ...tensor import Tensor
from ..helpers import along, one_dim
from ..kinds import widened
from ..named import named
from .dims import HALF, on_line, refuse_complex, running, spelled, typed
from .prod import shifted
from .sort import put_back

_cumsum = op("cumsum", lambda x, *, dim: on_line(x, lambda y: running("cumsum", y, dim)),
             public=False, x=lambda F, g, *, dim: _cumsum_rule(F, g, dim))  # fmt: skip
_cummax = op("cummax", lambda xp, x, *, dim: _running(xp, x, dim, lambda new, old: new >= old), public=False,
             aux=("indices",),
             x=lambda F, g, indices, *, x_shape, dim: put_back(F, g, indices, x_shape, dim))  # fmt: skip
_cummin = op("cummin", lambda xp, x, *, dim: _running(xp, x, dim, lambda new, old: new <= old), public=False,
             aux=("indices",),
             x=lambda F, g, indices, *, x_shape, dim: put_back(F, g, indices, x_shape, dim))  # fmt: skip
_logcumsumexp = op("logcumsumexp", lambda xp, F, x, *, dim:
                       on_line(x, lambda y: widened(lambda z: _log_running(F, z, dim), y)),
                   public=False, x=lambda F, g, x, *, dim: _log_rule(F, g, x, dim))  # fmt: skip


def _cumsum_rule(F: Any, g: Any, dim: int) -> Any:
    """Every element is in the sums from its own on: running sums from the end."""
    return F.flip(F.cumsum(F.flip(g, dims=(dim,)), dim=dim), dims=(dim,)) if g.shape else g


def _parts(dim: int, k: int) -> tuple[Any, Any]:
    """Where the elements from the k-th on are along `dim`, and where those k places before them."""
    return along(dim, slice(k, None)), along(dim, slice(None, -k))


def _running(xp: Any, x: Any, dim: int, better: Any) -> Any:
    """The best so far and where it was, by doubling: the best of 1, 2, 4, ... elements. NaN wins, then later ones."""
    if not x.ndim:
        return x.copy(), {"indices": xp.zeros((), dtype=xp.int64)}
    n = x.shape[dim]
    at = xp.arange(n).reshape((n,) + (1,) * (x.ndim - dim - 1))
    best, at, k = x, xp.broadcast_to(at, x.shape), 1
    while k < n:
        late, early = _parts(dim, k)
        new, old = best[late], best[early]
        keep = better(new, old) | (new != new)
        best, where = best.copy(), at.copy()
        best[late] = xp.where(keep, new, old)
        where[late] = xp.where(keep, at[late], at[early])
        at, k = where, 2 * k
    return (best if n > 1 else x.copy()), {"indices": at.copy()}


def _log_running(F: Any, x: Any, dim: int) -> Any:
    out, k = x.copy(), 1
    while k < x.shape[dim]:
        late, early = _parts(dim, k)
        out[late] = F.logaddexp(out[late], out[early])
        k *= 2
    return out


def _log_rule(F: Any, g: Any, x: Any, dim: int) -> Any:
    """Back through the steps of doubling: each of two terms gets its share of their sum."""
    if not x.shape:
        return g
    lowest = -3e4 if x.dtype in HALF or getattr(x.dtype, "numpy", None) in HALF else -1e38
    steps, k = [], 1
    while k < x.shape[dim]:
        before = shifted(F, x, dim, k, lowest)
        total = F.logaddexp(x, before)
        steps.append((k, F.exp(x - total), F.exp(before - total)))
        x, k = total, 2 * k
    for k, own, others in reversed(steps):
        g = g * own + shifted(F, g * others, dim, -k, 0.0)
    return g


# -- the public functions ------------------------------------------------------------------------------------------
@function(inplace=True)
@spelled
def cumsum(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """Running sums along `dim`."""
    x, at = typed(input, dtype), one_dim(dim, input.ndim)
    out = _cumsum.call(x, dim=at)
    return out if dtype is None else typed(out, dtype)


def _extreme(the_op: Any, text: str) -> Any:
    kind = named(the_op.name, ("values", "indices"))

    def call(input: Tensor, dim: int) -> Any:
        refuse_complex(input, f"{the_op.name}_cpu")
        values, aux = the_op.with_aux(input, dim=one_dim(dim, input.ndim))
        return kind((values, aux["indices"]))

    call.__name__ = call.__qualname__ = the_op.name
    call.__doc__ = f"The {text} element so far along `dim`, and where it was."
    return function(spelled(call))


cummax, cummin = _extreme(_cummax, "largest"), _extreme(_cummin, "smallest")


@function
@spelled
def logcumsumexp(input: Tensor, dim: int) -> Tensor:
    """The logarithms of the running sums of exponentials along `dim`, without overflow."""
    at = one_dim(dim, input.ndim)
    if input.dtype.category < 2:
        raise no_kernel("logcumsumexp_out_cpu", input)
    return _logcumsumexp.call(input, dim=at)

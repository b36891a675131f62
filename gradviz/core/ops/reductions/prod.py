"""Products and running products; their gradients never divide, so zeros among the factors are no special case.

x0  x1  x2  x3          The product of all others is what the gradient of a product needs. A tree of pairs gives
  p01     p23           it for every element in about 2n multiplications: up the tree the products, then down
      p                 from the top, each factor getting the gradient times the other factor of its pair.
"""

from __future__ import annotations

from typing import Any

from ...op import function, op
from ...tensor import Tensor
from ..helpers import one_dim, unreduce
from .dims import LONG, multiplied, on_line, running, spelled, typed

_prod = op("prod", lambda x, *, dim, keepdim:
               multiplied(x, dim, keepdim, LONG.get(x.dtype, x.dtype)),
           node=lambda dim: "ProdBackward0" if dim is None else "ProdBackward1", public=False,
           x=lambda F, g, x, *, x_shape, dim, keepdim: _prod_rule(F, g, x, x_shape, dim, keepdim))  # fmt: skip
_cumprod = op("cumprod", lambda x, *, dim: on_line(x, lambda y: running("cumprod", y, dim)),
              public=False, x=lambda F, g, x, *, dim: _cumprod_rule(F, g, x, dim))  # fmt: skip


def _prod_rule(F: Any, g: Any, x: Any, shape: tuple[int, ...], dim: Any, keepdim: bool) -> Any:
    if not shape:
        return g
    g = unreduce(F, g, shape, dim, keepdim)
    if 0 in shape:
        return F.expand(g, shape=shape)
    if dim is not None:
        return _down(F, g, x, dim[0])
    flat = _down(F, F.reshape(g, shape=(1,)), F.reshape(x, shape=(-1,)), 0)
    return F.reshape(flat, shape=shape)


def _down(F: Any, g: Any, x: Any, dim: int) -> Any:
    """The gradient of the product along `dim`, by the tree of pairs: first half with second half, odd one left over."""
    pairs = []
    while (n := x.shape[dim]) > 1:
        half = n // 2
        a, b = (F.narrow(x, dim=dim, start=i * half, length=half) for i in (0, 1))
        left = F.narrow(x, dim=dim, start=n - 1, length=n % 2)
        pairs.append((a, b, n % 2))
        x = F.cat(a * b, left, dim=dim) if n % 2 else a * b
    for a, b, odd in reversed(pairs):
        half = a.shape[dim]
        top = F.narrow(g, dim=dim, start=0, length=half)
        rest = (F.narrow(g, dim=dim, start=half, length=1),) if odd else ()
        g = F.cat(top * b, top * a, *rest, dim=dim)
    return g


def _cumprod_rule(F: Any, g: Any, x: Any, dim: int) -> Any:
    """Running products by doubling (times the product up to 1, 2, 4, ... before), and back through those steps."""
    if not x.shape:
        return g
    steps, k = [], 1
    while k < x.shape[dim]:
        before = shifted(F, x, dim, k, 1.0)
        steps.append((k, x, before))
        x, k = x * before, 2 * k
    for k, y, before in reversed(steps):
        g = g * before + shifted(F, g * y, dim, -k, 0.0)
    return g


def shifted(F: Any, x: Any, dim: int, k: int, value: float) -> Any:
    """Elements moved k places along `dim`, what falls out forgotten, `value` coming in."""
    widths = tuple((k, -k) if i == dim else (0, 0) for i in range(len(x.shape)))
    return F.constant_pad_nd(x, widths=widths, value=value)


# -- the public functions ------------------------------------------------------------------------------------------
@function
@spelled
def prod(input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The product of all elements, or over one `dim`."""
    if isinstance(dim, (tuple, list)):
        raise TypeError(f"prod() received an invalid combination of arguments - got ({type(dim).__name__})")
    at = None if dim is None else (one_dim(dim, input.ndim),)
    out = _prod.call(typed(input, dtype), dim=() if at and not input.ndim else at, keepdim=keepdim)
    return out if dtype is None else typed(out, dtype)


@function(inplace=True)
@spelled
def cumprod(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """Running products along `dim`."""
    x, at = typed(input, dtype), one_dim(dim, input.ndim)
    out = _cumprod.call(x, dim=at)
    return out if dtype is None else typed(out, dtype)

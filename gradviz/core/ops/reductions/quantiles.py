"""The element of a rank: the k-th smallest, the median, the most frequent one, quantiles.

All sort along the dimension. NaN sorts last, so a rank that counts from the front never meets one by accident:
`median` looks for NaN first, `nanmedian` and `nanquantile` count only the numbers.
"""

from __future__ import annotations

from typing import Any

from ...errors import no_kernel, noted
from ...op import FUNCTIONS, function, op
from ...tensor import Tensor
from ..helpers import along, one_dim, size_along
from ..named import named
from .dims import refuse_complex, some, spelled
from .extremes import pick, shared
from .sort import order_of

_PICK = {
    "public": False,
    "aux": ("indices",),
    "x": lambda F, g, indices, *, x_shape, dim, keepdim: F.put_back(
        g, indices, shape=x_shape, dim=dim, keepdim=keepdim
    ),
}
_kthvalue = op("kthvalue", lambda xp, x, *, k, dim, keepdim: _at_rank(xp, x, dim, keepdim, lambda n: k - 1), **_PICK)
_median_dim = op("median_dim", lambda xp, x, *, dim, keepdim: _median(xp, x, dim, keepdim, False),
                 node="MedianBackward1", **_PICK)  # fmt: skip
_nanmedian_dim = op("nanmedian_dim", lambda xp, x, *, dim, keepdim: _median(xp, x, dim, keepdim, True),
                    node="NanmedianBackward1", **_PICK)  # fmt: skip
_mode = op("mode", lambda xp, x, *, dim, keepdim: _most_frequent(xp, x, dim, keepdim), **_PICK)
_ALL = {"public": False, "x": lambda F, g, x, out, *, x_shape: shared(F, g, x, out, x_shape, None, False)}
_median_all = op("median", lambda xp, x: _median_of_all(xp, x, False), **_ALL)
_nanmedian_all = op("nanmedian", lambda xp, x: _median_of_all(xp, x, True), **_ALL)


def _at_rank(xp: Any, x: Any, dim: int, keepdim: bool, rank: Any) -> Any:
    """The element whose place in the order is `rank(numbers)`, which is told how many numbers (not NaN) there are."""
    if x.ndim == 0:
        return x.copy(), {"indices": xp.zeros((), dtype=xp.int64)}
    order = order_of(xp, x, dim)
    where = rank(x)
    if isinstance(where, int):
        return pick(xp, x, order[along(dim, where)], dim, keepdim)
    chosen = xp.take_along_axis(order, where, axis=dim)
    return pick(xp, x, chosen.reshape(tuple(n for i, n in enumerate(x.shape) if i != dim)), dim, keepdim)


def _median(xp: Any, x: Any, dim: int, keepdim: bool, skip: bool) -> Any:
    """The lower median. NaN, sorted last, is taken where there is one, unless they are skipped."""

    def rank(x: Any) -> Any:
        n = x.shape[dim]
        if x.dtype.kind in "biu":
            return (n - 1) // 2
        numbers = xp.sum(x == x, axis=dim, keepdims=True)
        middle = (numbers - 1) // 2
        # All NaN: the first of them. Some NaN: the first of them too, which comes right after the numbers.
        return xp.where(numbers == 0, 0, middle) if skip else xp.where(numbers < n, numbers, middle)

    return _at_rank(xp, x, dim, keepdim, rank)


def _median_of_all(xp: Any, x: Any, skip: bool) -> Any:
    return _median(xp, x.reshape(-1), 0, False, skip)[0] if x.size else xp.full((), xp.nan, dtype=x.dtype)


def _most_frequent(xp: Any, x: Any, dim: int, keepdim: bool) -> Any:
    """The smallest of the most frequent elements, at its last place.

    In order, an element's run length so far is its place minus the place where its run began; the longest run's end
    is the first place where that is largest.
    """
    if x.ndim == 0:
        return x.copy(), {"indices": xp.zeros((), dtype=xp.int64)}
    order = order_of(xp, x, dim)
    values = xp.moveaxis(xp.take_along_axis(x, order, axis=dim), dim, -1)
    n = values.shape[-1]
    place = xp.broadcast_to(xp.arange(n), values.shape)
    same = values[..., 1:] == values[..., :-1]
    began, k = place.copy(), 1
    began[..., 1:] = xp.where(same, 0, place[..., 1:])
    while k < n:  # the largest beginning up to here, by doubling
        wider = began.copy()
        wider[..., k:] = xp.maximum(began[..., k:], began[..., :-k])
        began, k = wider, 2 * k
    end = xp.argmax(place - began, axis=-1)
    chosen = xp.take_along_axis(order, xp.expand_dims(end, dim), axis=dim)
    return pick(xp, x, chosen.reshape(end.shape), dim, keepdim)


# -- the public functions ------------------------------------------------------------------------------------------
def _by_rank(the_op: Any, name: str, input: Tensor, dim: int, keepdim: bool, **settings: Any) -> Any:
    values, aux = the_op.with_aux(input, dim=dim, keepdim=keepdim, **settings)
    return named(name, ("values", "indices"))((values, aux["indices"]))


@function
@spelled
def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    """The k-th smallest element along `dim`, and where it is."""
    at = one_dim(dim, input.ndim)
    some("kthvalue()", input, at)
    size = size_along(input, at)
    if not 1 <= k <= size:
        raise noted(
            RuntimeError(f"kthvalue(): selected number k out of range for dimension {at}\nk is {k}, the size {size}.")
        )
    if input.dtype.name == "bool":
        raise no_kernel("kthvalue_cpu", input)
    refuse_complex(input, "kthvalue_cpu")
    return _by_rank(_kthvalue, "kthvalue", input, at, keepdim, k=int(k))


def _median_function(name: str, whole: Any, along: Any, text: str) -> Any:
    def call(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
        kernel = "median_cpu" if dim is None else "median_out"
        if input.dtype.name == "bool":
            raise no_kernel(kernel, input, "Convert it first: x = x.int().")
        refuse_complex(input, kernel)
        if dim is None:
            return whole.call(input)
        at = one_dim(dim, input.ndim)
        some("median()", input, at)
        return _by_rank(along, name, input, at, keepdim)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = text
    return function(spelled(call))


median = _median_function("median", _median_all, _median_dim,
                          "The middle element of all, or along `dim` with its index; the lower of two.")  # fmt: skip
nanmedian = _median_function(
    "nanmedian", _nanmedian_all, _nanmedian_dim, "The median of the elements that are numbers."
)


@function
@spelled
def mode(input: Tensor, dim: int = -1, keepdim: bool = False) -> Any:
    """The most frequent element along `dim`, and where it was last; the smallest of several."""
    at = one_dim(dim, input.ndim)
    some("mode()", input, at)
    refuse_complex(input, "mode_cpu")
    return _by_rank(_mode, "mode", input, at, keepdim)


_INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


def _wrong(text: str, note: str = "") -> RuntimeError:
    return noted(RuntimeError(f"quantile() {text}\n{note}"))


def _checked_q(input: Tensor, q: Any, interpolation: str) -> Tensor:
    if not input._array.size:
        raise _wrong("input tensor must be non-empty")
    if input.dtype.name not in ("float32", "float64"):
        raise _wrong("input tensor must be either float or double dtype", "Convert it first: x = x.float().")
    if not isinstance(q, Tensor):
        if not 0 <= q <= 1:
            raise _wrong(f"q must be in the range [0, 1] but got {q:g}")
        q = FUNCTIONS["scalar_tensor"](q, dtype=input.dtype, device=input.device)
    if q.ndim > 1:
        raise _wrong("q must be a scalar or 1D tensor")
    if q.dtype is not input.dtype:
        raise _wrong("q tensor must be same dtype as the input tensor", f"Convert it: q.to({input.dtype!r}).")
    if interpolation not in _INTERPOLATIONS:
        raise _wrong(
            f"interpolation must be one of linear, lower, higher, midpoint or nearest, but got {interpolation}"
        )
    if bool(((q < 0) | (q > 1)).any()):
        raise _wrong("q values must be in the range [0, 1]")
    made: Tensor = q
    return made


def _quantile(input: Tensor, q: Any, dim: int | None, keepdim: bool, interpolation: str, skip: bool) -> Tensor:
    """Sort, then read at rank q * (n - 1): between two elements, put together as `interpolation` says."""
    q = _checked_q(input, q, interpolation)
    if interpolation != "linear":  # the others jump where q changes, and have no slope
        q = q.detach()
    shape, values = _in_order(input, dim, keepdim)
    n = values.shape[-1]
    values = values.view(*shape, n)
    numbers = (~values.detach().isnan()).sum(-1, keepdim=True)
    ranks = q.reshape(-1) * (numbers.clamp(min=1) if skip else numbers * 0 + n).sub(1)
    if not skip:  # a NaN anywhere is the result: it sorts last
        ranks = FUNCTIONS["where"](numbers < n, ranks * 0 + (n - 1), ranks)
    ranks = {"lower": ranks.floor, "higher": ranks.ceil, "nearest": ranks.round}.get(interpolation, ranks.clone)()
    low = ranks.detach().long()
    out = values.gather(-1, low)
    if interpolation in ("linear", "midpoint"):
        weight = ranks * 0 + 0.5 if interpolation == "midpoint" else ranks - low
        high = ranks.detach().ceil().long()
        out = FUNCTIONS["lerp"](out, values.gather(-1, high), weight)
    if q.ndim:  # the quantiles, which are along the last dim, in front
        out = out.unsqueeze_(0).transpose_(0, -1)
    made: Tensor = out.squeeze_(-1)
    return made


def _in_order(input: Tensor, dim: int | None, keepdim: bool) -> tuple[tuple[int, ...], Tensor]:
    """The shape of one quantile, and the elements in order along the last dim."""
    shape = tuple(input.shape)
    if dim is None:
        return (1,) * input.ndim if keepdim else (), FUNCTIONS["sort"](input.reshape(-1))[0]
    at = one_dim(dim, input.ndim)
    last = input if shape and at == input.ndim - 1 else input.unsqueeze(-1).transpose(at, -1)
    kept = (1,) if keepdim and shape else ()
    return shape[:at] + kept + shape[at + 1 :], FUNCTIONS["sort"](last)[0]


@function
@spelled
def quantile(input: Tensor, q: Any, dim: int | None = None, keepdim: bool = False, *,
             interpolation: str = "linear") -> Tensor:  # fmt: skip
    """The q-th quantiles (q between 0 and 1) of all elements, or along `dim`."""
    return _quantile(input, q, dim, keepdim, interpolation, False)


@function
@spelled
def nanquantile(input: Tensor, q: Any, dim: int | None = None, keepdim: bool = False, *,
                interpolation: str = "linear") -> Tensor:  # fmt: skip
    """The quantiles of the elements that are numbers."""
    return _quantile(input, q, dim, keepdim, interpolation, True)

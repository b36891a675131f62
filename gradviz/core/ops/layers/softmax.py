"""Softmax and its logarithm along one dimension."""

from __future__ import annotations

from typing import Any

from ...errors import no_kernel
from ...op import function, op
from ..helpers import one_dim
from ..kinds import halves
from ..reductions.dims import added, largest, spelled, typed


# The largest element is taken from all first, so that nothing overflows: the softmax is the same.
def _softmax(xp: Any, x: Any, *, dim: int) -> Any:
    """exp(x) / sum(exp(x)) along one dimension."""
    if x.dtype.char not in "fd" or not x.ndim or not x.size:
        return _unusual(xp, x, dim, _softmax, "softmax")
    out = x - largest(x, dim, True)
    xp.exp(out, out)
    out /= added(out, dim, True)
    return out


def _log_softmax(xp: Any, x: Any, *, dim: int) -> Any:
    """x - log(sum(exp(x))) along one dimension."""
    if x.dtype.char not in "fd" or not x.ndim or not x.size:
        return _unusual(xp, x, dim, _log_softmax, "log_softmax")
    out = x - largest(x, dim, keepdim=True)
    total = added(xp.exp(out), dim, keepdim=True)
    out -= xp.log(total, out=total)
    return out


def _unusual(xp: Any, x: Any, dim: int, compute: Any, kernel: str) -> Any:
    """Compute 16-bit floats in 32 bits; nothing to do without elements; a 0-d array has one dimension here."""
    if x.size == 0:
        return x.copy()
    if x.dtype.kind in "biuc":
        raise no_kernel(f"{kernel}{'_lastdim' if dim == max(x.ndim, 1) - 1 else ''}_kernel_impl", x)
    if x.ndim == 0:
        return compute(xp, x.reshape(1), dim=0).reshape(())
    return compute(xp, x.astype("f4"), dim=dim).astype(x.dtype)


def _softmax_input(xp: Any, y: Any, s: Any, *, dim: int) -> Any:
    """s * (y - sum(y * s)): what softmax makes of the gradient y of its result s."""
    if halves(y):
        return _softmax_input(xp, y.astype("f4"), s.astype("f4"), dim=dim).astype(y.dtype)
    out = y * s
    out = xp.subtract(y, added(out, dim, True), out) if y.ndim else y - out
    out *= s
    return out


def _log_softmax_input(xp: Any, y: Any, s: Any, *, dim: int) -> Any:
    """y - exp(s) * sum(y): the same for the logarithm of softmax."""
    if halves(y):
        return _log_softmax_input(xp, y.astype("f4"), s.astype("f4"), dim=dim).astype(y.dtype)
    out = xp.exp(s)
    out *= added(y, dim, keepdim=True) if y.ndim else y
    return y - out


def _total(F: Any, x: Any, dim: int) -> Any:
    """Sums along one dimension, which stays."""
    return F.sum(x, dim=(dim,) if x.ndim else None, keepdim=True)


_softmax_op = op(
    "softmax", _softmax, public=False, saved_names={"out": "result"},
    latex=r"\frac{e^{x_i}}{\sum_j e^{x_j}}",
    x=lambda F, g, out, *, dim: F.softmax_input(g, out, dim=dim),
)  # fmt: skip
_log_softmax_op = op(
    "log_softmax", _log_softmax, public=False, saved_names={"out": "result"},
    latex=r"x_i - \log \sum_j e^{x_j}",
    x=lambda F, g, out, *, dim: F.log_softmax_input(g, out, dim=dim),
)  # fmt: skip
# The gradients of their inputs, from that of the result s.
op(
    "softmax_input", _softmax_input,
    public=False, node="SoftmaxBackwardDataBackward0",
    y=lambda F, g, s, *, dim: F.softmax_input(g, s, dim=dim),
    s=lambda F, g, y, s, *, dim: g * (y - _total(F, y * s, dim)) - y * _total(F, g * s, dim),
)  # fmt: skip
op(
    "log_softmax_input", _log_softmax_input,
    public=False, node="LogSoftmaxBackwardDataBackward0",
    y=lambda F, g, s, *, dim: g - _total(F, g * F.exp(s), dim),
    s=lambda F, g, y, s, *, dim: -g * F.exp(s) * _total(F, y, dim),
)  # fmt: skip


@function
@spelled
def softmax(input: Any, dim: int, dtype: Any = None) -> Any:
    """Positive numbers that sum to 1 along `dim`, in proportion to exp(input)."""
    return _softmax_op.call(input if dtype is None else typed(input, dtype), dim=one_dim(dim, input._array.ndim))


@function
@spelled
def log_softmax(input: Any, dim: int, dtype: Any = None) -> Any:
    """The logarithm of softmax, computed so that nothing overflows."""
    return _log_softmax_op.call(typed(input, dtype), dim=one_dim(dim, input.ndim))

"""Softmax and its logarithm along one dimension."""

from __future__ import annotations

from typing import Any

from ...errors import no_kernel
from ...op import function, op
from ..helpers import one_dim
from ..kinds import widened
from ..reductions.dims import spelled, typed


def _shifted(xp: Any, x: Any, dim: int, kernel: str) -> Any:
    """`x - max(x)`: no overflow, and the same softmax."""
    if x.dtype.kind in "biuc":
        raise no_kernel(f"{kernel}{'_lastdim' if dim == x.ndim - 1 else ''}_kernel_impl", x)
    return x - xp.max(x, axis=dim, keepdims=True)


def _softmax(xp: Any, x: Any, *, dim: int) -> Any:
    """exp(x) / sum(exp(x)) along one dimension."""
    return _in_wide(xp, x, dim, _softmax_of)


def _log_softmax(xp: Any, x: Any, *, dim: int) -> Any:
    """x - log(sum(exp(x))) along one dimension."""
    return _in_wide(xp, x, dim, _log_softmax_of)


def _softmax_of(xp: Any, x: Any, dim: int) -> Any:
    moved = _shifted(xp, x, dim, "softmax")
    out = xp.exp(moved, out=moved)
    out /= xp.sum(out, axis=dim, keepdims=True)
    return out


def _log_softmax_of(xp: Any, x: Any, dim: int) -> Any:
    out = _shifted(xp, x, dim, "log_softmax")
    out -= xp.log(xp.sum(xp.exp(out), axis=dim, keepdims=True))
    return out


def _in_wide(xp: Any, x: Any, dim: int, compute: Any) -> Any:
    """Compute 16-bit floats in 32 bits; nothing to do without elements; a 0-d array has one dimension here."""
    if x.size == 0:
        return x.copy()
    if x.ndim == 0:
        return compute(xp, x.reshape(1), 0).reshape(())
    return widened(lambda wide: compute(xp, wide, dim), x)


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
    "softmax_input", lambda F, y, s, *, dim: widened(lambda y, s: s * (y - _total(F, y * s, dim)), y, s),
    public=False, node="SoftmaxBackwardDataBackward0",
    y=lambda F, g, s, *, dim: F.softmax_input(g, s, dim=dim),
    s=lambda F, g, y, s, *, dim: g * (y - _total(F, y * s, dim)) - y * _total(F, g * s, dim),
)  # fmt: skip
op(
    "log_softmax_input", lambda F, y, s, *, dim: widened(lambda y, s: y - F.exp(s) * _total(F, y, dim), y, s),
    public=False, node="LogSoftmaxBackwardDataBackward0",
    y=lambda F, g, s, *, dim: g - _total(F, g * F.exp(s), dim),
    s=lambda F, g, y, s, *, dim: -g * F.exp(s) * _total(F, y, dim),
)  # fmt: skip


@function
@spelled
def softmax(input: Any, dim: int, dtype: Any = None) -> Any:
    """Positive numbers that sum to 1 along `dim`, in proportion to exp(input)."""
    return _softmax_op.call(typed(input, dtype), dim=one_dim(dim, input.ndim))


@function
@spelled
def log_softmax(input: Any, dim: int, dtype: Any = None) -> Any:
    """The logarithm of softmax, computed so that nothing overflows."""
    return _log_softmax_op.call(typed(input, dtype), dim=one_dim(dim, input.ndim))

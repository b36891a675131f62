"""The loss of a chosen class. `cross_entropy` is nll_loss of log_softmax, as in PyTorch.

`nll_loss` picks one number per sample, so it is linear in its input: its gradient, `nll_loss_input`, puts numbers back
into those places, and the two name one another.
"""

from __future__ import annotations

from typing import Any

from ... import errors
from ...checks import at_hand, refuse
from ...errors import noted
from ...op import op

EXACT = 2**11  # up to this number of samples every type counts without rounding, half precision too
_CLASS_TYPES = {("i", 8), ("u", 1)}


def _check(x: Any, target: Any, weight: Any) -> None:
    """PyTorch's errors for types and shapes that do not fit."""
    if (target.dtype.kind, target.dtype.itemsize) not in _CLASS_TYPES:
        raise noted(
            RuntimeError(
                f"expected target dtype to be Long or Byte, but got {errors.scalar_type(target.dtype)}\n"
                "Targets are class numbers: make them with torch.tensor([1, 0]) or convert them with target.long(). "
                "Probabilities have the shape of the input."
            )
        )
    if weight is not None:
        classes = x.shape[1] if x.ndim > 1 else x.shape[0]
        if weight.shape != (classes,):
            raise RuntimeError(
                f"weight tensor should be defined either for all {classes} classes or no classes but got weight tensor "
                f"of shape: {list(weight.shape)}"
            )
        if weight.dtype != x.dtype:
            names = errors.scalar_type(x.dtype), errors.scalar_type(weight.dtype)
            raise RuntimeError(f"expected scalar type {names[0]} but found {names[1]}")


def no_class(target: int, classes: int, ignore_index: int) -> Exception:
    """The error for a target that is no number of a class."""
    return noted(
        IndexError(
            f"Target {target} is out of bounds.\nThe input has {classes} classes, numbered 0 to {classes - 1}; "
            f"ignore_index is {ignore_index}."
        )
    )


def _chosen(xp: Any, target: Any, classes: int, ignore_index: int) -> tuple[Any, Any]:
    """Class numbers safe to index with, and which samples count (None: all of them)."""
    if at_hand(xp) and not 0 <= ignore_index < classes and _all_within(xp, target, classes):
        return target, None
    outside = target.astype(xp.uint64) >= classes  # a negative number becomes a very large one
    counts = target != ignore_index
    bad = outside & counts

    def error() -> Exception:
        first = int(target.reshape(-1)[xp.argmax(bad.reshape(-1))])
        return no_class(first, classes, ignore_index)

    refuse(xp, bad, error)
    return xp.where(counts & ~outside, target, 0), counts


def _all_within(xp: Any, target: Any, classes: int) -> bool:
    """Whether all are numbers of classes; a negative one, without its sign, becomes a very large one."""
    unsigned = target.view(xp.uint64) if target.dtype.kind == "i" else target
    return not target.size or bool(unsigned.item(unsigned.argmax()) < classes)


def _places_in_row(xp: Any, target: Any, classes: int) -> Any:
    """The place of each sample's class in an array (N, C), counted along the rows."""
    places = xp.arange(0, target.size * classes, classes)
    places += target
    return places


def _places(xp: Any, target: Any, shape: tuple[int, ...]) -> tuple[Any, ...]:
    """The index of each sample's class in an array of this shape (N, C, ...)."""
    if len(shape) == 2:
        return xp.arange(shape[0]), target
    rest = [xp.arange(n).reshape((n,) + (1,) * (len(shape) - 3 - i)) for i, n in enumerate(shape[2:])]
    return (xp.arange(shape[0]).reshape((-1,) + (1,) * (len(shape) - 2)), target, *rest)


def _weights(target: Any, weight: Any, counts: Any, dtype: Any) -> Any:
    """What each sample counts for, or None if all count alike."""
    if weight is None:
        return None if counts is None else counts.astype(dtype)
    each = weight[target]
    return each if counts is None else each * counts


def _nll_loss(xp: Any, x: Any, target: Any, weight: Any, *, reduction: str, ignore_index: int) -> Any:
    """-x[n, target[n]] for every sample, weighted; then their sum, their weighted mean, or as they are."""
    _check(x, target, weight)
    if x.ndim == 1:
        x, target = x.reshape(1, -1), target.reshape(1)
        if reduction == "none":
            out, aux = _nll_loss(xp, x, target, weight, reduction="none", ignore_index=ignore_index)
            return out.reshape(()), aux
    target, counts = _chosen(xp, target, x.shape[1], ignore_index)
    if x.ndim == 2 and at_hand(xp) and x.flags.c_contiguous and x.size:
        picked = x.take(_places_in_row(xp, target, x.shape[1]))
    else:
        picked = x[_places(xp, target, x.shape)]
    each = _weights(target, weight, counts, x.dtype)
    if each is not None:
        picked = xp.where(each == 0, -0.0, picked * each)  # the loss is its negative: 0
    total = xp.asarray(target.size, dtype=x.dtype) if each is None else xp.asarray(each.sum())
    if reduction == "none":
        return -picked, {"total_weight": total}
    out = -picked.sum()
    return (out * _inverse(xp, total) if reduction == "mean" else out), {"total_weight": total}


def _inverse(xp: Any, total: Any) -> Any:
    """`1 / total`; infinite where nothing counted, so that the mean of nothing, 0 times this, is NaN."""
    return 1 / _number(xp, total)


def _number(xp: Any, x: Any) -> Any:
    """The number in an array that holds only one, with which NumPy computes much faster; other arrays as they are."""
    return x[()] if not x.ndim and at_hand(xp) else x


def _all_count(target: Any, total_weight: Any) -> bool:
    """Whether no sample was ignored, where all count 1; the forward has checked the range already."""
    return target.size < EXACT and bool(total_weight.item() == target.size)


def _nll_loss_input(
    xp: Any, y: Any, target: Any, weight: Any, total_weight: Any, *,
    shape: tuple[int, ...], reduction: str, ignore_index: int,
) -> Any:  # fmt: skip
    """The adjoint: each sample's share of -y in the place of its class, zeros elsewhere."""
    full = (1, *shape) if len(shape) == 1 else shape
    if len(shape) == 1:
        target = target.reshape(1)
        y = y.reshape(1) if reduction == "none" else y
    counts = None
    quick = at_hand(xp) and weight is None and len(full) == 2 and not 0 <= ignore_index < full[1]
    quick = quick and _all_count(target, total_weight)
    if not quick:
        target, counts = _chosen(xp, target, full[1], ignore_index)
    each = _weights(target, weight, counts, y.dtype)
    share = -_number(xp, y)
    if reduction == "mean":
        share = share * _inverse(xp, total_weight.astype(y.dtype, copy=False))
    out = xp.zeros(full, dtype=y.dtype)
    if quick and target.size:
        out.put(_places_in_row(xp, target, full[1]), share)
        return out.reshape(shape)
    out[_places(xp, target, full)] = share if each is None else xp.where(each == 0, 0.0, share * each)
    return out.reshape(shape)


def _loss(name: str, node: str) -> Any:
    """One of the two losses: their nodes differ in name, for (N, C) and for pictures (N, C, H, W)."""
    return op(
        name, _nll_loss, node=node, public=False, saved_names={"x": "self"},
        x=lambda F, g, target, weight, total_weight, *, x_shape, reduction, ignore_index: F.nll_loss_input(
            g, target, weight, total_weight, shape=x_shape, reduction=reduction, ignore_index=ignore_index),
    )  # fmt: skip


nll_loss = _loss("nll_loss", "NllLossBackward0")
nll_loss2d = _loss("nll_loss2d", "NllLoss2DBackward0")
nll_loss_input = op(
    "nll_loss_input", _nll_loss_input, node="NllLossBackwardBackward0", public=False,
    y=lambda F, g, target, weight, *, reduction, ignore_index: F.nll_loss(
        g, target, weight, reduction=reduction, ignore_index=ignore_index),
)  # fmt: skip

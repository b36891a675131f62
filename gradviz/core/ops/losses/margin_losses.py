"""Losses that ask for a margin: the right classes' scores should lie above the others' by at least so much."""

from __future__ import annotations

from typing import Any

from ... import errors
from ...checks import within
from ...errors import no_kernel, noted
from ...op import op
from ..reductions.dims import added
from .reduction import reduced, share


def _spread(g: Any, count: int, reduction: str) -> Any:
    """What one sample of several receives."""
    return g / count if reduction == "mean" and count else g


# -- two classes, -1 and 1 -----------------------------------------------------------------------------------------
def _soft_margin(xp: Any, x: Any, target: Any, *, reduction: str) -> Any:
    """log(1 + exp(-t x)) for targets t of -1 and 1."""
    if x.dtype.kind in "biu":
        raise RuntimeError(f"result type Float can't be cast to the desired output type {errors.scalar_type(x.dtype)}")
    return reduced(xp.log1p(xp.exp(-target * x)), reduction)


soft_margin_loss = op(
    "soft_margin_loss", _soft_margin, public=False, promote="binary", saved_names={"x": "self"},
    latex=r"\log(1 + e^{-t x})",
    x=lambda F, g, x, target, *, reduction: share(g, x, reduction) * -target * F.sigmoid(-target * x),
)  # fmt: skip


# -- many classes, one of them right -------------------------------------------------------------------------------
def _rows(shape: tuple[int, ...]) -> tuple[int, int]:
    """Samples and classes; one sample may lack the first dimension, one class the second."""
    if len(shape) > 2 or (shape and shape[-1] == 0):
        raise noted(
            RuntimeError(
                f"Expected non-empty vector or matrix with optional 0-dim batch size, but got: {list(shape)}\n"
                "The scores are (samples, classes), or (classes) of one sample."
            )
        )
    samples, classes = ((1, 1), (1, *shape), shape)[len(shape)]
    return samples, classes


def _multi_margin(
    xp: Any, x: Any, target: Any, weight: Any, *, p: int, margin: float, reduction: str
) -> Any:  # fmt: skip
    """The mean over classes j of max(0, margin - x[right] + x[j]) ** p, the right one left out."""
    samples, classes = _rows(x.shape)
    _check_classes(x, target, weight, samples, classes)
    at = target.reshape(samples, 1)
    within(
        xp,
        at,
        0,
        classes,
        lambda _: noted(RuntimeError(f"target out of range\nThere are {classes} classes, numbered from 0.")),
    )
    others = (xp.arange(classes) != at).astype(x.dtype) / classes
    if weight is not None:
        others = others * weight[at]
    rows = x.reshape(samples, classes)
    short = xp.maximum(margin - xp.take_along_axis(rows, at, axis=1) + rows, 0)
    each = added(short**p * others, 1).astype(x.dtype)
    return reduced(each.reshape(target.shape) if reduction == "none" else each, reduction), {"others": others, "at": at}


def _single_or_double(x: Any, kernel: str) -> None:
    if x.dtype.kind in "biu" or x.dtype.itemsize == 2:
        raise no_kernel(kernel, x)


def _check_classes(x: Any, target: Any, weight: Any, samples: int, classes: int) -> None:
    if target.ndim > 1 or target.size != samples:
        raise RuntimeError(
            "multi_margin_loss: target tensor should be 1-D with size equal to the number of input samples (batch "
            f"size). Expected target size [{samples}], but got {list(target.shape)}. Input has shape {list(x.shape)}."
        )
    if target.dtype.name != "int64":
        raise RuntimeError(f"expected scalar type Long but found {errors.scalar_type(target.dtype)}")
    _single_or_double(x, "multi_margin_loss_cpu_kernel")
    if weight is not None:
        if weight.size != classes:
            raise RuntimeError(f"inconsistent weight size, expected {classes} but got {list(weight.shape)}")
        if weight.dtype != x.dtype:
            names = errors.scalar_type(x.dtype), errors.scalar_type(weight.dtype)
            raise RuntimeError(f"expected scalar type {names[0]} but found {names[1]}")


def _multi_margin_rule(F: Any, g: Any, x: Any, others: Any, at: Any, p: int, margin: float, reduction: str) -> Any:
    samples, classes = others.shape
    rows = F.reshape(x, shape=(samples, classes))
    short = margin - F.gather(rows, at, dim=1) + rows
    slope = F.where(short > 0, others if p == 1 else others * short * 2, 0.0)
    total = F.sum(slope, dim=(1,), keepdim=True)
    slope = slope - F.scatter_zeros(total, at, shape=(samples, classes), dim=1)
    each = _spread(g, samples, reduction)
    grown = slope * (F.reshape(each, shape=(samples, 1)) if reduction == "none" else each)
    return F.reshape(grown, shape=tuple(x.shape))


multi_margin_loss = op(
    "multi_margin_loss", _multi_margin, public=False, aux=("others", "at"), saved_names={"x": "self"},
    x=lambda F, g, x, others, at, *, p, margin, reduction:
        _multi_margin_rule(F, g, x, others, at, p, margin, reduction),
)  # fmt: skip


# -- many classes, several of them right ---------------------------------------------------------------------------
def _multilabel_margin(xp: Any, x: Any, target: Any, *, reduction: str) -> Any:
    """The sum over right classes i and wrong classes j of max(0, 1 - (x[i] - x[j])), divided by the classes.

    A row of `target` lists the right classes; -1 ends the list. The slopes, constant in pieces, are found here too.
    """
    samples, classes = _rows(x.shape)
    if target.shape != x.shape and not (x.ndim == 0 and target.size == 1 and target.ndim < 2):
        raise RuntimeError(f"inconsistent target size: {list(target.shape)} for input of size: {list(x.shape)}")
    if target.dtype.name != "int64":
        raise RuntimeError(f"expected scalar type Long but found {errors.scalar_type(target.dtype)}")
    _single_or_double(x, "multilabel_margin_loss_forward_out_frame")
    within(
        xp,
        target,
        -1,
        classes,
        lambda _: noted(
            RuntimeError(f"argument #2 'target' is out of range\nThere are {classes} classes, and -1 ends a list.")
        ),
    )
    rows, at = x.reshape(samples, classes), target.reshape(samples, classes)
    listed = xp.cumsum(at < 0, axis=1) == 0
    at = xp.where(listed, at, 0)
    right = (listed[:, :, None] & (at[:, :, None] == xp.arange(classes))).any(axis=1)
    short = 1 - xp.take_along_axis(rows, at, axis=1)[:, :, None] + rows[:, None, :]
    counts = (short > 0) & listed[:, :, None] & ~right[:, None, :]
    each = (added(xp.where(counts, short, 0), (1, 2)) / classes).astype(x.dtype)
    slope = counts.sum(axis=1).astype(x.dtype)
    lost = counts.sum(axis=2).astype(x.dtype)
    # A class listed twice loses twice.
    places = (at[:, :, None] == xp.arange(classes)).astype(x.dtype)
    slope = ((slope - (lost[:, :, None] * places).sum(axis=1)) / classes).reshape(x.shape)
    out = reduced(each.reshape(x.shape[:-1]) if reduction == "none" else each, reduction)
    return out, {"slope": slope}


def _multilabel_rule(F: Any, g: Any, slope: Any, reduction: str) -> Any:
    if reduction == "none":
        return slope * (F.unsqueeze(g, dim=-1) if len(slope.shape) == 2 else g)
    return slope * _spread(g, slope.shape[0] if len(slope.shape) == 2 else 1, reduction)


multilabel_margin_loss = op(
    "multilabel_margin_loss", _multilabel_margin, public=False, aux=("slope",), saved_names={"x": "self"},
    x=lambda F, g, slope, *, reduction: _multilabel_rule(F, g, slope, reduction),
)  # fmt: skip

"""Losses that are one operation: how far `x` is from `target`, element by element, then their sum or mean.

Each is an elementwise formula with its derivative. `reduction` is "mean", "sum" or "none".
"""

from __future__ import annotations

import functools
from typing import Any

from ... import errors
from ...checks import at_hand, refuse
from ...errors import noted
from ...op import op
from ..elements.logs import xlogy as xlogy
from ..kinds import require_floating
from ..layers.activation import log_one_plus_exp
from .reduction import reduced, share


# -- distances -----------------------------------------------------------------------------------------------------
def _mse(x: Any, target: Any, *, reduction: str) -> Any:
    require_floating(x, "mse_cpu")
    difference = x - target
    return reduced(difference * difference, reduction)


def _smooth_l1(xp: Any, x: Any, target: Any, *, reduction: str, beta: float) -> Any:
    require_floating(x, "smooth_l1_cpu")
    far = xp.abs(x - target)
    return reduced(xp.where(far < beta, far * far * (0.5 / beta), far - 0.5 * beta), reduction)


def _huber(xp: Any, x: Any, target: Any, *, reduction: str, delta: float) -> Any:
    require_floating(x, "huber_cpu")
    far = xp.abs(x - target)
    return reduced(xp.where(far <= delta, far * far * 0.5, (far - 0.5 * delta) * delta), reduction)


def _mse_slope(g: Any, x: Any, target: Any, reduction: str) -> Any:
    return (x - target) * (share(g, x, reduction) * 2)


def _smooth_l1_slope(F: Any, g: Any, x: Any, target: Any, reduction: str, beta: float) -> Any:
    return F.clamp((x - target) / beta, min=-1.0, max=1.0) * share(g, x, reduction)


def _huber_slope(F: Any, g: Any, x: Any, target: Any, reduction: str, delta: float) -> Any:
    return F.clamp(x - target, min=-delta, max=delta) * share(g, x, reduction)


_TWO: dict[str, Any] = {"public": False, "promote": "binary", "saved_names": {"x": "self"}}
mse_loss = op(
    "mse_loss", _mse, **_TWO, latex=r"\frac{1}{n}\sum_i (x_i - t_i)^2",
    x=lambda g, x, target, *, reduction: _mse_slope(g, x, target, reduction),
    target=lambda g, x, target, *, reduction: -_mse_slope(g, x, target, reduction),
)  # fmt: skip
smooth_l1_loss = op(
    "smooth_l1_loss", _smooth_l1, node="SmoothL1LossBackward0", **_TWO,
    x=lambda F, g, x, target, *, reduction, beta: _smooth_l1_slope(F, g, x, target, reduction, beta),
    target=lambda F, g, x, target, *, reduction, beta: -_smooth_l1_slope(F, g, x, target, reduction, beta),
)  # fmt: skip
huber_loss = op(
    "huber_loss", _huber, **_TWO,
    x=lambda F, g, x, target, *, reduction, delta: _huber_slope(F, g, x, target, reduction, delta),
    target=lambda F, g, x, target, *, reduction, delta: -_huber_slope(F, g, x, target, reduction, delta),
)  # fmt: skip


# -- two classes ---------------------------------------------------------------------------------------------------
def _no_probability(name: str) -> Exception:
    return noted(
        RuntimeError(
            f"all elements of {name} should be between 0 and 1\n"
            "They are probabilities: apply torch.sigmoid first, or use binary_cross_entropy_with_logits."
        )
    )


def _bce(xp: Any, x: Any, target: Any, weight: Any, *, reduction: str) -> Any:
    """-(t log x + (1 - t) log(1 - x)); logarithms no lower than -100, so that x = 0 and x = 1 stay finite."""
    require_floating(x, "binary_cross_entropy")
    outside = [(value < 0) | (value > 1) | (value != value) for value in (x, target)]
    if not at_hand(xp):
        for name, bad in zip(("input", "target"), outside, strict=True):
            refuse(xp, bad, functools.partial(_no_probability, name))
    elif bool((outside[0] | outside[1]).any()):
        first = int(xp.argmax((outside[0] | outside[1]).reshape(-1)))
        raise _no_probability("input" if bool(outside[0].reshape(-1)[first]) else "target")
    yes, no = xp.maximum(xp.log(x), -100.0), xp.maximum(xp.log1p(-x), -100.0)
    each = (target - 1) * no - target * yes
    return reduced(each if weight is None else each * weight, reduction)


def _bce_logits(xp: Any, x: Any, target: Any, weight: Any, pos_weight: Any, *, reduction: str) -> Any:
    """The same for x = sigmoid(score), computed from the score so that nothing overflows."""
    require_floating(x, "log_sigmoid_cpu")
    if target.dtype.kind in "biu":
        kind = errors.scalar_type(target.dtype)
        raise RuntimeError(f"result type Float can't be cast to the desired output type {kind}")
    soft = log_one_plus_exp(xp, -x)  # -log sigmoid(x)
    if pos_weight is not None:
        soft = soft * ((pos_weight - 1) * target + 1)
    each = (1 - target) * x + soft
    return reduced(each if weight is None else each * weight, reduction)


def _weighed(value: Any, weight: Any) -> Any:
    return value if weight is None else value * weight


def _logits_slope(F: Any, x: Any, target: Any, pos_weight: Any) -> Any:
    if pos_weight is None:
        return F.sigmoid(x) - target
    positive = pos_weight * target
    return (positive + 1 - target) * F.sigmoid(x) - positive


def _logits_target_slope(F: Any, x: Any, pos_weight: Any) -> Any:
    return -x if pos_weight is None else F.logsigmoid(-x) - pos_weight * F.logsigmoid(x)


binary_cross_entropy = op(
    "binary_cross_entropy", _bce, public=False, saved_names={"x": "self"},
    latex=r"-t\log x - (1-t)\log(1-x)",
    x=lambda F, g, x, target, weight, *, reduction: _weighed(
        (x - target) / F.clamp(x * (1 - x), min=1e-12, max=None) * share(g, x, reduction), weight),
    target=lambda F, g, x, target, weight, *, reduction: _weighed(
        (F.log1p(-x) - F.log(x)) * share(g, x, reduction), weight),
)  # fmt: skip
binary_cross_entropy_with_logits = op(
    "binary_cross_entropy_with_logits", _bce_logits, node="BinaryCrossEntropyWithLogitsBackward0", public=False,
    saved_names={"x": "self"},
    x=lambda F, g, x, target, weight, pos_weight, *, reduction: _weighed(
        _logits_slope(F, x, target, pos_weight) * share(g, x, reduction), weight),
    target=lambda F, g, x, weight, pos_weight, *, reduction: _weighed(
        _logits_target_slope(F, x, pos_weight) * share(g, x, reduction), weight),
)  # fmt: skip

"""Activations written over their input: what was there before is gone, so the gradients are worked out from results.

Each gives a number of the same sign as its input, as long as its negative side does not slope the other way.
"""

from __future__ import annotations

from typing import Any

from ...errors import noted
from ...op import Op, op
from . import activation as curves
from . import gates


def _rising(slope: float, name: str) -> None:
    if slope < 0:
        raise noted(
            RuntimeError(
                f"In-place {name} backward calculation is triggered with a negative slope which is not supported. This "
                "is caused by calling in-place forward function with a negative slope, please call out-of-place "
                "version instead.\nWith a negative slope the result does not say on which side the input was."
            )
        )


def _elu_rule(F: Any, g: Any, out: Any, alpha: float, scale: float, input_scale: float) -> Any:
    """The slope of `a (exp(x s) - 1)` is `(out + a) s`."""
    _rising(alpha * scale, "elu")
    return g * F.where(out > 0, scale, (out + alpha * scale) * input_scale)


def _leaky_rule(F: Any, g: Any, out: Any, slope: float) -> Any:
    _rising(slope, "leakyReLu")
    return F.where(out > 0, g, g * slope)


def _over(curve: Op, **options: Any) -> Op:
    """The twin of an activation, under the name that PyTorch gives its node."""
    node = str(curve.node).replace("Backward0", "Backward1")
    return op(f"{curve.name}_over", curve.forward, node=node, public=False, elementwise=curve.elementwise, **options)


_RESULT = {"saved_names": {"out": "result"}}
# By the name of the activation.
OVER: dict[str, Op] = {
    "elu": _over(
        curves.elu, **_RESULT,
        x=lambda F, g, out, *, alpha, scale, input_scale: _elu_rule(F, g, out, alpha, scale, input_scale),
    ),
    "celu": _over(curves._celu, **_RESULT, x=lambda F, g, out, *, alpha: _elu_rule(F, g, out, alpha, 1.0, 1 / alpha)),
    "leaky_relu": _over(
        curves.leaky_relu, **_RESULT, x=lambda F, g, out, *, negative_slope: _leaky_rule(F, g, out, negative_slope)
    ),
    "rrelu": _over(
        gates.rrelu, **_RESULT,
        x=lambda F, g, out, noise, *, slope: _leaky_rule(F, g, out, slope) if noise is None else g * noise,
    ),
    # A result may lie on either side of the threshold, so here the input is kept.
    "threshold": _over(curves._threshold, saved_names={"x": "self"}, **curves._threshold.rules),
}  # fmt: skip

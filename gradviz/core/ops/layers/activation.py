"""Activations: functions that bend, from the simplest to those with several pieces.

Each is one operation, as in PyTorch's graph; softsign and tanhshrink are put together from others there and here.
"""

from __future__ import annotations

import math
from typing import Any

from ... import errors
from ...errors import noted
from ...op import op
from ..kinds import require_floating


def _no_bool(x: Any, text: str) -> None:
    if x.dtype.kind == "b":
        raise noted(RuntimeError(f"{text}\nThe input has shape {tuple(x.shape)}. Convert it first: x = x.float()."))


# What a declaration of an elementwise function of x shares.
ONE: dict[str, Any] = {"elementwise": True, "public": False, "saved_names": {"x": "self"}, "keeps": True}


# -- straight pieces -----------------------------------------------------------------------------------------------
def _relu(xp: Any, x: Any) -> Any:
    _no_bool(x, "Boolean inputs not supported for relu")
    return xp.maximum(x, 0)


def _leaky_relu(F: Any, x: Any, *, negative_slope: float) -> Any:
    require_floating(x, "leaky_relu_cpu")
    return F.where(x > 0, x, x * negative_slope)


def _hardtanh(xp: Any, x: Any, *, min_val: float, max_val: float) -> Any:
    _no_bool(x, "Bool inputs not supported for hardtanh")
    if x.dtype.kind == "u" and min(min_val, max_val) < 0:
        raise RuntimeError("cannot do hardtanh on an unsigned type with negative limits")
    return xp.clip(x, min_val, max_val).astype(x.dtype, copy=False)


def _hardsigmoid(xp: Any, x: Any) -> Any:
    require_floating(x, "hardsigmoid_cpu")
    return xp.clip(x + 3, 0, 6) / 6


def _hardswish(xp: Any, x: Any) -> Any:
    require_floating(x, "hardswish_cpu")
    return x * xp.clip(x + 3, 0, 6) / 6


def _hardshrink(xp: Any, x: Any, *, lambd: float) -> Any:
    require_floating(x, "hardshrink_cpu")
    return xp.where((x >= -lambd) & (x <= lambd), 0.0, x)


def _softshrink(xp: Any, x: Any, *, lambd: float) -> Any:
    require_floating(x, "softshrink_check")
    if lambd < 0:
        most, name = xp.finfo(x.dtype).max, errors.scalar_type(x.dtype)
        raise RuntimeError(f"lambda must be in range [0, {most:g}] for input dtype {name}, but found {lambd:g}")
    return xp.where(x > lambd, x - lambd, xp.where(x < -lambd, x + lambd, x * 0))


def _threshold_of(xp: Any, x: Any, *, threshold: float, value: float) -> Any:
    if x.dtype.kind == "b":
        require_floating(x, "threshold_cpu")
    return xp.where(x <= threshold, value, x).astype(x.dtype)


# Where x was negative the result is zero, and so is the gradient, even if infinity or NaN comes from above; a NaN in x
# lets the gradient pass. Both are so in PyTorch, in every function here.
relu = op("relu", _relu, x=lambda F, g, out: F.relu_input(g, out), elementwise=True, inplace=True,
          saved_names={"out": "result"}, latex=r"\max(0, x)")  # fmt: skip
relu_input = op("relu_input", lambda F, y, s: F.where(s != 0, y, 0.0), node="ThresholdBackwardBackward0", public=False,
                y=lambda F, g, s: F.relu_input(g, s), s=lambda F, g: F.flat(g))  # fmt: skip
leaky_relu = op("leaky_relu", _leaky_relu, **ONE,
                x=lambda F, g, x, *, negative_slope: F.where(x > 0, g, g * negative_slope))  # fmt: skip
hardtanh = op("hardtanh", _hardtanh, **ONE,
              x=lambda F, g, x, *, min_val, max_val:
                  F.where((x <= min_val) | (x >= max_val), 0.0, g))  # fmt: skip
hardsigmoid = op("hardsigmoid", _hardsigmoid, x=lambda F, g, x: F.where((x > -3) & (x < 3), g / 6, 0.0), **ONE)
hardswish = op("hardswish", _hardswish, **ONE,
               x=lambda F, g, x: F.where(x <= -3, 0.0, F.where(x < 3, g * (x / 3 + 0.5), g)))  # fmt: skip
_hard = op("hardshrink", _hardshrink, **ONE,
           x=lambda F, g, x, *, lambd: F.where((x >= -lambd) & (x <= lambd), 0.0, g))  # fmt: skip
softshrink = op("softshrink", _softshrink, **ONE,
                x=lambda F, g, x, *, lambd: F.where((x >= -lambd) & (x <= lambd), 0.0, g))  # fmt: skip
_threshold = op("threshold", _threshold_of, **ONE,
                x=lambda F, g, x, *, threshold: F.where(x <= threshold, 0.0, g))  # fmt: skip
_prelu = op("prelu", lambda xp, x, w: xp.where(x > 0, x, x * w), node="PreluKernelBackward0", public=False,
            saved_names={"x": "self", "w": "weight"},
            x=lambda F, g, x, w: F.where(x > 0, g, g * w), w=lambda F, g, x: F.where(x > 0, 0.0, g * x))  # fmt: skip


# -- curves --------------------------------------------------------------------------------------------------------
def _silu(F: Any, x: Any) -> Any:
    require_floating(x, "silu_cpu")
    return x * F.sigmoid(x)


def log_one_plus_exp(xp: Any, x: Any) -> Any:
    """log(1 + exp(x)), without overflow."""
    small = xp.exp(-xp.abs(x))
    return xp.log1p(small) + xp.maximum(x, 0)


def _softplus(xp: Any, F: Any, x: Any, *, beta: float, threshold: float) -> Any:
    require_floating(x, "softplus_cpu")
    return F.where(x * beta > threshold, x, log_one_plus_exp(xp, x * beta) / beta)


def _logsigmoid(xp: Any, x: Any) -> Any:
    require_floating(x, "log_sigmoid_cpu")
    return -log_one_plus_exp(xp, -x)


def _mish(xp: Any, x: Any) -> Any:
    require_floating(x, "mish_cpu")
    return x * xp.tanh(log_one_plus_exp(xp, x))


def _elu(xp: Any, x: Any, *, alpha: float, scale: float, input_scale: float) -> Any:
    """The curve of the negative part, which is 0 where x is positive, plus the positive part."""
    require_floating(x, "elu_cpu")
    return (xp.expm1(xp.minimum(x, 0) * input_scale) * alpha + xp.maximum(x, 0)) * scale


def _gelu(xp: Any, F: Any, x: Any, *, approximate: str) -> Any:
    require_floating(x, "GeluKernelImpl")
    if approximate == "none":
        return x * (F.erf(x * math.sqrt(0.5)) + 1) * 0.5
    if approximate == "tanh":
        return x * (xp.tanh((x + x * x * x * 0.044715) * math.sqrt(2 / math.pi)) + 1) * 0.5
    raise RuntimeError("approximate argument must be either none or tanh.")


def _silu_rule(F: Any, g: Any, x: Any) -> Any:
    s = F.sigmoid(x)
    return g * (s * (x * (1 - s) + 1))


def _mish_rule(F: Any, g: Any, x: Any) -> Any:
    t = F.tanh(F.softplus(x, beta=1.0, threshold=20.0))
    return g * (t + x * F.sigmoid(x) * (1 - t * t))


def _elu_rule(F: Any, g: Any, x: Any, alpha: float, scale: float, input_scale: float) -> Any:
    slope = F.exp(F.where(x < 0, x, 0.0) * input_scale) * (alpha * scale * input_scale)
    return g * F.where(x <= 0, slope, scale)


def _gelu_rule(F: Any, g: Any, x: Any, approximate: str) -> Any:
    if approximate == "none":
        area = F.erf(x * math.sqrt(0.5)) * 0.5 + 0.5
        return g * (area + x * F.exp(x * x * -0.5) * (1 / math.sqrt(2 * math.pi)))
    k = math.sqrt(2 / math.pi)
    t = F.tanh((x + x * x * x * 0.044715) * k)
    return g * ((t + 1) * 0.5 + x * (1 - t * t) * (x * x * (3 * 0.044715) + 1) * (0.5 * k))


silu = op("silu", _silu, x=_silu_rule, latex=r"x\,\sigma(x)", **ONE)
softplus = op("softplus", _softplus, latex=r"\tfrac{1}{\beta}\log(1 + e^{\beta x})", **ONE,
              x=lambda F, g, x, *, beta, threshold:
                  F.where(x * beta > threshold, g, g * F.sigmoid(x * beta)))  # fmt: skip
logsigmoid = op("logsigmoid", _logsigmoid, node="LogSigmoidBackward0", x=lambda F, g, x: g * F.sigmoid(-x), **ONE)
mish = op("mish", _mish, x=_mish_rule, **ONE)
gelu = op("gelu", _gelu, x=lambda F, g, x, *, approximate: _gelu_rule(F, g, x, approximate), **ONE)
elu = op("elu", _elu, **ONE,
         x=lambda F, g, x, *, alpha, scale, input_scale: _elu_rule(F, g, x, alpha, scale, input_scale))  # fmt: skip
_celu = op("celu", lambda xp, x, *, alpha: _elu(xp, x, alpha=alpha, scale=1.0, input_scale=1 / alpha), **ONE,
           x=lambda F, g, x, *, alpha: _elu_rule(F, g, x, alpha, 1.0, 1 / alpha))  # fmt: skip

# Klambauer et al., Self-Normalizing Neural Networks, 2017: the constants that keep mean 0 and variance 1.
SELU = {"alpha": 1.6732632423543772848170429916717, "scale": 1.0507009873554804934193349852946, "input_scale": 1.0}

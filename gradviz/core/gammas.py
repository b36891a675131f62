"""Random gamma numbers by PyTorch's method, and how gamma and beta numbers move with their parameters.

A gamma number: Marsaglia and Tsang (2000) propose `d (1 + c x)³` with x normal, and accept nearly all of it; below 1,
a number of a shape one larger is multiplied by a power of a uniform number.

Note [Implicit gradients]: a sample x is the value below which lies a probability u that does not depend on the
parameter a: F(x; a) = u. So dx/da = -(dF/da) / p(x), and as F is an integral of p,
`dx/da = -∫ p(t)/p(x) (d log p(t)/da) dt` below x, or the same above x with the sign turned, since all of it adds up to
0. The side on which less of p lies is taken. PyTorch approximates the integral to three digits; here it is computed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .counts import Uniform, one_by_one
from .draws import _pair


class Normals:
    """Normal numbers in turn from uniform ones; every second number waits for the next call."""

    def __init__(self, uniform: Uniform, waiting: float | None) -> None:
        self.uniform, self.waiting = uniform, waiting

    def __call__(self) -> float:
        if self.waiting is not None:
            value, self.waiting = self.waiting, None
            return value
        value, self.waiting = _pair(self.uniform(), self.uniform())
        return value


def gamma(draws: Any, shapes: Any) -> Any:
    """For each shape parameter, a gamma number of scale 1, in float64."""
    with draws._lock:
        with one_by_one(draws) as uniform:
            normal = Normals(uniform, draws._second)
            drawn = [_gamma(a, uniform, normal) for a in shapes.astype(np.float64).ravel().tolist()]
        draws._second = normal.waiting
    return np.array(drawn, np.float64).reshape(shapes.shape)


# PyTorch's constants are single precision.
_THIRD, _QUICK = float(np.float32(1) / np.float32(3)), float(np.float32(0.0331))


def _gamma(a: float, uniform: Uniform, normal: Callable[[], float]) -> float:
    if not a > 0:
        return 0.0 if a == 0 else math.nan
    scale = 1.0
    if a < 1:
        scale, a = (1 - uniform()) ** (1 / a), a + 1
    d = a - _THIRD
    c = 1 / math.sqrt(9 * d)
    while True:
        x = normal()
        root = 1 + c * x
        while root <= 0:
            x = normal()
            root = 1 + c * x
        v, u, square = root**3, 1 - uniform(), x * x
        quick = u < 1 - _QUICK * square * square
        if quick or math.log(u) < 0.5 * square + d * (1 - v + math.log(v)):
            return scale * d * v


# -- Note [Implicit gradients] ---------------------------------------------------------------------------------------
# Points and weights for integrals from 0 to infinity of what may vary on any scale: w = exp(π/2 sinh t), even t.
_STEPS = np.linspace(-4.2, 3.2, 160)
_POINTS = np.exp(math.pi / 2 * np.sinh(_STEPS))
_WEIGHTS = _POINTS * (math.pi / 2) * np.cosh(_STEPS) * (_STEPS[1] - _STEPS[0])


def _integral(f: Callable[[Any], Any], scale: Any) -> Any:
    """∫ f(w) dw from 0 to infinity, for a batch; `scale` is about where f ends."""
    return (f(_POINTS * scale[:, None]) * _WEIGHTS).sum(axis=1) * scale


def gamma_slope(sp: Any, a: Any, x: Any) -> Any:
    """dx/da of gamma numbers x of shapes a."""
    shape, digamma = x.shape, sp.special.psi(a.astype(np.float64).ravel())[:, None]
    a, x = a.astype(np.float64).reshape(-1, 1), x.astype(np.float64).reshape(-1, 1)
    side = np.where(x < a, -1.0, 1.0)  # below x, or above it

    def f(w: Any) -> Any:  # t = x exp(±w)
        with np.errstate(over="ignore", invalid="ignore"):
            weight = np.exp(a * side * w - x * np.expm1(np.minimum(side * w, 700.0)))
            return np.where(weight > 0, weight * (np.log(x) + side * w - digamma), 0.0)

    return (side * x * _integral(f, (1 / np.sqrt(a))[:, 0])[:, None]).reshape(shape)


def beta_slope(sp: Any, a: Any, b: Any, x: Any) -> Any:
    """dx/da of beta numbers x of shapes a and b, over 1 - x."""
    shape, psi = x.shape, sp.special.psi
    a, b, x = (v.astype(np.float64).reshape(-1, 1) for v in (a, b, x))
    centre = psi(a) - psi(a + b)
    side = np.where(x * (a + b) < a, -1.0, 1.0)
    with np.errstate(divide="ignore"):
        log_x, log_rest = np.log(x), np.log1p(-x)
    odds = log_x - log_rest

    def f(w: Any) -> Any:  # t is x with its log odds moved by ±w
        with np.errstate(over="ignore", invalid="ignore"):
            log_t = -np.logaddexp(0, -(odds + side * w))
            log_left = -np.logaddexp(0, odds + side * w)
            weight = np.exp(a * (log_t - log_x) + b * (log_left - log_rest))
            return np.where(weight > 0, weight * (log_t - centre), 0.0)

    scale = 1 / np.sqrt(np.minimum(a, b))
    return (side * x * _integral(f, scale[:, 0])[:, None]).reshape(shape)

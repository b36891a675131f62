"""Functions made of logarithms: sums of exponentials, products with a logarithm, logits."""

from __future__ import annotations

import math
from typing import Any

from ...op import Op, function, op
from ...tensor import Tensor
from ..kinds import FLOATING, REAL, floating, only, special, widened

# -- log(exp(a) + exp(b)) ------------------------------------------------------------------------------------------
logaddexp = op("logaddexp", lambda xp, a, b: _logaddexp(xp, a, b), promote="binary", elementwise=True, numbers="none",
               a=lambda F, g, a, b: g / (1 + F.exp(b - a)), b=lambda F, g, a, b: g / (1 + F.exp(a - b)))  # fmt: skip
logaddexp2 = op("logaddexp2", lambda xp, a, b: _logaddexp2(xp, a, b), promote="binary", elementwise=True,
                numbers="none",
                a=lambda F, g, a, b: g / (1 + F.exp2(b - a)), b=lambda F, g, a, b: g / (1 + F.exp2(a - b)))  # fmt: skip


def _logaddexp(xp: Any, a: Any, b: Any) -> Any:
    if only(FLOATING + "c", a, "logaddexp_cpu").dtype.kind != "c":
        return widened(xp.logaddexp, a, b)
    first = xp.real(a) >= xp.real(b)
    larger, smaller = xp.where(first, a, b), xp.where(first, b, a)
    same = larger == smaller  # also two infinities, whose difference has no meaning
    return larger + xp.log1p(xp.exp(xp.where(same, 0, smaller - larger)))


def _logaddexp2(xp: Any, a: Any, b: Any) -> Any:
    return widened(xp.logaddexp2, only(FLOATING, a, "logaddexp2_cpu"), b)


# -- a * log(b), zero where a is zero ------------------------------------------------------------------------------
def _times_log(name: str, node: str, kernel: str, edge: int, public: bool) -> Any:
    """`a * log(b)` under PyTorch's three node names: two tensors, a number first, a number last."""

    def forward(sp: Any, a: Any, b: Any) -> Any:
        only(REAL, a, kernel)
        return widened(getattr(sp.special, name.removeprefix("special_")), a, b).astype(floating(a))

    def rule_a(F: Any, g: Any, a: Any, b: Any) -> Any:
        return F.where((a == 0) & (b <= edge), 0.0, getattr(F, name)(g, b))  # zero where no gradient comes, too

    def rule_b(g: Any, a: Any, b: Any) -> Any:
        return g * a / (b - edge)

    kept: dict[str, Any] = {"promote": "float", "elementwise": True, "numbers": "one", "a": rule_a, "b": rule_b}
    both = op(name, forward, node=f"{node}Backward0", number_node=f"{node}Backward2", public=public, **kept)
    first = op(f"{name}_of_number", forward, node=f"{node}Backward1", public=False, **kept)
    return both, first


def either(both: Op, first: Op, input: Any, other: Any) -> Tensor:
    """A function of two tensors, or of one and a number, whose node tells which."""
    chosen = both if isinstance(input, Tensor) or not isinstance(other, Tensor) else first
    return chosen.call(input, other)


_xlogy, _xlogy_first = _times_log("xlogy", "Xlogy", "xlogy_cpu", 0, public=False)
_xlog1py, _xlog1py_first = _times_log("special_xlog1py", "SpecialXlog1Py", "xlog1py_cpu", -1, public=False)


@function(inplace=True)
def xlogy(input: Any, other: Any) -> Tensor:
    """`input * log(other)`, zero where `input` is zero; NaN where `other` is."""
    return either(_xlogy, _xlogy_first, input, other)


@function(space="special")
def xlog1py(input: Any, other: Any) -> Tensor:
    """`input * log1p(other)`, zero where `input` is zero; NaN where `other` is."""
    return either(_xlog1py, _xlog1py_first, input, other)


# -- odds and entropy ----------------------------------------------------------------------------------------------
_logit = op("logit", lambda xp, x, *, eps: _log_odds(xp, x, eps), promote="float", public=False,
            x=lambda F, g, x, *, eps: _odds_rule(F, g, x, eps))  # fmt: skip
_entr = op("special_entr", special("entr", "entr_cpu"), promote="float", public=False, elementwise=True,
           x=lambda F, g, x: -g * (1 + F.log(x)))  # fmt: skip


def _log_odds(xp: Any, x: Any, eps: float | None) -> Any:
    if only(REAL, x, "logit_cpu").dtype.kind in "biu":
        return x / 1  # not of this type: it will be called again with floating numbers

    def f(x: Any) -> Any:
        if eps is not None:
            x = xp.minimum(xp.maximum(x, eps), 1 - eps)
        return xp.log(x / (1 - x))

    return widened(f, x)


def _odds_rule(F: Any, g: Any, x: Any, eps: float | None) -> Any:
    low, high, outside = (0.0, 1.0, math.nan) if eps is None or eps < 0 else (eps, 1 - eps, 0.0)
    return F.where((x < low) | (x > high), outside, g / (x * (1 - x)))


@function(inplace=True)
def logit(input: Tensor, eps: float | None = None) -> Tensor:
    """`log(input / (1 - input))`, of the input limited to [eps, 1 - eps] where `eps` is given."""
    return _logit.call(input, eps=eps)


function(name="entr", space="special")(_entr.call)

"""Functions of elements: rounding, limits, powers, logarithms, comparisons, bits, whole numbers, and their errors."""

from __future__ import annotations

# ruff: noqa: E501, SIM905  (tables)
import numpy as np

from ..same import F16, F32, F64, bools, const, floats, given, ints, positive, sample, unit

NAN, INF = float("nan"), float("inf")
SPECIALS = given([-INF, -2.5, -1.0, -0.5, -0.0, 0.0, 0.5, 1.5, 2.5, INF, NAN])
WHOLE = ints(2, 3, low=-9, high=9)
SMALL = ints(3, low=1, high=9, dtype=np.int32)

# -- one tensor ----------------------------------------------------------------------------------------------------
ONE = [
    sample(f"torch.{call}", x=x)
    for call in (
        "deg2rad(x)", "rad2deg(x)", "sinc(x)", "nan_to_num(x)", "frexp(x)", "round(x, decimals=1)", "fix(x)",
        "nan_to_num(x, 1.0, 2.0, -3.0)", "positive(x)", "absolute(x)", "negative(x)", "arctan(x)", "arcsinh(x)",
        "logical_not(x)", "isposinf(x), torch.isneginf(x), torch.isreal(x), torch.signbit(x)", "square(x)",
        "float_power(x, 2)", "isfinite(x), torch.isinf(x), torch.isnan(x)", "sgn(x)", "sign(x)",
    )
    for x in ((2, 3), floats(dtype=F64), floats(0, 2))
] + [
    sample(f"torch.{call}", x=SPECIALS, order=1)
    for call in (
        "sign(x)", "sgn(x)", "abs(x)", "round(x)", "trunc(x)", "floor(x)", "ceil(x)", "nan_to_num(x)", "signbit(x)",
        "isposinf(x), torch.isneginf(x), torch.isfinite(x), torch.isinf(x), torch.isnan(x)", "clamp(x, -1, 1)",
        "clamp_min(x, 0)", "clamp_max(x, 0)", "round(x, decimals=-1)", "sigmoid(x)", "relu(x)", "sinc(x * 0.5)",
        "copysign(x, x.flip(0))", "nan_to_num(x, posinf=9.0)",
    )
] + [
    sample("torch.logit(x)", x=floats(4, low=0.1, high=0.9)),
    sample("torch.logit(x, 0.3)", x=floats(6, low=0.05, high=0.95)),
    sample("torch.logit(x)", x=given([-0.5, 0.0, 1.0, 1.5]), order=0),
    sample("torch.arcsin(x), torch.arccos(x), torch.arctanh(x)", x=unit(3)),
    sample("torch.arccosh(x)", x=floats(3, low=1.5, high=3)),
    sample("torch.sinc(x)", x=given([0.0, 0.5, -1.0, 2.0], F64), order=1),
    sample("x.real is x, x.conj() is x, x.conj_physical() is x, x.is_conj(), x.is_neg()", x=(2,)),
    sample("torch.bitwise_not(x), ~x, -x, abs(x), +x", x=WHOLE),
    sample("torch.neg(x)", x=bools(2)),
    sample("torch.abs(x)", x=bools(2)),
    sample("torch.round(x), torch.floor(x), torch.ceil(x), torch.trunc(x)", x=WHOLE),
    sample("torch.is_nonzero(x), torch.is_complex(x)", x=()),
    sample("torch.is_nonzero(x)", x=(2,)),
]  # fmt: skip

# -- two tensors ---------------------------------------------------------------------------------------------------
TWO = [
    sample(f"torch.{name}(x, y)", x=x, y=y, order=0 if "floor_divide" in name else 2)
    for name in """fmax fmin maximum minimum copysign logaddexp logaddexp2 atan2 hypot fmod remainder ldexp nextafter
        clamp_min clamp_max floor_divide arctan2 true_divide divide multiply subtract float_power xlogy""".split()
    for x, y in (
        (positive(2, 3), positive(3)), (positive(2, 1, dtype=F64), positive(1, 3, dtype=F64)), (positive(), positive(2)),
        (positive(0, 3), positive(1)),
    )
] + [
    sample(f"torch.{name}(x, {other})", x=positive(2, 3))
    for name in "copysign fmod remainder clamp_min clamp_max xlogy float_power".split()
    for other in (0.7, 2)
] + [
    sample(code, x=SPECIALS, y=given([1.0, NAN, -1.0, 0.5, 0.0, 0.0, -INF, 2.0, 2.5, INF, 1.0]), order=1)
    for code in (
        "torch.maximum(x, y)", "torch.minimum(x, y)", "torch.fmax(x, y)", "torch.fmin(x, y)",
        "torch.isclose(x, y), torch.isclose(x, x, equal_nan=True)", "torch.nextafter(x, y)",
        "x == y, x != y, x < y, x <= y, x > y, x >= y", "torch.heaviside(x.detach(), y.detach())",
        "torch.copysign(x, y)", "torch.div(x, y, rounding_mode='floor')", "torch.floor_divide(x.detach(), y.detach())",
    )
] + [
    sample(f"torch.{name}(x, y)", x=WHOLE, y=ints(3, low=1, high=4))
    for name in """gcd lcm fmod remainder floor_divide maximum minimum fmax fmin bitwise_and bitwise_or bitwise_xor
        bitwise_left_shift bitwise_right_shift div atan2 copysign ldexp pow float_power xlogy logical_and logical_or
        logical_xor eq ne less less_equal greater greater_equal not_equal isclose equal allclose""".split()
] + [
    sample("torch.pow(x, y)", x=given([2, 1, -1, -1, 0], np.int64), y=given([-1, -1, -1, -2, -1], np.int64)),
    sample("torch.pow(2, x), 3 ** x", x=ints(4, low=-2, high=3)),
    sample("x ** -1", x=ints(2, low=1)),
    sample("torch.bitwise_left_shift(x, y), torch.bitwise_right_shift(x, y)",
           x=given([1, -2, 3, 4], np.int64), y=given([64, -1, 70, 1], np.int64)),
    sample("torch.div(x, y, rounding_mode='trunc'), torch.div(x, y, rounding_mode='floor'), x // y, x % y",
           x=WHOLE, y=given([-2, 3, 4], np.int64)),
    sample("torch.xlogy(x, y)", x=given([0.0, 0.0, 2.0, NAN]), y=given([0.0, NAN, 3.0, 1.0]), order=1),
    sample("torch.xlogy(2, x)", x=positive(3)),
    sample("torch.remainder(7.5, x), 7 // x, 7 % x, x // 2, x % 2", x=positive(3), order=0),
    sample("x.__rmod__(7.5)", x=floats(3, low=1, high=2, requires_grad=False)),
    *(sample(f"({code}).sum().backward()", x=positive(3)) for code in (
        "x // 2", "2 % x", "torch.heaviside(x, x)", "torch.igamma(x, x)", "torch.special.zeta(x, 2)", "torch.gcd(x, x)")),
    sample("x.__rpow__(2), x.__rsub__(3), x.__radd__(1), x.__rmul__(2), x.__rtruediv__(3), x.__rdiv__(2)", x=positive(3)),
    sample("5 & x, 5 | x, 5 ^ x, 1 << x, 64 >> x, 9 % x, 9 // x", x=SMALL),
    sample("torch.clamp(x, 0.1, torch.tensor(0.4))", x=(4,)),
    sample("torch.clamp(x, 0.1, y)", x=(4,), y=(4,)),
    sample("torch.clamp(x)", x=(4,)),
    sample("torch.clamp(x, 1.5, 3.5), torch.clamp(x, max=3), x.clip(2, 3)", x=WHOLE),
    sample("torch.clamp_min(x, 1.5), torch.clamp_max(x, y)", x=WHOLE, y=positive(3)),
    sample("torch.frexp(x)", x=floats(3, dtype=F16)),
    sample("torch.lerp(x, y, 1.0) == y, torch.lerp(x, y, 0.9)", x=const(3), y=const(3)),
    sample("torch.addcmul(x, x, x, value=3)", x=WHOLE),
    sample("str(torch.result_type(x, 1.5)), torch.can_cast(torch.float64, torch.int32)", x=WHOLE),
    sample("torch.where(x > 0, 1.5, x), torch.where(x > 0, x, 2)", x=WHOLE),
]  # fmt: skip

# -- in place, with operators too ------------------------------------------------------------------------------------
IN_PLACE = [
    sample(f"y = x * 1\ny.{call}\ny * 2", x=positive(2, 3))
    for call in (
        "hypot_(x + 1)", "copysign_(-x)", "xlogy_(x)", "float_power_(2)", "fmod_(0.7)", "remainder_(0.7)", "clamp_min_(0.5)",
        "clamp_max_(0.5)", "nan_to_num_()", "deg2rad_()", "sinc_()", "sgn_()", "arctan2_(x)", "arcsin_()", "frac_()",
        "ldexp_(x)", "nextafter_(x + 1)", "logit_(0.3)", "absolute_()", "negative_()", "fix_()", "round_()", "divide_(3)",
        "conj_physical_()", "greater_(1)", "not_equal_(1)", "div_(0.3, rounding_mode='trunc')",
    )
] + [
    sample(f"y = x.clone()\ny {operator} 2\ny", x=SMALL)
    for operator in ("+=", "-=", "*=", "//=", "%=", "**=", "&=", "|=", "^=", "<<=", ">>=", "/=")
] + [
    sample(f"y = x.clone()\ny.{call}\ny", x=SMALL)
    for call in ("gcd_(y * 2)", "lcm_(y + 1)", "bitwise_not_()", "logical_xor_(y)", "heaviside_(y)", "lt_(3)", "eq_(3)")
] + [
    sample("y = x * 1\ny.float_power_(2)\ny", x=floats(3, dtype=F64)),
]  # fmt: skip

# -- refused -------------------------------------------------------------------------------------------------------
REFUSED = [
    sample(code, x=WHOLE, order=0)
    for code in (
        "torch.atan2(x, 2)", "torch.atan2(2, x)", "torch.eq(2, x)", "torch.fmod(2, 3)", "torch.maximum(x, 1)",
        "torch.hypot(x, x)", "torch.logaddexp(x, x)", "torch.heaviside(x, x.float())", "x // 0", "x % 0",
        "torch.fmod(x, 0)", "torch.lerp(x, x, 0.5)", "torch.addcdiv(x, x, x)", "torch.frexp(x)", "torch.frac(x)",
        "torch.round(x, decimals=1)", "torch.nextafter(x, x)", "x - (x > 0)", "torch.isclose(x, x.float())",
        "torch.isclose(x, x, rtol=-0.4)", "torch.allclose(x, 2)", "torch.equal(x, 2)", "torch.bitwise_and(x, 1.5)",
        "x.float() << 1", "torch.gcd(x.float(), x.float())", "torch.where(x, x, x)", "torch.pow(2, 3)",
        "torch.float_power(2, 3)", "torch.div(x, x, rounding_mode='up')", "torch.clamp_min(2, x)", "torch.xlogy(2, 3)",
        "torch.rsub(2, x)", "torch.max(2, 3)", "torch.logical_and(x, 2)", "torch.logaddexp2(x, x)",
    )
]  # fmt: skip

# As many elements as the CPU has a forward of its own for.
MANY = [
    *(sample("torch.where(x > 0.1, x, y)", x=floats(70, 70, dtype=d), y=floats(70, 70, dtype=d), text=False) for d in (F32, F64)),
    sample("torch.where(x > 0, 1.5, x) + torch.where(x < 0.5, x, 0.0)", x=(70, 70), text=False),
    sample("torch.where((x > 0).t(), x, x.t())", x=(70, 70), text=False),
    sample("torch.where(x > 0, x, x[0])", x=(70, 70), text=False),
    sample("torch.where(x != x, x, -x)", x=given(np.tile([0.0, -0.0, float("nan"), float("inf")], 2000), F32), order=0, text=False),
]  # fmt: skip
TABLE = ONE + TWO + IN_PLACE + REFUSED + MANY

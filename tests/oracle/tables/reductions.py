"""Reductions: many elements to few, and running ones; extremes, variances, products, norms."""

from __future__ import annotations

# ruff: noqa: E501, SIM905  (tables)
import numpy as np

from ..same import F16, F64, bools, floats, given, ints, positive, sample

NAN, INF = float("nan"), float("inf")
HOLES = given([[1.0, NAN, 3.0], [NAN, NAN, 2.0]])
ZEROS = [
    given([2.0, 0.0, 3.0]),
    given([0.0, 0.0, 3.0]),
    given([0.0, 0.0, 0.0]),
    given([[0.0, 2.0, 5.0], [3.0, 4.0, 0.0]]),
]

# -- every spelling of dim and keepdim -----------------------------------------------------------------------------
SPELLINGS = [
    sample(f"x.{name}({args})", x=positive(2, 3, 4))
    for name in ("sum", "mean", "nansum", "nanmean", "amax", "amin", "var", "std", "logsumexp")
    for args in ("1", "dim=-1", "(0, 2)", "dim=[0, 1]", "axis=1", "dim=2, keepdim=True", "axis=-1, keepdims=True")
] + [
    sample(f"x.{name}({args})", x=positive(2, 3, 4))
    for name in ("prod", "max", "min", "argmax", "argmin", "cumsum", "cumprod", "cummax", "cummin", "logcumsumexp")
    for args in ("1", "dim=-1", "axis=0")
] + [
    sample(f"torch.{name}(x, {args})", x=positive(2, 3, 4))
    for name in ("var_mean", "std_mean")
    for args in ("1", "dim=-1, keepdim=True", "(0, 2), correction=0", "unbiased=False", "1, True", "axis=2", "correction=2")
] + [
    sample(code, x=positive(2, 3, 4))
    for code in (
        "x.var()", "x.var(False)", "x.std(0, False)", "x.std(0, True, True)", "torch.var_mean(x)[0]", "torch.std_mean(x)[1]",
        "torch.aminmax(x)", "x.aminmax(dim=1)", "x.aminmax(dim=0, keepdim=True).max", "x.aminmax(keepdim=True)[0]",
        "x.all(), x.any()", "x.all(0), x.any((0, 1))", "x.all(dim=())", "x.all(dim=1, keepdim=True)", "x.any(axis=0)",
        "x.count_nonzero()", "torch.count_nonzero(x, (0, 1))", "x.argmax(keepdim=True)", "x.argmin(dim=1, keepdim=True)",
        "x.sum(dtype=torch.float64)", "x.mean(1, dtype=torch.float64)", "x.prod(0, dtype=torch.float64)", "x.cumsum(0, dtype=torch.float64)",
        "x.sum([])", "x.amax(())", "x.max(dim=1).indices", "torch.max(x, other=x * 2)",
        "x.sum_to_size(3, 1)", "x.sum_to_size((1, 3, 4))", "x.sum_to_size(())", "x.sum_to_size(2, 3, 4)",
    )
]  # fmt: skip

# -- 0-d, empty, other types ---------------------------------------------------------------------------------------
PLAIN = "sum mean prod nansum nanmean amax amin var std aminmax max min all any count_nonzero argmax argmin norm median".split()
ALONG = "sum mean prod nansum logsumexp cumsum cumprod cummax cummin logcumsumexp max min amax argmax all norm".split()
TYPES = [
    sample(f"x.{name}()", x=x, order=min(o, 1) if name == "std" else o, text=name != "prod")
    for name in PLAIN
    for x, o in ((floats(), 2 if name not in ("var", "std") else 0), (floats(4, dtype=F64), 2), (floats(4, dtype=F16), 0))
] + [
    sample(f"x.{name}({dim})", x=x)
    for name in ALONG
    for x, dim in ((floats(), "dim=0"), (floats(0, 3), "dim=1"), (floats(2, 3, layout="step"), "dim=1"), (floats(2, 3, layout="F"), "dim=0"))
] + [
    sample(f"x.{name}", x=x)
    for x in (ints(2, 3), bools(2, 3), ints(4, dtype=np.uint8), ints(2, 3, dtype=np.int32))
    for name in (
        "sum()", "sum(0)", "prod()", "nansum()", "amax(0)", "max()", "max(0)", "min(0)", "aminmax()", "all()", "any(0)", "count_nonzero()",
        "cumsum(0)", "cumprod(0)", "cummax(0)", "cummin(0)", "logsumexp(0)", "sum(dtype=torch.float32)", "sum(dtype=torch.bool)",
        "cumsum(0, dtype=torch.float32)", "mean()", "mean(dtype=torch.float32)", "var()", "argmax()", "logcumsumexp(0)", "norm()", "nanmean()",
    )
] + [
    sample(code, x=(0, 3))
    for code in ("x.sum()", "x.mean()", "x.prod()", "x.sum(0)", "x.mean(0)", "x.prod(0)", "x.var(0)", "x.logsumexp(0)", "x.nansum()", "x.norm()",
                 "x.norm(dim=0)", "x.all()", "x.any()", "x.cumsum(0)", "x.cummax(0)", "x.amax(1)", "x.max(1)")
]  # fmt: skip

# -- NaN, infinity, ties -------------------------------------------------------------------------------------------
SPECIAL = [
    sample(code, x=HOLES, order=1)
    for code in (
        "x.nansum()", "x.nansum(1)", "x.nanmean()", "x.nanmean(0, keepdim=True)", "x.sum(1)", "x.max()", "x.max(1)", "x.min(0)", "x.amax(1)",
        "x.aminmax(dim=1)", "x.argmax(1)", "x.argmin()", "x.cummax(1)", "x.cummin(1)", "x.logsumexp(1)", "x.cumsum(1)", "x.norm(dim=1)",
    )
] + [
    sample(code, x=given([1.0, 3.0, 3.0, -1.0, -1.0]))
    for code in ("x.max()", "x.max(0)", "x.amax(0)", "x.amin(0)", "x.aminmax()", "x.cummax(0)", "x.cummin(0)", "x.min(0)", "x.norm(float('inf'))")
] + [
    sample("x.logsumexp(0)", x=given([1000.0, 1000.0])), sample("x.logsumexp(0)", x=given([-INF, 0.0, 1.0])),
    sample("x.logcumsumexp(0)", x=given([1000.0, 1000.0, -1000.0]), order=1), sample("x.logcumsumexp(0)", x=given([2.0, 2.0, 2.0, 2.0, 1.0])),
    sample("x.logcumsumexp(0)", x=given([-INF, -INF, 0.0, 1.0]), order=0),
    sample("x.var(correction=2)", x=given([1.0, 2.0]), order=1), sample("x.std()", x=given([2.0, 2.0, 2.0]), order=1),
    sample("x.var(0, correction=3)", x=(2, 3), order=0), sample("x.std(correction=2)", x=(2,), order=0),
]  # fmt: skip

# -- products with zeros, to the second gradient -------------------------------------------------------------------
PRODUCTS = [
    sample(f"x.{name}", x=x)
    for x in ZEROS
    for name in ("prod()", "prod(0)", "prod(-1, keepdim=True)", "cumprod(0)", "cumprod(-1)")
] + [
    sample("x.prod()", x=(17,)), sample("x.cumprod(0)", x=positive(9, dtype=F64)), sample("x.prod(1)", x=(2, 5, 3)),
    sample("x.cumprod(1)", x=(2, 7, 3)), sample("y = x * 1\ny.cumprod_(0)\ny", x=(4,)), sample("y = x * 1\ny.cumsum_(0)\ny", x=(4,)),
    sample("x.prod((0, 1))", x=(2, 3)), sample("x.cumprod(2)", x=(2, 3)),
]  # fmt: skip

# -- norms -----------------------------------------------------------------------------------------------------------
ORDERS = (0, 0.5, 1, 1.5, 2, 3, INF, -INF)
NORMS = [
    sample(f"torch.norm(x, float('{p}'), {dim}, {keep})", x=x, order=1 if p in (0, INF, -INF) else 2)
    for p in ORDERS
    for x, dim, keep in ((positive(2, 3), None, False), (positive(2, 3), -1, True), (floats(2, 3, 2, dtype=F64), (0, 2), False))
] + [
    sample(f"torch.dist(x, y, float('{p}'))", x=(2, 3), y=(3,), order=1 if p == INF else 2) for p in ORDERS if p not in (0, -INF)
] + [
    sample(f"torch.renorm(x, float('{p}'), 1, 0.7)", x=(3, 4), order=1 if p == INF else 2) for p in (0.5, 1, 2, 3, INF)
] + [
    sample(code, x=x, order=o)
    for code, x, o in (
        ("x.norm()", (2, 3), 2), ("x.norm(p='fro', dim=(0, 1))", (2, 3), 2), ("x.norm(p=None)", (2, 3), 2), ("x.norm(keepdim=True)", (2, 3), 2),
        ("x.norm(dtype=torch.float64)", (2, 3), 1), ("x.norm(1)", given([0.0, 1.0]), 1), ("x.norm(1.5)", given([0.0, 0.0]), 1),
        ("x.norm('foo')", (2, 3), 0), ("x.norm('nuc')", (3,), 0), ("x.norm('nuc', dim=0)", (3, 2), 0), ("x.norm(float('inf'))", (0, 2), 0),
        ("x.norm(float('inf'), 0)", (0, 2), 0), ("torch.dist(x, x)", (3,), 1), ("torch.renorm(x, 2, 2, 1)", (2, 3), 0), ("torch.renorm(x, -1, 0, 1)", (2, 3), 0),
        ("torch.renorm(x, 2, 0, -1)", (2, 3), 0), ("torch.renorm(x, 2, 0, 1)", (3,), 0), ("torch.renorm(x, 2, 0, 1)", ints(2, 3), 0),
        ("torch.dist(x, x)", ints(3), 0), ("torch.renorm(x, 2, 0, 1)", floats(2, 3, dtype=F16), 0), ("y = x * 1\ny.renorm_(2, 0, 1.)\ny", (2, 3), 2),
    )
]  # fmt: skip

# -- what does not fit -----------------------------------------------------------------------------------------------
ERRORS = [
    sample(code, x=x, order=0)
    for code, x in (
        ("x.sum(3)", (2, 3)), ("x.sum((0, 0))", (2, 3)), ("x.max(2)", (2, 3)), ("x.max()", (0,)), ("x.max(0)", (0, 2)), ("x.amax()", (0,)),
        ("x.amin(0)", (0, 2)), ("x.aminmax()", (0,)), ("x.aminmax(dim=0)", (0, 2)), ("x.argmax()", (0,)), ("x.argmin(0)", (0, 2)),
        ("x.cumsum(2)", (2, 3)), ("x.cumsum(1)", ()), ("x.sum_to_size(2)", (2, 3)), ("x.sum_to_size(1, 1, 3)", (2, 3)), ("x.mean(dtype=torch.int64)", (2,)),
        ("x.aminmax(dim=3)", (2, 3)), ("x.logcumsumexp(3)", (5, 2)), ("torch.var_mean(x)", ints(3)), ("torch.std_mean(x)", ints(3)),
    )
]  # fmt: skip

SOFTMAX = [
    sample(f"torch.{name}(x, {args})", x=x)
    for name in ("softmax", "log_softmax")
    for x, args in (
        (floats(2, 3), "0, dtype=torch.float64"), (floats(2, 3, dtype=F16), "1, dtype=torch.float32"), (ints(2, 3), "0"), (ints(2, 3), "1"),
        (ints(2, 3), "1, dtype=torch.float32"), (bools(3), "0"), (bools(3), "0, torch.float64"), (floats(2, 3), "2"), (floats(2, 3), "axis=0"),
        (floats(0, 3), "0"), (floats(), "-1"),
    )
]  # fmt: skip

TABLE = [*SPELLINGS, *TYPES, *SPECIAL, *PRODUCTS, *NORMS, *ERRORS, *SOFTMAX]

"""Covariance, differences, slopes, areas, distances of all pairs, combinations."""

from __future__ import annotations

# ruff: noqa: E501  (tables)
import numpy as np

from ..same import F64, bools, floats, given, ints, positive, sample

COVARIANCE = [
    sample(code, x=x)
    for x in ((3, 4), floats(2, 5, dtype=F64), floats(5), floats(2, 3, layout="F"))
    for code in ("torch.cov(x)", "x.cov(correction=0)", "torch.corrcoef(x)", "x.cov(correction=2)")
] + [
    sample("torch.cov(x, fweights=w)", x=(2, 4), w=given([1, 2, 1, 3], np.int64)), sample("torch.cov(x, aweights=w)", x=(2, 4), w=positive(4)),
    sample("torch.cov(x, correction=0, aweights=w)", x=(2, 4), w=positive(4)), sample("torch.cov(x, aweights=w, fweights=torch.tensor([1, 2, 1, 3]))", x=(2, 4), w=positive(4)),
    sample("torch.cov(x)", x=ints(2, 3)), sample("torch.corrcoef(x)", x=given([[1, 2, 4], [3, 1, 1]], np.int64)), sample("torch.cov(x)", x=(), order=0), sample("torch.corrcoef(x)", x=(), order=0),
    sample("torch.cov(x)", x=bools(3)), sample("torch.cov(x)", x=(2, 2, 2)), sample("torch.corrcoef(x)", x=(2, 2, 2)), sample("torch.cov(x, fweights=x)", x=(3,)),
    sample("torch.cov(x, aweights=w)", x=(2, 4), w=ints(4)), sample("torch.cov(x, fweights=w)", x=(2, 4), w=ints(3)), sample("torch.cov(x, fweights=w - 9)", x=(2, 4), w=ints(4)),
    sample("torch.cov(x, aweights=w * 0)", x=(2, 4), w=positive(4)), sample("torch.cov(x, fweights=w)", x=(2, 4), w=ints(2, 2)),
]  # fmt: skip

DIFFERENCES = [
    sample(code, x=(3, 4, 3))
    for code in (
        "x.diff()", "x.diff(2)", "torch.diff(x, n=1, dim=0)", "x.diff(n=0)", "x.diff(n=9)", "x.diff(dim=1, prepend=x)", "x.diff(dim=1, prepend=x[:, :1], append=x[:, 1:])",
        "torch.gradient(x)", "torch.gradient(x, dim=1)", "torch.gradient(x, spacing=2.)", "torch.gradient(x, spacing=(1., 2., 0.5))", "torch.gradient(x, dim=(0, 2), edge_order=2)",
        "torch.gradient(x, spacing=(torch.tensor([0., 1., 3.]),), dim=0)", "torch.gradient(x, spacing=[torch.tensor([0., 1., 3., 4.])], dim=1, edge_order=2)",
        "torch.gradient(x, spacing=2, dim=-1)", "torch.trapz(x)", "torch.trapezoid(x, dx=2.)", "torch.trapezoid(x, dim=1)", "torch.trapezoid(x, torch.tensor([0., 1., 3., 4.]), dim=1)",
        "torch.trapezoid(x, x * x)", "torch.cumulative_trapezoid(x)", "torch.cumulative_trapezoid(x, dx=0.5, dim=0)", "torch.cumulative_trapezoid(x, torch.tensor([0., 1., 3.]), dim=0)",
        "torch.cumulative_trapezoid(x, x[0] * 2, dim=1)", "torch.trapezoid(x, x[0], dim=1)",
        "x.diff(n=-1)", "x.diff(dim=4)", "x.diff(prepend=x[0])", "x.diff(prepend=x[:1])", "torch.gradient(x, edge_order=3)", "torch.gradient(x[:1])", "torch.gradient(x, dim=(1, 1))",
        "torch.gradient(x, spacing=[1., 2.])", "torch.gradient(x, spacing=[0.1], dim=(1, 0))", "torch.gradient(x, spacing=[x[0]], dim=0)", "torch.gradient(x, dim=5)",
        "torch.gradient(x, spacing=x[0, 0])", "torch.trapezoid(x, x[0, 0, :2])", "torch.cumulative_trapezoid(x, x[0, 0, :2])", "torch.trapezoid(x, dim=3)",
    )
] + [
    sample(f"torch.{code}", x=x, order=0)
    for x in (ints(3, 4), bools(3, 4), ints(3, 4, dtype=np.uint8))
    for code in ("diff(x)", "diff(x, 2)", "trapezoid(x)", "cumulative_trapezoid(x)", "trapezoid(x, x)", "gradient(x.long())", "trapezoid(x, dx=2)", "gradient(x.int(), spacing=2)")
] + [
    sample(f"torch.{code}", x=x, order=0)
    for code in ("diff(x)", "trapezoid(x)", "cumulative_trapezoid(x)", "gradient(x)", "trapezoid(x, dim=0)")
    for x in (floats(), floats(0, 3), floats(3, 0), floats(1, 1))
    if code != "gradient(x)" or x.shape
]  # fmt: skip

FAR = given([[0.0, 1.0, 2.0], [4.0, 3.0, 1.0], [-3.0, 5.0, 0.5], [1.5, -2.0, 7.0]])
PAIRS = [
    sample(f"torch.cdist(x, y, float('{p}'))", x=x, y=y, order=1)
    for p in ("0", "0.5", "1", "1.5", "2", "3", "inf")
    for x, y in (((3, 4), (5, 4)), ((2, 3, 4), floats(5, 4)), ((1, 2), floats(0, 2)), (floats(2, 3, dtype=F64), floats(2, 3, dtype=F64)))
] + [sample(f"F.pdist(x, float('{p}'))", x=x, order=1) for p in ("0", "1", "1.5", "2", "3", "inf") for x in ((4, 3), FAR, (1, 3))] + [
    sample("torch.cdist(x, x)", x=FAR, order=1), sample("torch.cdist(x, x, 1.)", x=FAR, order=1), sample("torch.pdist(x)", x=FAR, order=1), sample("torch.cdist(x, x)", x=(2, 0), order=0),
    sample("torch.cdist(x, x, compute_mode='donot_use_mm_for_euclid_dist')", x=FAR, order=0), sample("torch.cdist(x, x, compute_mode='foo')", x=FAR), sample("torch.cdist(x, x[0])", x=FAR),
    sample("torch.cdist(x[0], x)", x=FAR), sample("torch.cdist(x, x[:, :2])", x=FAR), sample("torch.cdist(x, x, -1)", x=FAR), sample("torch.cdist(x, x)", x=ints(2, 2)),
    sample("torch.cdist(x, x.double())", x=FAR), sample("F.pdist(x)", x=(3,)), sample("F.pdist(x)", x=ints(2, 2)), sample("F.pdist(x, -1)", x=FAR),
    sample("torch.combinations(x)", x=(4,)), sample("torch.combinations(x, r=3)", x=(4,)), sample("torch.combinations(x, with_replacement=True)", x=(3,)), sample("torch.combinations(x, 1)", x=(3,)),
    sample("torch.combinations(x, 0)", x=ints(3)), sample("torch.combinations(x, 5)", x=ints(3)), sample("torch.combinations(x)", x=bools(3)), sample("torch.combinations(x)", x=(0,), order=0),
    sample("torch.combinations(x)", x=(2, 2)), sample("torch.combinations(x, -1)", x=(2,)),
]  # fmt: skip

TABLE = [*COVARIANCE, *DIFFERENCES, *PAIRS]

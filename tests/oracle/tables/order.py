"""Order: sorting, ranks, distinct elements, places among boundaries, counting."""

from __future__ import annotations

# ruff: noqa: E501  (tables)
import numpy as np

from ..same import F16, F64, bools, floats, given, ints, sample

NAN, INF = float("nan"), float("inf")
HOLES = given([[1.0, NAN, 3.0, 2.0], [NAN, NAN, 2.0, NAN]])
TIES = given([3, 1, 2, 1, 3, 3, 2], np.int64)

SORT = [
    sample(code, x=x, order=2)
    for x in ((3, 4), HOLES, floats(4, 2, layout="F"), floats(2, 5, dtype=F64), floats(2, 5, dtype=F16), ints(2, 3), bools(2, 3))
    for code in (
        "x.sort()", "x.sort(0, True)", "torch.sort(x, dim=1, descending=True)", "x.sort(stable=True, dim=0)", "x.argsort(stable=True)", "x.msort()",
        "x.argsort(dim=0, descending=True, stable=True)", "x.sort(axis=0)",
    )
    if not (isinstance(x, tuple) and "argsort" in code)
] + [
    sample(code, x=x, order=o)
    for code, x, o in (
        ("x.topk(2)", (3, 4), 2), ("x.topk(2, 0, False)", (3, 4), 2), ("torch.topk(x, k=3, largest=False).values", HOLES, 0), ("x.topk(2).values", HOLES, 0),
        ("x.topk(0)", (3, 4), 0), ("x.topk(1)", (), 1), ("x.topk(9)", (3, 4), 0), ("x.topk(-1)", (3,), 0), ("x.topk(1)", bools(3), 0),
        ("x.sort()", (), 2), ("x.sort(0)", (), 2), ("x.sort(1)", (), 0), ("x.argsort()", (), 0), ("x.msort()", (), 2), ("x.sort()", (0, 3), 1), ("x.sort(2)", (3,), 0),
    )
]  # fmt: skip

RANKS = [
    sample(code, x=x, order=2)
    for x in ((3, 5), floats(4, 3, dtype=F64), floats(5, 2, layout="step"))
    for code in (
        "x.median()", "x.median(0)", "x.median(-1, keepdim=True)", "x.nanmedian()", "x.nanmedian(dim=1)", "x.kthvalue(2)", "x.kthvalue(1, 0, True)",
        "torch.kthvalue(x, 2, dim=0).values", "x.mode(0)", "x.mode(-1, True)", "x.quantile(0.3)", "x.quantile(0.5, 1)", "x.quantile(0., dim=0, keepdim=True)",
        "x.quantile(torch.tensor([0.1, 0.5, 1.0], dtype=x.dtype))", "x.quantile(torch.tensor([0.1, 0.5], dtype=x.dtype), 1, True)", "x.nanquantile(0.3, dim=0)",
        "x.quantile(0.3, interpolation='lower')", "x.quantile(0.3, interpolation='higher')", "x.quantile(0.3, interpolation='nearest')",
        "x.quantile(0.3, 1, interpolation='midpoint')",
    )
] + [
    sample(code, x=HOLES, order=1)
    for code in (
        "x.median()", "x.median(1).values", "x.nanmedian()", "x.nanmedian(1)", "x.quantile(0.5, 1)", "x.nanquantile(0.5)", "x.nanquantile(0.5, 0, keepdim=True)",
        "x[0].kthvalue(4)", "x.nanquantile(0.5, 1, interpolation='lower')",
    )
] + [
    sample(code, x=x, order=1)
    for code, x in (
        ("x.median()", given([1.0, 2.0, 2.0, 3.0])), ("x.mode()", given([1.0, 2.0, 2.0, 1.0])), ("x.mode()", given([3.0, 2.0, 2.0, 3.0, NAN, NAN, NAN])),
        ("x.mode()", TIES), ("x.mode()", bools(5)), ("x.median()", ints(5)), ("x.median(0).values", TIES), ("x.kthvalue(3).values", TIES), ("x.median()", bools(3)),
        ("x.kthvalue(1)", bools(3)), ("x.median()", ()), ("x.median(0)", ()), ("x.mode()", ()), ("x.kthvalue(1)", ()), ("x.quantile(0.5)", ()), ("x.nanmedian(0)", ()),
        ("x.median()", (0,)), ("x.median(0)", (0, 2)), ("x.mode(0)", (0, 2)), ("x.kthvalue(1, 0)", (0, 2)), ("x.median(1)", (0, 2)), ("x.mode(1)", (0, 2)),
        ("x.kthvalue(9)", (3,)), ("x.kthvalue(0)", (3,)), ("x.quantile(2.0)", (3,)), ("x.quantile(0.5)", ints(3)), ("x.quantile(0.5)", (0,)),
        ("x.quantile(0.5, interpolation='foo')", (3,)), ("x.quantile(torch.tensor([1.5]))", (3,)), ("x.quantile(torch.tensor([[0.5]]))", (3,)),
        ("x.quantile(torch.tensor([0.5], dtype=torch.float64))", (3,)), ("x.quantile(0.5)", floats(3, dtype=F16)), ("x.nanmedian(0)", given([NAN, NAN])),
    )
] + [sample("x.quantile(q)", x=(4, 3), q=given([0.2, 0.7])), sample("x.quantile(q, 0, interpolation='nearest')", x=(4, 3), q=given([0.2, 0.7]))]  # fmt: skip

DISTINCT = [
    sample(code, x=x, order=0)
    for x in (TIES, given([[1, 2], [0, 1], [1, 2], [1, 2]], np.int64), bools(2, 3), given([2.0, 1.0, 2.0]), ints(), ints(0, 3))
    for code in (
        "x.unique()", "torch.unique(x, return_inverse=True)", "x.unique(return_counts=True)", "x.unique(True, True, True)",
        "x.unique_consecutive()", "x.unique_consecutive(return_inverse=True, return_counts=True)", "torch.unique_consecutive(x, return_counts=True)",
        "x.unique(dim=0, return_inverse=True, return_counts=True)", "x.unique_consecutive(dim=0, return_inverse=True)", "x.unique(dim=1)",
    )
] + [
    sample(code, x=given([NAN, NAN, 1.0]), order=0) for code in ("x.unique()", "x.unique_consecutive(return_counts=True)", "x.unique(return_inverse=True)")
] + [
    sample("torch.isin(x, y)", x=(2, 3), y=(3,), order=0), sample("torch.isin(x, y)", x=ints(2, 3), y=ints(2), order=0),
    sample("torch.isin(x, 2)", x=ints(5)), sample("torch.isin(2, x)", x=ints(5)), sample("torch.isin(x, y, invert=True)", x=ints(5), y=ints(2)),
    sample("torch.isin(x, y, assume_unique=True)", x=given([1, 2, 3], np.int64), y=given([3, 4], np.int64)), sample("torch.isin(x, x)", x=given([NAN, 1.0]), order=0),
    sample("torch.isin(x, x)", x=bools(3)), sample("torch.isin(1, 2)"), sample("torch.isin(x, torch.tensor([1.5, 2.0]))", x=ints(4)), sample("torch.isin(x, x)", x=ints(0, 2)),
]  # fmt: skip

EDGES = given([1.0, 2.0, 2.0, 4.0], requires_grad=False)
ROWS = given([[1.0, 2.0, 2.0, 4.0], [0.0, 1.0, 5.0, 6.0]], requires_grad=False)
VALUES = given([[0.0, 2.0, 9.0], [4.0, 1.0, 2.5]], requires_grad=False)
SEARCH = [
    sample(f"torch.{code}", b=EDGES, r=ROWS, v=VALUES)
    for code in (
        "searchsorted(b, v)", "searchsorted(b, v, right=True)", "searchsorted(b, v, side='right', out_int32=True)", "searchsorted(r, v)", "searchsorted(r, v, side='right')",
        "searchsorted(b, 2)", "searchsorted(b, 2.5)", "searchsorted(b, v[0, 1])", "searchsorted(b.flip(0), v, sorter=torch.tensor([3, 2, 1, 0]))",
        "searchsorted(r.flip(1), v, sorter=torch.tensor([[3, 2, 1, 0], [3, 2, 1, 0]]))", "searchsorted(b.long(), v)", "searchsorted(b[:0], v)", "searchsorted(r[:, :0], v)",
        "bucketize(v, b)", "bucketize(v, b, right=True)", "bucketize(2, b)", "bucketize(2.5, b.long(), out_int32=True)", "bucketize(v.long(), b)", "bucketize(v, r)",
        "searchsorted(r, v[:1])", "searchsorted(r, 2)", "searchsorted(b, v, side='foo')", "searchsorted(b, v, side='left', right=True)", "bucketize('a', b)",
        "searchsorted(b, v, sorter=torch.tensor([0]))", "searchsorted(b, v, sorter=b)", "searchsorted(b, v, sorter=torch.tensor([0, 1, 2, 9]))", "searchsorted(b > 1, v > 1)",
        "bucketize(torch.tensor([float('nan')]), b)",
    )
]  # fmt: skip

COUNT = [
    sample(f"torch.{code}", x=x, order=0)
    for code, x in (
        ("bincount(x)", TIES), ("bincount(x, minlength=9)", TIES), ("bincount(x, x)", TIES), ("bincount(x, x.float())", TIES), ("bincount(x, x.double(), 5)", TIES),
        ("bincount(x)", ints(4, dtype=np.uint8)), ("bincount(x)", ints(0)), ("bincount(x, minlength=2)", ints(0)), ("bincount(x)", (3,)), ("bincount(x)", bools(3)),
        ("bincount(x)", ints(2, 3)), ("bincount(x - 3)", TIES), ("bincount(x, x[1:])", TIES), ("bincount(x, minlength=-1)", TIES),
        ("histc(x)", (4, 5)), ("histc(x, 4)", (4, 5)), ("histc(x, 4, -1, 1)", (4, 5)), ("histc(x, bins=3, min=0, max=2)", floats(9, dtype=F64)), ("histc(x, 3)", given([2.0, 2.0])),
        ("histc(x, 3)", (0,)), ("histc(x, 3, 0, 2)", given([1.0, NAN])), ("histc(x, 3)", ints(3)), ("histc(x, 0)", (3,)), ("histc(x, 3, 5, 2)", (3,)), ("histc(x, 3)", given([1.0, INF])),
        ("histogram(x.detach(), 4)", (4, 5)), ("histogram(x.detach(), bins=4, range=(-1., 1.))", (4, 5)), ("histogram(x.detach(), torch.tensor([-1., 0., 2.]))", (4, 5)),
        ("histogram(x.detach(), 3, weight=x.detach() ** 2, density=True)", (4, 5)), ("histogram(x.detach(), 3)", (0,)), ("histogram(x.detach(), 2)", given([2.0, 2.0])),
        ("histogram(x.detach(), 2, range=(0., 3.))", given([NAN, 2.0])), ("histogram(x.detach(), 4, range=(1., 1.))", (4,)), ("histogram(x, 4)", ints(3)),
        ("histogram(x.detach(), -1)", (3,)), ("histogram(x.detach(), 4, range=(3., 1.))", (3,)), ("histogram(x.detach(), x.detach())", (2, 2)), ("histogram(x.detach(), 3)", given([1.0, NAN])),
        ("histogram(x.detach(), [4])", (3,)), ("histogram(x.detach(), 4, weight=x.detach()[:1])", (3,)), ("histogram(x.detach(), torch.tensor([1., 2.]).double())", (3,)),
        ("histogram(x.detach(), 4, range=(1.,))", (3,)), ("histogram(x.detach(), x.detach()[:0])", (3,)), ("histogram(x.detach(), x.detach()[:1])", (3,)),
        ("histogram(x.detach(), 4, weight=x.detach().double())", (3,)), ("histogramdd(x.detach(), [2, 3])", (9, 2)), ("histogramdd(x.detach(), 2, density=True)", (9, 2)),
        ("histogramdd(x.detach(), 2, range=[0., 1., -1., 1.])", (9, 2)), ("histogramdd(x.detach(), [torch.tensor([0., 1., 9.]), torch.tensor([0., 5.])])", (9, 2)),
        ("histogramdd(x.detach(), (2, 2), weight=x.detach()[..., 0] ** 2)", (3, 3, 2)), ("histogramdd(x.detach(), (2, 3, 4))", (9, 2)), ("histogramdd(x.detach(), 2)", (3,)),
        ("histogramdd(x.detach(), [torch.tensor([1., 2.])])", (9, 2)), ("histogramdd(x.detach(), 2, range=[0., 4.])", (9, 2)),
    )
]  # fmt: skip

TABLE = [*SORT, *RANKS, *DISTINCT, *SEARCH, *COUNT]

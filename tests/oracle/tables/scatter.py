"""Writing by index, out of place and in place: put, added, reduced, filled; and under a mask."""

from __future__ import annotations

# ruff: noqa: E501  (tables)
import numpy as np

from ..same import F64, bools, floats, given, ints, positive, sample

QUIET = "import warnings\nwarnings.simplefilter('ignore')\n"  # PyTorch calls index_reduce a beta
TWICE, ONE = given([0, 2, 0], np.int64), given([0, 2], np.int64)
GRID = given([[0, 2, 0, 1], [2, 2, 0, 0]], np.int64)

ALONG = [
    sample(code, x=(3, 4), s=(3, 4), i=TWICE)
    for code in (
        "x.index_add(0, i, s)", "torch.index_add(x, dim=0, index=i, source=s, alpha=0.5)", "x.index_add(1, i, s[:, :3])", "x.index_add(-1, i.int(), s.t()[:3].t()[:, :3], alpha=2)", "y = x * 1\ny.index_add_(0, i, s)\ny * 2",
        "x[0].index_add(0, i, s[0, :3])", "x.sum().index_add(0, i[0], s.sum())", "x.index_copy(0, i[1:2], s[:1])", "y = x * 1\ny.index_copy_(1, i[:2], s[:, :2])\ny * 2", "x[0].index_copy(0, i[0], s[0, 0])", "x.sum().index_copy(0, i[0], s.sum())",
        "x.index_fill(0, i, 2.5)", "x.index_fill(1, i, s.sum())", "x.index_fill(dim=-1, index=i[:1], value=True)", "y = x * 1\ny.index_fill_(0, i, -1)\ny * 2", "x.sum().index_fill(0, i[0], 3)", "x.index_fill(0, torch.tensor([-1]), 7)",
        "x.index_fill(0, i[:0], 7)", QUIET + "x.index_reduce(0, i, s, 'amax')", QUIET + "x.index_reduce(0, i, s, 'amin', include_self=False)", QUIET + "x.index_reduce(0, i, s, reduce='mean')", QUIET + "torch.index_reduce(x, 1, i, s[:, :3], 'prod')",
        QUIET + "x.index_reduce(0, i, s, 'mean', include_self=False)", QUIET + "y = x * 1\ny.index_reduce_(0, i, s, 'prod', include_self=False)\ny", QUIET + "y = x * 1\ny.index_reduce_(0, i, s, 'amax')\ny", QUIET + "x.sum().index_reduce(0, i[0], s.sum(), 'prod')",
    )
] + [
    sample("x.index_copy(0, i, s)", x=(3,), i=ONE, s=(2,)), sample("x.index_add(0, i, s, alpha=2)", x=ints(3), i=TWICE, s=ints(3)), sample("x.index_fill(0, i, 2.7)", x=ints(3), i=ONE), sample("x.index_fill(0, i, True)", x=bools(3), i=ONE),
    sample(QUIET + "x.index_reduce(0, i, s, 'mean')", x=ints(3), i=TWICE, s=ints(3, low=-9)), sample(QUIET + "x.index_reduce(0, i, s, 'amax', include_self=False)", x=ints(3), i=TWICE, s=ints(3, low=-9)),
    sample(QUIET + "x.index_reduce(0, i, s, 'prod')", x=given([2.0, 0.0, 3.0]), i=TWICE, s=given([0.0, 2.0, 3.0])), sample(QUIET + "x.index_reduce(0, i, s, 'amin')", x=given([1.0, 2.0, 1.0]), i=TWICE, s=given([1.0, 1.0, 1.0])),
]  # fmt: skip

SCATTER = [
    sample(code, x=(3, 4), s=(3, 4), i=GRID)
    for code in (
        "x.scatter(0, i[:1], s[:1])", "torch.scatter(x, dim=0, index=i[1:], src=s[:1])", "x.scatter(1, i[:, :1], s[:2, :1])", "x.scatter(0, i, value=2.5)", "x.scatter(-1, i, 3)", "y = x * 1\ny.scatter_(0, i[:1], s[1:2])\ny * 2", "x.sum().scatter(0, i[0, 0], s.sum())",
        "x.scatter(0, i.int(), 1.0)", "x.scatter(0, torch.zeros(0, 4), s[:0])", "x.scatter_add(0, i, s[:2])", "torch.scatter_add(x, 1, i, s[:2])", "y = x * 1\ny.scatter_add_(0, i, s[1:])\ny * 2",
        "x[0].scatter_add(0, i[0, :3], s[0, :3])", "x.sum().scatter_add(0, i[0, 0], s.sum())",
        *(f"x.scatter_reduce({dim}, i, s[:2], '{reduce}'{more})" for reduce in ("sum", "prod", "mean", "amax", "amin") for dim, more in ((0, ""), (1, ", include_self=False"))), "torch.scatter_reduce(x, dim=0, index=i, src=s[:2], reduce='prod')",
        "y = x * 1\ny.scatter_reduce_(0, i, s[:2], reduce='amax')\ny", "x.sum().scatter_reduce(0, i[0, 0], s.sum(), 'mean')", "x.scatter_reduce(0, torch.zeros(0, 4), s[:0], 'sum')",
    )
] + [
    sample(f"x.scatter(0, i, {value}, reduce='{reduce}')", x=floats(3, 4, requires_grad=False), i=GRID, s=floats(2, 4, requires_grad=False), order=0) for value in ("2.5",) for reduce in ("multiply",)
] + [
    sample("x.scatter(0, i, 2.5, reduce='add')", x=floats(3, 4, requires_grad=False), i=GRID, order=0), sample("x.scatter_add(0, i, s)", x=ints(3, 4), i=GRID, s=ints(2, 4)), sample("x.scatter(0, i, 1)", x=bools(3, 4), i=GRID),
    *(sample(f"x.scatter_reduce(0, i, s, '{reduce}', include_self={own})", x=ints(3, 4), i=GRID, s=ints(2, 4, low=-9)) for reduce in ("sum", "prod", "mean", "amax", "amin") for own in (True, False)),
    sample("x.scatter_reduce(0, i, s, 'prod')", x=given([2.0, 0.0, 3.0]), i=given([0, 0, 1, 2], np.int64), s=given([0.0, 2.0, 3.0, 0.0])), sample("x.scatter_reduce(0, i, s, 'amax')", x=given([1.0, 2.0]), i=given([0, 0, 1], np.int64), s=given([1.0, 1.0, 2.0])),
]  # fmt: skip

PUT = [
    sample(code, x=(3, 4), s=(3, 4), i=TWICE, j=ONE)
    for code in (
        "x.index_put((j,), s[:2])", "torch.index_put(x, indices=(j, j), values=s[0, :2])", "x.index_put([i], s, accumulate=True)", "x.index_put((i, i), s[0, 0], True)", "x.index_put((x > 0,), s.sum())", "x.index_put((j[:, None], j), s[:2, :2])",
        "y = x * 1\ny.index_put_((j,), s[:2])\ny * 2", "y = x * 1\ny.index_put_((i,), s[0], accumulate=True)\ny * 2", "x.index_put((torch.tensor([-1]),), s[0])", "x.index_put((torch.tensor([True, False, True]),), s[:2])", "x.index_put((j.int(),), s[:1])",
        "x.put(j, s[0, :2])", "torch.put(x, index=i, source=s[0, :3], accumulate=True)", "x.put(torch.tensor([[-1, 3]]), s[:1, :2])", "y = x * 1\ny.put_(j, s[1, :2])\ny * 2", "y = x * 1\ny.put_(i, s[1, :3], accumulate=True)\ny * 2",
    )
] + [
    sample(code, x=(3, 4), m=bools(3, 4), y=(), s=(15,))
    for code in (
        "x.masked_fill(m, 2.5)", "x.masked_fill(m[0], y)", "torch.masked_fill(x, mask=m, value=-1)", "x[:1].masked_fill(m, 0)", "x[0, 0].masked_fill(m[:, 0], y)", "x.masked_fill(m, float('-inf')).exp()", "z = x * 1\nz.masked_fill_(m, 3)\nz * 2",
        "x.masked_scatter(m, s)", "torch.masked_scatter(x, m[0], s)", "x[:1].masked_scatter(mask=m, source=s)", "z = x * 1\nz.masked_scatter_(m, s)\nz * 2", "torch.fill(x, 2.5)", "torch.fill(x, y)", "torch.fill(x[0, 0], 1)", "x.masked_fill(m & False, y)",
    )
] + [
    sample("x.masked_fill(m, 2.7)", x=ints(3), m=bools(3)), sample("x.masked_fill(m, 1)", x=bools(3), m=bools(3)), sample("torch.fill(x, 2.7)", x=ints(3)), sample("x.masked_fill(m, 1 + 2j).real", x=floats(3), m=bools(3)),
    sample("x.masked_fill(m, y)", x=positive(3, dtype=F64), m=bools(3), y=()), sample("torch.zero_(torch.ones(2)), torch.fill_(torch.ones(2), 3), torch.abs_(-torch.ones(2))", x=()),
    sample("x.masked_fill(m, 5.0).float()", x=floats(3), m=bools(3)),
]  # fmt: skip

WRONG = [
    sample(code, x=(3, 4), s=(2, 4), i=ONE, order=0)
    for code in (
        "x.index_add(0, i, s.double())", "x.index_add(0, i.float(), s)", "x.index_add(0, i + 5, s)", "x.index_add(0, i - 1, s)", "x.index_add(0, i[:1], s)", "x.index_add(0, i[None], s)", "x.index_add(2, i, s)", "x.index_add(0, i, s[0])", "x.index_copy(0, i + 5, s)",
        "x.index_copy(0, i, s.double())", "x.index_copy(0, i.int(), s)", "x.index_copy(0, i, s[0])", "x.index_copy(0, i[:1], s)", "x.index_copy(0, i[None], s)", "x[0].index_copy(0, i, s.sum())", "x.index_fill(0, i + 5, 1)", "x.index_fill(0, i.int(), 1)",
        "x.index_fill(0, i[None], 1)", "x.index_fill(0, i, s)", "x.index_fill(0, i, 1j)", QUIET + "x.index_reduce(0, i, s, 'sum')", QUIET + "x.index_reduce(0, i.float(), s, 'prod')", QUIET + "x.index_reduce(0, i, s.double(), 'prod')", QUIET + "x.index_reduce(0, i + 5, s, 'prod')",
        "x.index_put((i, i), s[0])", "x.index_put((i.float(),), s)", "x.index_put((i + 5,), s)", "x.index_put(i, s)", "x.index_put((None,), s)", "x.index_put((i, i, i), s)", "x.index_put((i,), s.double())", "x.put(i, s)", "x.put(i + 50, s[0, :2])", "x.put(i.int(), s[0, :2])",
        "x.put(i, s[0, :2].double())", "x.masked_fill(x, 1)", "x.masked_fill((x > 0).to(torch.uint8), 1)", "x.masked_fill(x > 0, s)", "x.masked_fill(x > 0, 1j)", "x.masked_fill(x[0, :3] > 0, 1)", "x.half().masked_fill(x > 0, 1e6)", "x.masked_scatter(x > -9, s)",
        "x.masked_scatter(x > 0, i)", "x.masked_scatter(x, x)", "x.masked_scatter(x[:2] > 0, s)", "x.scatter(0, i, s)", "x.scatter(0, i[None] + 5, s)", "x.scatter(0, i[None] - 1, s)",
        "x.scatter(0, i[None].float(), s)", "x.scatter(0, i[None], s.double())", "x.scatter(0, torch.zeros(3, 5, dtype=torch.long), torch.zeros(3, 5))", "x.scatter(0, torch.zeros(3, 4, dtype=torch.long), s)", "x.scatter(0, i[None], 1, reduce='foo')", "x.scatter(0, i[None])",
        "x.scatter_add(0, i[None] + 5, s)", "x.scatter_add(0, i[None], s.double())", "x.scatter_reduce(0, i[None], s, 'foo')", "x.scatter_reduce(0, i[None], s.double(), 'sum')", "torch.fill(x.long(), 1j)",
    )
]  # fmt: skip

TABLE = [*ALONG, *SCATTER, *PUT, *WRONG]

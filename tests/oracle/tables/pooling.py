"""Pooling of lines, pictures and volumes: windows that slide, that are counted, that are drawn; and undoing it."""

from __future__ import annotations

# ruff: noqa: E501  (tables)
import numpy as np

from ..same import F16, F64, floats, given, ints, positive, sample

NAN, INF = float("nan"), float("inf")
ONES = given(np.ones((1, 2, 4, 4, 4)))
LINE = given([[[1.0, NAN, 3.0, NAN, 2.0, 5.0, -INF, -INF, -INF]]])
MAX = [
    sample(f"F.max_pool{d}d(x, {options})", x=x)
    for d, x in ((1, (2, 3, 9)), (3, (2, 2, 5, 6, 4)))
    for options in ("2", "3, 2", "3, 2, 1", "2, 1, 1, 2", "2, ceil_mode=True", "3, 2, 1, ceil_mode=True",
                    "3, return_indices=True", "3, 2, 1, return_indices=True")
] + [
    sample("F.max_pool1d(x, 2)", x=(3, 5)), sample("F.max_pool3d(x, (1, 2, 2), (2, 1, 2))", x=(3, 4, 4, 4)),
    sample("F.max_pool1d(x, 2, return_indices=True)", x=(3, 5)), sample("F.max_pool1d(x, [2])", x=(0, 3, 5)),
    sample("F.max_pool1d(x, 3, 1, 1, return_indices=True)", x=LINE),
    sample("F.max_pool3d(x, 3, 1, 1, return_indices=True)", x=ONES),
    sample("F.max_pool1d(x, 2)", x=floats(2, 2, 6, dtype=F64)), sample("F.max_pool1d(x, 2)", x=floats(2, 6, dtype=F16)),
    sample("F.max_pool3d(x, 2)", x=ints(1, 2, 4, 4, 4)), sample("F.max_pool3d(x, 2)", x=floats(1, 1, 4, 4, 4, layout="F")),
    sample("torch.max_pool1d(x, 2)", x=(2, 3, 6)), sample("torch.max_pool2d(x, 2)", x=(2, 3, 6, 6)),
    sample("torch.max_pool3d(x, 2)", x=(2, 4, 4, 4)), sample("torch.max_pool1d_with_indices(x, 2)", x=(2, 3, 6)),
    sample("F.max_pool1d_with_indices(x, 2)", x=(2, 3, 6)), sample("F.max_pool2d_with_indices(x, 2, 1)", x=(2, 4, 4)),
    sample("F.max_pool3d_with_indices(x, 2)", x=(2, 4, 4, 4)), sample("F.max_pool2d(x, 2, ())", x=(2, 4, 4)),
]  # fmt: skip
AVG = [
    sample(f"F.avg_pool{d}d(x, {options})", x=x)
    for d, x in ((1, (2, 3, 9)), (3, (2, 2, 5, 6, 4)))
    for options in ("2", "3, 2", "3, 2, 1", "2, ceil_mode=True", "3, 2, 1, count_include_pad=False",
                    "3, 2, 1, ceil_mode=True, count_include_pad=False")
] + [
    sample("F.avg_pool3d(x, 2, divisor_override=3)", x=(1, 1, 4, 4, 4)), sample("F.avg_pool1d(x, 2)", x=(3, 5)),
    sample("F.avg_pool3d(x, 2)", x=ints(1, 1, 4, 4, 4)), sample("F.avg_pool1d(x, 2)", x=ints(1, 1, 6, low=-9)),
    sample("F.avg_pool2d(x, 2)", x=ints(1, 4, 4, dtype=np.int32)), sample("torch.avg_pool1d(x, (2,), (1,))", x=(2, 3, 6)),
    sample("F.avg_pool1d(x, 4)", x=floats(1, 1, 8, low=1e4, high=6e4, dtype=F16), order=1),
    sample("F.avg_pool2d(x, 2)", x=floats(1, 1, 4, 4, dtype=F16), order=1, text=False),
] + [
    sample(f"F.lp_pool{d}d(x, {options})", x=positive(*x), rtol=1e-4)
    for d, x in ((1, (2, 3, 8)), (2, (2, 3, 6, 5)), (3, (1, 2, 4, 4, 5)))
    for options in ("2.0, 2", "3, 2, 1", "2, 3, ceil_mode=True")
]  # fmt: skip
ADAPTIVE = [
    sample(f"F.adaptive_{kind}_pool{d}d(x, {size})", x=x)
    for kind in ("avg", "max")
    for d, size, x in (
        (1, "3", (2, 3, 7)), (1, "1", (2, 3, 7)), (1, "9", (3, 4)), (2, "(3, 2)", (1, 2, 7, 5)), (2, "1", (1, 2, 4, 4)),
        (2, "(None, 2)", (2, 3, 5)), (3, "(2, 3, 1)", (1, 2, 4, 5, 3)), (3, "1", (1, 2, 2, 3, 2)),
        (3, "(None, 2, 5)", (2, 3, 4, 3)), (2, "2", (0, 2, 3, 3)), (1, "[2]", (1, 1, 4)),
    )
] + [
    sample("F.adaptive_max_pool2d(x, (3, 2), return_indices=True)", x=(1, 2, 7, 5)),
    sample("F.adaptive_max_pool2d(x, 2, True)", x=given([[[1.0, NAN, 3.0], [NAN, 2.0, 5.0], [-INF, -INF, 0.0]]])),
    sample("F.adaptive_max_pool2d(x, 2, True)", x=given(np.ones((1, 5, 4)))),
    sample("F.adaptive_max_pool1d(x, 3, return_indices=True)", x=(2, 7)),
    sample("F.adaptive_max_pool3d(x, 2, return_indices=True)", x=(1, 3, 4, 5)),
    sample("F.adaptive_max_pool1d_with_indices(x, 2)", x=(2, 3, 5)),
    sample("F.adaptive_max_pool2d_with_indices(x, 2)", x=(2, 3, 5, 4)),
    sample("F.adaptive_max_pool3d_with_indices(x, 2)", x=(2, 3, 4, 4)),
    sample("F.adaptive_avg_pool2d(x, 0)", x=(1, 2, 3, 3), order=0), sample("F.adaptive_max_pool2d(x, (2, 0))", x=(1, 3, 3), order=0),
    sample("torch.adaptive_avg_pool1d(x, 2)", x=(2, 3, 5)), sample("torch.adaptive_max_pool1d(x, 2)", x=(2, 3, 5)),
    sample("F.adaptive_avg_pool2d(x, 2)", x=floats(1, 2, 5, 5, dtype=F64)),
    sample("F.adaptive_avg_pool2d(x, 3)", x=floats(1, 2, 5, 5, dtype=F16), order=1, text=False),
    sample("F.adaptive_max_pool2d(x, 3)", x=floats(1, 2, 5, 5, dtype=F16), order=1, text=False),
]  # fmt: skip
DRAWN = [
    sample(f"torch.manual_seed(0)\nF.fractional_max_pool{d}d(x, {options})", x=x)
    for d, x in ((2, (2, 3, 9, 8)), (3, (2, 2, 6, 7, 5)), (2, (3, 9, 8)), (3, (2, 6, 7, 5)))
    for options in ("2, output_size=3", "3, 2, return_indices=True")
] + [
    sample("torch.manual_seed(0)\nF.fractional_max_pool3d(x, 2, 1)", x=(0, 2, 3, 4, 5), order=0),
    sample("torch.manual_seed(0)\nF.fractional_max_pool2d_with_indices(x, (2, 3), (4, 3))", x=(2, 1, 9, 8)),
    sample("torch.manual_seed(0)\nF.fractional_max_pool3d_with_indices(x, 2, 1)", x=(1, 1, 3, 4, 5)),
    sample("torch.manual_seed(0)\nF.fractional_max_pool2d(x, 2, output_ratio=(0.5, 0.6))", x=(2, 9, 8)),
    sample("torch.manual_seed(0)\nF.fractional_max_pool3d(x, 2, output_ratio=0.5)", x=(2, 6, 7, 5)),
    sample("F.fractional_max_pool2d(x, 2, 3, _random_samples=s)", x=(1, 2, 9, 8),
           s=floats(1, 2, 2, low=0, high=1, requires_grad=False)),
]  # fmt: skip
UNDONE = [
    sample(f"y, i = F.max_pool{d}d(x, {options}, return_indices=True)\nF.max_unpool{d}d(y, i, {options}{rest})", x=x)
    for d, options, rest, x in (
        (1, "2", "", (2, 3, 6)), (1, "3, 2, 1", "", (3, 7)), (1, "2", ", output_size=[7]", (2, 3, 7)),
        (2, "2", "", (2, 3, 4, 6)), (2, "2", ", output_size=(5, 7)", (3, 5, 7)), (2, "3, 2, 1", "", (2, 3, 7, 7)),
        (3, "2", "", (2, 3, 4, 4, 6)), (3, "2", ", output_size=x.shape", (1, 2, 5, 4, 5)),
    )
]  # fmt: skip
ERRORS = [
    sample("F.max_pool2d(x, (1, 2, 3))", x=(3, 5, 5)), sample("F.max_pool2d(x, 2, (1, 2, 3))", x=(3, 5, 5)),
    sample("F.max_pool2d(x, 2, dilation=(1, 2, 3))", x=(3, 5, 5)), sample("F.max_pool2d(x, 2)", x=(5, 5)),
    sample("F.max_pool3d(x, 2, 0)", x=(3, 5, 5, 5)), sample("F.max_pool3d(x, 6)", x=(3, 5, 5, 5)),
    sample("F.max_pool3d(x, 2)", x=(5, 5)), sample("F.max_pool3d(x, 2, dilation=0)", x=(3, 5, 5, 5)),
    sample("F.max_pool3d(x, 2, padding=2)", x=(3, 5, 5, 5)), sample("F.max_pool3d(x, 1)", x=(2, 1, 0, 1, 2)),
    sample("F.max_pool2d(x, 1)", x=(1, 0, 10)), sample("F.max_pool2d(x > 0, 2)", x=(3, 5, 5)),
    sample("F.max_pool1d(x, (1, 2))", x=(3, 5)), sample("F.max_pool1d(x, 0)", x=(3, 5)),
    sample("F.max_pool1d(x, 2, 0)", x=(3, 5)), sample("F.max_pool1d(x, 2, padding=2)", x=(3, 5)),
    sample("F.max_pool1d(x, 2, padding=-1)", x=(3, 5)), sample("F.max_pool1d(x, 6)", x=(3, 5)),
    sample("F.max_pool1d(x, 2)", x=(5,)), sample("F.max_pool1d(x, 2)", x=ints(3, 5)),
    sample("F.avg_pool1d(x, 2)", x=(5,)), sample("F.avg_pool1d(x, (1, 2))", x=(3, 5)),
    sample("F.avg_pool2d(x, 2)", x=(5, 5)), sample("F.avg_pool2d(x, 6)", x=(3, 5, 5)),
    sample("F.avg_pool3d(x, (1, 2))", x=(3, 5, 5, 5)), sample("F.avg_pool3d(x, 6)", x=(3, 5, 5, 5)),
    sample("F.avg_pool3d(x, 2, divisor_override=0)", x=(3, 5, 5, 5)), sample("F.lp_pool2d(x, 2, 6)", x=(3, 5, 5)),
    sample("F.adaptive_avg_pool1d(x, 2)", x=(5,)), sample("F.adaptive_avg_pool1d(x, (2, 2))", x=(3, 5)),
    sample("F.adaptive_avg_pool1d(x, -1)", x=(3, 5)), sample("F.adaptive_avg_pool2d(x, 2)", x=(5, 5)),
    sample("F.adaptive_avg_pool2d(x, (2, 2))", x=(5, 5)), sample("F.adaptive_avg_pool2d(x, (2, 2, 2))", x=(1, 3, 5, 5)),
    sample("F.adaptive_avg_pool2d(x, 2)", x=ints(3, 5, 5)), sample("F.adaptive_avg_pool2d(x, 2)", x=(1, 3, 5, 0)),
    sample("F.adaptive_max_pool2d(x, 2)", x=(5, 5)), sample("F.adaptive_max_pool2d(x, 2)", x=(1, 3, 5, 0)),
    sample("F.adaptive_max_pool2d(x, (-1, 0))", x=(1, 1, 1, 1)), sample("F.adaptive_max_pool1d(x, 2)", x=(5,)),
    sample("F.fractional_max_pool2d(x, 2)", x=(3, 5, 5)), sample("F.fractional_max_pool2d(x, 2, 5)", x=(3, 5, 5)),
    sample("F.fractional_max_pool2d(x, 2, (3, 3, 3))", x=(3, 5, 5)),
    sample("F.max_unpool2d(x, x, 2)", x=(3, 2, 2)), sample("F.max_unpool2d(x, i * 0 + 99, 2)", x=(3, 2, 2), i=ints(3, 2, 2)),
    sample("F.max_unpool2d(x, i, 2, output_size=(9, 9))", x=(3, 2, 2), i=ints(3, 2, 2)),
    sample("F.max_unpool2d(x, i, 2, output_size=(9, 9, 9))", x=(3, 2, 2), i=ints(3, 2, 2)),
    sample("F.max_unpool1d(x, i, 2)", x=(3, 8), i=ints(3, 7)), sample("F.max_unpool2d(x, i, 2)", x=(2, 2), i=ints(2, 2)),
]  # fmt: skip
TABLE = [*MAX, *AVG, *ADAPTIVE, *DRAWN, *UNDONE, *ERRORS]

"""Convolutions of lines, pictures and volumes, and convolutions turned around."""

from __future__ import annotations

# ruff: noqa: E501  (tables)
from ..same import F16, F64, const, floats, ints, sample

OPTIONS = {
    1: ("", ", stride=2", ", padding=1", ", dilation=2", ", stride=3, padding=2, dilation=2", ", padding='same'"),
    3: (
        "",
        ", stride=(1, 2, 1)",
        ", padding=(0, 1, 2)",
        ", dilation=(2, 1, 1), padding=1",
        ", dilation=2, padding='same'",
    ),
}
SIZES = {1: ((7,), (3,)), 3: ((4, 5, 4), (2, 3, 2))}
PLAIN = [
    sample(f"F.conv{d}d(x, w, b{options})", x=(2, 4, *SIZES[d][0]), w=(6, 4, *SIZES[d][1]), b=(6,), rtol=1e-4)
    for d in (1, 3)
    for options in OPTIONS[d]
] + [
    sample("torch.conv1d(x, w, groups=2)", x=(2, 4, 6), w=(6, 2, 3), rtol=1e-4),
    sample("torch.conv3d(x, w, groups=2)", x=(1, 4, 3, 4, 3), w=(2, 2, 2, 2, 2), rtol=1e-4),
    sample("torch.conv2d(x, w, None, 2, [1, 0])", x=(1, 2, 5, 5), w=(2, 2, 3, 3), rtol=1e-4),
    sample("F.conv1d(x, w)", x=(3, 5), w=(2, 3, 2), rtol=1e-4),
    sample("F.conv1d(x, w, padding='same')", x=(3, 5), w=(2, 3, 3), rtol=1e-4),
    sample("F.conv2d(x, w, padding='valid')", x=(3, 5, 5), w=(2, 3, 2, 3), rtol=1e-4),
    sample("F.conv3d(x, w)", x=(2, 3, 4, 3), w=(2, 2, 2, 2, 2), rtol=1e-4),
    sample("F.conv1d(x, w)", x=floats(2, 3, 6, dtype=F64), w=floats(2, 3, 3, dtype=F64)),
    sample("F.conv3d(x, w)", x=floats(1, 2, 3, 3, 3, dtype=F16), w=floats(2, 2, 2, 2, 2, dtype=F16), order=1, rtol=3e-2),
    sample("F.conv1d(x, w)", x=const(2, 3, 6), w=(2, 3, 3), rtol=1e-4),
    sample("F.conv1d(x, w)", x=floats(2, 3, 6, layout="step"), w=floats(2, 3, 3, layout="F"), rtol=1e-4),
    sample("F.conv3d(x, w)", x=floats(1, 2, 3, 3, 3, layout="F"), w=const(2, 2, 2, 2, 2), rtol=1e-4),
    sample("F.conv1d(x, w)", x=ints(2, 3, 6), w=ints(2, 3, 3)),
    sample("F.conv1d(x, w)", x=(1, 3, 7), w=(2, 3, 1), rtol=1e-4), sample("F.conv2d(x, w)", x=(1, 3, 1, 7), w=(2, 3, 1, 1), rtol=1e-4),
    sample("F.conv1d(x, w)", x=(0, 3, 6), w=(2, 3, 3), order=0),
    sample("F.conv3d(x, w)", x=(0, 3, 4, 4, 4), w=(2, 3, 2, 2, 2), order=0),
]  # fmt: skip
TURNED = [
    sample(f"F.conv_transpose{d}d(x, w, b{options})", x=x, w=w, b=(4,), rtol=1e-4)
    for d, x, w in (
        (1, (2, 6, 5), (6, 4, 3)), (2, (2, 6, 4, 3), (6, 4, 3, 2)), (3, (1, 6, 2, 3, 2), (6, 4, 2, 3, 2)),
    )
    for options in (
        "", ", stride=2", ", padding=1", ", stride=2, output_padding=1", ", dilation=2", ", 3, 1, 2",
        ", dilation=3, output_padding=2",
    )
] + [
    sample("torch.conv_transpose1d(x, w, None, 2, 1, 1, 2)", x=(2, 4, 5), w=(4, 2, 3), rtol=1e-4),
    sample("torch.conv_transpose2d(x, w, groups=2)", x=(1, 4, 3, 3), w=(4, 1, 2, 2), rtol=1e-4),
    sample("torch.conv_transpose3d(x, w, groups=2)", x=(1, 4, 2, 2, 2), w=(4, 1, 2, 2, 2), rtol=1e-4),
    sample("F.conv_transpose2d(x, w)", x=(3, 4, 4), w=(3, 2, 2, 2), rtol=1e-4),
    sample("F.conv_transpose1d(x, w, b)", x=floats(2, 3, 4, dtype=F64), w=floats(3, 2, 3, dtype=F64),
           b=floats(2, dtype=F64)),
]  # fmt: skip
TIME = [
    sample("torch.conv_tbc(x, w, b)", x=(5, 2, 3), w=(2, 3, 4), b=(4,), rtol=1e-4),
    sample("torch.conv_tbc(x, w, b, 1)", x=(5, 2, 3), w=(3, 3, 4), b=(4,), rtol=1e-4),
]
ERRORS = [
    sample("F.conv1d(x, w, stride=(1, 2))", x=(2, 3, 5), w=(4, 3, 2)),
    sample("F.conv2d(x, w, padding=(1, 2, 3))", x=(2, 3, 5, 5), w=(4, 3, 2, 2)),
    sample("F.conv1d(x, w)", x=(5,), w=(4, 3, 2)), sample("F.conv3d(x, w)", x=(5, 5), w=(4, 3, 2, 2, 2)),
    sample("F.conv2d(x, w)", x=(2, 3, 5, 5), w=(4, 3)), sample("F.conv2d(x, w)", x=(2, 3, 5, 5), w=(4, 3, 2)),
    sample("F.conv1d(x, w)", x=(2, 3, 5), w=(4, 3, 2, 2)), sample("F.conv2d(x, w)", x=(2, 3, 5, 5), w=(4, 2, 2, 2)),
    sample("F.conv3d(x, w)", x=(2, 3, 5, 5, 5), w=(4, 3, 6, 2, 2)),
    sample("F.conv1d(x, w, b)", x=(2, 3, 5), w=(4, 3, 2), b=(3,)),
    sample("F.conv1d(x, w, groups=2)", x=(2, 4, 5), w=(5, 2, 2)),
    sample("F.conv1d(x, w, groups=5)", x=(2, 4, 5), w=(4, 2, 2)),
    sample("F.conv1d(x, w, groups=0)", x=(2, 4, 5), w=(4, 2, 2)),
    sample("F.conv1d(x, w, padding='foo')", x=(2, 3, 5), w=(4, 3, 2)),
    sample("F.conv1d(x, w, padding='same', stride=2)", x=(2, 3, 5), w=(4, 3, 2)),
    sample("F.conv1d(x, w, stride=0)", x=(2, 3, 5), w=(4, 3, 2)),
    sample("F.conv1d(x, w, dilation=0)", x=(2, 3, 5), w=(4, 3, 2)),
    sample("F.conv1d(x, w, padding=-1)", x=(2, 3, 5), w=(4, 3, 2)),
    sample("F.conv1d(x, w)", x=ints(2, 3, 5), w=(4, 3, 2)),
    sample("F.conv_transpose2d(x, w)", x=(2, 3, 5, 5), w=(4, 3, 2, 2)),
    sample("F.conv_transpose2d(x, w, output_padding=1)", x=(2, 3, 5, 5), w=(3, 4, 2, 2)),
    sample("F.conv_transpose2d(x, w, output_padding=-1, stride=2)", x=(2, 3, 5, 5), w=(3, 4, 2, 2)),
    sample("F.conv_transpose2d(x, w, padding='same')", x=(2, 3, 5, 5), w=(3, 4, 2, 2)),
    sample("F.conv_transpose2d(x, w, b)", x=(2, 3, 5, 5), w=(3, 4, 2, 2), b=(5,)),
    sample("F.conv_transpose2d(x, w)", x=(5, 5), w=(3, 4, 2, 2)),
    sample("torch.conv_tbc(x, w, b)", x=(5, 2), w=(2, 3, 4), b=(4,)),
    sample("torch.conv_tbc(x, w, b)", x=(5, 2, 3), w=(2, 2, 4), b=(4,)),
]  # fmt: skip
TABLE = [*PLAIN, *TURNED, *TIME, *ERRORS]

"""What vision models do with pictures: other sizes, other places, blocks as columns, channels as pixels."""

from __future__ import annotations

# ruff: noqa: E501  (tables)
import numpy as np

from ..same import F16, F64, Input, bools, const, floats, given, ints, sample

SIZED = [
    sample(f"F.interpolate(x, {want}, mode='{mode}')", x=lead + size)
    for mode in ("nearest", "nearest-exact", "area")
    for lead, size, wants in (
        ((2, 3), (5,), ("8", "3", "scale_factor=1.7", "scale_factor=0.4", "[5]")),
        ((1, 2), (5, 4), ("(7, 3)", "scale_factor=(2, 0.5)", "scale_factor=1.3, recompute_scale_factor=True")),
        ((1, 1), (3, 4, 2), ("(2, 6, 3)", "scale_factor=2")),
    )
    for want in wants
] + [
    sample(f"F.interpolate(x, {want}, mode='{mode}', align_corners={align})", x=x, rtol=1e-4, text=False)
    for mode, x, wants in (
        ("linear", (2, 3, 5), ("8", "3", "1", "scale_factor=1.7", "scale_factor=0.4")),
        ("bilinear", (2, 1, 5, 4), ("(7, 3)", "1", "scale_factor=(2, 0.5)", "scale_factor=1.3, recompute_scale_factor=True")),
        ("bicubic", (1, 2, 5, 4), ("(7, 3)", "1", "scale_factor=(2, 0.5)", "(5, 4)")),
        ("trilinear", (1, 1, 3, 4, 2), ("(2, 6, 3)", "scale_factor=2", "1")),
    )
    for want in wants
    for align in (None, True)
] + [
    sample(f"F.interpolate(x, {want}, mode='{mode}', align_corners={align}, antialias=True)", x=(1, 2, 7, 6), rtol=1e-4, text=False)
    for mode in ("bilinear", "bicubic", "lanczos")
    for want in ("(3, 9)", "2", "scale_factor=0.6", "scale_factor=1.7")
    for align in (False, True)
] + [
    sample("F.interpolate(x, 4)", x=floats(1, 1, 3, dtype=F64)), sample("F.interpolate(x, 4)", x=ints(1, 1, 3, dtype=np.uint8)),
    sample("F.interpolate(x, 4, mode='bilinear')", x=floats(1, 1, 3, 3, dtype=F64)),
    sample("F.interpolate(x, 4, mode='linear')", x=floats(1, 1, 3, dtype=F16), order=1, text=False),
    sample("F.interpolate(x, 7, mode='nearest')", x=floats(1, 1, 3, dtype=F16), order=1, text=False),
    sample("F.interpolate(x, 4, mode='bicubic')", x=floats(1, 1, 3, 3, layout="step"), rtol=1e-4),
    sample("F.interpolate(x, 4)", x=(0, 1, 3), order=0),
]  # fmt: skip
THETA = given([[[0.8, 0.3, 0.1], [-0.2, 1.1, -0.4]], [[0.9, 0.0, 0.05], [0.1, 0.7, 0.0]]])
THETA3 = floats(2, 3, 4, low=-1, high=1)
PLACES = Input((2, 4, 3, 2), low=-1.3, high=1.3)
PLACES3 = Input((1, 2, 3, 2, 3), low=-1.3, high=1.3)
PLACED = [
    sample(f"F.grid_sample(x, g, '{mode}', '{padding}', {align})", x=x, g=g, rtol=2e-4, text=False)
    for mode in ("bilinear", "nearest", "bicubic")
    for padding in ("zeros", "border", "reflection")
    for align in (False, True)
    for x, g in (((2, 3, 4, 5), PLACES), ((1, 2, 3, 4, 2), PLACES3))
    if mode != "bicubic" or g is PLACES
] + [
    sample("F.grid_sample(x, g, align_corners=False)", x=floats(2, 1, 3, 3, dtype=F64), g=Input((2, 2, 2, 2), F64, -1.3, 1.3), rtol=1e-9),
    sample("F.grid_sample(x, g, 'bilinear', 'reflection', True)", x=(2, 1, 1, 1), g=PLACES, order=1),
    sample("F.grid_sample(x, g, align_corners=True)", x=const(2, 1, 3, 3), g=PLACES, rtol=1e-4),
    sample("F.grid_sample(x, g, align_corners=True)", x=floats(2, 1, 3, 3, dtype=F16), g=Input((2, 2, 2, 2), F16, -1, 1, requires_grad=False),
           order=1, rtol=1e-2, text=False),
    sample("F.affine_grid(t, (2, 1, 3, 4), align_corners=False)", t=THETA), sample("F.affine_grid(t, [2, 1, 3, 4], True)", t=THETA),
    sample("F.affine_grid(t, (2, 1, 3, 1, 4), align_corners=False)", t=THETA3), sample("F.affine_grid(t, (2, 1, 3, 2, 4), True)", t=THETA3),
    sample("F.affine_grid(t, (1, 1, 2, 2), align_corners=False)", t=floats(1, 2, 3, dtype=F64)),
    sample("F.grid_sample(x, F.affine_grid(t, x.shape, align_corners=True), align_corners=True)", t=THETA, x=(2, 1, 3, 4), rtol=1e-3),
]  # fmt: skip
BLOCKS = [
    sample(f"F.unfold(x, {options})", x=x)
    for options, x in (
        ("2", (2, 3, 5, 4)), ("(2, 3), stride=2", (2, 3, 5, 6)), ("3, 2, 1, 2", (1, 2, 6, 5)), ("2", (3, 4, 4)),
        ("2, padding=(0, 1), dilation=(1, 2)", (1, 1, 4, 4)), ("2", floats(1, 2, 3, 3, dtype=F64)), ("2", floats(1, 2, 3, 3, dtype=F16)),
        ("2", bools(1, 2, 3, 3)), ("2", (0, 3, 5, 4)),
    )
] + [
    sample(f"F.fold(x, {options})", x=x)
    for options, x in (
        ("(5, 4), 2", (2, 12, 12)), ("(5, 6), (2, 3), stride=2", (2, 12, 4)), ("(6, 5), 3, 2, 1, 2", (1, 18, 4)), ("4, 2", (12, 9)),
        ("(4, 4), 2, stride=2", floats(2, 4, 4, dtype=F64)), ("(3, 3), 2", floats(1, 4, 4, dtype=F16)), ("(5, 4), 2", (0, 12, 12)),
    )
]  # fmt: skip
SHUFFLED = [
    sample("torch.pixel_shuffle(x, 2)", x=(2, 8, 3, 2)), sample("F.pixel_shuffle(x, 3)", x=(9, 2, 2)),
    sample("F.pixel_shuffle(x, 2)", x=ints(1, 2, 4, 1, 3)), sample("torch.pixel_unshuffle(x, 2)", x=(2, 2, 4, 6)),
    sample("F.pixel_unshuffle(x, 3)", x=(1, 3, 6)), sample("F.pixel_unshuffle(x, 2)", x=bools(1, 2, 1, 2, 4)),
    sample("torch.channel_shuffle(x, 2)", x=(2, 6, 3)), sample("F.channel_shuffle(x, 3)", x=(2, 6, 2, 2)),
    sample("F.channel_shuffle(x, 3)", x=ints(0, 6, 2)), sample("F.pixel_shuffle(x, 2)", x=floats(1, 4, 2, 2, layout="F")),
]  # fmt: skip
ERRORS = [
    sample(code, x=x, **extra)
    for code, x, extra in (
        ("F.interpolate(x)", (2, 3, 5), {}), ("F.interpolate(x, 8, 2.0)", (2, 3, 5), {}), ("F.interpolate(x, (8, 8))", (2, 3, 5), {}),
        ("F.interpolate(x, scale_factor=(2.0, 2.0))", (2, 3, 5), {}), ("F.interpolate(x, 8, mode='bilinear')", (2, 3, 5), {}),
        ("F.interpolate(x, 8, mode='foo')", (2, 3, 5), {}), ("F.interpolate(x, 8, align_corners=True)", (2, 3, 5), {}),
        ("F.interpolate(x, 8)", (3, 5), {}), ("F.interpolate(x, 0)", (2, 3, 5), {}), ("F.interpolate(x, 8)", ints(2, 3, 5), {}),
        ("F.interpolate(x, 8, mode='linear', antialias=True)", (2, 3, 5), {}), ("F.interpolate(x, 8, mode='lanczos')", (2, 3, 5, 5), {}),
        ("F.interpolate(x, 8, recompute_scale_factor=True)", (2, 3, 5), {}), ("F.interpolate(x, 8, mode='bicubic')", (2, 3, 5), {}),
        ("F.grid_sample(x, g, align_corners=True)", (2, 3, 5, 5), {"g": (2, 4, 4, 3)}),
        ("F.grid_sample(x, g, align_corners=True)", (2, 3, 5, 5), {"g": (3, 4, 4, 2)}),
        ("F.grid_sample(x, g, 'foo')", (2, 3, 5, 5), {"g": (2, 4, 4, 2)}),
        ("F.grid_sample(x, g, 'nearest', 'foo')", (2, 3, 5, 5), {"g": (2, 4, 4, 2)}),
        ("F.grid_sample(x, g, align_corners=True)", (2, 3, 5, 5), {"g": floats(2, 4, 4, 2, dtype=F64)}),
        ("F.grid_sample(x, g, 'bicubic', align_corners=True)", (2, 3, 5, 5, 5), {"g": (2, 4, 4, 4, 3)}),
        ("F.grid_sample(x, g, align_corners=True)", (2, 3, 0, 5), {"g": (2, 4, 4, 2)}),
        ("F.grid_sample(x, g, align_corners=True)", (2, 3, 5), {"g": (2, 4, 2)}),
        ("F.affine_grid(x, (2, 3, 4, 0), False)", (2, 2, 3), {}), ("F.affine_grid(x, (2, 3, 4, 4), False)", (2, 3, 3), {}),
        ("F.affine_grid(x, (2, 3, 4, 4, 4), False)", (2, 2, 3), {}), ("F.affine_grid(x, (2, 3, 4), False)", (2, 2, 3), {}),
        ("F.affine_grid(x, (2, 3, 4, 4), False)", ints(2, 2, 3), {}),
        ("F.unfold(x, 6)", (2, 3, 5, 5), {}), ("F.unfold(x, 2)", (5, 5), {}), ("F.unfold(x, (2, 2, 2))", (2, 3, 5, 5), {}),
        ("F.unfold(x, 0)", (2, 3, 5, 5), {}), ("F.unfold(x, 2, stride=0)", (2, 3, 5, 5), {}), ("F.unfold(x, 2, padding=-1)", (2, 3, 5, 5), {}),
        ("F.unfold(x, 2)", ints(2, 3, 5, 5), {}), ("F.fold(x, (6, 6), 2)", (2, 12, 24), {}), ("F.fold(x, (6, 6), 2)", (2, 11, 25), {}),
        ("F.fold(x, (6, 6), 2)", (25,), {}), ("F.fold(x, (6, 6, 6), 2)", (2, 12, 25), {}),
        ("F.pixel_shuffle(x, 2)", (2, 3, 4, 4), {}), ("F.pixel_shuffle(x, 2)", (4, 4), {}), ("F.pixel_shuffle(x, 0)", (4, 4, 4), {}),
        ("F.pixel_unshuffle(x, 2)", (2, 4, 5, 4), {}), ("F.pixel_unshuffle(x, 2)", (4, 4), {}), ("F.pixel_unshuffle(x, 0)", (4, 4, 4), {}),
        ("F.channel_shuffle(x, 2)", (2, 5, 4), {}), ("F.channel_shuffle(x, 2)", (2, 4), {}), ("F.channel_shuffle(x, 0)", (2, 4, 4), {}),
    )
]  # fmt: skip
TABLE = [*SIZED, *PLACED, *BLOCKS, *SHUFFLED, *ERRORS]

"""Padding: with a number, by reflection, with the edge again, in a circle; negative numbers cut away."""

from __future__ import annotations

# ruff: noqa: E501  (tables)
import numpy as np

from ..same import F16, F64, bools, floats, ints, sample

ENDS = {1: ("(1, 2)", "(0, 2)", "(-1, 2)", "(-2, -1)"), 2: ("(1, 2, 2, 1)", "(-1, 1, 0, -1)", "(2, 0, -1, 2)"),
        3: ("(1, 2, 2, 1, 1, 1)", "(-1, 1, 0, -1, 2, 0)")}  # fmt: skip
SIZES = {1: (5,), 2: (4, 5), 3: (3, 4, 5)}
TABLE = [
    sample(f"F.pad(x, {ends}, '{mode}')", x=lead + SIZES[d])
    for d in (1, 2, 3)
    for mode in ("reflect", "replicate", "circular")
    for ends in ENDS[d]
    for lead in ((2, 3), (2,))
] + [
    sample(f"F.pad(x, {ends}{value})", x=x)
    for ends in ("(1, 2)", "(0, 0)", "(-1, 1)", "(1, 1, 2, 0)", "[1, 0, -1, 2]", "()")
    for value, x in (("", (2, 3)), (", value=1.5", (4, 3, 2)), ("", ints(3, 4)))
] + [
    sample("F.pad(x, (6, 7), 'replicate')", x=(2, 5)), sample("F.pad(x, (1, 1), value=True)", x=bools(3)),
    sample("F.pad(x, (2, 1), 'reflect')", x=ints(2, 5)), sample("F.pad(x, (2, 1), 'circular')", x=bools(2, 5)),
    sample("F.pad(x, (2, 1), 'reflect')", x=floats(2, 5, dtype=F64)), sample("F.pad(x, (2, 1), 'replicate')", x=floats(2, 5, dtype=F16)),
    sample("F.pad(x, (2, 1, 1, 1), 'reflect')", x=floats(1, 2, 4, 4, layout="step")),
    sample("F.pad(x, (2, 1), 'replicate')", x=ints(2, 5, dtype=np.uint8)), sample("F.pad(x, (1, 1), 'reflect')", x=(0, 2, 5), order=0),
] + [
    sample(f"F.pad(x, {rest})", x=x)
    for rest, x in (
        ("(1,)", (2, 3, 5)), ("(5, 1), 'reflect'", (2, 3, 5)), ("(5, 1, 1, 1), 'reflect'", (2, 3, 5, 5)),
        ("(6, 1), 'circular'", (2, 3, 5)), ("(1, 1), 'reflect', 1.0", (2, 3, 5)), ("(1, 1), 'foo'", (2, 3, 5)),
        ("(1, 1), 'reflect'", (5,)), ("(-3, -3)", (2, 3, 5)), ("(-3, -3), 'replicate'", (2, 3, 5)),
        ("(1,) * 8", (2, 3, 5)), ("(1, 1, 1, 1), 'reflect'", (3, 5)),
    )
]  # fmt: skip

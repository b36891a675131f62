"""Distances, angles, vectors of length 1, and products of two inputs."""

from __future__ import annotations

# ruff: noqa: E501  (tables)
from ..same import F64, const, floats, given, ints, sample

TABLE = [
    *(
        sample(f"F.pairwise_distance(x, y{options})", x=x, y=y)
        for options in ("", ", p=1", ", p=3, eps=0.1", ", keepdim=True", ", p=float('inf')")
        for x, y in (((2, 3), (2, 3)), ((3,), (3,)), ((2, 1, 3), (4, 3)))
    ),
    sample("torch.pairwise_distance(x, x)", x=(2, 3), order=1),
    sample("F.pairwise_distance(x, y)", x=ints(2, 3), y=ints(2, 3)),
    sample("F.pairwise_distance(x, y)", x=floats(2, 3, dtype=F64), y=(2, 3)),
    *(
        sample(f"F.cosine_similarity(x, y{options})", x=x, y=y)
        for options, x, y in (
            ("", (2, 3), (2, 3)), (", dim=0", (2, 3), (3,)), (", dim=-1", (2, 1, 3), (4, 3)), (", eps=5.0", (2, 3), (2, 3)),
            (", dim=0", (3,), (3,)),
        )
    ),
    sample("torch.cosine_similarity(x, y)", x=floats(2, 3, dtype=F64), y=(2, 3), rtol=1e-6),
    sample("F.cosine_similarity(x, y, 0)", x=given([0.0, 0.0]), y=(2,), order=1),
    *(
        sample(f"F.normalize(x{options})", x=(2, 3, 2))
        for options in ("", ", p=1, dim=0", ", p=3, dim=-1", ", dim=(0, 2)", ", eps=5.0", ", p=float('inf')")
    ),
    sample("F.normalize(x)", x=given([[0.0, 0.0], [3.0, 4.0]]), order=1),
    sample("z = torch.empty(2, 3)\nF.normalize(x, out=z)\nz", x=const(2, 3)),
    *(
        sample("F.bilinear(x, y, w, b)", x=(*batch, 3), y=(*batch, 2), w=(4, 3, 2), b=(4,))
        for batch in ((5,), (), (2, 3), (0,))
    ),
    sample("torch.bilinear(x, y, w)", x=floats(2, 3, dtype=F64), y=floats(2, 2, dtype=F64), w=floats(4, 3, 2, dtype=F64)),
    # what is refused
    sample("F.pairwise_distance(x, y)", x=(2, 3), y=(4, 3)),
    sample("F.cosine_similarity(x, y)", x=(2, 3), y=(4, 3)),
    sample("F.cosine_similarity(x, y)", x=ints(2, 3), y=ints(2, 3)),
    sample("F.cosine_similarity(x, y, 5)", x=(2, 3), y=(2, 3)),
    *(
        sample("F.bilinear(x, y, w, b)", x=x, y=y, w=w, b=b)
        for x, y, w, b in (
            ((2, 3), (3, 2), (4, 3, 2), (4,)), ((2, 4), (2, 2), (4, 3, 2), (4,)), ((2, 3), (2, 4), (4, 3, 2), (4,)),
            ((2, 3), (2, 2), (4, 3, 2), (3,)), ((3,), (2, 2), (4, 3, 2), (4,)),
            ((2, 3), (2, 2), floats(4, 3, 2, dtype=F64), (4,)),
        )
    ),
]  # fmt: skip

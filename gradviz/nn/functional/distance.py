"""How far vectors are from one another, and vectors of length 1."""

from __future__ import annotations

from typing import Any

from gradviz.core.op import FUNCTIONS
from gradviz.core.ops.reductions import cdist as pairs
from gradviz.core.ops.reductions import similarity as distance
from gradviz.core.tensor import Tensor

cosine_similarity = distance.cosine_similarity
pairwise_distance = distance.pairwise_distance
pdist = pairs.pdist


def normalize(input: Tensor, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, out: Tensor | None = None) -> Tensor:
    """`x` divided by its p-norm along `dim`, or by `eps` where that is larger."""
    length = input.norm(p, dim, keepdim=True).clamp_min(eps).expand_as(input)
    if out is None:
        return input / length  # type: ignore[no-any-return]
    return FUNCTIONS["div"](input, length, out=out)  # type: ignore[no-any-return]

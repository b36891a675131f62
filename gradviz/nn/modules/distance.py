"""Distances between vectors, and the angle between them, as layers."""

from __future__ import annotations

from gradviz.core.tensor import Tensor

from .. import functional as F
from .module import Module


class PairwiseDistance(Module):
    """The p-norm of `x1 - x2` along the last dimension. Shape: (*, size) twice -> (*).

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.PairwiseDistance.html
    """

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm, self.eps, self.keepdim = p, eps, keepdim

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return F.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)


class CosineSimilarity(Module):
    """The cosine of the angle between vectors along `dim`.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.CosineSimilarity.html
    """

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        super().__init__()
        self.dim, self.eps = dim, eps

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return F.cosine_similarity(x1, x2, self.dim, self.eps)

"""The LKJ distribution of correlation matrices, by their Cholesky factors."""

from __future__ import annotations

import math
from typing import Any

import gradviz as torch
from gradviz.core.size import Size
from gradviz.core.tensor import Tensor

from . import constraints
from .beta import Beta
from .distribution import Distribution
from .utils import broadcast_all


class LKJCholesky(Distribution):
    """Cholesky factors of (dim, dim) correlation matrices R, `p(R) ∝ det(R)^(concentration - 1)`.

    1 is uniform over correlation matrices, more prefers the identity. Samples by the onion method: row by row, each a
    random direction and a beta number for how far it goes (Lewandowski, Kurowicka and Joe, 2009).
    https://docs.pytorch.org/docs/2.13/distributions.html#torch.distributions.lkj_cholesky.LKJCholesky
    """

    arg_constraints = {"concentration": constraints.positive}
    support = constraints.corr_cholesky
    _batched = {"concentration": 0}
    _copied = ("dim",)

    def __init__(self, dim: int, concentration: Any = 1.0, validate_args: bool | None = None) -> None:
        if dim < 2:
            raise ValueError(f"Expected dim to be an integer greater than or equal to 2. Found dim={dim}.")
        self.dim = dim
        (self.concentration,) = broadcast_all(concentration)
        self._beta = self._lengths()
        super().__init__(self.concentration.size(), (dim, dim), validate_args)

    def _lengths(self) -> Beta:
        """For each row, the square of the length of what is left of the diagonal."""
        like = {"dtype": self.concentration.dtype, "device": self.concentration.device}
        row = torch.cat([torch.zeros((1,), **like), torch.arange(self.dim - 1, **like)])
        edge = self.concentration + 0.5 * (self.dim - 2)
        return Beta(row + 0.5, edge.unsqueeze(-1) - 0.5 * row)

    def _expand_more(self, new: Any, shape: Any) -> None:
        new._beta = self._beta.expand(Size((*shape, self.dim)))

    def sample(self, sample_shape: Any = ()) -> Tensor:
        length = self._beta.sample(sample_shape).unsqueeze(-1)
        shape = self._extended_shape(sample_shape)
        normal = torch.randn(shape, dtype=length.dtype, device=length.device).tril(-1)
        direction = normal / normal.norm(dim=-1, keepdim=True)
        direction[..., 0, :].fill_(0.0)
        rows = length.sqrt() * direction
        rest = (1 - (rows**2).sum(-1)).clamp(min=torch.finfo(rows.dtype).tiny).sqrt()
        drawn: Tensor = rows + rest.diag_embed()
        return drawn

    def log_prob(self, value: Tensor) -> Tensor:
        self._checked(value)
        diagonal = value.diagonal(dim1=-1, dim2=-2)[..., 1:]
        order = torch.arange(2, self.dim + 1, device=self.concentration.device)
        power = 2 * (self.concentration - 1).unsqueeze(-1) + self.dim - order
        rest = self.dim - 1
        alpha = self.concentration + 0.5 * rest
        normalizer = 0.5 * rest * math.log(math.pi) + torch.mvlgamma(alpha - 0.5, rest) - alpha.lgamma() * rest
        log_prob: Tensor = (power * diagonal.log()).sum(-1) - normalizer
        return log_prob

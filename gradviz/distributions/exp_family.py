"""Exponential families: entropy from derivatives of the log normaliser."""

from __future__ import annotations

from typing import Any

import gradviz as torch
from gradviz.core.mode import enable_grad
from gradviz.core.tensor import Tensor

from .distribution import Distribution


def normalizer_and_slopes(p: Any, names: Any = None) -> tuple[list[Tensor], Tensor, Any]:
    """Natural parameters as leaves, the log normaliser there, and its gradients: the means of the statistics."""
    with enable_grad():
        natural = [x.detach().requires_grad_() for x in p._natural_params]
        normalizer = p._log_normalizer(*natural)
        slopes = torch.autograd.grad(normalizer.sum(), natural, create_graph=True)
    return natural, normalizer, slopes


class ExponentialFamily(Distribution):
    """Distributions of the form `p(x; θ) = exp(<t(x), θ> - F(θ) + k(x))`, with natural parameters θ.

    A subclass says what θ (`_natural_params`) and F (`_log_normalizer`) are; `entropy` follows from them:
    `H = F(θ) - <θ, ∇F(θ)> - E[k(x)]`.
    https://docs.pytorch.org/docs/2.13/distributions.html#torch.distributions.exp_family.ExponentialFamily
    """

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        raise NotImplementedError

    def _log_normalizer(self, *natural_params: Any) -> Tensor:
        raise NotImplementedError

    @property
    def _mean_carrier_measure(self) -> Any:
        """E[k(x)]."""
        raise NotImplementedError

    def entropy(self) -> Tensor:
        carrier = self._mean_carrier_measure
        natural, normalizer, slopes = normalizer_and_slopes(self)
        result = normalizer - carrier
        for parameter, slope in zip(natural, slopes, strict=True):
            inner = parameter * slope
            result = result - inner.reshape((*self._batch_shape, -1)).sum(-1)
        return result

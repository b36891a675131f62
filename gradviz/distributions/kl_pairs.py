"""Kullback-Leibler divergences of distributions of two families.

`KL(p || q) = E[-log q(x)] - H(p)`, x ~ p. What q's log probability needs of p is often only its mean and variance, the
mean of its logarithm, or the mean of exp(t x), so that one formula for q serves all p of a table.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import gradviz as torch
from gradviz.core.tensor import Tensor

from .bernoulli import Bernoulli
from .beta import Beta
from .binomial import Binomial
from .continuous_bernoulli import ContinuousBernoulli
from .exponential import Exponential
from .gamma import Gamma
from .gumbel import Gumbel
from .kl import register_kl
from .laplace import Laplace
from .normal import Normal
from .pareto import Pareto
from .poisson import Poisson
from .uniform import Uniform
from .utils import euler_constant

# -- values of p that q cannot take ----------------------------------------------------------------------------------
_INFINITE: dict[Any, tuple[Any, ...]] = {
    Beta: (Pareto,),
    ContinuousBernoulli: (Pareto,),
    Exponential: (Uniform, Pareto, ContinuousBernoulli, Beta),
    Gamma: (Uniform, Pareto, ContinuousBernoulli, Beta),
    Gumbel: (Uniform, Pareto, Gamma, Exponential, ContinuousBernoulli, Beta),
    Laplace: (Uniform, Pareto, Gamma, Exponential, ContinuousBernoulli, Beta),
    Normal: (Uniform, Pareto, Gamma, Exponential, ContinuousBernoulli, Beta),
    Pareto: (Uniform, ContinuousBernoulli, Beta),
    Poisson: (Binomial, Bernoulli),
}


def _one_parameter(p: Any) -> Tensor:
    """A parameter of p, for its shape and type."""
    name = next(
        name for name in ("concentration", "loc", "rate", "probs", "alpha", "concentration1") if hasattr(p, name)
    )
    value: Tensor = getattr(p, name)
    return value


def _infinity(p: Any, q: Any) -> Tensor:
    made: Tensor = torch.full_like(_one_parameter(p), torch.inf)
    return made


for _type_p, _types_q in _INFINITE.items():
    for _type_q in _types_q:
        register_kl(_type_p, _type_q)(_infinity)


# -- what formulas need of p -----------------------------------------------------------------------------------------
def _x_log_x(x: Tensor) -> Tensor:
    made: Tensor = torch.special.xlogy(x, x)
    return made


MEAN_LOG: dict[Any, Callable[[Any], Any]] = {
    Beta: lambda p: p.concentration1.digamma() - (p.concentration1 + p.concentration0).digamma(),
    Exponential: lambda p: -euler_constant - p.rate.log(),
    Pareto: lambda p: p.scale.log() + p.alpha.reciprocal(),
    Uniform: lambda p: (_x_log_x(p.high) - _x_log_x(p.low)) / (p.high - p.low) - 1,
}
# E[exp(-x / b)]
MEAN_EXP: dict[Any, Callable[[Any, Any], Any]] = {
    Exponential: lambda p, b: p.rate / (p.rate + 1 / b),
    Gamma: lambda p, b: (1 + 1 / (p.rate * b)).pow(-p.concentration),
    Normal: lambda p, b: (-p.loc / b + (p.scale / b).pow(2) * 0.5).exp(),
    Uniform: lambda p, b: ((-p.low / b).exp() - (-p.high / b).exp()) * b / (p.high - p.low),
}


def _of(table: dict[Any, Any], p: Any) -> Any:
    """The entry for p's class, or for a class that it is a subclass of."""
    return next(table[kind] for kind in type(p).__mro__ if kind in table)


# -- formulas for q --------------------------------------------------------------------------------------------------
def _to_normal(p: Any, q: Any) -> Tensor:
    spread = q.scale.pow(2)
    made: Tensor = (
        -p.entropy() + 0.5 * (2 * math.pi * spread).log() + (p.variance + (p.mean - q.loc).pow(2)) / (2 * spread)
    )
    return made


def _to_exponential(p: Any, q: Any) -> Tensor:
    made: Tensor = -p.entropy() - q.rate.log() + q.rate * p.mean
    return made


def _to_gamma(p: Any, q: Any) -> Tensor:
    a, mean_log = q.concentration, _of(MEAN_LOG, p)(p)
    made: Tensor = -p.entropy() + a.lgamma() - a * q.rate.log() - (a - 1) * mean_log + q.rate * p.mean
    return made


def _to_gumbel(p: Any, q: Any) -> Tensor:
    far = (q.loc / q.scale).exp() * _of(MEAN_EXP, p)(p, q.scale)
    made: Tensor = -p.entropy() + q.scale.log() + (p.mean - q.loc) / q.scale + far
    return made


def _to_continuous_bernoulli(p: Any, q: Any) -> Tensor:
    made: Tensor = -p.entropy() - p.mean * q.logits - (-q.probs).log1p() - q._cont_bern_log_norm()
    return made


_FORMULAS: dict[Any, tuple[Callable[[Any, Any], Tensor], tuple[Any, ...]]] = {
    Normal: (_to_normal, (Beta, ContinuousBernoulli, Exponential, Gamma, Gumbel, Laplace, Uniform)),
    Exponential: (_to_exponential, (Beta, ContinuousBernoulli, Gamma, Pareto)),
    Gamma: (_to_gamma, (Beta, Exponential, Pareto)),
    Gumbel: (_to_gumbel, (Exponential, Gamma, Normal, Uniform)),
    ContinuousBernoulli: (_to_continuous_bernoulli, (Beta,)),
}
for _type_q, (_formula, _types_p) in _FORMULAS.items():
    for _type_p in _types_p:
        register_kl(_type_p, _type_q)(_formula)


# -- single pairs ----------------------------------------------------------------------------------------------------
@register_kl(Pareto, Normal)
def _pareto_normal(p: Any, q: Any) -> Tensor:
    return _to_normal(p, q).masked_fill(p.alpha <= 2, torch.inf)


@register_kl(Bernoulli, Poisson)
def _bernoulli_poisson(p: Any, q: Any) -> Tensor:
    made: Tensor = -p.entropy() - (p.probs * q.rate.log() - q.rate)
    return made


@register_kl(Normal, Laplace)
def _normal_laplace(p: Any, q: Any) -> Tensor:
    off = p.loc - q.loc
    ratio = off / p.scale
    distance = math.sqrt(2 / math.pi) * p.scale * (-0.5 * ratio.pow(2)).exp() + off * (math.sqrt(0.5) * ratio).erf()
    made: Tensor = -p.entropy() + (2 * q.scale).log() + distance / q.scale
    return made


@register_kl(Beta, Uniform)
def _beta_uniform(p: Any, q: Any) -> Tensor:
    kl = -p.entropy() + (q.high - q.low).log()
    made: Tensor = kl.masked_fill((q.low > 0) | (q.high < 1), torch.inf)
    return made


@register_kl(ContinuousBernoulli, Uniform)
def _continuous_bernoulli_uniform(p: Any, q: Any) -> Tensor:
    kl = -p.entropy() + (q.high - q.low).log()
    # PyTorch's condition: infinite for every q that does not reach beyond [0, 1] at both ends
    made: Tensor = kl.masked_fill((q.low >= 0) | (q.high <= 1), torch.inf)
    return made


@register_kl(Uniform, Exponential)
def _uniform_exponential(p: Any, q: Any) -> Tensor:
    return _to_exponential(p, q).masked_fill(p.low < 0, torch.inf)


@register_kl(Uniform, Gamma)
def _uniform_gamma(p: Any, q: Any) -> Tensor:
    return _to_gamma(p, q).masked_fill(p.low < 0, torch.inf)


@register_kl(Uniform, ContinuousBernoulli)
def _uniform_continuous_bernoulli(p: Any, q: Any) -> Tensor:
    return _to_continuous_bernoulli(p, q).masked_fill((p.high >= 1) | (p.low <= 0), torch.inf)


@register_kl(Uniform, Beta)
def _uniform_beta(p: Any, q: Any) -> Tensor:
    a, b, width = q.concentration1, q.concentration0, p.high - p.low
    mean_log_rest = (_x_log_x(1 - p.low) - _x_log_x(1 - p.high)) / width - 1
    normalizer = a.lgamma() + b.lgamma() - (a + b).lgamma()
    kl = normalizer - width.log() - (a - 1) * MEAN_LOG[Uniform](p) - (b - 1) * mean_log_rest
    made: Tensor = kl.masked_fill((p.high > 1) | (p.low < 0), torch.inf)
    return made


@register_kl(Uniform, Pareto)
def _uniform_pareto(p: Any, q: Any) -> Tensor:
    kl = (q.alpha + 1) * MEAN_LOG[Uniform](p) - (q.alpha * q.scale.pow(q.alpha) * (p.high - p.low)).log()
    made: Tensor = kl.masked_fill(p.low < q.scale, torch.inf)
    return made

"""Kullback-Leibler divergences of two distributions of one family."""

from __future__ import annotations

from typing import Any

import gradviz as torch
from gradviz.core.tensor import Tensor
from gradviz.nn.functional import softplus

from .bernoulli import Bernoulli
from .beta import Beta
from .binomial import Binomial
from .categorical import Categorical
from .cauchy import Cauchy
from .continuous_bernoulli import ContinuousBernoulli
from .dirichlet import Dirichlet
from .exp_family import ExponentialFamily, normalizer_and_slopes
from .exponential import Exponential
from .gamma import Gamma
from .geometric import Geometric
from .gumbel import Gumbel
from .half_normal import HalfNormal
from .independent import Independent
from .kl import kl_divergence, register_kl
from .laplace import Laplace
from .lowrank_multivariate_normal import LowRankMultivariateNormal
from .multivariate_normal import MultivariateNormal, _batch_mahalanobis
from .normal import Normal
from .one_hot_categorical import OneHotCategorical
from .pareto import Pareto
from .poisson import Poisson
from .transformed_distribution import TransformedDistribution
from .uniform import Uniform
from .utils import _sum_rightmost, euler_constant


@register_kl(Bernoulli, Bernoulli)
def _bernoulli(p: Any, q: Any) -> Tensor:
    one = p.probs * (softplus(-q.logits) - softplus(-p.logits))
    one = one.masked_fill(q.probs == 0, torch.inf).masked_fill(p.probs == 0, 0)
    zero = (1 - p.probs) * (softplus(q.logits) - softplus(p.logits))
    made: Tensor = one + zero.masked_fill(q.probs == 1, torch.inf).masked_fill(p.probs == 1, 0)
    return made


@register_kl(Beta, Beta)
def _beta(p: Any, q: Any) -> Tensor:
    return _dirichlet(p._dirichlet, q._dirichlet)


@register_kl(Binomial, Binomial)
def _binomial(p: Any, q: Any) -> Tensor:
    if (p.total_count < q.total_count).any():
        raise NotImplementedError("KL between Binomials where q.total_count > p.total_count is not implemented")
    kl = p.total_count * (p.probs * (p.logits - q.logits) + (-p.probs).log1p() - (-q.probs).log1p())
    made: Tensor = kl.masked_fill(p.total_count > q.total_count, torch.inf)
    return made


@register_kl(Categorical, Categorical)
def _categorical(p: Any, q: Any) -> Tensor:
    terms = p.probs * (p.logits - q.logits)
    made: Tensor = terms.masked_fill(q.probs == 0, torch.inf).masked_fill(p.probs == 0, 0).sum(-1)
    return made


@register_kl(OneHotCategorical, OneHotCategorical)
def _one_hot(p: Any, q: Any) -> Tensor:
    return _categorical(p._categorical, q._categorical)


@register_kl(ContinuousBernoulli, ContinuousBernoulli)
def _continuous_bernoulli(p: Any, q: Any) -> Tensor:
    ours = p._cont_bern_log_norm() + (-p.probs).log1p()
    theirs = q._cont_bern_log_norm() + (-q.probs).log1p()
    made: Tensor = p.mean * (p.logits - q.logits) + ours - theirs
    return made


@register_kl(Dirichlet, Dirichlet)
def _dirichlet(p: Any, q: Any) -> Tensor:
    a, b = p.concentration, q.concentration
    total = a.sum(-1)
    normalizers = total.lgamma() - b.sum(-1).lgamma() - (a.lgamma() - b.lgamma()).sum(-1)
    made: Tensor = normalizers + ((a - b) * (a.digamma() - total.digamma().unsqueeze(-1))).sum(-1)
    return made


@register_kl(Exponential, Exponential)
def _exponential(p: Any, q: Any) -> Tensor:
    ratio = q.rate / p.rate
    made: Tensor = -ratio.log() + ratio - 1
    return made


@register_kl(ExponentialFamily, ExponentialFamily)
def _exponential_families(p: Any, q: Any) -> Tensor:
    """The Bregman divergence of the log normaliser between the natural parameters."""
    if type(p) is not type(q):
        raise NotImplementedError(
            "The cross KL-divergence between different exponential families cannot"
            "                             be computed"
        )
    natural, normalizer, slopes = normalizer_and_slopes(p)
    result = q._log_normalizer(*q._natural_params) - normalizer
    for ours, theirs, slope in zip(natural, q._natural_params, slopes, strict=True):
        result = result - _sum_rightmost((theirs - ours) * slope, len(q.event_shape))
    made: Tensor = result
    return made


@register_kl(Gamma, Gamma)
def _gamma(p: Any, q: Any) -> Tensor:
    a, b = p.concentration, q.concentration
    made: Tensor = (
        b * (p.rate / q.rate).log()
        + b.lgamma() - a.lgamma()
        + (a - b) * a.digamma()
        + (q.rate - p.rate) * (a / p.rate)
    )  # fmt: skip
    return made


@register_kl(Gumbel, Gumbel)
def _gumbel(p: Any, q: Any) -> Tensor:
    ratio, apart = p.scale / q.scale, (q.loc - p.loc) / q.scale
    tail = (apart + (1 + ratio).lgamma()).exp()
    made: Tensor = -ratio.log() - apart + ratio * euler_constant + tail - (1 + euler_constant)
    return made


@register_kl(Geometric, Geometric)
def _geometric(p: Any, q: Any) -> Tensor:
    made: Tensor = -p.entropy() - (-q.probs).log1p() / p.probs - q.logits
    return made


@register_kl(HalfNormal, HalfNormal)
def _half_normal(p: Any, q: Any) -> Tensor:
    return _normal(p.base_dist, q.base_dist)


@register_kl(Laplace, Laplace)
def _laplace(p: Any, q: Any) -> Tensor:
    ratio, apart = p.scale / q.scale, (p.loc - q.loc).abs()
    made: Tensor = -ratio.log() + apart / q.scale + ratio * (-apart / p.scale).exp() - 1
    return made


@register_kl(Normal, Normal)
def _normal(p: Any, q: Any) -> Tensor:
    ratio = (p.scale / q.scale).pow(2)
    apart = ((p.loc - q.loc) / q.scale).pow(2)
    made: Tensor = 0.5 * (ratio + apart - 1 - ratio.log())
    return made


def _log_det(p: Any) -> Any:
    if isinstance(p, LowRankMultivariateNormal):
        return p._log_det()
    return 2 * p._half_log_det()


@register_kl(LowRankMultivariateNormal, LowRankMultivariateNormal)
@register_kl(LowRankMultivariateNormal, MultivariateNormal)
@register_kl(MultivariateNormal, LowRankMultivariateNormal)
@register_kl(MultivariateNormal, MultivariateNormal)
def _multivariate_normal(p: Any, q: Any) -> Tensor:
    if p.event_shape != q.event_shape:
        names = [
            f"{'Low Rank ' if isinstance(d, LowRankMultivariateNormal) else ''}Multivariate Normals" for d in (p, q)
        ]
        if type(p) is type(q):
            raise ValueError(f"KL-divergence between two {names[0]} with different event shapes cannot be computed")
        raise ValueError(
            "KL-divergence between two (Low Rank) Multivariate Normals with"
            "                          different event shapes cannot be computed"
        )
    off = q.loc - p.loc
    if isinstance(q, LowRankMultivariateNormal):
        distance = q._distance(off)
    else:
        distance = _batch_mahalanobis(q._unbroadcasted_scale_tril, off)
    trace = (q.precision_matrix * p.covariance_matrix).sum((-2, -1))
    made: Tensor = 0.5 * (_log_det(q) - _log_det(p) + trace + distance - p.event_shape[0])
    return made


@register_kl(Pareto, Pareto)
def _pareto(p: Any, q: Any) -> Tensor:
    ratio = q.alpha / p.alpha
    kl = q.alpha * (p.scale / q.scale).log() - ratio.log() + ratio - 1
    made: Tensor = kl.masked_fill(p.scale < q.scale, torch.inf)
    return made


@register_kl(Poisson, Poisson)
def _poisson(p: Any, q: Any) -> Tensor:
    made: Tensor = p.rate * (p.rate.log() - q.rate.log()) - (p.rate - q.rate)
    return made


@register_kl(TransformedDistribution, TransformedDistribution)
def _transformed(p: Any, q: Any) -> Tensor:
    if p.transforms != q.transforms or p.event_shape != q.event_shape:
        raise NotImplementedError
    extra = len(p.event_shape) - len(p.base_dist.event_shape)
    return _sum_rightmost(kl_divergence(p.base_dist, q.base_dist), extra)


@register_kl(Uniform, Uniform)
def _uniform(p: Any, q: Any) -> Tensor:
    kl = ((q.high - q.low) / (p.high - p.low)).log()
    made: Tensor = kl.masked_fill((q.low > p.low) | (q.high < p.high), torch.inf)
    return made


@register_kl(Independent, Independent)
def _independent(p: Any, q: Any) -> Tensor:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError
    return _sum_rightmost(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)


@register_kl(Cauchy, Cauchy)
def _cauchy(p: Any, q: Any) -> Tensor:
    # https://arxiv.org/abs/1905.10965
    made: Tensor = ((p.scale + q.scale).pow(2) + (p.loc - q.loc).pow(2)).log() - (4 * p.scale * q.scale).log()
    return made

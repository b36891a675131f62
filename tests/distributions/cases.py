"""Distributions to compare with PyTorch's, and values to ask them about: functions of the library."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Make = Callable[[Any], Any]
MATRIX = [[2.0, 0.5], [0.5, 1.0]]
LEAVES: list[Any] = []  # those of the distribution made last; tests clear it
LOWER = [[1.2, 0.0], [0.3, 0.8]]


def t(lib: Any, *values: Any) -> Any:
    """A leaf that asks for its gradient, kept in LEAVES."""
    LEAVES.append(lib.tensor(values[0] if len(values) == 1 else list(values), requires_grad=True))
    return LEAVES[-1]


def two(name: str, a: Any, b: Any) -> Make:
    return lambda lib: getattr(lib.distributions, name)(t(lib, a), t(lib, b))


def one(name: str, a: Any, **options: Any) -> Make:
    return lambda lib: getattr(lib.distributions, name)(t(lib, a), **options)


def named(name: str, **tensors: Any) -> Make:
    return lambda lib: getattr(lib.distributions, name)(**{k: t(lib, v) for k, v in tensors.items()})


# name: how it is made, a value in its support
CASES: dict[str, tuple[Make, Any]] = {
    "normal": (two("Normal", [0.5, -1.0], [1.0, 2.0]), [0.3, 1.5]),
    "normal of numbers": (lambda lib: lib.distributions.Normal(0, 2), 0.7),
    "bernoulli": (one("Bernoulli", [0.2, 0.9]), [1.0, 0.0]),
    "bernoulli logits": (named("Bernoulli", logits=[-1.0, 0.5]), [1.0, 0.0]),
    "categorical": (one("Categorical", [[0.2, 0.3, 0.6], [1.0, 2.0, 1.0]]), [2, 0]),
    "categorical logits": (named("Categorical", logits=[0.1, -1.0, 2.0]), 1),
    "one hot": (one("OneHotCategorical", [[0.2, 0.3, 0.6], [1.0, 2.0, 1.0]]), [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]),
    "straight through": (one("OneHotCategoricalStraightThrough", [0.2, 0.3, 0.6]), [0.0, 1.0, 0.0]),
    "uniform": (two("Uniform", [0.5, -1.0], [1.0, 2.0]), [0.7, 1.5]),
    "independent": (
        lambda lib: lib.distributions.Independent(two("Normal", [0.5, -1.0], [1.0, 2.0])(lib), 1),
        [0.7, 1.5],
    ),
    "multivariate": (two("MultivariateNormal", [0.5, -1.0], MATRIX), [0.7, 1.5]),
    "multivariate tril": (named("MultivariateNormal", loc=[[0.5, -1.0], [1.0, 0.0]], scale_tril=LOWER), [0.7, 1.5]),
    "multivariate precision": (named("MultivariateNormal", loc=[0.5, -1.0], precision_matrix=MATRIX), [0.7, 1.5]),
    "exponential": (one("Exponential", [0.5, 2.0]), [0.7, 1.5]),
    "gamma": (two("Gamma", [0.5, 3.0], [1.0, 2.0]), [0.7, 1.5]),
    "beta": (two("Beta", [0.5, 3.0], [1.5, 2.0]), [0.7, 0.2]),
    "dirichlet": (one("Dirichlet", [[0.5, 3.0, 1.0], [2.0, 1.5, 4.0]]), [0.5, 0.2, 0.3]),
    "poisson": (one("Poisson", [0.5, 12.0]), [1.0, 9.0]),
    "binomial": (lambda lib: lib.distributions.Binomial(5, t(lib, 0.2, 0.7)), [1.0, 4.0]),
    "binomial logits": (lambda lib: lib.distributions.Binomial(5, logits=t(lib, 0.2, -0.7)), [1.0, 4.0]),
    "multinomial": (lambda lib: lib.distributions.Multinomial(5, t(lib, 0.2, 0.7, 0.3)), [1.0, 3.0, 1.0]),
    "geometric": (one("Geometric", [0.2, 0.7]), [1.0, 4.0]),
    "geometric logits": (named("Geometric", logits=[0.2, -0.7]), [1.0, 4.0]),
    "negative binomial": (lambda lib: lib.distributions.NegativeBinomial(3, t(lib, 0.2, 0.7)), [1.0, 4.0]),
    "laplace": (two("Laplace", [0.5, -1.0], [1.0, 2.0]), [0.3, 1.5]),
    "cauchy": (two("Cauchy", [0.5, -1.0], [1.0, 2.0]), [0.3, 1.5]),
    "half normal": (one("HalfNormal", [0.5, 2.0]), [0.3, 1.5]),
    "half cauchy": (one("HalfCauchy", [0.5, 2.0]), [0.3, 1.5]),
    "student": (one("StudentT", [0.5, 1.5, 5.0]), [0.3, 1.5, -1.0]),
    "log normal": (two("LogNormal", [0.5, -1.0], [1.0, 0.5]), [0.3, 1.5]),
    "gumbel": (two("Gumbel", [0.5, -1.0], [1.0, 2.0]), [0.3, 1.5]),
    "logistic normal": (two("LogisticNormal", [0.5, -1.0], [1.0, 2.0]), [0.3, 0.2, 0.5]),
    "kumaraswamy": (two("Kumaraswamy", [0.5, 3.0], [1.5, 2.0]), [0.7, 0.2]),
    "pareto": (two("Pareto", [0.5, 1.0], [1.5, 2.5]), [0.7, 2.0]),
    "weibull": (two("Weibull", [0.5, 1.0], [1.5, 2.5]), [0.7, 2.0]),
    "von mises": (two("VonMises", [0.5, 1.0], [1.5, 2.5]), [0.7, 2.0]),
    "chi2": (one("Chi2", [0.5, 5.0]), [0.7, 2.0]),
    "fisher snedecor": (two("FisherSnedecor", [0.5, 5.0], [1.5, 6.0]), [0.7, 2.0]),
    "inverse gamma": (two("InverseGamma", [0.5, 3.0], [1.0, 2.0]), [0.7, 1.5]),
    "continuous bernoulli": (one("ContinuousBernoulli", [0.2, 0.5, 0.9]), [0.7, 0.5, 0.3]),
    "relaxed bernoulli": (
        lambda lib: lib.distributions.RelaxedBernoulli(lib.tensor(0.7), t(lib, 0.2, 0.9)),
        [0.7, 0.3],
    ),
    "relaxed one hot": (
        lambda lib: lib.distributions.RelaxedOneHotCategorical(lib.tensor(0.7), t(lib, 0.2, 0.9, 0.5)),
        [0.3, 0.2, 0.5],
    ),
    "mixture": (
        lambda lib: lib.distributions.MixtureSameFamily(
            lib.distributions.Categorical(t(lib, 0.3, 0.7)), two("Normal", [0.5, -1.0], [1.0, 2.0])(lib)
        ),
        0.4,
    ),
    "low rank": (
        named("LowRankMultivariateNormal", loc=[0.5, -1.0], cov_factor=[[1.0], [0.5]], cov_diag=[0.5, 1.0]),
        [0.7, 1.5],
    ),
    "lkj": (lambda lib: lib.distributions.LKJCholesky(3, t(lib, 0.5, 2.0)),
            [[1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [0.0, 0.6, 0.8]]),
    "wishart": (lambda lib: lib.distributions.Wishart(t(lib, 4.0), t(lib, MATRIX)), [[3.0, 1.0], [1.0, 2.0]]),
    "generalized pareto": (
        lambda lib: lib.distributions.GeneralizedPareto(t(lib, 0.5), t(lib, 2.0), t(lib, [0.3, 0.0, -0.2])),
        [0.7, 2.0, 1.0],
    ),
    "transformed": (
        lambda lib: lib.distributions.TransformedDistribution(
            two("Normal", [0.5, -1.0], [1.0, 2.0])(lib),
            [lib.distributions.ExpTransform(), lib.distributions.AffineTransform(1.0, -2.0)],
        ),
        [0.3, -1.5],
    ),
}  # fmt: skip

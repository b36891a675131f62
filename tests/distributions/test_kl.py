"""Kullback-Leibler divergences beside PyTorch's: every pair of the registry, and the registry itself."""

from __future__ import annotations

from typing import Any

import pytest

from tests.nn.both import both

torch = pytest.importorskip("torch")

# two of each, with supports that cover one another or do not
PARAMETERS: dict[str, list[tuple[Any, ...]]] = {
    "Bernoulli": [(0.3,), (0.8,), (0.0,), (1.0,)],
    "Beta": [(1.5, 2.0), (3.0, 0.7)],
    "Cauchy": [(0.5, 1.0), (-1.0, 2.0)],
    "ContinuousBernoulli": [(0.3,), (0.5,)],
    "Exponential": [(0.7,), (2.0,)],
    "Gamma": [(1.5, 2.0), (3.0, 0.7)],
    "Geometric": [(0.3,), (0.8,)],
    "Gumbel": [(0.5, 1.0), (-1.0, 2.0)],
    "HalfNormal": [(0.5,), (2.0,)],
    "Laplace": [(0.5, 1.0), (-1.0, 2.0)],
    "LogNormal": [(0.5, 1.0), (-1.0, 2.0)],
    "Normal": [(0.5, 1.0), (-1.0, 2.0)],
    "Pareto": [(0.5, 1.5), (0.3, 3.5)],
    "Poisson": [(0.5,), (3.0,)],
    "Uniform": [(0.0, 1.0), (0.4, 0.9), (-1.0, 3.0)],
    "Chi2": [(3.0,)],
}
PAIRS = [
    (p.__name__, q.__name__)
    for p, q in torch.distributions.kl._KL_REGISTRY
    if p.__name__ in PARAMETERS and q.__name__ in PARAMETERS
]
PAIRS += [("Chi2", "Gamma"), ("Chi2", "Normal"), ("LogNormal", "LogNormal"), ("Normal", "Bernoulli")]


@pytest.mark.parametrize(("p", "q"), PAIRS)
def test_pairs(p: str, q: str) -> None:
    def program(lib: Any) -> Any:
        found = []
        for ps in PARAMETERS[p]:
            for qs in PARAMETERS[q]:
                ours = getattr(lib.distributions, p)(*(lib.tensor([x]) for x in ps))
                theirs = getattr(lib.distributions, q)(*(lib.tensor([x]) for x in qs))
                found.append(lib.distributions.kl_divergence(ours, theirs))
        return found

    both(program)


VECTORS = {
    "Categorical": lambda lib, s: lib.distributions.Categorical(lib.tensor([0.2, 0.3 * s, 0.5])),
    "OneHotCategorical": lambda lib, s: lib.distributions.OneHotCategorical(lib.tensor([0.2, 0.3 * s, 0.5])),
    "Dirichlet": lambda lib, s: lib.distributions.Dirichlet(lib.tensor([0.2, 0.3 * s, 0.5])),
    "Binomial": lambda lib, s: lib.distributions.Binomial(4, lib.tensor([0.2, 0.3 * s])),
    "MultivariateNormal": lambda lib, s: lib.distributions.MultivariateNormal(
        lib.tensor([0.5, s]), lib.tensor([[2.0, 0.5], [0.5, s]])
    ),
    "LowRankMultivariateNormal": lambda lib, s: lib.distributions.LowRankMultivariateNormal(
        lib.tensor([0.5, s]), lib.tensor([[s], [0.5]]), lib.tensor([0.5, s])
    ),
    "Independent": lambda lib, s: lib.distributions.Independent(
        lib.distributions.Normal(lib.tensor([0.5, s]), lib.tensor([1.0, s])), 1
    ),
    "Wishart": lambda lib, s: lib.distributions.Wishart(lib.tensor(4.0), lib.tensor([[2.0, 0.5], [0.5, s]])),
}  # fmt: skip
SAME = [(name, name) for name in VECTORS]
MIXED = [("MultivariateNormal", "LowRankMultivariateNormal"), ("LowRankMultivariateNormal", "MultivariateNormal")]


@pytest.mark.parametrize(("p", "q"), SAME + MIXED)
def test_of_vectors(p: str, q: str) -> None:
    both(lambda lib: lib.distributions.kl_divergence(VECTORS[p](lib, 1.0), VECTORS[q](lib, 2.0)))


def test_gradients() -> None:
    """The loss of a variational autoencoder."""

    def program(lib: Any) -> Any:
        mean, log_std = (lib.tensor(x, requires_grad=True) for x in ([0.5, -1.0], [0.1, 0.3]))
        p = lib.distributions.Normal(mean, log_std.exp())
        lib.distributions.kl_divergence(p, lib.distributions.Normal(0.0, 1.0)).sum().backward()
        return mean.grad, log_std.grad

    both(program)


def test_a_formula_of_ones_own() -> None:
    def program(lib: Any) -> Any:
        class Mine(lib.distributions.Normal):  # type: ignore[misc, name-defined]
            pass

        p, q = Mine(0.0, 1.0), lib.distributions.Normal(1.0, 1.0)
        before = lib.distributions.kl_divergence(p, q)
        lib.distributions.register_kl(Mine, lib.distributions.Normal)(lambda p, q: lib.tensor(42.0))
        return before, lib.distributions.kl_divergence(p, q)

    both(program)
